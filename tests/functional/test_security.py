"""Who gets in: every attack on tokens, headers, proxies and paths, over HTTP.

What each route says to whom is in `test_attack_table.py`.
"""

import http.client
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from forging import (
    ASYMMETRIC_ATTACKS,
    ATTACKS,
    AUDIENCE,
    ISSUER,
    SECRET,
    SYMMETRIC_ATTACKS,
    Attack,
    attacker,
    issuer,
    signed,
)
from guarded import JWT, KEY, ROLES, Headers, as_role, bearer, dump, key_is_set, populate, service
from support import API, Client, rules, serving

from cdb.app import make_app
from cdb.plugin import Permission
from cdb.services import tokens
from cdb.services.writer import Writer
from cdb.settings import load

NEW_TAG = {"name": "New"}
PROXY = {"authenticators": "trusted-proxy", "authorization_policies": "roles"}
WRITERS = {
    "plugin.roles.members": "alice: admin\ndaq: admin",
    "plugin.roles.grants": "admin: admin",
}


@pytest.fixture
def url(databases: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty embedded database; the secret of `jwt` is in the environment."""
    key_is_set(monkeypatch)
    with databases("sqlite") as made:
        yield made


# --- the attack table ---------------------------------------------------------------


class Guarded:
    """A service that reads tokens, twice: with reads for all, and with none for strangers."""

    def __init__(self, algorithm: str, is_open: Client, is_closed: Client, url: str) -> None:
        self.algorithm = algorithm
        self.open = is_open
        self.closed = is_closed
        self.url = url
        self.before = dump(url)

    def attack(self, attack: Attack) -> str:
        return attack.make(issuer(self.algorithm), attacker(self.algorithm))


def authenticator(kind: str, folder: Path) -> dict[str, str]:
    """Return the settings of a kind of authenticator that reads the issuer's tokens."""
    if kind == "jwt HS256":
        return JWT
    if kind == "jwt RS256":
        pem = folder / "public.pem"
        pem.write_bytes(issuer("RS256").public_pem)
        own = {"public_key": str(pem), "algorithm": "RS256"}
        common = {"audience": AUDIENCE, "issuer": ISSUER}
        return {"authenticators": "jwt", **options("jwt", **own, **common)}
    jwks = folder / "jwks.json"
    jwks.write_text(json.dumps({"keys": [issuer("RS256").jwk()]}))
    own = {"jwks": str(jwks), "audience": AUDIENCE, "issuer": ISSUER}
    return {"authenticators": "oidc", **options("oidc", **own)}


def options(plugin: str, **values: str) -> dict[str, str]:
    return {f"plugin.{plugin}.{name}": value for name, value in values.items()}


@pytest.fixture(scope="module", params=["jwt HS256", "jwt RS256", "oidc RS256"])
def guarded(
    request: pytest.FixtureRequest, databases: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guarded]:
    settings = authenticator(request.param, tmp_path_factory.mktemp("keys")) | ROLES
    with ExitStack() as stack:
        key_is_set(stack.enter_context(pytest.MonkeyPatch.context()))
        url = stack.enter_context(databases("sqlite"))
        is_open = stack.enter_context(service(url, **settings))
        is_closed = stack.enter_context(service(url, read_access="authenticated", **settings))
        yield Guarded(request.param.partition(" ")[2], is_open, is_closed, url)


def refusal(answer: Any) -> str:
    """Return the reason of a 401 that credentials caused."""
    assert (answer.status_int, answer.json["code"]) == (401, "invalid-credentials")
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="cdb", error="invalid_token", error_description="')
    return str(answer.json["detail"])


def has_parts_of(text: str, *secrets: str) -> list[str]:
    """Return the parts of secrets and tokens that a text has and that say something."""
    parts = [part for secret in secrets for part in secret.split(".") if len(part) > 8]
    return [part for part in parts if part in text]


def reason_of(attack: Attack) -> str:
    far = attack.name == "far-too-long"
    return "The Authorization header is too long." if far else attack.reason


def test_good_token_gets_in(guarded: Guarded) -> None:
    headers = bearer(signed(issuer(guarded.algorithm)))
    found = guarded.closed.ok("GET", "whoami", headers=headers)
    assert found["subject"] == "jane"


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_gets_nowhere(
    guarded: Guarded, attack: Attack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = guarded.attack(attack)
    write = guarded.open.api("POST", "gt", NEW_TAG, headers=bearer(token))
    read = guarded.closed.api("GET", "globalTags", headers=bearer(token))
    public = guarded.open.api("GET", "globalTags", headers=bearer(token))
    assert (refusal(write), refusal(read)) == (reason_of(attack), reason_of(attack))
    assert public.status_int == 200
    said = f"{write} {read} {write.headers} {read.headers} {public.headers} {caplog.text}"
    assert has_parts_of(said, token, SECRET) == []
    assert dump(guarded.url) == guarded.before


@pytest.mark.parametrize("attack", ASYMMETRIC_ATTACKS, ids=lambda attack: attack.name)
def test_public_key_is_no_secret(guarded: Guarded, attack: Attack) -> None:
    if guarded.algorithm == "HS256":
        attack = next(each for each in SYMMETRIC_ATTACKS if "secret" in each.name)
    write = guarded.open.api("POST", "gt", NEW_TAG, headers=bearer(guarded.attack(attack)))
    assert refusal(write) == attack.reason


# --- the Authorization header -------------------------------------------------------


@pytest.fixture(scope="module")
def served(databases: Any) -> Iterator[str]:
    """The root of a served service with an empty database, which refused requests share."""
    with ExitStack() as stack:
        key_is_set(stack.enter_context(pytest.MonkeyPatch.context()))
        url = stack.enter_context(databases("sqlite"))
        client = stack.enter_context(service(url, **JWT, **ROLES))
        yield stack.enter_context(serving(client.app, threads=1))


@contextmanager
def connected(root: str) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(root).netloc, timeout=120)
    try:
        yield connection
    finally:
        connection.close()


def send(connection: http.client.HTTPConnection, *headers: tuple[str, bytes]) -> tuple[int, Any]:
    """Send a write with headers as they are on the wire; return status and body."""
    body = json.dumps(NEW_TAG).encode()
    connection.putrequest("POST", f"{API}/gt")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(body)))
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


