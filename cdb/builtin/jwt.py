"""Tokens that one known key signs: a secret that is shared, or the issuer's public key."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pyramid_jwt.policy import (
    JWTAuthenticationPolicy,
)

from cdb.builtin.bearer import Expected, header_of, identity_of, key_problem, verified_claims
from cdb.builtin.credentials import secret_problem
from cdb.plugin import (
    Authenticator,
    Credentials,
    CredentialsRefused,
    Identity,
    OptionsError,
    Secret,
)


@dataclass(frozen=True, slots=True)
class JwtOptions:
    """Who signs the tokens, and what they have to say."""

    algorithm: Literal["HS256", "RS256", "ES256"] = field(
        default="HS256",
        metadata={"help": "The one algorithm that tokens are signed with."},
    )
    secret: Secret | None = field(
        default=None,
        metadata={"help": "For HS256: the secret that signs, of at least 32 bytes."},
    )
    public_key: Path | None = field(
        default=None,
        metadata={"help": "For RS256 and ES256: the PEM file with the issuer's public key."},
    )
    audience: str | None = field(
        default=None,
        metadata={
            "help": "What the claim `aud` has to hold; without it, a token that is for an "
            "audience is refused."
        },
    )
    issuer: str | None = field(
        default=None,
        metadata={"help": "What the claim `iss` has to be."},
    )
    leeway: timedelta = field(
        default=timedelta(seconds=10),
        metadata={"help": "How far the clocks of issuer and service may be apart."},
    )
    max_lifetime: timedelta | None = field(
        default=None,
        metadata={
            "help": "The longest time from `iat` to `exp` that a token may have; with it, "
            "tokens need an `iat`."
        },
    )
    subject_claim: str = field(
        default="sub",
        metadata={"help": "The claim that names who it is, for the change log and policies."},
    )


class Jwt(Authenticator):
    """A JSON Web Token in `Authorization: Bearer`.

    What is not a token of this key is refused, never left to others in silence:
    where several authenticators read bearer tokens, the service asks each.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    Options: ClassVar[type] = JwtOptions
    options: JwtOptions
    scheme: ClassVar[str] = "Bearer"

    def __init__(self, name: str, options: JwtOptions) -> None:
        super().__init__(name, options)
        key = _secret(options) if options.algorithm == "HS256" else _public_key(options)
        if options.max_lifetime is not None and options.max_lifetime <= timedelta(0):
            raise OptionsError("max_lifetime is not longer than nothing")
        required = ("exp",) if options.max_lifetime is None else ("exp", "iat")
        audiences = () if options.audience is None else (options.audience,)
        expected = Expected(options.issuer, audiences, options.leeway, required)
        self._codec = _Codec(key, options.algorithm, expected)

    def identify(self, credentials: Credentials) -> Identity | None:
        """Return whom the token names, or None where it is no bearer token.

        Raises:
            CredentialsRefused: the token does not hold.

        """
        if credentials.scheme != self.scheme.lower():
            return None
        header_of(credentials.token)
        claims = self._codec.jwt_decode(None, credentials.token)
        longest = self.options.max_lifetime
        if longest is not None and claims["exp"] - claims["iat"] > longest.total_seconds():
            raise CredentialsRefused(
                f"The token is valid for longer than {longest.total_seconds():.0f} seconds."
            )
        return identity_of(claims, self.name, self.options.subject_claim)


class _Codec(JWTAuthenticationPolicy):  # type: ignore[misc]  # its base is untyped
    """pyramid_jwt's codec for one key, which says why a token is refused.

    The original turns every bad token into no claims, which would read as
    'anonymous'. It never signs here, so it has no private key.
    """

    def __init__(self, key: Any, algorithm: str, expected: Expected) -> None:
        super().__init__(
            private_key=None,
            public_key=key,
            algorithm=algorithm,
            leeway=expected.leeway,
            audience=expected.audiences,
            auth_type="Bearer",
        )
        self._expected = expected

    def jwt_decode(self, request: object, token: str) -> dict[str, Any]:
        """Return the claims of a token.

        Raises:
            CredentialsRefused: the token does not hold.

        """
        return verified_claims(token, self.public_key, (self.algorithm,), self._expected)


def _secret(options: JwtOptions) -> bytes:
    if options.public_key is not None:
        raise OptionsError("public_key is for RS256 and ES256; HS256 has a secret")
    if options.secret is None:
        raise OptionsError("HS256 needs a secret")
    if "-----BEGIN" in options.secret.value:
        raise OptionsError("secret is a key in PEM; RS256 and ES256 have a public_key")
    if problem := secret_problem(options.secret.value):
        raise OptionsError(f"secret {problem}")
    return options.secret.value.encode()


def _public_key(options: JwtOptions) -> Any:
    if options.secret is not None:
        raise OptionsError(f"secret is for HS256; {options.algorithm} has a public_key")
    if options.public_key is None:
        raise OptionsError(f"{options.algorithm} needs a public_key")
    try:
        pem = options.public_key.read_bytes()
    except OSError as error:
        raise OptionsError(f"public_key cannot be read: {error}") from error
    if b"PRIVATE KEY" in pem:
        raise OptionsError("public_key is a private key, which belongs to the issuer alone")
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise OptionsError("public_key is not a public key in PEM") from error
    if problem := key_problem(key, options.algorithm):
        raise OptionsError(f"public_key {problem}")
    return key
