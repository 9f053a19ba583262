"""The attack table: forged, damaged and misused tokens, and why each is refused.

The rows are in `forging`; here they are tried on the authenticators themselves.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from forging import (
    ASYMMETRIC_ATTACKS,
    ATTACKS,
    AUDIENCE,
    ISSUER,
    KID,
    SECRET,
    SIGNATURE,
    SYMMETRIC_ATTACKS,
    Attack,
    attacker,
    claims,
    forge,
    header,
    issuer,
    signed,
)
from support import serving

from cdb.builtin.jwt import Jwt, JwtOptions
from cdb.builtin.oidc import Oidc, OidcOptions
from cdb.plugin import Authenticator, Credentials, CredentialsRefused, Secret

UNKNOWN_KEY = "The token is signed with a key that its issuer does not have."


class Issuer:
    """A key set over HTTP, and how often it was asked for."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        self.entries = list(entries)
        self.status = "200 OK"
        self.headers: list[tuple[str, str]] = []
        self.asked = 0
        self.body: bytes | None = None

    def __call__(self, _environ: Any, start_response: Any) -> Iterator[bytes]:
        self.asked += 1
        start_response(self.status, [("Content-Type", "application/json"), *self.headers])
        document = json.dumps({"keys": self.entries}).encode()
        return iter([document if self.body is None else self.body])


def jwt_of(algorithm: str, folder: Path) -> Authenticator:
    if algorithm == "HS256":
        options = JwtOptions(secret=Secret(SECRET), audience=AUDIENCE, issuer=ISSUER)
    else:
        pem = folder / "public.pem"
        pem.write_bytes(issuer(algorithm).public_pem)
        options = JwtOptions(
            algorithm=algorithm,  # type: ignore[arg-type]  # one of the parameters below
            public_key=pem,
            audience=AUDIENCE,
            issuer=ISSUER,
        )
    return Jwt("jwt", options)


def oidc_of(algorithm: str, jwks: str) -> Authenticator:
    return Oidc("oidc", OidcOptions(ISSUER, jwks, (AUDIENCE,), algorithms=(algorithm,)))


@contextmanager
def made(kind: str, algorithm: str, folder: Path) -> Iterator[Authenticator]:
    match kind:
        case "jwt":
            yield jwt_of(algorithm, folder)
        case "oidc-file":
            path = folder / "jwks.json"
            path.write_text(json.dumps({"keys": [issuer(algorithm).jwk()]}))
            yield oidc_of(algorithm, str(path))
        case "oidc-url":
            with serving(Issuer(issuer(algorithm).jwk()), threads=1) as url:
                yield oidc_of(algorithm, f"{url}/jwks")


AUTHENTICATORS = [
    ("jwt", "HS256"),
    ("jwt", "RS256"),
    ("jwt", "ES256"),
    ("oidc-file", "RS256"),
    ("oidc-file", "ES256"),
    ("oidc-url", "RS256"),
    ("oidc-url", "ES256"),
]


@pytest.fixture(scope="module", params=AUTHENTICATORS, ids=lambda pair: f"{pair[0]}-{pair[1]}")
def target(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Authenticator, str]]:
    """An authenticator, and the algorithm of the tokens that it accepts."""
    kind, algorithm = request.param
    with made(kind, algorithm, tmp_path_factory.mktemp("keys")) as authenticator:
        yield authenticator, algorithm


def why(authenticator: Authenticator, token: str) -> str:
    """Return why a token is refused."""
    with pytest.raises(CredentialsRefused) as refused:
        authenticator.identify(Credentials("bearer", token))
    return str(refused.value)


def tells(message: str, token: str) -> bool:
    """Tell whether a message has a part of a token in it that says something."""
    return any(len(part) > 8 and part in message for part in token.split("."))


# --- the table --------------------------------------------------------------------