DAMAGED = "The token is damaged, or is no JSON Web Token."
NO_KIND = "These credentials are of no kind that this service takes."
NEEDED = "This needs credentials that permit tag.create."


def good() -> bytes:
    return signed(issuer("HS256"), roles=["admin"]).encode()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([b""], NEEDED),
        ([b"   "], NEEDED),
        ([b"Bearer"], DAMAGED),
        ([b"Bearer "], DAMAGED),
        ([b"Bearer good", b"Bearer good"], DAMAGED),
        ([b"Bearer good", b"Basic amFuZTpqYW5l"], DAMAGED),
        ([b"Basic amFuZTpqYW5l", b"Bearer good"], NO_KIND),
        ([b"Basic amFuZTpqYW5l"], NO_KIND),
        ([b"good"], NO_KIND),
        ([b"Bearer\tgood"], NO_KIND),
        ([b"Bearer: good"], NO_KIND),
        ([b"Token good"], NO_KIND),
        ([b"Bearer, good"], NO_KIND),
        ([b"Bearer good, good"], DAMAGED),
        ([b"Bearer good\xe9"], DAMAGED),
        ([b"B\xe9arer good"], NO_KIND),
        ([b"\xff\xfe"], NO_KIND),
        ([b"Bearer " + b"a" * 40_000], "The Authorization header is too long."),
        ([b"Bearer cdb_good"], "The API token is not known."),
        ([b"Bearer cdb_" + b"A" * 43 + b"\xe9"], "The API token is not known."),
    ],
)
def test_header_that_is_odd_is_refused(
    served: str, values: list[bytes], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = good()
    sent = [("Authorization", value.replace(b"good", token)) for value in values]
    with connected(served) as connection:
        status, body = send(connection, *sent)
    assert (status, body["detail"]) == (401, reason)
    assert has_parts_of(json.dumps(body) + caplog.text, token.decode()) == []


@pytest.mark.parametrize(
    "scheme", [b"Bearer ", b"bearer ", b"BEARER ", b"Bearer   ", b"  Bearer "]
)
def test_scheme_is_read_in_any_case(url: str, scheme: bytes) -> None:
    with (
        service(url, **JWT, **ROLES) as client,
        serving(client.app, threads=1) as root,
        connected(root) as connection,
    ):
        status, body = send(connection, ("Authorization", scheme + good()))
    assert (status, body["name"]) == (200, "New")


def test_credentials_are_of_one_request_not_of_the_connection(url: str) -> None:
    with (
        service(url, **JWT, **ROLES) as client,
        serving(client.app, threads=1) as root,
        connected(root) as connection,
    ):
        first, _ = send(connection, ("Authorization", b"Bearer " + good()))
        second, body = send(connection)
    assert (first, second, body["code"]) == (200, 401, "unauthenticated")


# --- who is nobody --------------------------------------------------------------------


def test_anonymous_reads_need_no_authenticator(url: str) -> None:
    with service(url, **JWT, **ROLES) as client:
        found = client.ok("GET", "whoami")
        assert (found["method"], found["permissions"]) == ("anonymous", ["read"])
        assert client.ok("GET", "globalTags") == []


def test_enabling_anonymous_does_not_open_protected_reads(url: str) -> None:
    settings = {**JWT, **ROLES, "authenticators": "jwt anonymous"}
    with service(url, read_access="authenticated", **settings) as client:
        assert client.api("GET", "globalTags").status_int == 401
        assert client.api("GET", "globalTags", headers=as_role("nobody")).status_int == 200


# --- several authenticators ---------------------------------------------------------


@pytest.fixture
def mixed(url: str, tmp_path: Path) -> Iterator[Client]:
    """A client of a service that takes the tokens of two issuers, and what a proxy says."""
    settings = {**authenticator("oidc RS256", tmp_path), **JWT, **WRITERS}
    settings["authenticators"] = "jwt oidc trusted-proxy"
    proxy = options("trusted-proxy", proxies="192.0.2.1/32", header="X-Remote-User")
    with service(url, **settings, **proxy, authorization_policies="roles") as client:
        yield client


def whoami(client: Client, address: str = "198.51.100.7", **headers: str) -> Any:
    """Ask who sends a request from an address; `_` in names of headers stands for '-'."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    environ = {"REMOTE_ADDR": address}
    return client.get(f"{API}/whoami", headers=sent, extra_environ=environ, status="*")


def test_each_authenticator_knows_its_own(mixed: Client) -> None:
    by_secret = whoami(mixed, Authorization=f"Bearer {signed(issuer('HS256'))}").json
    by_key = whoami(mixed, Authorization=f"Bearer {signed(issuer('RS256'))}").json
    by_proxy = whoami(mixed, "192.0.2.1", X_Remote_User="alice").json
    nobody = whoami(mixed).json
    methods = [each["method"] for each in (by_secret, by_key, by_proxy, nobody)]
    assert methods == ["jwt", "oidc", "trusted-proxy", "anonymous"]
    assert by_proxy["permissions"] == [str(each) for each in Permission]


def test_token_that_nobody_takes_is_refused_with_the_reason_of_each(mixed: Client) -> None:
    reason = refusal(whoami(mixed, Authorization=f"Bearer {signed(attacker('HS256'))}"))
    assert reason == (
        "The signature of the token does not hold. "
        "The token is signed with an algorithm that is not accepted here."
    )


def test_bad_token_is_refused_whatever_the_proxy_says(mixed: Client) -> None:
    header = f"Bearer {signed(attacker('RS256'))}"
    answer = whoami(mixed, "192.0.2.1", Authorization=header, X_Remote_User="alice")
    assert "The signature of the token does not hold." in refusal(answer)


def test_credentials_of_a_gateway_are_left_to_who_knows_the_gateway(mixed: Client) -> None:
    basic = {"Authorization": "Basic amFuZTpqYW5l"}
    assert whoami(mixed, "192.0.2.1", X_Remote_User="alice", **basic).json["subject"] == "alice"
    assert refusal(whoami(mixed, "192.0.2.2", X_Remote_User="alice", **basic)) == NO_KIND


# --- proxies, through a real server -------------------------------------------------


def post_through(
    url: str, headers: Headers, settings: Mapping[str, str], **server: Any
) -> tuple[int, Any]:
    """Send a write to a served service that trusts a proxy; return status and body."""
    with (
        service(url, **PROXY, **WRITERS, **settings) as client,
        serving(client.app, threads=1, **server) as root,
    ):
        answer = requests.post(f"{root}{API}/gt", json=NEW_TAG, headers=headers, timeout=120)
    return answer.status_code, answer.json()


def actors(url: str) -> list[str]:
    """Return who made the changes of a database."""
    return [change["actor"] for change in dump(url)["change"]]


@pytest.mark.parametrize(
    ("proxies", "headers", "status"),
    [
        ("127.0.0.1/32", {"X-Remote-User": "alice"}, 200),
        ("127.0.0.1/32", {"x-remote-user": "alice"}, 200),
        ("127.0.0.1/32", {"X-Remote-User": "mallory"}, 403),
        ("127.0.0.1/32", {"X-Remote-User": "anonymous"}, 401),
        ("127.0.0.1/32", {"X-Remote-User": "alice, mallory"}, 403),
        ("127.0.0.1/32", {"X_Remote_User": "alice"}, 401),
        ("127.0.0.1/32", {}, 401),
        ("10.0.0.0/8", {"X-Remote-User": "alice"}, 401),
        ("10.0.0.0/8", {"X-Remote-User": "alice", "X-Forwarded-For": "10.0.0.1"}, 401),
        ("10.0.0.0/8", {"X-Remote-User": "alice", "Forwarded": "for=10.0.0.1"}, 401),
    ],
)
def test_header_counts_from_the_proxy_alone(
    url: str, proxies: str, headers: Headers, status: int
) -> None:
    settings = options("trusted-proxy", proxies=proxies, header="X-Remote-User")
    found, _ = post_through(url, headers, settings)
    assert found == status
    assert actors(url) == (["alice"] if status == 200 else [])


@pytest.mark.parametrize(
    ("headers", "server", "status"),
    [
        ({"X-Forwarded-For": "10.1.2.3"}, {"trusted_proxy": "127.0.0.1"}, 200),
        ({"X-Forwarded-For": "192.0.2.9"}, {"trusted_proxy": "127.0.0.1"}, 401),
        ({"X-Forwarded-For": "10.1.2.3, 192.0.2.9"}, {"trusted_proxy": "127.0.0.1"}, 401),
        ({"X-Forwarded-For": "10.1.2.3"}, {"trusted_proxy": "192.0.2.9"}, 401),
        ({"X-Forwarded-For": "10.1.2.3"}, {}, 401),
        ({"X-Real-IP": "10.1.2.3"}, {"trusted_proxy": "127.0.0.1"}, 401),
    ],
)
def test_address_is_the_one_that_the_server_trusts(
    url: str, headers: Headers, server: dict[str, str], status: int
) -> None:
    trusted = {**server, "trusted_proxy_headers": "x-forwarded-for"} if server else {}
    settings = options("trusted-proxy", addresses="10.1.0.0/16 daq")
    found, _ = post_through(url, headers, settings, **trusted)
    assert found == status
    assert actors(url) == (["daq"] if status == 200 else [])


def test_address_of_a_client_that_comes_directly_is_known(url: str) -> None:
    settings = options("trusted-proxy", addresses="127.0.0.0/8 daq")
    assert post_through(url, {}, settings)[0] == 200
    assert actors(url) == ["daq"]


@pytest.mark.parametrize(
    ("secret", "status"), [(SECRET, 200), ("", 401), (SECRET[:-1], 401), (f"{SECRET}x", 401)]
)
def test_behind_a_server_that_hides_the_proxy_a_secret_shows_it(
    url: str, secret: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    settings = options("trusted-proxy", proxies="0.0.0.0/0 ::/0", header="X-Remote-User")
    settings["plugin.trusted-proxy.secret"] = f"env:{KEY}"
    headers = {"X-Forwarded-For": "10.1.2.3", "X-Remote-User": "alice", "X-Proxy-Secret": secret}
    server = {"trusted_proxy": "127.0.0.1", "trusted_proxy_headers": "x-forwarded-for"}
    found, body = post_through(url, headers, settings, **server)
    assert found == status
    assert SECRET not in json.dumps(body) + caplog.text


# --- what a browser sends for others ------------------------------------------------

_numbers = count()


def post_from(client: Client, address: str, headers: Headers) -> Any:
    """Make a tag of another name each time, from an address."""
    return client.post_json(
        f"{API}/gt",
        {"name": f"New{next(_numbers)}"},
        headers=headers,
        extra_environ={"REMOTE_ADDR": address},
        status="*",
    )


@pytest.fixture(scope="module")
def known_by_address(databases: Any) -> Iterator[tuple[Client, str]]:
    """A client of a service that knows some by their address, and its database."""
    settings = options("trusted-proxy", addresses="10.1.0.0/16 daq", hosts="cdb.example.org")
    with databases("sqlite") as url, service(url, **PROXY, **WRITERS, **settings) as client:
        yield client, url


@pytest.fixture(scope="module")
def local(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of an open service that listens on this machine alone, as its ini says."""
    ini = tmp_path_factory.mktemp("local") / "local.ini"
    ini.write_text("[server:main]\nuse = egg:waitress#main\nlisten = 127.0.0.1:8000\n")
    with databases("sqlite") as url:
        app = make_app(load({"cdb.database.url": url}, {}), file=str(ini))
        yield Client(app)
        app.registry.cdb.database.dispose()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://cdb.example.org"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "http://cdb.example.org"}, 200),
        ({"Origin": "https://cdb.example.org"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://attacker.example"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://wiki.example.org"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Authorization": "Basic amFuZTpqYW5l"}, 403),
        ({"Origin": "https://attacker.example"}, 403),
        ({"Origin": "https://attacker.example/cdb.example.org"}, 403),
        ({"Origin": "http://cdb.example.org:8080"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        # A name of the attacker's that is made to mean this service: the page is of the same site.
        ({"Host": "attacker.example"}, 401),
        ({"Host": "attacker.example", "Origin": "http://attacker.example"}, 401),
        ({"Host": "attacker.example", "Sec-Fetch-Site": "same-origin"}, 401),
        ({"Host": "10.1.2.3.attacker.example"}, 401),
        ({"Host": "cdb.example.org.attacker.example"}, 401),
        ({"Host": "CDB.example.org.:8000"}, 200),
        ({"Host": "[::1"}, 401),
        ({"Host": "[fd00::1]:8000"}, 200),
        ({"Host": "10.1.2.9"}, 200),
    ],
)
def test_page_of_another_site_cannot_write_with_the_address_of_its_reader(
    known_by_address: tuple[Client, str], headers: Headers, status: int
) -> None:
    client, url = known_by_address
    before = len(actors(url))
    answer = post_from(client, "10.1.2.3", {"Host": "cdb.example.org", **headers})
    assert answer.status_int == status
    assert actors(url)[before:] == (["daq"] if status == 200 else [])


def test_page_of_another_site_can_read_what_everybody_can(url: str) -> None:
    with service(url, **JWT, **ROLES) as client:
        headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://wiki.example"}
        answer = client.api("GET", "globalTags", headers=headers)
    assert answer.status_int == 200
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_token_counts_whatever_page_has_it(url: str) -> None:
    with service(url, **JWT, **ROLES) as client:
        headers = {**as_role("admin"), "Origin": "https://wiki.example"}
        assert client.api("POST", "gt", NEW_TAG, headers=headers).status_int == 200


@pytest.mark.parametrize(
    ("site", "status"),
    [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)],
)
def test_token_that_a_proxy_puts_in_for_a_cookie_is_of_no_use_to_another_site(
    url: str, site: str, status: int
) -> None:
    with service(url, **JWT, **ROLES) as client:
        headers = {**as_role("admin"), "Sec-Fetch-Site": site}
        assert client.api("POST", "gt", NEW_TAG, headers=headers).status_int == status


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {"Host": "localhost:8000"}, 200),
        ("127.0.0.1", {"Host": "127.0.0.1:8000"}, 200),
        ("::1", {"Host": "[::1]:8000"}, 200),
        ("192.0.2.7", {"Host": "localhost:8000"}, 401),
        ("", {"Host": "localhost:8000"}, 401),
        ("127.0.0.1", {"Host": "rebound.attacker.example:8000"}, 401),
        ("127.0.0.1", {"Host": "127.0.0.1.attacker.example"}, 401),
        ("127.0.0.1", {"Host": "[::1"}, 401),
        ("127.0.0.1", {"Host": "[localhost]"}, 401),
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-For": "192.0.2.7"}, 401),
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-Proto": "https"}, 401),
        ("127.0.0.1", {"Host": "localhost", "Forwarded": "for=192.0.2.7"}, 401),
        ("127.0.0.1", {"Host": "localhost", "X-Real-IP": "192.0.2.7"}, 401),
        ("127.0.0.1", {"Host": "localhost", "Via": "1.1 gateway"}, 401),
    ],
)
def test_open_writes_that_nobody_asked_for_are_for_this_machine_alone(
    local: Client, address: str, headers: Headers, status: int
) -> None:
    assert post_from(local, address, headers).status_int == status


