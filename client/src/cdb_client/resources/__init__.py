"""What a service holds, one module for each kind of thing; each method is one request."""

from cdb_client.resources.global_tags import GlobalTags

__all__ = ["GlobalTags"]
