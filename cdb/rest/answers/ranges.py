"""Whole parts of the axis: what is there, is missing, or differs; and digests."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from cdb.rest.answers.common import Notation, Span
from cdb.rest.answers.objects import Iov


class RangeIov(Iov):
    """A payload IOV of a global tag or of a list."""

    payload_type: str


class Gap(Span):
    """A part of the axis where a payload list has no payload."""

    payload_type: str
    payload_list: str


class IovOfList(RangeIov, Notation):
    """A payload IOV of a payload list, and the change that made it as it is.

    Where a later write has cut it, that is the write that has left this part of it.
    """

    change: int
    changed: Annotated[datetime, Field(description="When that change was made.")]
    actor: str
    comment: str | None


class GapOfList(Gap, Notation):
    """A part of the axis where a payload list has no payload, in its notation, too."""


class Content(BaseModel):
    """What makes two payloads the same one."""

    payload_url: str
    checksum: str
    revision: str | None


class Difference(Span, Notation):
    """A part of the axis where two tags have different payloads; null for none.

    Also in the notation of the type's dimension.
    """

    payload_type: str
    a: Content | None
    b: Content | None


class ListDifference(BaseModel):
    """A payload type that two tags answer differently, or of which only one has a list.

    `first` is the point where the answers differ first; null where a list that the
    other tag has not holds nothing.
    """

    payload_type: str
    a: Annotated[str | None, Field(description="The payload list of the first tag.")]
    b: Annotated[str | None, Field(description="The payload list of the second tag.")]
    first: tuple[int, int] | None
    dimension: str
    begin: Annotated[str | None, Field(description="`first` in the notation of the dimension.")]


class UsedIov(Iov):
    """A payload IOV that has a checksum, in a payload list that shows it."""

    payload_type: str
    global_tag: str | None


class ListDigest(BaseModel):
    """What the digest of a global tag covers of one payload type."""

    payload_type: str
    dimension: str
    digest: str
    intervals: Annotated[int, Field(description="Those that touch with one payload count once.")]


class Digest(BaseModel):
    """SHA-256 of what a global tag answers, whichever server and database holds it."""

    global_tag: str
    change: int
    digest: str
    payload_types: list[ListDigest]
