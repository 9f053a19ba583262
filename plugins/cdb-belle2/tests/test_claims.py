"""What the claims of a token permit, and what is no claim."""

import time
from typing import Any

import pytest

from cdb.plugin import Identity, NoOptions, Permission, Target
from cdb_belle2.claims import Claims
from cdb_belle2.patterns import AT_MOST, LENGTH

P = Permission
CLAIMS = Claims("belle2-claims", NoOptions())
TAG = Target("global_tag", "data_1", "data_1")
LIST = Target("payload_list", "Beam_1", "data_1", "Beam")
DETACHED = Target("payload_list", "Beam_1", None, "Beam")
TYPE = Target("payload_type", "Beam", payload_type="Beam")
STAGED = Target("payload_iov")
SERVICE = Target("service")

WRITES = sorted(frozenset(P) - {P.READ})


def person(**claims: Any) -> Identity:
    return Identity("jane", "jwt", {f"b2cdb:{name}": value for name, value in claims.items()})


# --- which claim is asked for what --------------------------------------------


@pytest.mark.parametrize(
    ("permission", "target", "claims"),
    [
        (P.TAG_CREATE, TAG, {"admin"}),
        (P.TAG_WRITE, TAG, {"admin"}),
        (P.TAG_STATUS, TAG, {"admin"}),
        (P.TAG_DELETE, TAG, {"admin"}),
        (P.LIST_CREATE, LIST, {"admin", "createiov"}),
        (P.LIST_ATTACH, LIST, {"admin", "createiov"}),
        (P.LIST_DELETE, LIST, {"admin", "createiov"}),
        (P.IOV_ATTACH, LIST, {"admin", "createiov"}),
        (P.IOV_DELETE, LIST, {"admin", "createiov"}),
        (P.LIST_CREATE, DETACHED, {"createpayload"}),
        (P.LIST_DELETE, DETACHED, {"createpayload"}),
        (P.IOV_ATTACH, DETACHED, {"createpayload"}),
        (P.TYPE_CREATE, TYPE, {"createpayload"}),
        (P.PAYLOAD_WRITE, TYPE, {"createpayload"}),
        (P.IOV_CREATE, STAGED, {"admin", "createiov", "createpayload"}),
        (P.IOV_ATTACH, STAGED, set()),
        (P.TYPE_DELETE, TYPE, set()),
        (P.STATUS_CREATE, Target("status", "data_1"), set()),
        (P.ADMIN, SERVICE, set()),
        (P.ADMIN, LIST, set()),
    ],
)
def test_permission_needs_one_of_its_claims(
    permission: P, target: Target, claims: set[str]
) -> None:
    asked = ("admin", "createiov", "createpayload")
    found = {
        each
        for each in asked
        if CLAIMS.permits(person(**{each: ["data_1|Beam"]}), permission, target)
    }
    assert found == claims


@pytest.mark.parametrize("permission", sorted(P))
@pytest.mark.parametrize("target", [TAG, LIST, DETACHED, TYPE, STAGED, SERVICE])
def test_admin_of_everything_is_an_administrator(permission: P, target: Target) -> None:
    assert CLAIMS.permits(person(admin=["user_.*", ".*"]), permission, target)


@pytest.mark.parametrize("pattern", ["(.*)", ".+", ".*.*", "^.*$", "(?s).*"])
def test_only_the_pattern_itself_makes_an_administrator(pattern: str) -> None:
    assert CLAIMS.permits(person(admin=[pattern]), P.TAG_CREATE, TAG)
    assert not CLAIMS.permits(person(admin=[pattern]), P.ADMIN, SERVICE)
    assert not CLAIMS.permits(person(admin=[pattern]), P.TYPE_DELETE, TYPE)


@pytest.mark.parametrize("claim", ["createiov", "createpayload"])
def test_no_other_claim_makes_an_administrator(claim: str) -> None:
    assert not CLAIMS.permits(person(**{claim: [".*"]}), P.ADMIN, SERVICE)


def test_everybody_with_a_token_may_read() -> None:
    assert CLAIMS.permits(person(), P.READ, SERVICE)


@pytest.mark.parametrize("permission", WRITES)
def test_token_without_claims_permits_no_write(permission: P) -> None:
    assert not CLAIMS.may_permit(person(), permission)
    assert not any(CLAIMS.permits(person(), permission, each) for each in (TAG, LIST, TYPE))


