"""Global tags, their statuses, payload types, payload lists and payload IOVs."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from cdb.rest.answers.common import Page


class Status(BaseModel):
    """A status of global tags."""

    id: int
    name: str
    mode: Literal["open", "append", "closed"]
    final: bool
    description: str | None
    created: datetime


class _Tag(BaseModel):
    id: int
    name: str
    author: str | None
    description: str | None
    contact: str | None
    created: datetime
    updated: datetime
    digest: Annotated[
        str | None, Field(description="Only where the status lets nothing change.")
    ] = None


class Tag(_Tag):
    """A global tag."""

    status: str


class TagSummary(Tag):
    """A global tag with the size of its content."""

    payload_lists_count: int
    payload_iov_count: int


class TagWithDimensions(TagSummary):
    """The same, with what each dimension of its payload types calls its two numbers."""

    dimensions: dict[str, tuple[str, str]]


class TagWithStatusId(_Tag):
    """A global tag whose status is given by its id."""

    status: int


class Type(BaseModel):
    """A payload type; null where it leaves a choice to the service."""

    id: int
    name: str
    description: str | None
    contact: str | None
    created: datetime
    dimension: str | None
    validator: str | None
    validator_options: dict[str, Any] | None


class _List(BaseModel):
    id: int
    name: str
    description: str | None
    contact: str | None
    ends: Literal["explicit", "next-start"]
    created: datetime


class List(_List):
    """A payload list."""

    global_tag: str | None
    payload_type: str


class ListWithIds(_List):
    """A payload list whose tag and type are given by their ids."""

    global_tag: int | None
    payload_type: int


class ListSummary(List):
    """A payload list with the number of its payload IOVs."""

    iov_count: int


class _Iov(BaseModel):
    id: int
    payload_url: str
    checksum: str
    size: int | None
    revision: str | None
    major_iov: int
    minor_iov: int
    major_iov_end: int
    minor_iov_end: int
    inserted: datetime


class Iov(_Iov):
    """A payload IOV. Its end is where it really ends, as the IOV mode writes it."""

    comb_iov: Annotated[str, Field(description="major.minor, the minor with 19 digits.")]
    payload_list: str | None


class IovRow(_Iov):
    """A payload IOV of a list, with the names of what it belongs to."""

    payload_list: str
    global_tag: str | None
    payload_type: str
    dimension: str
    begin: Annotated[str | None, Field(description="The start in the notation of the dimension.")]
    end: Annotated[str | None, Field(description="The end in the notation of the dimension.")]


class ListWithIovs(List):
    """A payload list with its payload IOVs."""

    payload_iov: list[Iov]


class TagWithLists(_Tag):
    """A global tag with everything in it."""

    status: Status
    payload_lists: list[ListWithIovs]


class BulkAnswer(BaseModel):
    """How many payload IOVs were attached."""

    count: int


class Attached(BaseModel):
    """How many payload IOVs were attached, and what has become of them where they are few."""

    count: int
    payload_iovs: Annotated[
        list[Iov] | None,
        Field(
            description="In order of their starts, by payload list; null for more than 100. "
            "One that others of the same request cut is there once for each part."
        ),
    ]


class TagPage(Page):
    """A page of global tags."""

    results: list[TagSummary]


class TypePage(Page):
    """A page of payload types."""

    results: list[Type]


class ListPage(Page):
    """A page of payload lists."""

    results: list[ListSummary]


class IovPage(Page):
    """A page of payload IOVs; a search, also for a checksum, counts up to 10,000."""

    count_is_lower_bound: bool
    results: list[IovRow]
