"""Who it is by what a proxy says, or by the address that a request comes from.

Both go by the address that the server knows, and that is not always the peer's:
with `trusted_proxy` and `trusted_proxy_headers = x-forwarded-for`, waitress puts
the address that the proxy names in place of the proxy's own. So there are two
ways to set this up:

- without that, the address is the proxy's. `proxies` names the proxy; `addresses`
  knows only clients that come directly, never what a proxy passes on.
- with that, the address is the client's. `addresses` sees every client. Nothing
  but a `secret` tells that a header comes from the proxy, so `proxies` is
  `0.0.0.0/0 ::/0`, and a secret is needed.

The proxy has to remove the headers that it sets from what clients send.

Whoever is known by an address brings nothing of their own, and a page of anybody's
site can make a browser send what it likes from there: the name of that site is made
to mean this service, which is then of the same origin. So it is looked at which name
the service is called by.
"""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from types import MappingProxyType
from typing import ClassVar

from cdb.builtin.credentials import host_of, secret_problem, subject_problem
from cdb.plugin import (
    Authenticator,
    Credentials,
    CredentialsRefused,
    Identity,
    Lines,
    OptionsError,
    Secret,
)

Network = IPv4Network | IPv6Network

SOCKET = "unix"
"""In `proxies`: a peer without an IP address, as behind a Unix socket."""

# Servers take '_' for '-', or drop it: such a header is another one than it seems.
_HEADER = re.compile("[A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class TrustedProxyOptions:
    """Which proxies are believed what, and who is known by an address."""

    proxies: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "The networks whose requests may carry the header, as in `10.1.2.3/32`; "
            "`unix` is a Unix socket. All networks, or `unix`, need a secret."
        },
    )
    header: str = field(
        default="",
        metadata={"help": "The header that names the user, as in `X-Remote-User`."},
    )
    groups_header: str = field(
        default="",
        metadata={
            "help": "The header that names the user's groups, with commas between them; they "
            "become the claim `groups`."
        },
    )
    secret: Secret | None = field(
        default=None,
        metadata={"help": "What the proxy sends to show that it is the proxy."},
    )
    secret_header: str = field(
        default="X-Proxy-Secret",
        metadata={"help": "The header that the proxy sends the secret in."},
    )
    addresses: Lines = field(
        default=(),
        metadata={
            "help": "A line for each network whose clients are known by their address: the "
            "network and a name, as in `10.1.0.0/16 online-daq`; the smallest network counts."
        },
    )
    hosts: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "The names that these clients call the service by, as in "
            "`conditions.example.org`; its IP addresses and `localhost` need not be there."
        },
    )


