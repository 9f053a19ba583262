"""One module of views for each kind of object."""

from cdb.rest.views import (
    global_tags,
    history,
    payload_iovs,
    payload_lists,
    payload_types,
    payloads,
    ranges,
    service,
)

RESOURCES = (
    *payload_iovs.RESOURCES,
    *global_tags.RESOURCES,
    *payload_types.RESOURCES,
    *payload_lists.RESOURCES,
    *payloads.RESOURCES,
    *history.RESOURCES,
    *ranges.RESOURCES,
    *service.RESOURCES,
)
"""All endpoints. The query comes first: the router looks at routes in order."""
