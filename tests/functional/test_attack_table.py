"""The attack table: every route × every method × everybody who may send something.

The routes are those that the application has; `attacked` says what a new one needs.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from attacked import (
    BODIES,
    ENDPOINTS,
    FILES,
    READS,
    SAMPLES,
    TELLS_WHO_ASKS,
    VARIES,
    Sender,
    refused,
    said,
    same,
    url_of,
    wrong,
)
from every_write import WRITES, Asked, Write
from forging import (
    ASYMMETRIC_ATTACKS,
    ATTACKS,
    AUDIENCE,
    ISSUER,
    SECRET,
    Signer,
    attacker,
    issuer,
    signed,
)
from guarded import JWT, KEY, as_role, bearer, dump, key_is_set, populate, service
from support import API, Client, rules

from cdb.builtin.grants import scope_allows
from cdb.rest.service import Operation, Resource
from cdb.services import tokens
from cdb.services.writer import Writer

PROXY = "192.0.2.1"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
OTHER_METHODS = ("OPTIONS", "TRACE", "CONNECT", "get", "X-Y")


def _impostors() -> Iterator[Sender]:
    """Give some of each kind; `test_security.py` sends all of `ATTACKS`."""
    for attack in ATTACKS:
        if attack.name in FORGED:
            yield Sender(attack.name, "impostor", bearer(attack.make(*keys("HS256"))))
        if attack.name in ("wrong-key", "none"):
            yield Sender(f"{attack.name} RS256", "impostor", bearer(attack.make(*keys("RS256"))))
    for attack in ASYMMETRIC_ATTACKS:
        yield Sender(attack.name, "impostor", bearer(attack.make(*keys("RS256"))))
    yield Sender("API token", "impostor", bearer("cdb_" + "A" * 43))
    yield Sender("Basic", "impostor", {"Authorization": "Basic YWRtaW46YWRtaW4="})
    yield Sender("proxy without its secret", "impostor", {"X-Remote-User": "admin"}, PROXY)
    both = f"{as_role('admin')['Authorization']}, Bearer x"
    yield Sender("good and bad", "impostor", {"Authorization": both})


def keys(algorithm: str) -> tuple[Signer, Signer]:
    """Return the key of the issuer, and one of an attacker."""
    return issuer(algorithm), attacker(algorithm)


FORGED = {
    "half",
    "none",
    "unsigned",
    "wrong-key",
    "swapped-payload",
    "jku",
    "expired",
    "not-yet",
} | {
    "wrong-audience",
    "wrong-issuer",
}
STRANGERS = [
    Sender("nobody", "nobody", {}),
    Sender("empty", "nobody", {"Authorization": " "}),
    Sender("forged proxy", "nobody", {"X-Remote-User": "admin", "X-Proxy-Secret": SECRET}),
    Sender("forged address", "nobody", {"X-Forwarded-For": PROXY, "X-Real-IP": PROXY}),
    Sender("cookie", "nobody", {"Cookie": f"token={signed(issuer('HS256'), roles=['admin'])}"}),
]
IMPOSTORS = [*_impostors()]
READERS = [
    Sender("reader", "known", as_role("nobody")),
    Sender("reader of the issuer", "known", bearer(signed(issuer("RS256"), scope="cdb.read"))),
    Sender(
        "reader of the proxy",
        "known",
        {"X-Remote-User": "reader", "X-Proxy-Secret": SECRET},
        PROXY,
    ),
    Sender(
        "scopes of others", "known", as_role("x", scope="write admin xcdb.admin cdb.cdb.admin")
    ),
]
ADMIN = Sender("admin", "known", as_role("admin"))
FEW = [STRANGERS[0], IMPOSTORS[0], READERS[0], ADMIN]


def scope_of(ask: Asked, tag: str | None = None) -> str:
    """Return the scope that permits exactly this, or the same in another tag."""
    permission, target = ask
    where = tag or target.global_tag
    return f"cdb.{permission}:/{where}" if where else f"cdb.{permission}"


def holder(name: str, scopes: Iterable[str]) -> Sender:
    return Sender(name, "known", as_role("nobody", scope=" ".join(scopes)))


def insufficient(write: Write) -> Iterator[Sender]:
    """Give those who have much, but not all of what a write needs."""
    every = {ask for each in WRITES for ask in each.asks}
    for ask in write.asks:
        scopes = map(scope_of, write.asks)
        less = [scope for scope in scopes if not scope_allows([scope], *ask)]
        yield holder(f"without {scope_of(ask)}", less)
        yield holder(f"{ask[0]} elsewhere", [*less, scope_of(ask, "Elsewhere"), "cdb.read"])
    needed = {permission for permission, _ in write.asks}
    yield holder(
        "all else",
        {f"cdb.{permission}" for permission, _ in every}
        - {f"cdb.{permission}" for permission in needed},
    )


class Service(NamedTuple):
    """A service that takes credentials of every kind, and what was in its database."""

    client: Client
    url: str
    protects_reads: bool
    before: Mapping[str, Any]
    token: Sender

    @property
    def is_unchanged(self) -> bool:
        return contents(self.url) == self.before

    def send(self, sender: Sender, method: str, url: str, body: Any = None, **more: str) -> Any:
        return sender.send(self.client, method, url, body, **more)


def contents(url: str) -> dict[str, Any]:
    """Return all that is in a database, but for when its API token was last used."""
    return {name: rows for name, rows in dump(url).items() if name != "token"}


@pytest.fixture(scope="module", params=["open", "guarded"])
def attacked(
    request: pytest.FixtureRequest, databases: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("attacked")
    protects_reads = request.param == "guarded"
    with ExitStack() as stack:
        key_is_set(stack.enter_context(pytest.MonkeyPatch.context()))
        url = stack.enter_context(databases("sqlite"))
        files = {"payload_store": str(folder / "files")}
        client = stack.enter_context(
            service(
                url,
                **settings(folder),
                **files,
                read_access="authenticated" if protects_reads else "anonymous",
            )
        )
        with service(url, allow_open_writes="true", **files) as everybody:
            populate(everybody)
            everybody.put(f"{API}/payloads/Beam/stored.txt", b"stored")
        with client.app.registry.cdb.database.writing() as session:
            writer = Writer.operator("op")
            token, _ = tokens.create(session, rules(), writer, "bot", ["cdb.read"])
        bot = Sender("bot", "known", bearer(token))
        # A checker of WSGI stands between, which knows no other methods.
        asking = Client(client.app, lint=False)
        yield Service(asking, url, protects_reads, contents(url), bot)


GUARDED = pytest.mark.parametrize("attacked", ["guarded"], indirect=True)
"""What a write needs does not depend on who may read."""


def settings(folder: Path) -> dict[str, str]:
    jwks = folder / "jwks.json"
    jwks.write_text(json.dumps({"keys": [issuer("RS256").jwk()]}))
    return {
        **JWT,
        "authenticators": "jwt oidc trusted-proxy",
        "plugin.oidc.jwks": str(jwks),
        "plugin.oidc.issuer": ISSUER,
        "plugin.oidc.audience": AUDIENCE,
        "plugin.trusted-proxy.proxies": f"{PROXY}/32",
        "plugin.trusted-proxy.header": "X-Remote-User",
        "plugin.trusted-proxy.secret": f"env:{KEY}",
        "authorization_policies": "roles scopes",
        "plugin.roles.grants": "admin: admin\nnobody: read",
        "timeout_endpoint": "true",
    }


# --- the routes -----------------------------------------------------------------------


def routes(client: Client) -> set[str]:
    known = client.app.registry.introspector.get_category("routes")
    return {route["introspectable"]["pattern"] for route in known}


def test_no_route_is_left_out_here(attacked: Service) -> None:
    assert routes(attacked.client) == {*ENDPOINTS, *FILES}


# --- the table ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "resource", "operation"), READS, ids=[f"{o.method} {p}" for p, _, o in READS]
)
def test_who_reads(attacked: Service, path: str, resource: Resource, operation: Operation) -> None:
    url, body = url_of(path, resource, operation.view), BODIES.get(path)
    is_guarded = attacked.protects_reads and (not resource.rooted or resource.protected)
    good = attacked.send(ADMIN, operation.method, url, body)
    assert good.status_int in (200, 302, 404), good.text

    def expected(sender: Sender) -> tuple[int, str]:
        looks = is_guarded or (path in TELLS_WHO_ASKS and sender.taken_for == "impostor")
        return refused(sender) if looks and sender.taken_for != "known" else said(good)

    senders = FEW if not is_guarded else [*STRANGERS, *IMPOSTORS, *READERS, attacked.token, ADMIN]
    answers = {each.name: attacked.send(each, operation.method, url, body) for each in senders}
    assert wrong(senders, lambda each: answers[each.name], expected) == []
    if path not in VARIES | TELLS_WHO_ASKS:
        assert same(answers[each.name] for each in senders if expected(each) == said(good))
    if is_guarded:
        assert same(answers[each.name] for each in STRANGERS)
        assert_nothing_is_told(attacked, path, resource, operation, answers["nobody"].body)
        assert good.headers.get("Cache-Control", "no-store").startswith(("private", "no-store"))
        assert "X-Accel-Expires" not in good.headers
    if operation.method == "GET":
        for each in FEW:
            head = attacked.send(each, "HEAD", url)
            assert (head.status_int, head.body) == (answers[each.name].status_int, b"")
    assert attacked.is_unchanged


def assert_nothing_is_told(
    attacked: Service, path: str, resource: Resource, operation: Operation, usual: bytes
) -> None:
    """Ask as nobody for what there is, what there is not, and in ways that are wrong."""
    odd = dict.fromkeys(SAMPLES, "Nowhere")
    for url in (
        f"{url_of(path, resource)}/",
        url_of(path, resource, **odd),
        f"{url_of(path, resource)}?limit=x&limit=y&gtName=%FF&asOf=99999",
        f"{url_of(path, resource)}?dry_run=1",
    ):
        tricks = {"If-None-Match": "*", "CDB-Min-Change": "99", "Range": "bytes=0-"}
        for more in ({}, tricks):
            answer = attacked.send(STRANGERS[0], operation.method, url, b"{", **more)
            assert answer.body == usual, url
            assert answer.status_int == 401


@GUARDED
@pytest.mark.parametrize("number", range(len(WRITES)), ids=[each.view for each in WRITES])
def test_who_writes(attacked: Service, number: int) -> None:
    write = WRITES[number]
    method, query = write.operation.method, f"?{write.query}" if write.query else ""
    lacking = [*STRANGERS, *IMPOSTORS, *READERS, attacked.token, *insufficient(write)]
    url = f"{API}/{write.paths[-1]}"
    answers = {each.name: attacked.send(each, method, url + query, write.body) for each in lacking}
    assert wrong(lacking, lambda each: answers[each.name], refused) == []
    tried = f"{query or '?'}&dry_run=1"
    exact = holder("exact", map(scope_of, write.asks))
    for path in write.paths:
        alias = f"{API}/{path}"
        for sender in (STRANGERS[0], IMPOSTORS[0], READERS[0], lacking[-1]):
            usual = answers[sender.name].body
            assert attacked.send(sender, method, f"{alias}/{query}", write.body).body == usual
            assert attacked.send(sender, method, f"{alias}{tried}", write.body).body == usual
        for sender in (STRANGERS[0], IMPOSTORS[0], READERS[0]):  # who can do it nowhere
            unread = attacked.send(sender, method, alias + query, b"{" * 100_000)
            assert unread.body == answers[sender.name].body
        for sender in (exact, ADMIN):
            done = attacked.send(sender, method, f"{alias}{tried}", write.body)
            assert said(done) == (200, ""), done.text
    assert attacked.is_unchanged


@GUARDED
@pytest.mark.parametrize("pattern", [*ENDPOINTS, *FILES])
def test_no_other_method_does_anything(attacked: Service, pattern: str) -> None:
    path, resource = ENDPOINTS.get(pattern, ("", None))
    url = FILES[pattern] if resource is None else url_of(path, resource)
    known = {"GET"} if resource is None else {each.method for each in resource.operations}
    known |= {"HEAD"} if "GET" in known else set()
    expected = (404, "not-found") if resource is None else (405, "method-not-allowed")
    for method in sorted({*METHODS, *OTHER_METHODS} - known):
        asked = [(STRANGERS[0], f"{url}/"), (ADMIN, url)]
        answers = [attacked.send(sender, method, path, b"{}") for sender, path in asked]
        code = "" if method == "HEAD" else expected[1]
        assert [said(each) for each in answers] == [(expected[0], code)] * 2, (method, url)
        assert same(answers)
        if resource is not None:
            assert set(answers[0].headers["Allow"].split(", ")) == known
    assert attacked.is_unchanged


@pytest.mark.parametrize("url", FILES.values())
def test_files_of_the_web_interface_are_for_everybody(attacked: Service, url: str) -> None:
    senders = [*STRANGERS, *IMPOSTORS, *READERS, ADMIN]
    answers = [attacked.send(each, "GET", url) for each in senders]
    assert {said(each) for each in answers} == {(200, "")}
    assert same(answers)
