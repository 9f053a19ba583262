# ruff: noqa: RUF012 - the examples are class attributes, which the kit annotates.
"""The built-in authenticators and authorization policies against the tests of their kind."""

import json
from pathlib import Path

import pytest
from forging import AUDIENCE, ISSUER, SECRET, attacker, issuer, signed

from cdb.builtin.allow_all import AllowAll
from cdb.builtin.anonymous import Anonymous
from cdb.builtin.jwt import Jwt, JwtOptions
from cdb.builtin.oidc import Oidc, OidcOptions
from cdb.builtin.roles import Roles, RolesOptions
from cdb.builtin.scopes import Scopes, ScopesOptions
from cdb.builtin.trusted_proxy import TrustedProxy, TrustedProxyOptions
from cdb.plugin import (
    ANONYMOUS,
    Credentials,
    Identity,
    NoOptions,
    Permission,
    Secret,
    Target,
)
from cdb.plugin.testing import AuthenticatorTests, AuthorizationPolicyTests

# --- authenticators ---------------------------------------------------------


def bearer(token: str) -> Credentials:
    return Credentials("bearer", token)


class TestAnonymous(AuthenticatorTests):
    plugin = Anonymous("anonymous", NoOptions())
    valid_credentials = [Credentials()]
    refused_credentials = []
    refuses_nothing = True


class TestJwt(AuthenticatorTests):
    plugin = Jwt("jwt", JwtOptions(secret=Secret(SECRET), audience=AUDIENCE, issuer=ISSUER))
    valid_credentials = [bearer(signed(issuer("HS256")))]
    refused_credentials = [
        bearer(signed(attacker("HS256"))),
        bearer(signed(issuer("HS256"), exp=1)),
        bearer("not.a.token"),
        bearer(""),
    ]


class TestOidc(AuthenticatorTests):
    valid_credentials = [bearer(signed(issuer("ES256")))]
    refused_credentials = [
        bearer(signed(attacker("ES256"))),
        bearer(signed(issuer("ES256"), aud="https://elsewhere.example.org")),
        bearer("not.a.token"),
    ]

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def keys(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        path = tmp_path_factory.mktemp("keys") / "jwks.json"
        path.write_text(json.dumps({"keys": [issuer("ES256").jwk()]}))
        cls.plugin = Oidc("oidc", OidcOptions(ISSUER, str(path), (AUDIENCE,)))
        return path


PROXY_SECRET = {"x-proxy-secret": SECRET}


class TestTrustedProxy(AuthenticatorTests):
    plugin = TrustedProxy(
        "trusted-proxy",
        TrustedProxyOptions(
            proxies=("10.1.2.3/32",),
            header="X-Remote-User",
            secret=Secret(SECRET),
            addresses=("10.2.0.0/16 online-daq",),
        ),
    )
    valid_credentials = [
        Credentials(headers={"x-remote-user": "jane", **PROXY_SECRET}, address="10.1.2.3"),
        Credentials(address="10.2.0.1"),
    ]
    refused_credentials = [
        Credentials(headers={"x-remote-user": "jane"}, address="10.1.2.3"),
        Credentials(headers={"x-remote-user": "\n", **PROXY_SECRET}, address="10.1.2.3"),
    ]


# --- authorization policies -------------------------------------------------

PROD = Target("global_tag", "Prod_1", global_tag="Prod_1")
TEST = Target("global_tag", "Test_1", global_tag="Test_1")
NO_TAG = Target("payload_type", "BeamSpot", payload_type="BeamSpot")
EXPERT = Identity("jane", "jwt", {"roles": ["expert"]})
MEMBER = Identity("john", "jwt")
WRITER = Identity("daq", "jwt", scopes=frozenset({"cdb.write:/Prod*", "openid"}))


class TestAllowAll(AuthorizationPolicyTests):
    plugin = AllowAll("allow-all", NoOptions())
    permitted = [(ANONYMOUS, Permission.ADMIN, NO_TAG)]
    denied = []


class TestRoles(AuthorizationPolicyTests):
    plugin = Roles(
        "roles",
        RolesOptions(
            members=("john: shifter",),
            grants=(
                "expert: write on Prod*",
                "shifter: iov.attach on Test*",
                "shifter: iov.create",
            ),
        ),
    )
    permitted = [
        (EXPERT, Permission.TAG_WRITE, PROD),
        (MEMBER, Permission.IOV_ATTACH, TEST),
        (MEMBER, Permission.IOV_CREATE, NO_TAG),
        (MEMBER, Permission.READ, PROD),
    ]
    denied = [
        (EXPERT, Permission.TAG_WRITE, TEST),
        (EXPERT, Permission.ADMIN, PROD),
        (MEMBER, Permission.IOV_ATTACH, PROD),
        (ANONYMOUS, Permission.READ, PROD),
    ]


class TestScopes(AuthorizationPolicyTests):
    plugin = Scopes("scopes", ScopesOptions())
    permitted = [(WRITER, Permission.IOV_ATTACH, PROD), (WRITER, Permission.TAG_CREATE, PROD)]
    denied = [
        (WRITER, Permission.IOV_ATTACH, TEST),
        (WRITER, Permission.TYPE_CREATE, NO_TAG),
        (EXPERT, Permission.IOV_ATTACH, PROD),
    ]