def test_good_token_is_accepted(target: tuple[Authenticator, str]) -> None:
    authenticator, algorithm = target
    identity = authenticator.identify(Credentials("bearer", signed(issuer(algorithm))))
    assert identity is not None
    assert (identity.subject, identity.method) == ("jane", authenticator.name)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_is_refused(target: tuple[Authenticator, str], attack: Attack) -> None:
    authenticator, algorithm = target
    token = attack.make(issuer(algorithm), attacker(algorithm))
    reason = why(authenticator, token)
    assert reason == attack.reason
    assert not tells(reason, token)


@pytest.mark.parametrize("attack", ASYMMETRIC_ATTACKS, ids=lambda attack: attack.name)
@pytest.mark.parametrize(
    ("kind", "algorithm"), [pair for pair in AUTHENTICATORS if pair[1] != "HS256"]
)
def test_public_key_is_no_secret(
    kind: str, algorithm: str, attack: Attack, tmp_path: Path
) -> None:
    with made(kind, algorithm, tmp_path) as authenticator:
        token = attack.make(issuer(algorithm), attacker(algorithm))
        assert why(authenticator, token) == attack.reason


@pytest.mark.parametrize("attack", SYMMETRIC_ATTACKS, ids=lambda attack: attack.name)
def test_secret_is_not_guessed(attack: Attack, tmp_path: Path) -> None:
    token = attack.make(issuer("HS256"), attacker("HS256"))
    assert why(jwt_of("HS256", tmp_path), token) == attack.reason


def test_names_of_attacks_differ() -> None:
    names = [attack.name for attack in ATTACKS]
    assert sorted(set(names)) == sorted(names)


# --- names of keys ----------------------------------------------------------------

INJECTED = [
    "../../../../dev/null",
    "/etc/passwd",
    "file:///etc/passwd",
    "https://attacker.example.org/key.pem",
    "key-1' OR '1'='1",
    "key-1\0",
    "KEY-1",
    "",
]


@pytest.mark.parametrize("kid", INJECTED)
def test_name_of_a_key_is_a_name_and_nothing_else(kid: str, tmp_path: Path) -> None:
    with made("oidc-file", "RS256", tmp_path) as authenticator:
        own = forge(issuer("RS256"), head=header(issuer("RS256"), kid=kid))
        theirs = forge(attacker("RS256"), head=header(attacker("RS256"), kid=kid))
        assert why(authenticator, own) == UNKNOWN_KEY
        assert why(authenticator, theirs) == UNKNOWN_KEY


@pytest.mark.parametrize("kid", INJECTED)
def test_one_key_needs_no_name(kid: str, tmp_path: Path) -> None:
    theirs = forge(attacker("HS256"), head=header(attacker("HS256"), kid=kid))
    assert why(jwt_of("HS256", tmp_path), theirs) == SIGNATURE


@pytest.mark.parametrize("pointer", ["jku", "x5u"])
def test_keys_are_never_fetched_from_where_a_token_says(pointer: str, tmp_path: Path) -> None:
    theirs = Issuer(attacker("RS256").jwk(kid="theirs"))
    with serving(theirs, threads=1) as url, made("oidc-url", "RS256", tmp_path) as authenticator:
        head = header(attacker("RS256"), kid="theirs", **{pointer: f"{url}/jwks"})
        assert why(authenticator, forge(attacker("RS256"), head=head)) == UNKNOWN_KEY
    assert theirs.asked == 0


# --- issuers that rotate their keys, and that fail ---------------------------------


def rotating(jwks: str, **options: Any) -> Oidc:
    return Oidc("oidc", OidcOptions(ISSUER, jwks, (AUDIENCE,), **options))


def accepts(authenticator: Authenticator, token: str) -> bool:
    identity = authenticator.identify(Credentials("bearer", token))
    return identity is not None and identity.subject == "jane"


def named(kid: str, algorithm: str = "RS256") -> str:
    """Return a good token of the attacker's key, as that of a new key of the issuer."""
    return forge(attacker(algorithm), head=header(attacker(algorithm), kid=kid))