# --- methods, paths and names -------------------------------------------------------


class Shared:
    """A populated service in which a role may write to tags `Dev*` alone."""

    def __init__(self, client: Client, url: str) -> None:
        self.client = client
        self.url = url
        self.before = dump(url)

    def is_unchanged(self) -> bool:
        return dump(self.url) == self.before


@pytest.fixture(scope="module")
def shared(databases: Any) -> Iterator[Shared]:
    grants = {"plugin.roles.grants": "calibrator: tag.* list.* iov.* on Dev*\nadmin: admin"}
    with ExitStack() as stack:
        key_is_set(stack.enter_context(pytest.MonkeyPatch.context()))
        url = stack.enter_context(databases("sqlite"))
        with service(url, allow_open_writes="true") as client:
            populate(client)
        yield Shared(stack.enter_context(service(url, **JWT, **ROLES | grants)), url)


OVERRIDES = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"]


@pytest.mark.parametrize("name", OVERRIDES)
def test_no_header_makes_a_write_of_a_read(shared: Shared, name: str) -> None:
    headers = as_role("admin")
    for method in ("DELETE", "PATCH", "POST"):
        sent = {name: method, **headers}
        assert shared.client.api("GET", "globalTag/Dev", headers=sent).status_int == 200
    query = f"deleteGlobalTag/Dev?{name}=DELETE"
    assert shared.client.api("GET", query, headers=headers).status_int == 405
    assert shared.is_unchanged()


