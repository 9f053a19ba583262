"""Tokens as issuers sign them, and as attackers forge them.

`ATTACKS` is the table of what must not get in. Each row makes its token from the
key of the issuer, which an attacker has only the public half of, and from one of
the attacker's own; a token of `TRUSTED` is what it would have to be.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER = "https://issuer.example.org/"
AUDIENCE = "https://cdb.example.org"
KID = "key-1"
SECRET = "vW3Xq0bT5mZr8KyL1nHc7PdJ4fGs9AeU6oRiBtNx2Yk"  # noqa: S105 - of the tests alone
OTHER_SECRET = "Q7hZ2kP9sLx4Vb1Nw8Tc5Ry0Md3Ff6Gj-AuEiOoKpWz"  # noqa: S105 - of the tests alone


@dataclass(frozen=True)
class Signer:
    """A key that signs tokens with one algorithm."""

    algorithm: str
    sign: Callable[[bytes], bytes]
    private: Any = None

    @property
    def private_pem(self) -> bytes:
        return bytes(self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    @property
    def public_pem(self) -> bytes:
        key = self.private.public_key()
        return bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    def jwk(self, **members: Any) -> dict[str, Any]:
        """Return the public key as an entry of a JSON Web Key Set."""
        kinds: dict[str, Any] = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm}
        public = kinds[self.algorithm].to_jwk(self.private.public_key(), as_dict=True)
        entry = public | {"kid": KID, "use": "sig", "alg": self.algorithm} | members
        return {name: value for name, value in entry.items() if value is not None}


def hs256(secret: str | bytes) -> Signer:
    key = secret.encode() if isinstance(secret, str) else secret
    return Signer("HS256", lambda message: hmac.digest(key, message, hashlib.sha256))


def rs256(bits: int = 2048) -> Signer:
    private = rsa.generate_private_key(65537, bits)

    def sign(message: bytes) -> bytes:
        return private.sign(message, padding.PKCS1v15(), hashes.SHA256())

    return Signer("RS256", sign, private)


def es256(curve: ec.EllipticCurve | None = None) -> Signer:
    private = ec.generate_private_key(curve or ec.SECP256R1())

    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(private.sign(message, ec.ECDSA(hashes.SHA256())))
        size = (private.key_size + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    return Signer("ES256", sign, private)


@cache
def issuer(algorithm: str) -> Signer:
    """Return the key that the service trusts."""
    return {"HS256": lambda: hs256(SECRET), "RS256": rs256, "ES256": es256}[algorithm]()


@cache
def attacker(algorithm: str) -> Signer:
    """Return a key of the same kind that it does not."""
    return {"HS256": lambda: hs256(OTHER_SECRET), "RS256": rs256, "ES256": es256}[algorithm]()


# --- tokens -----------------------------------------------------------------------


def segment(content: Any) -> str:
    """Return a part of a token; what is not bytes is written as JSON."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(**changes: Any) -> dict[str, Any]:
    """Return claims that hold for an hour, changed; None leaves one out."""
    now = int(time.time())
    usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "jane", "iat": now, "exp": now + 3600}
    return {name: value for name, value in (usual | changes).items() if value is not None}


def header(signer: Signer, **changes: Any) -> dict[str, Any]:
    usual = {"alg": signer.algorithm, "typ": "JWT", "kid": KID}
    return {name: value for name, value in (usual | changes).items() if value is not None}


def forge(signer: Signer, payload: Any = None, head: Any = None) -> str:
    """Return a token with whatever in it, signed."""
    first = segment(header(signer) if head is None else head)
    message = f"{first}.{segment(claims() if payload is None else payload)}"
    return f"{message}.{segment(signer.sign(message.encode()))}"


def signed(signer: Signer, **changes: Any) -> str:
    """Return a good token, but for the changes of its claims."""
    return forge(signer, claims(**changes))


# --- what is refused, and why ------------------------------------------------------

