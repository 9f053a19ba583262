"""Lanes of payload lists, to be drawn."""

from typing import Annotated

from pydantic import BaseModel, Field

from cdb.rest.answers.ranges import Content


class LaneInterval(BaseModel):
    """A payload IOV in a picture; its end is exclusive."""

    start: str
    end: str
    payload_url: str
    checksum: str
    revision: str | None


class Lane(BaseModel):
    """A payload list in a picture: its intervals where there are few, else its buckets."""

    payload_type: str
    payload_list: str
    iovs: Annotated[int, Field(description="Payload IOVs that overlap the window.")]
    start: Annotated[
        str | None,
        Field(description="Where the first of these starts, perhaps before the window."),
    ] = None
    end: Annotated[
        str | None, Field(description="Where the last one ends, perhaps after the window.")
    ] = None
    counts: Annotated[
        list[int] | None,
        Field(description="How many begin in each bucket, or before the window in the first."),
    ] = None
    payloads: Annotated[
        list[int] | None, Field(description="How many different payloads those have.")
    ] = None
    covered: Annotated[
        list[int] | None,
        Field(
            description="Which part of each bucket is covered, per mille; where buckets are whole "
            "majors, the part of these in which anything is valid. 0 only where nothing is "
            "covered, 1000 only where all is."
        ),
    ] = None
    intervals: list[LaneInterval] | None = None


class Timeline(BaseModel):
    """A picture of a global tag, or of one payload list."""

    change: int
    edges: Annotated[
        list[str], Field(description="Of the buckets, as `major,minor`: one more than those.")
    ]
    lists: Annotated[int, Field(description="How many lanes there are in all.")]
    lanes: list[Lane]


class DifferenceInterval(BaseModel):
    """A difference in a picture; its end is exclusive, and null stands for no payload."""

    start: str
    end: str
    a: Content | None
    b: Content | None


class TwoLanes(BaseModel):
    """A payload type in a picture of two tags: its lists, and where their answers differ.

    Differences are cut at the window: intervals where there are few, else by buckets.
    """

    payload_type: str
    a: Annotated[Lane | None, Field(description="Null where the first tag has no such list.")]
    b: Annotated[Lane | None, Field(description="Null where the second tag has no such list.")]
    intervals: list[DifferenceInterval] | None = None
    added: Annotated[
        list[int] | None,
        Field(description="For which part of each bucket only `b` has a payload, per mille."),
    ] = None
    removed: Annotated[
        list[int] | None, Field(description="For which part only `a` has one, per mille.")
    ] = None
    changed: Annotated[
        list[int] | None, Field(description="Which part has two different ones, per mille.")
    ] = None


class DiffTimeline(BaseModel):
    """A picture of two global tags, or of one as of two changes."""

    change_a: int
    change_b: int
    edges: Annotated[
        list[str], Field(description="Of the buckets, as `major,minor`: one more than those.")
    ]
    types: Annotated[int, Field(description="How many payload types there are in all.")]
    lanes: list[TwoLanes]