@pytest.mark.parametrize(
    "path",
    [
        "deleteGlobalTag/Prod",
        "deleteGlobalTag/Prod/",
        "global-tags/Prod/delete",
        "global-tags/Prod%2Fdelete",
        "global-tags%2FProd/delete",
        "deleteGlobalTag/%50rod",
        "deleteGlobalTag/Dev/../Prod",
        "deleteGlobalTag/Dev%2F..%2FProd",
        "deleteGlobalTag//Prod",
        "deleteGlobalTag/Prod//",
        "deleteGlobalTag/Prod%00",
        "deleteGlobalTag/Dev%00/../Prod",
        "deleteGlobalTag/prod",
        "deleteGlobalTag/Dev%0AProd",
        "deleteGlobalTag/Prod;Dev",
        "deleteGlobalTag/Prod%3FDev",
        "deleteGlobalTag/%C3%28",
        "deleteGlobalTag/Prod?name=Dev",
    ],
)
def test_no_spelling_of_a_path_reaches_a_tag_of_others(shared: Shared, path: str) -> None:
    answer = shared.client.api("DELETE", path, headers=as_role("calibrator"))
    assert answer.status_int in (400, 403, 404), answer.text
    assert shared.is_unchanged()


def test_name_of_a_tag_is_never_a_pattern(url: str) -> None:
    grants = {"plugin.roles.grants": "calibrator: tag.create on Dev*"}
    own = ["Dev2", "Dev*", "Dev[1]", "Dev?"]
    others = ["*", "[D]ev", "?ev", "dev", "DEV", "Ｄev", "XDev", "Prod Dev"]
    with service(url, **JWT, **ROLES | grants) as client:
        made = {
            name: client.api(
                "POST", "gt", {"name": name}, headers=as_role("calibrator")
            ).status_int
            for name in own + others
        }
    assert made == {**dict.fromkeys(own, 200), **dict.fromkeys(others, 403)}