def test_new_key_is_found_and_a_withdrawn_one_refused() -> None:
    issued = Issuer(issuer("RS256").jwk())
    with serving(issued, threads=1) as url:
        authenticator = rotating(f"{url}/jwks", cool_down=timedelta(0))
        assert accepts(authenticator, signed(issuer("RS256")))
        assert why(authenticator, named("key-2")) == UNKNOWN_KEY
        issued.entries = [attacker("RS256").jwk(kid="key-2")]
        assert accepts(authenticator, named("key-2"))
        assert why(authenticator, signed(issuer("RS256"))) == UNKNOWN_KEY


def test_unknown_keys_do_not_hammer_the_issuer() -> None:
    issued = Issuer(issuer("RS256").jwk())
    with serving(issued, threads=1) as url:
        authenticator = rotating(f"{url}/jwks", cool_down=timedelta(hours=1))
        reasons = {why(authenticator, named(f"guess-{number}")) for number in range(20)}
    assert reasons == {UNKNOWN_KEY}
    assert issued.asked == 1


def test_issuer_is_not_asked_for_tokens_that_could_not_hold() -> None:
    issued = Issuer(issuer("RS256").jwk())
    with serving(issued, threads=1) as url:
        authenticator = rotating(f"{url}/jwks")
        why(authenticator, forge(issuer("HS256")))
        why(authenticator, "let me in")
    assert issued.asked == 0


def test_known_key_is_looked_up_once() -> None:
    issued = Issuer(issuer("RS256").jwk())
    with serving(issued, threads=1) as url:
        authenticator = rotating(f"{url}/jwks")
        assert all(accepts(authenticator, signed(issuer("RS256"))) for _ in range(5))
    assert issued.asked == 1


def test_last_good_keys_serve_while_the_issuer_fails(caplog: pytest.LogCaptureFixture) -> None:
    issued = Issuer(issuer("RS256").jwk())
    always = {"cache": timedelta(0), "cool_down": timedelta(0)}
    with serving(issued, threads=1) as url:
        authenticator = rotating(f"{url}/jwks", **always)
        assert accepts(authenticator, signed(issuer("RS256")))
        issued.status = "500 Internal Server Error"
        assert accepts(authenticator, signed(issuer("RS256")))
        issued.status, issued.body = "200 OK", b'{"keys": []}'
        assert accepts(authenticator, signed(issuer("RS256")))
    assert accepts(authenticator, signed(issuer("RS256")))
    assert "the answer is 500" in caplog.text
    assert "no public key there is for RS256 or ES256" in caplog.text
    assert "Connection refused" in caplog.text


def test_without_any_keys_everybody_is_refused() -> None:
    issued = Issuer()
    with serving(issued, threads=1) as url:
        authenticator = rotating(f"{url}/jwks")
        reason = why(authenticator, signed(issuer("RS256")))
    assert reason == "The keys of the token's issuer cannot be had at the moment."


def test_redirect_of_an_issuer_is_not_followed() -> None:
    theirs = Issuer(attacker("RS256").jwk())
    with serving(theirs, threads=1) as elsewhere:
        issued = Issuer()
        issued.status, issued.headers = "302 Found", [("Location", f"{elsewhere}/jwks")]
        with serving(issued, threads=1) as url:
            why(rotating(f"{url}/jwks"), signed(attacker("RS256")))
    assert (issued.asked, theirs.asked) == (1, 0)


def test_tokens_of_other_times_are_of_no_use_with_a_leeway(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [issuer("RS256").jwk(kid=KID)]}))
    authenticator = rotating(str(path), leeway=timedelta(minutes=5))
    near, far = claims()["iat"] - 200, claims()["iat"] - 400
    assert accepts(authenticator, signed(issuer("RS256"), exp=near))
    assert why(authenticator, signed(issuer("RS256"), exp=far)) == "The token has expired."
