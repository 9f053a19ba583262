"""The service itself, its plugins, and who asks it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field


class Ready(BaseModel):
    """Whether the service can do its work; what cannot is named."""

    status: Annotated[
        Literal["ok", "degraded", "failing"],
        Field(
            description="`degraded`: requests are answered, and something is missing, as a "
            "replica, or the primary, without which nothing can be written, or the payload "
            "store."
        ),
    ]
    checks: Annotated[
        dict[str, str], Field(description="`ok`, or what is the matter, by what was looked at.")
    ]
    seconds: Annotated[
        dict[str, float],
        Field(description="How long it took to look at each part, or for how long it hangs."),
    ]


class Live(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class About(BaseModel):
    """What this service is, and where things are."""

    name: str
    version: str
    links: dict[str, str]
    payload_store: Annotated[bool, Field(description="Whether it keeps payload files, too.")]


class Metrics:
    """Metrics, as Prometheus or OpenMetrics write them."""


class PluginRow(BaseModel):
    """An installed plugin."""

    name: str
    kind: str
    distribution: str
    version: str
    state: Literal["enabled", "installed", "failing", "broken"]
    error: str | None
    components: Annotated[
        tuple[str, str] | None,
        Field(
            description="Of an enabled IOV dimension: what it calls the major and the minor "
            "number; null of all others."
        ),
    ]


class WrittenPoint(BaseModel):
    """A point, in numbers and in the notation of a dimension."""

    dimension: str
    major: int
    minor: int
    notation: str


class Whoami(BaseModel):
    """Who sends the request, and what there can be that they may do."""

    subject: str
    method: str
    scopes: list[str] | None
    expires: Annotated[
        datetime | None, Field(description="When the credentials end, where they say so.")
    ]
    permissions: list[str]


class PermittedInTag(BaseModel):
    """What somebody may do in a global tag, as its status is now."""

    global_tag: str
    permissions: list[str]
    statuses: Annotated[list[str], Field(description="Those that they may give it.")]


class WhoamiInTag(Whoami):
    """Who sends the request, and what they may do in a global tag."""

    there: PermittedInTag
