"""The attack table of each experiment: its own ini × every route × what its own credentials say.

Who may do what is written here a second time, as the ini and the README of the experiment's
plugins have it, and compared with what the service does. What is permitted is only tried.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from attacked import BODIES, READS, TELLS_WHO_ASKS, VARIES, Sender, refused, said, same, url_of
from every_write import WRITES
from forging import SECRET, Signer, attacker, claims, forge, hs256, issuer
from guarded import Headers, bearer, dump, populate
from guarded import service as plain_service
from support import API, Client

from cdb.plugin import Permission, Target
from cdb.testing import service

INIS = Path(__file__).parents[2] / "deploy" / "ini"

P = Permission
Rule = Callable[[Permission, Target], bool]
"""Whether somebody may do something to an object."""

People = Sequence[tuple[Sender, Rule]]


class Experiment(NamedTuple):
    """What a deployment adds to the ini, whom it has to refuse, and who may do what."""

    supplied: Callable[[Path], Mapping[str, str]]
    strangers: Sequence[Sender]
    people: People


def known(name: str, headers: Headers, may: Rule, **more: str) -> tuple[Sender, Rule]:
    return Sender(name, "known", headers, **more), may


def nothing(_permission: Permission, _target: Target) -> bool:
    return False


def everything(_permission: Permission, _target: Target) -> bool:
    return True


def impostors(key: Signer, **all_rights: Any) -> Iterator[Sender]:
    """Give those whose tokens would permit everything, were they good."""
    hour = 3600
    for name, token in {
        "forged": forge(attacker(key.algorithm), claims(**all_rights)),
        "expired": forge(key, claims(**all_rights, exp=claims()["iat"] - hour)),
        "not yet": forge(key, claims(**all_rights, nbf=claims()["iat"] + hour)),
        "public key as a secret": forge(hs256(key.public_pem), claims(**all_rights)),
        "without a name": forge(key, claims(**all_rights, sub=None)),
    }.items():
        yield Sender(name, "impostor", bearer(token))


# --- Belle II: claims with patterns of whole names ----------------------------------


def belle2(**patterns: Any) -> Headers:
    named = {f"b2cdb:{claim}": value for claim, value in patterns.items()}
    return bearer(forge(issuer("RS256"), claims(iss=None, aud=None, **named)))


def by_claims(admin: str, createiov: str, createpayload: str) -> Rule:
    """Return what claims permit, each with the name of one object or without any."""

    def may(permission: Permission, target: Target) -> bool:
        match permission:
            case P.IOV_CREATE:
                return bool(admin or createiov or createpayload)
            case P.TYPE_DELETE | P.STATUS_CREATE | P.ADMIN:
                return False
            case P.TAG_CREATE | P.TAG_WRITE | P.TAG_STATUS | P.TAG_DELETE:
                return target.global_tag == admin
        if target.global_tag:
            return target.global_tag in (admin, createiov)
        return bool(createpayload) and target.payload_type == createpayload

    return may


def belle2_supplied(folder: Path) -> Mapping[str, str]:
    (folder / "issuer.pem").write_bytes(issuer("RS256").public_pem)
    return {
        "cdb.plugin.jwt.public_key": str(folder / "issuer.pem"),
        "cdb.payload_store": str(folder / "files"),
    }


def belle2_people() -> Iterator[tuple[Sender, Rule]]:
    yield known("texts", belle2(admin=".*", createiov=".*", createpayload=".*"), nothing)
    parts = {"admin": ["De", "ev"], "createiov": ["D.", "v"], "createpayload": ["Bea", "Beam_1"]}
    yield known("parts of names", belle2(**parts), by_claims("-", "-", "-"))
    yield known("administrator", belle2(admin=["Elsewhere", ".*"]), everything)
    for names in product(("", "Dev"), ("", "Dev", "Prod"), ("", "Beam")):
        named = zip(("admin", "createiov", "createpayload"), names, strict=True)
        held = {claim: [name] for claim, name in named if name}
        yield known(str(held), belle2(**held), by_claims(*names))


# --- CMS: groups of the WLCG's profile, and scopes ------------------------------------

ALCA = {P.TAG_CREATE, P.TAG_WRITE, P.TAG_STATUS, P.TYPE_CREATE, P.PAYLOAD_WRITE} | {
    permission for permission in P if permission.startswith(("list.", "iov."))
}
WLCG = {"iss": "https://iam.example.org/", "wlcg.ver": "1.0", "jti": "1"}


def cms(*groups: str, **more: Any) -> Headers:
    return bearer(forge(issuer("ES256"), claims(**{**WLCG, "wlcg.groups": groups, **more})))


def by_scope(permissions: Sequence[Permission], pattern: str) -> Rule:
    """Return what a scope permits in the tags whose names fit."""

    def may(permission: Permission, target: Target) -> bool:
        fits = pattern == "*" or bool(
            target.global_tag and fnmatchcase(target.global_tag, pattern)
        )
        return fits and permission in permissions

    return may


def cms_supplied(folder: Path) -> Mapping[str, str]:
    (folder / "jwks.json").write_text(json.dumps({"keys": [issuer("ES256").jwk()]}))
    return {
        "cdb.plugin.oidc.jwks": str(folder / "jwks.json"),
        "cdb.payload_store": str(folder / "files"),
    }


def cms_people() -> Iterator[tuple[Sender, Rule]]:
    none = ("/cms", "/CMS/conditions", "/cms/conditions/", "/atlas/conditions", "admin", "cms")
    yield known("other groups", cms(*none), nothing)
    yield known("other claims", cms(groups=["/cms/conditions"], roles=["admin"]), nothing)
    yield known("other scopes", cms(scope="write admin cdb cdb. b2cdb.admin"), nothing)
    yield known("conditions", cms("/cms", "/cms/conditions"), everything)
    yield known("alca", cms("/cms/alca"), lambda permission, _: permission in ALCA)
    yield known("admin", cms(scope="openid cdb.admin"), everything)
    writing = [permission for permission in P if permission not in (P.READ, P.ADMIN)]
    for pattern in ("*", "Dev", "D*", "Prod", "*2", "dev", "De", "Dev?"):
        held = f"cdb.write:/{pattern}"
        yield known(held, cms("/cms", scope=held), by_scope(writing, pattern))


# --- sPHENIX: names that the gateway tells ----------------------------------------------

GATEWAY = "127.0.0.1"
CALIBRATOR = {P.STATUS_CREATE, P.TAG_CREATE, P.TAG_WRITE, P.TAG_STATUS, P.TYPE_CREATE} | {
    permission for permission in P if permission.startswith(("list.", "iov."))
}


def gateway(user: str, secret: str = SECRET, **more: str) -> Headers:
    return {"X-Remote-User": user, "X-Gateway-Secret": secret, **more}


def sphenix_people() -> Iterator[tuple[Sender, Rule]]:
    rules: dict[str, Rule] = {
        "cdb-admin": everything,
        "calibrations": lambda permission, _: permission in CALIBRATOR,
        # It has more in tags that are called online_…, of which there is none.
        "online-daq": lambda permission, _: permission in (P.IOV_CREATE, P.LIST_CREATE),
        **dict.fromkeys(("admin", "calibrator", "CDB-ADMIN", "cdb-admin:", "jane"), nothing),
    }
    for user, may in rules.items():
        yield known(user, gateway(user), may, address=GATEWAY)


# --- all three --------------------------------------------------------------------------

NOBODY = Sender("nobody", "nobody", {})
BELLE2_ADMIN = belle2(admin=[".*"])
CMS_ADMIN = cms("/cms/conditions", scope="cdb.admin")
BY_GATEWAY = Sender("user of sPHENIX", "nobody", gateway("cdb-admin"), GATEWAY)

EXPERIMENTS = {
    "belle2": Experiment(
        belle2_supplied,
        [
            NOBODY,
            BY_GATEWAY,
            Sender("token of CMS", "impostor", CMS_ADMIN),
            *impostors(issuer("RS256"), iss=None, aud=None, **{"b2cdb:admin": [".*"]}),
        ],
        [*belle2_people()],
    ),
    "cms": Experiment(
        cms_supplied,
        [
            NOBODY,
            BY_GATEWAY,
            Sender("token of Belle II", "impostor", BELLE2_ADMIN),
            Sender("another issuer", "impostor", cms("/cms/conditions", iss="https://x/")),
            Sender("another audience", "impostor", cms("/cms/conditions", aud="https://x")),
            Sender("another version", "impostor", cms("/cms/conditions", **{"wlcg.ver": "2.0"})),
            *impostors(issuer("ES256"), **WLCG, scope="cdb.admin"),
        ],
        [*cms_people()],
    ),
    "sphenix": Experiment(
        lambda _folder: {},
        [
            NOBODY,
            Sender("past the gateway", "nobody", gateway("cdb-admin")),
            Sender("forwarded", "nobody", gateway("cdb-admin", Forwarded="for=127.0.0.1")),
            Sender("without the secret", "impostor", {"X-Remote-User": "cdb-admin"}, GATEWAY),
            Sender("another secret", "impostor", gateway("cdb-admin", secret="x"), GATEWAY),  # noqa: S106 - not the one
            Sender("token of CMS", "impostor", CMS_ADMIN, GATEWAY),
            Sender("token of Belle II", "impostor", BELLE2_ADMIN),
        ],
        [*sphenix_people()],
    ),
}


class Attacked(NamedTuple):
    """The service of an experiment, and what was in its database."""

    client: Client
    experiment: Experiment
    url: str
    before: Mapping[str, Any]

    @property
    def is_unchanged(self) -> bool:
        return dump(self.url) == self.before


@pytest.fixture(scope="module", params=EXPERIMENTS)
def attacked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Attacked]:
    """A service as the ini of an experiment describes it, which asks those who read as well."""
    folder, experiment = tmp_path_factory.mktemp("attacked"), EXPERIMENTS[request.param]
    settings = {**experiment.supplied(folder), "cdb.read_access": "authenticated"}
    url = f"sqlite:///{folder}/cdb.sqlite"
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("CDB_GATEWAY_SECRET", SECRET)
        client = stack.enter_context(service(INIS / f"{request.param}.ini", folder, settings))
        files = {"payload_store": str(folder / "files")}
        with plain_service(url, allow_open_writes="true", **files) as everybody:
            populate(everybody)
            everybody.put(f"{API}/payloads/Beam/stored.txt", b"stored")
        yield Attacked(Client(client.app, lint=False), experiment, url, dump(url))


def test_who_reads(attacked: Attacked) -> None:
    """Those that the service knows, all the same; and nobody else."""
    *_, stranger = attacked.experiment.strangers
    readers = [sender for sender, _ in attacked.experiment.people[:2]]
    for path, resource, operation in READS:
        url, body = url_of(path, resource, operation.view), BODIES.get(path)

        def ask(sender: Sender, asked: Any = (operation.method, url, body)) -> Any:
            return sender.send(attacked.client, *asked)

        answers = list(map(ask, readers))
        good = said(answers[0])
        assert good[0] in (200, 302, 400, 404), (url, good)
        assert path in VARIES | TELLS_WHO_ASKS or same(answers), url
        is_guarded = not resource.rooted or resource.protected
        for sender in (NOBODY, stranger):
            assert said(ask(sender)) == (refused(sender) if is_guarded else good), (url, sender)
    assert attacked.is_unchanged


@pytest.mark.parametrize("number", range(len(WRITES)), ids=[each.view for each in WRITES])
def test_who_writes(attacked: Attacked, number: int) -> None:
    write = WRITES[number]
    url = f"{API}/{write.paths[-1]}?{write.query}&dry_run=1"
    found = {}
    for sender, may in [
        *((each, nothing) for each in attacked.experiment.strangers),
        *attacked.experiment.people,
    ]:
        answer = sender.send(attacked.client, write.operation.method, url, write.body)
        told, may_all = said(answer), all(may(*ask) for ask in write.asks)
        # What passes the policy can still be against another rule of the experiment.
        is_right = told[0] in (200, 400, 404, 409, 422) if may_all else told == refused(sender)
        if not is_right:
            found[sender.name] = (told, may_all)
    assert found == {}
    assert attacked.is_unchanged
