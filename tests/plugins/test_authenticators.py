"""Who sends a request: what the built-in authenticators accept, and how they are set up."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from forging import (
    AUDIENCE,
    ISSUER,
    OTHER_SECRET,
    SECRET,
    claims,
    es256,
    issuer,
    rs256,
    signed,
)

from cdb.builtin.anonymous import Anonymous
from cdb.builtin.jwt import Jwt, JwtOptions
from cdb.builtin.oidc import Oidc, OidcOptions
from cdb.plugin import (
    ANONYMOUS,
    Authenticator,
    Credentials,
    CredentialsRefused,
    Identity,
    NoOptions,
    OptionsError,
    Secret,
)

ANY_AUDIENCE = "https://wlcg.cern.ch/jwt/v1/any"


def bearer(token: str) -> Credentials:
    return Credentials("bearer", token)


def who(authenticator: Authenticator, token: str) -> Identity:
    identity = authenticator.identify(bearer(token))
    assert identity is not None
    return identity


def why(authenticator: Authenticator, credentials: Credentials | str) -> str:
    """Return why credentials are refused."""
    given = bearer(credentials) if isinstance(credentials, str) else credentials
    with pytest.raises(CredentialsRefused) as refused:
        authenticator.identify(given)
    return str(refused.value)


def hs256(**options: Any) -> Jwt:
    usual = {"secret": Secret(SECRET), "audience": AUDIENCE, "issuer": ISSUER}
    return Jwt("jwt", JwtOptions(**(usual | options)))


def key_set(folder: Path, *entries: Any) -> str:
    path = folder / "jwks.json"
    path.write_text(json.dumps({"keys": entries}))
    return str(path)


def oidc(jwks: str, **options: Any) -> Oidc:
    return Oidc(
        "oidc", OidcOptions(**({"issuer": ISSUER, "audience": (AUDIENCE,)} | options), jwks=jwks)
    )


# --- anonymous ---------------------------------------------------------------------


def test_anonymous_is_whoever_sends_no_credentials() -> None:
    assert Anonymous("anonymous", NoOptions()).identify(Credentials()) is ANONYMOUS


# --- jwt: what a good token says -----------------------------------------------------


def test_claims_of_the_token_are_the_identity() -> None:
    identity = who(hs256(), signed(issuer("HS256"), roles=["expert"]))
    assert (identity.subject, identity.method) == ("jane", "jwt")
    assert identity.claims["roles"] == ["expert"]
    assert identity.scopes is None
    assert not identity.is_anonymous


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        ("openid cdb.write:/Prod*", {"openid", "cdb.write:/Prod*"}),
        (["cdb.read", "a b"], {"cdb.read", "a b"}),
        ("", set()),
        ([], set()),
    ],
)
def test_scope_is_a_text_of_words_or_a_list(scope: Any, scopes: set[str]) -> None:
    assert who(hs256(), signed(issuer("HS256"), scope=scope)).scopes == scopes


@pytest.mark.parametrize("subject", ["jane", "x" * 255, "/DC=org/CN=Jane Doe", "Jörg", "a:b@c"])
def test_subject_is_a_text_that_can_be_seen(subject: str) -> None:
    assert who(hs256(), signed(issuer("HS256"), sub=subject)).subject == subject


def test_another_claim_can_name_who_it_is() -> None:
    authenticator = hs256(subject_claim="preferred_username")
    assert who(authenticator, signed(issuer("HS256"), preferred_username="doe")).subject == "doe"
    lacking = why(authenticator, signed(issuer("HS256")))
    assert lacking == "The token lacks the claim 'preferred_username'."


def test_audience_may_be_one_of_several() -> None:
    assert who(hs256(), signed(issuer("HS256"), aud=["other", AUDIENCE]))


def test_time_may_have_a_fraction() -> None:
    assert who(hs256(), signed(issuer("HS256"), exp=claims()["exp"] + 0.5))


def test_leeway_is_for_clocks_that_differ() -> None:
    assert who(hs256(), signed(issuer("HS256"), exp=claims()["iat"] - 5))
    exact = hs256(leeway=timedelta(0))
    assert why(exact, signed(issuer("HS256"), exp=claims()["iat"] - 5)) == "The token has expired."


def test_without_an_audience_a_token_for_one_is_refused() -> None:
    authenticator = hs256(audience=None)
    assert who(authenticator, signed(issuer("HS256"), aud=None))
    assert why(authenticator, signed(issuer("HS256"))) == "The token is for another audience."


def test_without_an_issuer_any_will_do() -> None:
    authenticator = hs256(issuer=None)
    assert who(authenticator, signed(issuer("HS256"), iss="https://other.example.org/"))
    assert who(authenticator, signed(issuer("HS256"), iss=None))


def test_token_that_is_valid_for_too_long_is_refused() -> None:
    authenticator = hs256(max_lifetime=timedelta(hours=1))
    assert who(authenticator, signed(issuer("HS256")))
    long = signed(issuer("HS256"), exp=claims()["iat"] + 3700)
    assert why(authenticator, long) == "The token is valid for longer than 3600 seconds."
    dateless = signed(issuer("HS256"), iat=None)
    assert why(authenticator, dateless) == "The token lacks the claim 'iat'."


def test_secret_is_not_shown() -> None:
    assert SECRET not in repr(hs256().options)
    assert SECRET not in str(hs256().options.secret)


# --- jwt: how it is set up ------------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        (SECRET[:31], "secret is shorter than 32 bytes"),
        ("", "secret is shorter than 32 bytes"),
        ("x" * 64, "secret repeats itself"),
        ("0123456789abcdef" * 2, "secret repeats itself"),
        ("abcabcabcabcabcabcabcabcabcabcabcabcd", "secret repeats itself"),
        ("ChangeMe-Q7hZ2kP9sLx4Vb1Nw8Tc5Ry0", "secret holds a word of the secrets in examples"),
        ("a-string-secret-at-least-256-bits", "secret holds a word of the secrets in examples"),
    ],
)
def test_weak_secret_stops_the_boot(secret: str, problem: str) -> None:
    with pytest.raises(OptionsError) as stopped:
        hs256(secret=Secret(secret))
    assert str(stopped.value) == problem


@pytest.mark.parametrize(
    "secret", [OTHER_SECRET, "9f" + "3c07d1a8e5b264" * 2 + "1b", "é" * 8 + SECRET[:16]]
)
def test_random_secret_is_taken(secret: str) -> None:
    assert hs256(secret=Secret(secret))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"secret": None}, "HS256 needs a secret"),
        ({"public_key": Path("key.pem")}, "public_key is for RS256 and ES256"),
        ({"secret": Secret(issuer("RS256").public_pem.decode())}, "secret is a key in PEM"),
        ({"algorithm": "RS256"}, "secret is for HS256; RS256 has a public_key"),
        ({"algorithm": "ES256", "secret": None}, "ES256 needs a public_key"),
        ({"leeway": timedelta(seconds=-1)}, "leeway is not from 0 to 600 seconds"),
        ({"leeway": timedelta(hours=1)}, "leeway is not from 0 to 600 seconds"),
        ({"max_lifetime": timedelta(0)}, "max_lifetime is not longer than nothing"),
        ({"issuer": ""}, "issuer is empty"),
        ({"audience": ""}, "audience is empty"),
    ],
)
def test_contradiction_stops_the_boot(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(OptionsError) as stopped:
        hs256(**options)
    assert str(stopped.value).startswith(problem)


@pytest.mark.parametrize(
    ("algorithm", "pem", "problem"),
    [
        ("RS256", issuer("RS256").private_pem, "public_key is a private key"),
        ("RS256", b"ssh-rsa AAAA", "public_key is not a public key in PEM"),
        ("RS256", issuer("ES256").public_pem, "public_key is not an RSA key, which RS256 needs"),
        ("ES256", issuer("RS256").public_pem, "public_key is not a key of the curve secp256r1"),
        ("ES256", es256(ec.SECP384R1()).public_pem, "public_key is not a key of the curve"),
        ("RS256", rs256(1024).public_pem, "public_key has fewer than 2048 bits"),
        ("RS256", None, "public_key cannot be read: "),
    ],
)
def test_wrong_public_key_stops_the_boot(
    algorithm: Any, pem: bytes | None, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "public.pem"
    if pem is not None:
        path.write_bytes(pem)
    with pytest.raises(OptionsError) as stopped:
        Jwt("jwt", JwtOptions(algorithm=algorithm, public_key=path))
    assert str(stopped.value).startswith(problem)


# --- oidc: profiles -------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.0", "1.2", "1.10"])
@pytest.mark.parametrize("audience", [AUDIENCE, ANY_AUDIENCE])
def test_wlcg_token_is_accepted(version: str, audience: str, tmp_path: Path) -> None:
    authenticator = oidc(key_set(tmp_path, issuer("ES256").jwk()), profile="wlcg")
    more: dict[str, Any] = {"wlcg.ver": version, "wlcg.groups": ["/cms/experts"], "jti": "1"}
    identity = who(authenticator, signed(issuer("ES256"), aud=audience, scope="a b", **more))
    assert identity.claims["wlcg.groups"] == ["/cms/experts"]
    assert identity.scopes == {"a", "b"}


@pytest.mark.parametrize("version", [None, "2.0", "11.0", "1", "1.", "1.0.0", "1.x", 1.0])
def test_token_of_another_profile_is_refused(version: Any, tmp_path: Path) -> None:
    authenticator = oidc(key_set(tmp_path, issuer("ES256").jwk()), profile="wlcg")
    token = signed(issuer("ES256"), jti="1", **{"wlcg.ver": version})
    assert why(authenticator, token) == "The token's claim 'wlcg.ver' is not of the profile wlcg."


@pytest.mark.parametrize("claim", ["jti", "iat", "aud", "sub", "exp"])
def test_wlcg_token_has_what_the_profile_requires(claim: str, tmp_path: Path) -> None:
    authenticator = oidc(key_set(tmp_path, issuer("ES256").jwk()), profile="wlcg")
    given: dict[str, Any] = {"wlcg.ver": "1.0", "jti": "1"} | {claim: None}
    assert why(authenticator, signed(issuer("ES256"), **given)) == (
        f"The token lacks the claim {claim!r}."
    )


@pytest.mark.parametrize("audience", [AUDIENCE, "ANY"])
def test_scitoken_is_accepted(audience: str, tmp_path: Path) -> None:
    authenticator = oidc(key_set(tmp_path, issuer("RS256").jwk()), profile="scitokens")
    token = signed(issuer("RS256"), ver="scitoken:2.0", aud=audience)
    assert who(authenticator, token).subject == "jane"


@pytest.mark.parametrize("version", [None, "scitoken:1.0", "scitokens:2.0", "2.0"])
def test_scitoken_of_another_version_is_refused(version: str | None, tmp_path: Path) -> None:
    authenticator = oidc(key_set(tmp_path, issuer("RS256").jwk()), profile="scitokens")
    token = signed(issuer("RS256"), ver=version)
    assert why(authenticator, token) == "The token's claim 'ver' is not of the profile scitokens."


@pytest.mark.parametrize("audience", ["ANY", ANY_AUDIENCE])
def test_any_audience_belongs_to_its_profile(audience: str, tmp_path: Path) -> None:
    authenticator = oidc(key_set(tmp_path, issuer("RS256").jwk()))
    token = signed(issuer("RS256"), aud=audience)
    assert why(authenticator, token) == "The token is for another audience."


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"audience": ()}, "audience is empty"),
        ({"issuer": ""}, "issuer is empty"),
        ({"algorithms": ()}, "algorithms is empty"),
        ({"algorithms": ("RS256", "HS256")}, "algorithms: HS256 is not among ES256, "),
        ({"algorithms": ("none",)}, "algorithms: none is not among ES256, "),
        ({"jwks": "http://issuer.example.org/jwks"}, "jwks has to be https"),
        ({"jwks": "ftp://issuer.example.org/jwks"}, "jwks is neither an https URL nor"),
        ({"jwks": "file:///etc/passwd"}, "jwks is neither an https URL nor"),
        ({"jwks": "https:///jwks"}, "jwks is neither an https URL nor"),
        ({"jwks": "no-such-file.json"}, "jwks cannot be used: "),
        ({"cache": timedelta(-1)}, "cache is negative"),
        ({"cool_down": timedelta(-1)}, "cool_down is negative"),
        ({"timeout": timedelta(0)}, "timeout is not longer than nothing"),
        ({"keep": timedelta(minutes=59)}, "keep is shorter than cache"),
    ],
)
def test_wrong_issuer_stops_the_boot(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(OptionsError) as stopped:
        oidc(**({"jwks": "https://issuer.example.org/jwks"} | options))
    assert str(stopped.value).startswith(problem)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_keys_of_this_machine_need_no_tls(host: str) -> None:
    assert oidc(f"http://{host}:8080/jwks")
