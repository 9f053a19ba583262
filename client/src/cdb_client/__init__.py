"""The command line and Python client of the cdb conditions database."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cdb_client.client import Client
    from cdb_client.conditions import Conditions, PayloadIOV
    from cdb_client.errors import (
        BundleError,
        Changed,
        ClientError,
        ConfigError,
        Conflict,
        Forbidden,
        Invalid,
        NotationError,
        NotFound,
        NotJson,
        PayloadError,
        ServiceError,
        Unauthenticated,
        Unavailable,
        Unreachable,
    )
    from cdb_client.frames import frame

__all__ = [
    "BundleError",
    "Changed",
    "Client",
    "ClientError",
    "Conditions",
    "ConfigError",
    "Conflict",
    "Forbidden",
    "Invalid",
    "NotFound",
    "NotJson",
    "NotationError",
    "PayloadError",
    "PayloadIOV",
    "ServiceError",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
    "frame",
]

_MODULES = {
    "Client": "client",
    "Conditions": "conditions",
    "PayloadIOV": "conditions",
    "frame": "frames",
}


def __getattr__(name: str) -> Any:
    # Imported when it is used: the command has to start fast.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)
