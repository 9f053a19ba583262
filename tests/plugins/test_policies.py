"""Who may do what: the built-in authorization policies."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.builtin.allow_all import AllowAll
from cdb.builtin.grants import permissions_named, scope_allows, scope_may_allow
from cdb.builtin.roles import Roles, RolesOptions
from cdb.builtin.scopes import Scopes, ScopesOptions
from cdb.plugin import ANONYMOUS, Identity, NoOptions, OptionsError, Permission, Target

P = Permission
NO_TAG = Target("payload_type", "BeamSpot")
WRITES = frozenset(P) - {P.ADMIN, P.READ}


def tag(name: str) -> Target:
    return Target("payload_list", "BeamSpot_1", global_tag=name)


def person(subject: str = "jane", scopes: set[str] | None = None, **claims: Any) -> Identity:
    return Identity(subject, "jwt", claims, None if scopes is None else frozenset(scopes))


def roles(*grants: str, members: tuple[str, ...] = (), claim: str = "roles") -> Roles:
    return Roles("roles", RolesOptions(claim, members, grants))


def scopes(prefix: str = "cdb.") -> Scopes:
    return Scopes("scopes", ScopesOptions(prefix))


# --- allow-all -----------------------------------------------------------------------


def test_everything_is_permitted_to_everybody_and_it_says_so() -> None:
    policy = AllowAll("allow-all", NoOptions())
    assert policy.is_open
    assert policy.permits(ANONYMOUS, P.ADMIN, NO_TAG)
    assert policy.may_permit(ANONYMOUS, P.ADMIN)


# --- what a grant means ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("iov.attach", {P.IOV_ATTACH}),
        ("iov.*", {P.IOV_CREATE, P.IOV_ATTACH, P.IOV_DELETE}),
        ("status.*", {P.STATUS_CREATE}),
        ("write", WRITES),
        ("admin", set(P)),
        ("read", {P.READ}),
    ],
)
def test_word_of_a_grant_means_permissions(name: str, meant: set[Permission]) -> None:
    assert permissions_named(name) == meant


@pytest.mark.parametrize("name", ["", "*", ".*", "iov", "iov.", "io*", "iov.Attach", "IOV.*", "a"])
def test_other_words_mean_nothing(name: str) -> None:
    with pytest.raises(ValueError, match="there is no permission"):
        permissions_named(name)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("Prod*", "Prod", True),
        ("Prod*", "Prod_2017", True),
        ("Prod*", "prod_2017", False),
        ("Prod*", "aProd", False),
        ("Prod", "Prod_2017", False),
        ("Prod_201[78]", "Prod_2017", True),
        ("Prod_201[78]", "Prod_2016", False),
        ("a?b", "a b", True),
        ("*", "Prod\nx", True),
        ("Prod.*", "Prod_1", False),
    ],
)
def test_pattern_is_for_the_whole_name(pattern: str, name: str, matches: bool) -> None:
    policy = roles(f"expert: iov.attach on {pattern}")
    assert policy.permits(person(roles="expert"), P.IOV_ATTACH, tag(name)) is matches
    assert scope_allows({f"cdb.write:/{pattern}"}, P.IOV_ATTACH, tag(name)) is matches


@pytest.mark.parametrize(
    ("where", "covered"),
    [("", True), (" on *", True), (" on Prod*, *", True), (" on Prod*", False)],
)
@pytest.mark.parametrize("permission", sorted(WRITES))
def test_what_has_no_tag_needs_a_grant_for_everything(
    where: str, covered: bool, permission: Permission
) -> None:
    policy = roles(f"expert: write{where}")
    assert policy.permits(person(roles="expert"), permission, NO_TAG) is covered


@given(st.sampled_from(list(P)), st.text(min_size=1, max_size=20))
def test_admin_of_some_tags_may_do_everything_there_and_nothing_elsewhere(
    permission: Permission, name: str
) -> None:
    policy = roles("head: admin on Prod*")
    asked = person(roles="head")
    assert policy.permits(asked, permission, tag(f"Prod{name}"))
    assert policy.permits(asked, permission, tag(f"Test{name}")) is (permission is P.READ)


# --- roles -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "claims"),
    [
        ("roles", {"roles": ["shifter", "expert"]}),
        ("roles", {"roles": ("expert",)}),
        ("roles", {"roles": "shifter expert"}),
        ("roles", {"roles": "shifter, expert"}),
        ("roles", {"roles": ["expert", 7, None]}),
        ("wlcg.groups", {"wlcg.groups": ["expert"]}),
        ("realm_access.roles", {"realm_access": {"roles": ["expert"]}}),
        ("a.b.c", {"a": {"b": {"c": "expert"}}}),
    ],
)
def test_roles_are_in_a_claim(claim: str, claims: dict[str, Any]) -> None:
    policy = roles("expert: write", claim=claim)
    assert policy.permits(Identity("jane", "jwt", claims), P.IOV_ATTACH, tag("Prod_1"))


@pytest.mark.parametrize(
    ("claim", "claims"),
    [
        ("roles", {}),
        ("roles", {"roles": None}),
        ("roles", {"roles": True}),
        ("roles", {"roles": {"expert": True}}),
        ("roles", {"roles": ["Expert", "expert ", "expertise"]}),
        ("roles", {"roles": [["expert"]]}),
        ("roles", {"role": "expert"}),
        ("realm_access.roles", {"realm_access": ["roles", "expert"]}),
        ("realm_access.roles", {"realm_access": "expert"}),
        ("realm_access.roles", {"roles": ["expert"]}),
    ],
)
def test_claim_of_another_form_gives_no_role(claim: str, claims: dict[str, Any]) -> None:
    policy = roles("expert: write", claim=claim)
    asked = Identity("jane", "jwt", claims)
    assert not policy.permits(asked, P.IOV_ATTACH, tag("Prod_1"))
    assert not policy.may_permit(asked, P.IOV_ATTACH)


@pytest.mark.parametrize("subject", ["jane", "urn:x:jane", "/DC=org/CN=Jane Doe", "a: b"])
def test_roles_are_in_the_ini(subject: str) -> None:
    policy = roles("expert: write", "shifter: iov.*", members=(f"{subject}: shifter, expert",))
    assert policy.permits(person(subject), P.TAG_CREATE, tag("Prod_1"))
    assert not policy.permits(person("joe"), P.IOV_ATTACH, tag("Prod_1"))


def test_roles_of_the_ini_and_of_the_claim_add_up() -> None:
    policy = roles("a: iov.attach", "b: iov.delete", members=("jane: a", "jane: b"))
    assert policy.permits(person(), P.IOV_ATTACH, NO_TAG)
    assert policy.permits(person(), P.IOV_DELETE, NO_TAG)
    assert policy.permits(person("joe", roles="a"), P.IOV_ATTACH, NO_TAG)
    assert not policy.permits(person("joe", roles="a"), P.IOV_DELETE, NO_TAG)


def test_grants_of_a_role_stay_apart() -> None:
    policy = roles("expert: iov.attach on Prod*", "expert: iov.delete on Test*")
    asked = person(roles="expert")
    assert policy.permits(asked, P.IOV_ATTACH, tag("Prod_1"))
    assert not policy.permits(asked, P.IOV_DELETE, tag("Prod_1"))
    assert policy.permits(asked, P.IOV_DELETE, tag("Test_1"))
    assert not policy.permits(asked, P.IOV_ATTACH, tag("Test_1"))


def test_everybody_with_a_name_may_read() -> None:
    policy = roles()
    assert policy.permits(person(), P.READ, tag("Prod_1"))
    assert policy.may_permit(person(), P.READ)
    assert not policy.permits(ANONYMOUS, P.READ, tag("Prod_1"))
    assert not policy.may_permit(ANONYMOUS, P.READ)


def test_whoever_is_anonymous_has_no_role() -> None:
    claimed = Identity("anonymous", "anonymous", {"roles": ["expert"]})
    assert not roles("expert: admin").permits(claimed, P.IOV_ATTACH, tag("Prod_1"))


def test_scopes_give_no_role() -> None:
    asked = person(scopes={"cdb.admin", "expert"})
    assert not roles("expert: admin").permits(asked, P.IOV_ATTACH, tag("Prod_1"))


def test_may_permit_knows_what_is_granted_somewhere() -> None:
    policy = roles("expert: iov.attach on Prod*")
    assert policy.may_permit(person(roles="expert"), P.IOV_ATTACH)
    assert not policy.may_permit(person(roles="expert"), P.IOV_DELETE)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("expert", "is not `role: permissions on patterns`"),
        ("expert iov.attach", "is not `role: permissions on patterns`"),
        ("expert:iov.attach", "is not `role: permissions on patterns`"),
        ("expert: ,", "is not `role: permissions on patterns`"),
        ("expert: write on ,", "is not `role: permissions on patterns`"),
        ("expert: write on", "there is no permission 'on'"),
        ("expert: on Prod*", "there is no permission 'Prod*'"),
        ("expert: write, iov.atach on Prod*", "there is no permission 'iov.atach'"),
        ("expert: *", "there is no permission '*'"),
    ],
)
def test_wrong_grant_stops_the_boot(line: str, problem: str) -> None:
    with pytest.raises(OptionsError) as stopped:
        roles("shifter: iov.*", line)
    assert repr(line) in str(stopped.value)
    assert problem in str(stopped.value)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("jane", "is not `subject: roles`"),
        ("jane:expert", "is not `subject: roles`"),
        ("jane: ,", "is not `subject: roles`"),
        ("jane: expret", "nothing is granted to expret"),
        ("anonymous: expert", "is the one of whoever sends no credentials"),
        ("x" * 256 + ": expert", "has more than 255 characters"),
    ],
)
def test_wrong_member_stops_the_boot(line: str, problem: str) -> None:
    with pytest.raises(OptionsError) as stopped:
        roles("expert: write", members=("joe: expert", line))
    assert repr(line) in str(stopped.value)
    assert problem in str(stopped.value)


def test_claim_has_a_name() -> None:
    with pytest.raises(OptionsError, match="claim is empty"):
        roles(claim="")


# --- scopes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "permission", "target", "allowed"),
    [
        ("cdb.write", P.IOV_ATTACH, tag("Prod_1"), True),
        ("cdb.write", P.TYPE_CREATE, NO_TAG, True),
        ("cdb.write", P.ADMIN, NO_TAG, False),
        ("cdb.write:/*", P.TYPE_CREATE, NO_TAG, True),
        ("cdb.write:/Prod*", P.TYPE_CREATE, NO_TAG, False),
        ("cdb.iov.attach:/Prod*", P.IOV_ATTACH, tag("Prod_1"), True),
        ("cdb.iov.attach:/Prod*", P.IOV_DELETE, tag("Prod_1"), False),
        ("cdb.iov.*:/Prod*", P.IOV_DELETE, tag("Prod_1"), True),
        ("cdb.admin", P.ADMIN, NO_TAG, True),
        ("cdb.admin", P.TAG_DELETE, tag("Prod_1"), True),
        ("cdb.admin:/Prod*", P.TAG_DELETE, tag("Prod_1"), True),
        ("cdb.admin:/Prod*", P.ADMIN, NO_TAG, False),
        ("cdb.write:/a:b*", P.IOV_ATTACH, tag("a:b_1"), True),
        ("cdb.read", P.IOV_ATTACH, tag("Prod_1"), False),
        ("cdb.read", P.READ, tag("Prod_1"), True),
        ("openid", P.READ, tag("Prod_1"), True),
    ],
)
def test_scope_says_what_and_where(
    scope: str, permission: Permission, target: Target, allowed: bool
) -> None:
    asked = person(scopes={"openid", "profile", scope})
    assert scopes().permits(asked, permission, target) is allowed
    assert scope_allows({scope}, permission, target) is allowed


@pytest.mark.parametrize(
    "scope",
    [
        "write",
        "cdb.",
        "cdb.*",
        "cdbwrite",
        "CDB.write",
        "cdb.Write",
        "other.cdb.write",
        "cdb.write:",
        "cdb.write:/",
        "cdb.write:Prod*",
        "cdb.write/Prod*",
        "cdb.write :/Prod*",
        "storage.modify:/",
    ],
)
def test_scope_that_is_none_of_this_service_grants_nothing(scope: str) -> None:
    asked = person(scopes={scope})
    assert not any(scopes().permits(asked, each, tag("Prod_1")) for each in WRITES)
    assert not any(scopes().may_permit(asked, each) for each in WRITES)


def test_credentials_without_scopes_are_left_to_other_policies() -> None:
    assert not scopes().permits(person(), P.IOV_ATTACH, tag("Prod_1"))
    assert scopes().permits(person(), P.READ, tag("Prod_1"))


def test_whoever_is_anonymous_has_no_scope() -> None:
    claimed = Identity("anonymous", "anonymous", scopes=frozenset({"cdb.admin"}))
    assert not scopes().permits(claimed, P.READ, NO_TAG)
    assert not scopes().may_permit(claimed, P.ADMIN)


def test_prefix_is_the_experiments() -> None:
    policy = scopes("cms.conditions/")
    asked = person(scopes={"cms.conditions/write:/Prod*"})
    assert policy.permits(asked, P.IOV_ATTACH, tag("Prod_1"))
    assert not policy.permits(person(scopes={"cdb.write"}), P.IOV_ATTACH, tag("Prod_1"))


@pytest.mark.parametrize("prefix", ["", "cdb:", "cdb .", "c\nd"])
def test_wrong_prefix_stops_the_boot(prefix: str) -> None:
    with pytest.raises(OptionsError, match="prefix is empty, or has a character"):
        scopes(prefix)


@given(st.frozensets(st.text(max_size=12).map("cdb.{}".format), max_size=3), st.sampled_from(P))
def test_what_a_scope_allows_it_may_allow(given_scopes: frozenset[str], each: Permission) -> None:
    allowed = scope_allows(given_scopes, each, tag("Prod_1"))
    assert scope_may_allow(given_scopes, each) >= allowed