class TrustedProxy(Authenticator):
    """Believes what a trusted proxy says, and knows some clients by their address.

    The header is ignored where it comes from anybody else: its sender is whoever
    it would be without, so that a forged one gains nothing, and a stray one does
    not stop anonymous reads. Where it comes from a proxy's address without the
    proxy's secret, the request is refused.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    Options: ClassVar[type] = TrustedProxyOptions
    options: TrustedProxyOptions

    def __init__(self, name: str, options: TrustedProxyOptions) -> None:
        super().__init__(name, options)
        _check_consistency(options)
        self._socket_is_proxy = SOCKET in options.proxies
        self._proxies = [_network("proxies", text) for text in options.proxies if text != SOCKET]
        self._addresses = _named_networks(options.addresses)
        self._hosts = frozenset(host.lower() for host in options.hosts)
        self._everybody_is_proxy = any(proxy.prefixlen == 0 for proxy in self._proxies)
        if self._everybody_is_proxy and options.secret is None:
            raise OptionsError("proxies are everybody: without a secret, anybody is a proxy")
        if self._socket_is_proxy and options.secret is None:
            raise OptionsError(
                f"the proxy {SOCKET} needs a secret: it is any peer without address"
            )

    def identify(self, credentials: Credentials) -> Identity | None:
        """Return whom the proxy or the address names, or None where neither does.

        Raises:
            CredentialsRefused: a proxy's header lacks its secret, or names nobody; or
                an address is known, and the service is called by a name that is not.

        """
        address = _address(credentials.address)
        if self._is_proxy(address):
            if subject := credentials.headers.get(self.options.header.lower()):
                self._check_secret(credentials)
                return self._named_by_proxy(subject, credentials)
            if not self._everybody_is_proxy:
                return None  # the address is the proxy's, and says nothing of the client
        for network, name in self._addresses:
            if address is not None and address in network:
                self._check_host(credentials.headers.get("host", ""))
                return Identity(name, self.name)
        return None

    def _check_host(self, host: str) -> None:
        called = host_of(host)
        is_meant = called in self._hosts or called == "localhost" or _address(called) is not None
        if host and not is_meant:  # without any, it is no browser
            raise CredentialsRefused(
                "Who is known by an address has to call the service by one of its names."
            )

    def _is_proxy(self, address: IPv4Address | IPv6Address | None) -> bool:
        if address is None:
            return self._socket_is_proxy
        return any(address in network for network in self._proxies)

    def _check_secret(self, credentials: Credentials) -> None:
        if self.options.secret is None:
            return
        given = credentials.headers.get(self.options.secret_header.lower(), "")
        # As bytes: texts are compared in constant time only where they are ASCII.
        if not hmac.compare_digest(
            given.encode("utf-8", "replace"), self.options.secret.value.encode()
        ):
            raise CredentialsRefused(
                f"The header {self.options.header} does not come with the proxy's secret."
            )

    def _named_by_proxy(self, subject: str, credentials: Credentials) -> Identity:
        _check_value(self.options.header, subject)
        listed = credentials.headers.get(self.options.groups_header.lower(), "")
        groups = tuple(group.strip() for group in listed.split(",") if group.strip())
        for group in groups:
            _check_value(self.options.groups_header, group)
        claims = {"groups": list(groups)} if self.options.groups_header else {}
        return Identity(subject, self.name, MappingProxyType(claims))


def _check_value(header: str, value: str) -> None:
    problem = subject_problem(value)
    # What else is in a header is in an encoding that nobody has agreed on.
    if problem is None and not value.isascii():
        problem = "is not in ASCII"
    if problem is not None:
        raise CredentialsRefused(f"The value of the header {header} {problem}.")


def _check_consistency(options: TrustedProxyOptions) -> None:
    if not options.header and not options.addresses:
        raise OptionsError("there is neither a header nor addresses: nobody could be known")
    if options.header and not options.proxies:
        raise OptionsError("header needs proxies: who may send it")
    for name in ("proxies", "groups_header", "secret"):
        if getattr(options, name) and not options.header:
            raise OptionsError(f"{name} is for a header that names the user, and there is none")
    if options.hosts and not options.addresses:
        raise OptionsError("hosts is for clients that are known by an address, and there are none")
    names = [options.header, options.groups_header, options.secret_header]
    for name in filter(None, names):
        if not _HEADER.fullmatch(name):
            raise OptionsError(f"{name!r} is not the name of a header: letters, digits and '-'")
    given = [name.lower() for name in names if name]
    if len(set(given)) != len(given):
        raise OptionsError("header, groups_header and secret_header are not three headers")
    if options.secret is not None and (problem := secret_problem(options.secret.value)):
        raise OptionsError(f"secret {problem}")


def _named_networks(lines: Iterable[str]) -> list[tuple[Network, str]]:
    """Return the networks and who is in them, the smallest network first."""
    named: dict[Network, str] = {}
    for line in lines:
        text, _, name = line.partition(" ")
        network, name = _network("addresses", text), name.strip()
        if problem := subject_problem(name):
            raise OptionsError(f"addresses: the name in {line!r} {problem}")
        if network.prefixlen == 0:
            raise OptionsError(f"addresses: {line!r} is everybody")
        if network in named:
            raise OptionsError(f"addresses: {network} is there twice")
        named[network] = name
    return sorted(named.items(), key=lambda item: item[0].prefixlen, reverse=True)


def _network(option: str, text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise OptionsError(f"{option}: {text!r} is not a network: {error}") from error
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None:
        raise OptionsError(f"{option}: {text!r}: an IPv4 network is written as one")
    return network


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address; what IPv6 sockets make of an IPv4 one is that; None where it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
