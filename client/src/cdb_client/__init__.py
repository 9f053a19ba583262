"""The command line and Python client of the cdb conditions database."""

from cdb_client.client import Client
from cdb_client.errors import ClientError, ServiceError, Unreachable

__all__ = ["Client", "ClientError", "ServiceError", "Unreachable"]
