"""What a signed token has to be, whoever signed it: the checks that `jwt` and `oidc` share.

PyJWT checks the signature and the registered claims. Around it, this refuses
what JSON Web Tokens leave open: their size and depth, claims that are there
twice, times that are texts. Every refusal is a sentence for the caller, and none
of them holds a part of the token or of a key.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from cdb.builtin.credentials import subject_problem
from cdb.plugin import CredentialsRefused, Identity, OptionsError

TOKEN_LENGTH = 16 * 1024
"""Characters of a token at most; with many groups in it, it has about 4,000."""

DEPTH = 16
"""Levels of the JSON in a token at most; roles are two levels down where they are deep."""

RSA_BITS = 2048
"""The size of an RSA key at least."""

CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
"""The algorithms of elliptic curves, each with its own curve."""

MAX_LEEWAY = timedelta(minutes=10)

_DAMAGED = "The token is damaged, or is no JSON Web Token."
_ALGORITHM = "The token is signed with an algorithm that is not accepted here."

_REASONS: Sequence[tuple[type[jwt.PyJWTError], str]] = (
    (jwt.ExpiredSignatureError, "The token has expired."),
    (jwt.ImmatureSignatureError, "The token is not valid yet."),
    (jwt.InvalidAudienceError, "The token is for another audience."),
    (jwt.InvalidIssuerError, "The token is of another issuer."),
    (jwt.InvalidAlgorithmError, _ALGORITHM),
    (jwt.InvalidSignatureError, "The signature of the token does not hold."),
    (jwt.DecodeError, _DAMAGED),
    (jwt.PyJWTError, "The token breaks a rule of JSON Web Tokens."),
)
"""What the caller is told: the first that fits, since some errors are kinds of others."""

_TIMES = ("exp", "nbf", "iat")

_LATEST = 253_402_300_799
"""The last second of the year 9999: a time after it is a mistake."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the claims of a token have to say.

    Attributes:
        issuer: `iss`; None for any, or none.
        audiences: `aud` has to hold one of them; with none, a token that is for
            an audience is refused.
        leeway: how wrong clocks may be.
        required: claims that have to be there.

    """

    issuer: str | None
    audiences: tuple[str, ...]
    leeway: timedelta
    required: tuple[str, ...] = ("exp",)

    def __post_init__(self) -> None:
        """Check what the options of both authenticators can get wrong.

        Raises:
            OptionsError: the leeway is negative or long, or a text is empty.

        """
        if not timedelta(0) <= self.leeway <= MAX_LEEWAY:
            raise OptionsError(f"leeway is not from 0 to {MAX_LEEWAY.total_seconds():.0f} seconds")
        if self.issuer == "":
            raise OptionsError("issuer is empty")
        if "" in self.audiences:
            raise OptionsError("audience is empty")


def header_of(token: str) -> Mapping[str, Any]:
    """Return the header of a token, of which nothing is proved yet.

    Raises:
        CredentialsRefused: the token is too long, it is none, or its header asks
            for what is not understood here.

    """
    if len(token) > TOKEN_LENGTH:
        raise CredentialsRefused(f"The token is longer than {TOKEN_LENGTH} characters.")
    if not token.isascii():
        raise CredentialsRefused(_DAMAGED)
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise CredentialsRefused(_reason(error)) from None
    if _is_deeper(header, DEPTH):
        raise CredentialsRefused(_DAMAGED)
    if "crit" in header:
        raise CredentialsRefused("The token's header has `crit`, which is not understood here.")
    return header


def accepted_algorithm(header: Mapping[str, Any], algorithms: Sequence[str]) -> str:
    """Return the algorithm that a token says it is signed with.

    Raises:
        CredentialsRefused: it is none of `algorithms`.

    """
    for algorithm in algorithms:
        if header.get("alg") == algorithm:
            return algorithm
    raise CredentialsRefused(_ALGORITHM)


def verified_claims(
    token: str, key: Any, algorithms: Sequence[str], expected: Expected
) -> dict[str, Any]:
    """Return the claims of a token after its signature, times, issuer and audience hold.

    Args:
        token: the token; `header_of` has accepted it.
        key: the secret as bytes, or a public key.
        algorithms: those that the key is for, never what the token says.
        expected: what the claims have to say.

    Raises:
        CredentialsRefused: something does not hold.

    """
    try:
        return _JWT.decode(
            token,
            key,
            algorithms=list(algorithms),
            issuer=expected.issuer,
            audience=list(expected.audiences) or None,
            leeway=expected.leeway,
            options={"require": list(expected.required), "verify_sub": False},
        )
    except jwt.PyJWTError as error:
        raise CredentialsRefused(_reason(error)) from None


def identity_of(claims: Mapping[str, Any], method: str, subject_claim: str) -> Identity:
    """Return whom verified claims name.

    The claim `scope`, where it is there, becomes the scopes: words in a text, or
    a list of texts.

    Raises:
        CredentialsRefused: they name nobody, or the scopes are of another form.

    """
    subject = claims.get(subject_claim)
    if subject is None:
        raise CredentialsRefused(f"The token lacks the claim {subject_claim!r}.")
    if problem := subject_problem(subject):
        raise CredentialsRefused(f"The token's claim {subject_claim!r} {problem}.")
    return Identity(subject, method, MappingProxyType(dict(claims)), _scopes(claims.get("scope")))


def key_problem(key: Any, algorithm: str) -> str | None:
    """Return why a public key is not for an algorithm, or None where it is.

    The reason continues a sentence, as in 'is not an RSA key'.
    """
    if curve := CURVES.get(algorithm):
        fits = isinstance(key, EllipticCurvePublicKey) and key.curve.name == curve
        return None if fits else f"is not a key of the curve {curve}, which {algorithm} needs"
    if not isinstance(key, RSAPublicKey):
        return f"is not an RSA key, which {algorithm} needs"
    return None if key.key_size >= RSA_BITS else f"has fewer than {RSA_BITS} bits"


class _StrictJwt(jwt.PyJWT):
    """Reads the claims of a token as strictly as the rest of it."""

    def _decode_payload(self, decoded: dict[str, Any]) -> dict[str, Any]:
        """Return the claims; PyJWT calls it after the signature holds, before it looks at them."""
        try:
            claims = json.loads(
                decoded["payload"].decode(),
                object_pairs_hook=_unique,
                parse_constant=_no_number,
            )
        except (ValueError, RecursionError):
            raise CredentialsRefused(_DAMAGED) from None
        if not isinstance(claims, dict) or _is_deeper(claims, DEPTH):
            raise CredentialsRefused(_DAMAGED)
        for name in _TIMES:
            if name in claims and not _is_time(claims[name]):
                raise CredentialsRefused(f"The token's claim {name!r} is not a time.")
        return claims


_JWT = _StrictJwt()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise CredentialsRefused("The token says something twice.")
    return names


def _no_number(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")


def _is_time(value: Any) -> bool:
    """Tell whether something is seconds since 1970, and not a text or a truth value."""
    return type(value) in (int, float) and 0 <= value <= _LATEST


def _is_deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return False
    return levels == 0 or any(_is_deeper(part, levels - 1) for part in value)


def _scopes(scope: Any) -> frozenset[str] | None:
    if scope is None:
        return None
    words = scope.split() if isinstance(scope, str) else scope
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise CredentialsRefused("The token's claim 'scope' is neither a text nor a list of them.")
    return frozenset(words)


def _reason(error: jwt.PyJWTError) -> str:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"The token lacks the claim {error.claim!r}."
    return next(reason for kind, reason in _REASONS if isinstance(error, kind))
