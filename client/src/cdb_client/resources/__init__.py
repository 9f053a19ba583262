"""What a service holds, one module for each kind of thing; each method is one request."""

from cdb_client.resources.changes import Changes
from cdb_client.resources.global_tags import GlobalTags
from cdb_client.resources.payload_iovs import PayloadIovs
from cdb_client.resources.payload_lists import PayloadLists
from cdb_client.resources.payload_types import PayloadTypes
from cdb_client.resources.payloads import Payloads

__all__ = ["Changes", "GlobalTags", "PayloadIovs", "PayloadLists", "PayloadTypes", "Payloads"]
