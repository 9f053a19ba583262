"""Identities by a proxy's header, and by the address that a request comes from."""

from typing import Any

import pytest
from forging import OTHER_SECRET, SECRET

from cdb.builtin.trusted_proxy import TrustedProxy, TrustedProxyOptions
from cdb.plugin import Credentials, CredentialsRefused, Identity, OptionsError, Secret


def proxy(**options: Any) -> TrustedProxy:
    usual = {"proxies": ("10.0.0.5/32",), "header": "X-Remote-User"}
    return TrustedProxy("trusted-proxy", TrustedProxyOptions(**(usual | options)))


def sent(address: str, **headers: str) -> Credentials:
    names = {name.lower().replace("_", "-"): value for name, value in headers.items()}
    return Credentials(headers=names, address=address)


def why(authenticator: TrustedProxy, credentials: Credentials) -> str:
    """Return why credentials are refused."""
    with pytest.raises(CredentialsRefused) as refused:
        authenticator.identify(credentials)
    return str(refused.value)


def test_proxy_names_the_user_and_the_groups() -> None:
    authenticator = proxy(groups_header="X-Groups")
    identity = authenticator.identify(
        sent("10.0.0.5", X_Remote_User="jane", X_Groups="expert, /cms/shift,,")
    )
    assert identity is not None
    assert (identity.subject, identity.method) == ("jane", "trusted-proxy")
    assert identity.claims == {"groups": ["expert", "/cms/shift"]}
    assert identity.scopes is None


def test_proxy_has_to_name_groups_that_can_be_seen() -> None:
    authenticator = proxy(groups_header="X-Groups")
    reason = why(authenticator, sent("10.0.0.5", X_Remote_User="jane", X_Groups="a, b\x07"))
    assert reason == "The value of the header X-Groups has a character that cannot be seen."


@pytest.mark.parametrize("address", ["10.0.0.6", "203.0.113.9", "::1", "", "localhost", "unix"])
def test_header_of_anybody_else_is_ignored(address: str) -> None:
    assert proxy().identify(sent(address, X_Remote_User="admin")) is None


def test_forged_header_does_not_change_who_an_address_is() -> None:
    authenticator = proxy(addresses=("10.1.0.0/16 online-daq",))
    identity = authenticator.identify(sent("10.1.2.3", X_Remote_User="admin"))
    assert identity == Identity("online-daq", "trusted-proxy")


def test_groups_of_anybody_else_are_ignored() -> None:
    authenticator = proxy(groups_header="X-Groups", addresses=("10.1.0.0/16 online-daq",))
    identity = authenticator.identify(sent("10.1.2.3", X_Groups="expert"))
    assert identity == Identity("online-daq", "trusted-proxy")


@pytest.mark.parametrize("address", ["10.0.0.5", "::ffff:10.0.0.5", "::ffff:a00:5"])
def test_ipv4_address_in_ipv6_is_the_same(address: str) -> None:
    assert proxy().identify(sent(address, X_Remote_User="jane")) is not None


@pytest.mark.parametrize(
    ("secret", "accepted"),
    [(SECRET, True), (SECRET[:-1], False), (OTHER_SECRET, False), ("", False), ("é\ud800", False)],
)
def test_proxy_has_to_know_the_secret(secret: str, accepted: bool) -> None:
    authenticator = proxy(secret=Secret(SECRET), secret_header="X-Shared")  # noqa: S106 - a header
    credentials = sent("10.0.0.5", X_Remote_User="jane", X_Shared=secret)
    if accepted:
        assert authenticator.identify(credentials) is not None
    else:
        reason = why(authenticator, credentials)
        assert reason == "The header X-Remote-User does not come with the proxy's secret."


def test_secret_alone_is_not_enough() -> None:
    authenticator = proxy(secret=Secret(SECRET))
    stranger = sent("203.0.113.9", X_Remote_User="admin", X_Proxy_Secret=SECRET)
    assert authenticator.identify(stranger) is None


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("anonymous", "is the one of whoever sends no credentials"),
        ("x" * 256, "has more than 255 characters"),
        ("a\x07", "has a character that cannot be seen"),
        (" ", "has white space at its ends"),
        ("JÃ¶rg", "is not in ASCII"),
    ],
)
def test_proxy_has_to_name_somebody(value: str, problem: str) -> None:
    reason = why(proxy(), sent("10.0.0.5", X_Remote_User=value))
    assert reason == f"The value of the header X-Remote-User {problem}."