@pytest.mark.parametrize(
    ("claim", "permissions"),
    [
        (
            "createiov",
            {
                P.LIST_CREATE,
                P.LIST_ATTACH,
                P.LIST_DELETE,
                P.IOV_CREATE,
                P.IOV_ATTACH,
                P.IOV_DELETE,
            },
        ),
        (
            "createpayload",
            {
                P.TYPE_CREATE,
                P.PAYLOAD_WRITE,
                P.LIST_CREATE,
                P.LIST_DELETE,
                P.IOV_CREATE,
                P.IOV_ATTACH,
            },
        ),
    ],
)
def test_what_a_claim_can_permit_is_known_before_the_object(
    claim: str, permissions: set[Permission]
) -> None:
    identity = person(**{claim: ["x"]})
    assert {each for each in WRITES if CLAIMS.may_permit(identity, each)} == permissions


# --- how a name is matched ----------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("user_jane_.*", "user_jane_x", True),
        ("user_jane_.*", "xuser_jane_x", False),
        ("user_jane_", "user_jane_x", False),
        ("data", "data_1", False),
        ("data|data_1", "data_1", True),
        ("DATA_1", "data_1", False),
        (r"data_\d+", "data_12", True),
        (r"data_\d+", "data_12x", False),
        ("", "data_1", False),
        ("größe.*", "größe_1", True),
        ("data.1", "data\n1", False),
    ],
)
def test_pattern_is_for_the_whole_name(pattern: str, name: str, matches: bool) -> None:
    target = Target("global_tag", name, name)
    assert CLAIMS.permits(person(admin=[pattern]), P.TAG_CREATE, target) is matches


def test_one_pattern_that_matches_is_enough() -> None:
    assert CLAIMS.permits(person(admin=["x", "data_.*", "("]), P.TAG_CREATE, TAG)


# --- what is no claim ---------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [".*", "data_1", 7, True, {"data_1": 1}, {".*"}, ["x"] * AT_MOST + [".*"]],
    ids=["text", "name", "number", "true", "object", "set", "too many"],
)
def test_claim_that_is_no_list_permits_nothing_and_is_logged(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert not CLAIMS.permits(person(admin=value), P.TAG_CREATE, TAG)
    assert not CLAIMS.may_permit(person(admin=value), P.TAG_CREATE)
    assert (
        "b2cdb:admin of jane is not a list of up to 100 patterns, and permits nothing"
        in caplog.text
    )


@pytest.mark.parametrize("value", [7, None, ["data_1"], ".*" + " " * LENGTH])
def test_entry_that_is_no_short_text_permits_nothing_and_is_logged(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert not CLAIMS.permits(person(admin=[value]), P.TAG_CREATE, TAG)
    assert "b2cdb:admin of jane holds something that is no text of up to 1000" in caplog.text


@pytest.mark.parametrize(
    "pattern",
    ["[", "(", "*", "(?!secret).*", r"(data)_\1", "(?:a{1000}){1000}", r"\pL{1000}", "\ud800"],
    ids=["set", "group", "star", "ahead", "back", "nested", "too large", "half a character"],
)
def test_text_that_is_no_pattern_permits_nothing_and_is_logged(
    pattern: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert not CLAIMS.permits(person(admin=[pattern]), P.TAG_CREATE, TAG)
    assert not CLAIMS.may_permit(person(admin=[pattern]), P.TAG_CREATE)
    assert "which permits nothing" in caplog.text


def test_other_patterns_of_the_claim_still_hold() -> None:
    assert CLAIMS.permits(person(admin=["[", 7, "data_1"]), P.TAG_CREATE, TAG)


def test_name_with_half_a_character_matches_nothing() -> None:
    target = Target("global_tag", "\ud800", "\ud800")
    assert not CLAIMS.permits(person(admin=[".", ".+"]), P.TAG_CREATE, target)


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)+b", "(a*)*b", "(a?){80}a{80}b"])
def test_pattern_that_takes_others_for_ever_is_soon_decided(pattern: str) -> None:
    name = "a" * 80
    patterns = [f"{pattern}{number}" for number in range(AT_MOST)]
    begun = time.process_time()
    assert not CLAIMS.permits(person(admin=patterns), P.TAG_CREATE, Target("tag", name, name))
    assert time.process_time() - begun < 60  # of this process alone, and others take for ever