def test_pattern_in_a_grant_is_of_the_whole_name_and_not_an_expression(url: str) -> None:
    grants = {"plugin.roles.grants": "a: tag.create on Run.1, X[12]"}
    with service(url, **JWT, **ROLES | grants) as client:
        made = {
            name: client.api("POST", "gt", {"name": name}, headers=as_role("a")).status_int
            for name in ("Run.1", "Run.10", "Runx1", "X1", "X[12]", "X12")
        }
    allowed = [name for name, status in made.items() if status == 200]
    assert allowed == ["Run.1", "X1"]


@pytest.mark.parametrize("permission", ["list.attach", "tag.delete"])
def test_refusal_names_the_tag_and_no_role(shared: Shared, permission: str) -> None:
    requests_ = {
        "list.attach": ("PUT", "pl_attach", {"payload_list": "Field_4", "global_tag": "Prod"}),
        "tag.delete": ("DELETE", "deleteGlobalTag/Prod", None),
    }
    answer = shared.client.api(*requests_[permission], headers=as_role("calibrator"))
    assert answer.json == {
        "detail": f"jane has no permission {permission} in global tag 'Prod'.",
        "code": "forbidden",
    }


def test_api_tokens_are_only_bearer_tokens(url: str) -> None:
    with service(url, **JWT, **ROLES) as client:
        with client.app.registry.cdb.database.writing() as session:
            token, _ = tokens.create(session, rules(), Writer.operator("op"), "bot", ["cdb.admin"])
        for header in (f"Basic {token}", f"Token {token}", token):
            answer = client.api("POST", "gt", NEW_TAG, headers={"Authorization": header})
            assert answer.status_int == 401
        cookie = client.api("POST", "gt", NEW_TAG, headers={"Cookie": f"token={token}"})
        query = client.api("POST", f"gt?access_token={token}", NEW_TAG)
        assert (cookie.status_int, query.status_int) == (401, 401)