def test_what_a_proxy_passes_on_without_a_name_is_nobodys() -> None:
    authenticator = proxy(addresses=("10.0.0.0/8 inside",))
    assert authenticator.identify(sent("10.0.0.5")) is None
    assert authenticator.identify(sent("10.0.0.6")) == Identity("inside", "trusted-proxy")


def test_smallest_network_counts() -> None:
    lines = ("10.0.0.0/8 inside", "10.1.0.0/16 online-daq", "2001:db8::/32 outside")
    authenticator = proxy(proxies=(), header="", addresses=lines)
    found = [
        authenticator.identify(sent(each)) for each in ("10.2.0.1", "10.1.0.1", "2001:db8::1")
    ]
    assert [each and each.subject for each in found] == ["inside", "online-daq", "outside"]
    assert authenticator.identify(sent("192.0.2.1")) is None


def test_client_behind_a_proxy_that_tells_its_address_is_known_by_it() -> None:
    authenticator = proxy(
        proxies=("0.0.0.0/0", "::/0"), secret=Secret(SECRET), addresses=("10.1.0.0/16 online-daq",)
    )
    daq = authenticator.identify(sent("10.1.2.3", X_Proxy_Secret=SECRET))
    assert daq == Identity("online-daq", "trusted-proxy")
    jane = sent("203.0.113.9", X_Remote_User="jane", X_Proxy_Secret=SECRET)
    assert authenticator.identify(jane) == Identity("jane", "trusted-proxy")
    assert why(authenticator, sent("203.0.113.9", X_Remote_User="jane"))


def test_unix_socket_is_a_proxy_with_a_secret() -> None:
    authenticator = proxy(proxies=("unix",), secret=Secret(SECRET))
    told = sent("localhost", X_Remote_User="jane", X_Proxy_Secret=SECRET)
    assert authenticator.identify(told) == Identity("jane", "trusted-proxy")
    assert why(authenticator, sent("", X_Remote_User="jane"))
    assert authenticator.identify(sent("203.0.113.9", X_Remote_User="jane")) is None


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"proxies": (), "header": ""}, "there is neither a header nor addresses"),
        ({"proxies": ()}, "header needs proxies"),
        ({"header": "", "addresses": ("10.0.0.0/8 a",)}, "proxies is for a header"),
        ({"proxies": ("10.0.0.5/8",)}, "proxies: '10.0.0.5/8' is not a network"),
        ({"proxies": ("gateway",)}, "proxies: 'gateway' is not a network"),
        ({"proxies": ("0.0.0.0/0",)}, "proxies are everybody"),
        ({"proxies": ("10.0.0.5", "::/0")}, "proxies are everybody"),
        ({"proxies": ("unix",)}, "the proxy unix needs a secret"),
        (
            {"proxies": ("::ffff:10.0.0.5/128",)},
            "proxies: '::ffff:10.0.0.5/128': an IPv4 network is",
        ),
        ({"header": "X_Remote_User"}, "'X_Remote_User' is not the name of a header"),
        ({"header": "X-Remote-User:"}, "'X-Remote-User:' is not the name of a header"),
        ({"groups_header": "x-remote-user"}, "header, groups_header and secret_header are not"),
        ({"secret": Secret("short")}, "secret is shorter than 32 bytes"),
        ({"hosts": ("a.example",)}, "hosts is for clients that are known by an address"),
        ({"addresses": ("10.0.0.0/8",)}, "addresses: the name in '10.0.0.0/8' is empty"),
        ({"addresses": ("0.0.0.0/0 all",)}, "addresses: '0.0.0.0/0 all' is everybody"),
        ({"addresses": ("10.0.0.0/8 a", "10.0.0.0/8 b")}, "addresses: 10.0.0.0/8 is there twice"),
        (
            {"addresses": ("10.0.0.0/8 anonymous",)},
            "addresses: the name in '10.0.0.0/8 anonymous'",
        ),
    ],
)
def test_wrong_proxy_stops_the_boot(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(OptionsError) as stopped:
        proxy(**options)
    assert str(stopped.value).startswith(problem)