DAMAGED = "The token is damaged, or is no JSON Web Token."
ALGORITHM = "The token is signed with an algorithm that is not accepted here."
SIGNATURE = "The signature of the token does not hold."
TOO_LONG = "The token is longer than 16384 characters."
EXPIRED = "The token has expired."
NOT_YET = "The token is not valid yet."
AUDIENCE_WRONG = "The token is for another audience."
ISSUER_WRONG = "The token is of another issuer."
BROKEN_RULE = "The token breaks a rule of JSON Web Tokens."
TWICE = "The token says something twice."
SCOPE = "The token's claim 'scope' is neither a text nor a list of them."


def _lacks(claim: str) -> str:
    return f"The token lacks the claim {claim!r}."


def _no_time(claim: str) -> str:
    return f"The token's claim {claim!r} is not a time."


def _subject(problem: str) -> str:
    return f"The token's claim 'sub' {problem}."


@dataclass(frozen=True)
class Attack:
    """A token that must not get in.

    `make` takes the issuer's key and the attacker's.
    """

    name: str
    reason: str
    make: Callable[[Signer, Signer], str]


def _with_claims(name: str, reason: str, **changes: Any) -> Attack:
    return Attack(name, reason, lambda own, _: signed(own, **changes))


def _with_raw_claim(name: str, reason: str, claim: str, text: str) -> Attack:
    """Put a claim in as JSON text, which need not be one that Python writes."""

    def make(own: Signer, _: Signer) -> str:
        rest = json.dumps(claims(**{claim: None}))
        return forge(own, f'{rest[:-1]}, "{claim}": {text}}}'.encode())

    return Attack(name, reason, make)


def _with_header(name: str, reason: str, **changes: Any) -> Attack:
    """Have the issuer's key sign what it never would: a header that asks for something."""
    return Attack(name, reason, lambda own, _: forge(own, head=header(own, **changes)))


def _pointing_at_own_key(name: str, pointer: Callable[[Signer], Mapping[str, Any]]) -> Attack:
    """Sign with the attacker's key, and say in the header where that is."""
    return Attack(
        name,
        SIGNATURE,
        lambda _, other: forge(other, head=header(other) | pointer(other)),
    )


def _without_signature(algorithm: str | None) -> Callable[[Signer, Signer], str]:
    def make(own: Signer, _: Signer) -> str:
        first = header(own) if algorithm is None else header(own, alg=algorithm)
        return f"{segment(first)}.{segment(claims())}."

    return make


def _parts(own: Signer, **changes: Any) -> list[str]:
    return signed(own, **changes).split(".")


def _swapped_payload(own: Signer, _: Signer) -> str:
    first, _payload, signature = _parts(own)
    return f"{first}.{segment(claims(sub='admin'))}.{signature}"


def _swapped_header(own: Signer, _: Signer) -> str:
    _first, payload, signature = _parts(own)
    return f"{segment(header(own, kid=KID, typ='at+jwt'))}.{payload}.{signature}"


def _one_bit_off(own: Signer, _: Signer) -> str:
    first, payload, signature = _parts(own)
    raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    return f"{first}.{payload}.{segment(bytes([raw[0] ^ 1]) + raw[1:])}"


def _public_key_as_secret(own: Signer, _: Signer) -> str:
    known = SECRET.encode()[:-1] if own.private is None else own.public_pem
    return forge(hs256(known))


def _embedded_key(other: Signer) -> dict[str, Any]:
    return {"jwk": other.jwk() if other.private else {"kty": "oct", "k": segment(b"x" * 32)}}


def _now() -> int:
    return int(time.time())


