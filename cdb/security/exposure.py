"""Whether a service that lets everybody write can be reached by anybody else."""

import ipaddress

from cdb.registry.plugins import Plugins
from cdb.settings import Settings, SettingsError, key_of, loader_of


def check_open_writes(
    settings: Settings, plugins: Plugins, ini: str | None = None, listen: str | None = None
) -> None:
    """Raise where everybody could write, and nobody said that this is meant.

    Args:
        settings: of the service.
        plugins: those that it enables.
        ini: the file of the service, which says where it listens.
        listen: where it listens instead.

    Raises:
        SettingsError: a policy is open, and others than this machine can connect.

    """
    if settings.allow_open_writes:
        return
    policies = [policy.name for policy in plugins.policies if policy.is_open]
    if policies and not listens_on_this_machine(ini, listen):
        reason = (
            f"the authorization policy {policies[0]!r} lets everybody who reaches the service "
            "write, so it does not start. Enable authentication and another policy; or set "
            "this to true where a gateway in front decides who may write"
        )
        raise SettingsError([(key_of("allow_open_writes"), reason)], ini)


def listens_on_this_machine(ini: str | None, listen: str | None = None) -> bool:
    """Tell whether only this machine can connect to a service, as far as its ini says.

    One behind a proxy can be reached through that, so it counts as open.
    """
    server = loader_of(ini).get_settings("server:main") if ini else {}
    if server.get("trusted_proxy"):
        return False
    addresses = (listen or server.get("listen", "")).split()
    return bool(addresses) and all(_is_loopback(address) for address in addresses)


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
