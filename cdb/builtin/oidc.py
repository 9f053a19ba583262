"""Tokens of an OpenID Connect issuer, with the profiles of the field.

`wlcg` is the WLCG Common JWT Profile, major version 1; `scitokens` is SciTokens
2.0. Tokens of SciTokens 1.0 need no version and no audience, so nothing says
what they are for: they are refused. SciTokens leaves `sub` out at will; here it
is needed, since every change has an actor.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Literal

from cdb.builtin.bearer import (
    CURVES,
    Expected,
    accepted_algorithm,
    header_of,
    identity_of,
    verified_claims,
)
from cdb.builtin.jwks import KeySet, Times
from cdb.plugin import Authenticator, Credentials, CredentialsRefused, Identity, OptionsError

ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", *CURVES})
"""What can be chosen: a public key checks them, and signs nothing."""


@dataclass(frozen=True, slots=True)
class OidcOptions:
    """Whose tokens, where the keys are, and whom the tokens are for."""

    issuer: str = field(metadata={"help": "What the claim `iss` has to be."})
    jwks: str = field(
        metadata={
            "help": "The issuer's JSON Web Key Set: an https URL (http on this machine only), or "
            "the path of a file."
        }
    )
    audience: tuple[str, ...] = field(
        metadata={
            "help": "What the claim `aud` has to hold one of; an issuer serves many services, so "
            "it cannot be left out."
        }
    )
    algorithms: tuple[str, ...] = field(
        default=("RS256", "ES256"),
        metadata={"help": "The algorithms that tokens may be signed with; none with a secret."},
    )
    leeway: timedelta = field(
        default=timedelta(seconds=10),
        metadata={"help": "How far the clocks of issuer and service may be apart."},
    )
    profile: Literal["plain", "wlcg", "scitokens"] = field(
        default="plain",
        metadata={"help": "The profile that tokens have to follow."},
    )
    subject_claim: str = field(
        default="sub",
        metadata={"help": "The claim that names who it is, for the change log and policies."},
    )
    cache: timedelta = field(
        default=timedelta(hours=1),
        metadata={"help": "After how long the keys are loaded again."},
    )
    cool_down: timedelta = field(
        default=timedelta(seconds=30),
        metadata={
            "help": "The time between two attempts to load the keys, however many tokens name a "
            "key that is not known."
        },
    )
    timeout: timedelta = field(
        default=timedelta(seconds=5),
        metadata={"help": "How long one attempt to load the keys may take."},
    )
    keep: timedelta = field(
        default=timedelta(days=4),
        metadata={"help": "How long the last good keys serve while new ones cannot be loaded."},
    )


@dataclass(frozen=True, slots=True)
class _Profile:
    """What a profile asks of a token besides.

    `version` is a claim and what it has to match; `any_audience` stands for every
    service.
    """

    version: tuple[str, re.Pattern[str]] | None = None
    any_audience: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


_PROFILES = {
    "plain": _Profile(),
    # Later minor versions have to be accepted, later major ones refused.
    "wlcg": _Profile(
        version=("wlcg.ver", re.compile(r"1\.[0-9]+")),
        any_audience=("https://wlcg.cern.ch/jwt/v1/any",),
        required=("iat", "jti"),
    ),
    "scitokens": _Profile(
        version=("ver", re.compile(r"scitoken:2\.0")),
        any_audience=("ANY",),
    ),
}


class Oidc(Authenticator):
    """An issuer's token in `Authorization: Bearer`; WLCG's groups stay in `wlcg.groups`."""

    requires_cdb: ClassVar[str] = ">=1,<2"
    Options: ClassVar[type] = OidcOptions
    options: OidcOptions
    scheme: ClassVar[str] = "Bearer"

    def __init__(self, name: str, options: OidcOptions) -> None:
        super().__init__(name, options)
        if not options.audience:
            raise OptionsError("audience is empty")
        if wrong := set(options.algorithms) - ALGORITHMS:
            raise OptionsError(f"algorithms: {', '.join(sorted(wrong))} is not among {_SORTED}")
        if not options.algorithms:
            raise OptionsError("algorithms is empty")
        self._profile = _PROFILES[options.profile]
        self._expected = Expected(
            options.issuer,
            options.audience + self._profile.any_audience,
            options.leeway,
            ("exp", *self._profile.required),
        )
        times = Times(options.cache, options.cool_down, options.timeout, options.keep)
        self._keys = KeySet(options.jwks, options.algorithms, times)

    def identify(self, credentials: Credentials) -> Identity | None:
        """Return whom the token names, or None where it is no bearer token.

        Where the token says its keys are (`jku`, `x5u`, `jwk`, `x5c`) is not
        looked at: they are where the options say.

        Raises:
            CredentialsRefused: the token does not hold, or there are no keys.

        """
        if credentials.scheme != self.scheme.lower():
            return None
        header = header_of(credentials.token)
        algorithm = accepted_algorithm(header, self.options.algorithms)
        key = self._keys.find(header.get("kid"), algorithm)
        claims = verified_claims(credentials.token, key, (algorithm,), self._expected)
        self._check_profile(claims)
        return identity_of(claims, self.name, self.options.subject_claim)

    def problem(self) -> str | None:
        """Return why tokens of the issuer are refused, or will be, as far as that is known."""
        return self._keys.problem()

    def _check_profile(self, claims: Mapping[str, Any]) -> None:
        if self._profile.version is not None:
            name, pattern = self._profile.version
            version = claims.get(name)
            if not isinstance(version, str) or not pattern.fullmatch(version):
                raise CredentialsRefused(
                    f"The token's claim {name!r} is not of the profile {self.options.profile}."
                )


_SORTED = ", ".join(sorted(ALGORITHMS))