ATTACKS: tuple[Attack, ...] = (
    # What is no token.
    Attack("nothing", DAMAGED, lambda _own, _: ""),
    Attack("words", DAMAGED, lambda _own, _: "let me in"),
    Attack("not-ascii", DAMAGED, lambda own, _: signed(own) + "é"),
    Attack("two-parts", DAMAGED, lambda own, _: ".".join(_parts(own)[:2])),
    Attack("five-parts", DAMAGED, lambda own, _: signed(own) + ".e30.e30"),
    Attack("half", DAMAGED, lambda own, _: signed(own)[:30]),
    Attack("wrong-alphabet", DAMAGED, lambda own, _: signed(own)[:-4] + "!!!!"),
    Attack("too-long", TOO_LONG, lambda own, _: signed(own, note="x" * 16384)),
    Attack("far-too-long", TOO_LONG, lambda _own, _: "a" * 10_000_000),
    Attack("header-is-a-list", DAMAGED, lambda own, _: forge(own, head=["alg"])),
    Attack("header-is-deep", DAMAGED, lambda own, _: forge(own, head=b"[" * 5000 + b"]" * 5000)),
    Attack(
        "header-holds-depth",
        DAMAGED,
        lambda own, _: forge(
            own,
            head=json.dumps(header(own))[:-1].encode() + b', "x": ' + b"[" * 40 + b"]" * 40 + b"}",
        ),
    ),
    # Signatures that are none.
    Attack("none", ALGORITHM, _without_signature("none")),
    Attack("none-in-capitals", ALGORITHM, _without_signature("nOnE")),
    _with_header("none-but-signed", ALGORITHM, alg="none"),
    Attack("unsigned", SIGNATURE, _without_signature(None)),
    # Other algorithms.
    _with_header("longer-hash", ALGORITHM, alg="HS512"),
    _with_header("probabilistic", ALGORITHM, alg="PS256"),
    _with_header("no-algorithm", ALGORITHM, alg=None),
    _with_header("algorithm-is-a-list", ALGORITHM, alg=["HS256", "RS256", "ES256"]),
    _with_header("algorithm-is-an-object", ALGORITHM, alg={"HS256": True}),
    # Other keys, other content.
    Attack("wrong-key", SIGNATURE, lambda _, other: signed(other)),
    Attack("swapped-payload", SIGNATURE, _swapped_payload),
    Attack("swapped-header", SIGNATURE, _swapped_header),
    Attack("one-bit-off", SIGNATURE, _one_bit_off),
    _pointing_at_own_key("embedded-key", _embedded_key),
    _pointing_at_own_key("jku", lambda _: {"jku": "https://attacker.example.org/jwks.json"}),
    _pointing_at_own_key("x5u", lambda _: {"x5u": "https://attacker.example.org/cert.pem"}),
    _pointing_at_own_key("x5c", lambda _: {"x5c": ["MIIB"]}),
    _with_header("kid-is-a-number", BROKEN_RULE, kid=1),
    # Extensions that change what a token means.
    _with_header("critical-extension", BROKEN_RULE, crit=["exp-is-optional"]),
    _with_header("critical-is-empty", BROKEN_RULE, crit=[]),
    _with_header("payload-elsewhere", DAMAGED, crit=["b64"], b64=False),
    _with_header(
        "payload-here",
        "The token's header has `crit`, which is not understood here.",
        crit=["b64"],
        b64=True,
    ),
    # Times.
    _with_claims("expired", EXPIRED, exp=_now() - 3600),
    _with_claims("expired-for-longer-than-the-leeway", EXPIRED, exp=_now() - 60),
    _with_claims("not-yet", NOT_YET, nbf=_now() + 7200),
    _with_claims("issued-in-the-future", NOT_YET, iat=_now() + 7200),
    _with_claims("never-expires", _lacks("exp"), exp=None),
    _with_raw_claim("exp-is-null", _no_time("exp"), "exp", "null"),
    _with_claims("exp-is-a-text", _no_time("exp"), exp="9999999999"),
    _with_claims("exp-is-true", _no_time("exp"), exp=True),
    _with_claims("exp-is-a-list", _no_time("exp"), exp=[9999999999]),
    _with_claims("exp-is-negative", _no_time("exp"), exp=-1),
    _with_raw_claim("exp-is-not-a-number", DAMAGED, "exp", "NaN"),
    _with_raw_claim("exp-is-infinite", DAMAGED, "exp", "Infinity"),
    _with_raw_claim("exp-overflows", _no_time("exp"), "exp", "1e999"),
    _with_raw_claim("exp-is-after-the-year-9999", _no_time("exp"), "exp", "9" * 400),
    _with_raw_claim("exp-has-too-many-digits", DAMAGED, "exp", "9" * 5000),
    _with_claims("nbf-is-a-text", _no_time("nbf"), nbf="0"),
    _with_claims("iat-is-a-text", _no_time("iat"), iat="0"),
    # For whom, and from whom.
    _with_claims("wrong-audience", AUDIENCE_WRONG, aud="https://other.example.org"),
    _with_claims("audience-begins-the-same", AUDIENCE_WRONG, aud=f"{AUDIENCE}.attacker.example"),
    _with_claims("audience-is-an-object", AUDIENCE_WRONG, aud={AUDIENCE: 1}),
    _with_claims("audience-holds-a-number", AUDIENCE_WRONG, aud=[AUDIENCE, 1]),
    _with_claims("no-audience", _lacks("aud"), aud=None),
    _with_claims("empty-audience", _lacks("aud"), aud=[]),
    _with_claims("wrong-issuer", ISSUER_WRONG, iss="https://other.example.org/"),
    _with_claims("issuer-without-slash", ISSUER_WRONG, iss=ISSUER.removesuffix("/")),
    _with_claims("issuer-is-a-part", ISSUER_WRONG, iss="https"),
    _with_claims("issuer-is-a-list", ISSUER_WRONG, iss=[ISSUER]),
    _with_claims("no-issuer", _lacks("iss"), iss=None),
    # Who.
    _with_claims("no-subject", _lacks("sub"), sub=None),
    _with_claims("subject-is-a-number", _subject("is not a text"), sub=7),
    _with_claims("subject-is-a-list", _subject("is not a text"), sub=["jane"]),
    _with_claims("subject-is-empty", _subject("is empty"), sub=""),
    _with_claims("subject-is-long", _subject("has more than 255 characters"), sub="x" * 256),
    _with_claims(
        "subject-has-a-line-end", _subject("has a character that cannot be seen"), sub="j\nx"
    ),
    _with_claims("subject-has-a-null", _subject("has a character that cannot be seen"), sub="j\0"),
    _with_claims(
        "subject-turns-around", _subject("has a character that cannot be seen"), sub="j\u202eenaj"
    ),
    _with_claims(
        "subject-is-half-a-character",
        _subject("has a character that cannot be seen"),
        sub="j\ud800",
    ),
    _with_claims("subject-has-a-space", _subject("has white space at its ends"), sub="jane "),
    _with_claims(
        "subject-is-anonymous",
        _subject("is the one of whoever sends no credentials"),
        sub="anonymous",
    ),
    # JSON that can be read in two ways, or hardly at all.
    _with_raw_claim("subject-twice", TWICE, "sub", '"jane", "sub": "admin"'),
    _with_raw_claim("inner-name-twice", TWICE, "x", '{"y": 1, "y": 2}'),
    _with_raw_claim("claims-are-deep", DAMAGED, "x", "[" * 5000 + "]" * 5000),
    _with_raw_claim("claims-are-too-deep", DAMAGED, "x", "[" * 17 + "]" * 17),
    Attack("claims-are-a-list", DAMAGED, lambda own, _: forge(own, ["jane"])),
    Attack("claims-are-no-json", DAMAGED, lambda own, _: forge(own, b"{'sub': 'jane'}")),
    Attack(
        "claims-are-utf-16", DAMAGED, lambda own, _: forge(own, '{"sub":"j"}'.encode("utf-16"))
    ),
    Attack("claims-are-empty", DAMAGED, lambda own, _: forge(own, b"")),
    _with_claims("scope-is-a-number", SCOPE, scope=7),
    _with_claims("scope-holds-a-number", SCOPE, scope=["cdb.write", 7]),
)
"""What every authenticator of signed tokens refuses, whatever the key."""

ASYMMETRIC_ATTACKS: tuple[Attack, ...] = (
    Attack("public-key-as-secret", ALGORITHM, _public_key_as_secret),
    Attack("empty-secret", ALGORITHM, lambda _own, _: forge(hs256(b""))),
    Attack("secret-of-the-attacker", ALGORITHM, lambda _own, _: forge(hs256(OTHER_SECRET))),
)
"""What is tried where the key is public: algorithm confusion."""

SYMMETRIC_ATTACKS: tuple[Attack, ...] = (
    Attack("empty-secret", SIGNATURE, lambda _own, _: forge(hs256(b""))),
    Attack("shortened-secret", SIGNATURE, lambda _own, _: forge(hs256(SECRET[:-1]))),
    Attack("key-pair-of-the-attacker", ALGORITHM, lambda _own, _: forge(attacker("RS256"))),
)
"""What is tried where the key is a secret."""
