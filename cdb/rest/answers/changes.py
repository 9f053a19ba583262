"""Changes, and what reverts, merges and tried writes would change."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from cdb.rest.answers.ranges import Difference


class Entry(BaseModel):
    """Who does what and why, and what was there before and is after.

    Of a change of payload IOVs the first hundred on each side are told, and
    all are counted in `payload_iovs_count`.
    """

    actor: str
    action: str
    object_type: str
    object_name: str
    comment: str | None
    global_tags: list[str]
    payload_lists: list[str]
    payload_types: list[str]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Change(Entry):
    """A change: its number, when it was made, and what it did."""

    change: int
    at: datetime


class Changes(BaseModel):
    """Changes in order, and where to go on."""

    changes: list[Change]
    latest: Annotated[int, Field(description="The last change of the database.")]
    next_after: Annotated[
        int,
        Field(description="What to ask as `after` next, to miss no change and see none twice."),
    ]


class RevertStep(BaseModel):
    """What a revert does to the payload list of a type."""

    payload_type: str
    action: Literal["restore", "add", "detach"]
    payload_list: Annotated[str | None, Field(description="Null where it would be made.")]
    iovs_before: int
    iovs_after: int


class Reverted(BaseModel):
    """What a revert did, or would do."""

    global_tag: str
    reverted_to: int
    head: Annotated[int, Field(description="The last change of the tag.")]
    dry_run: bool
    payload_lists: list[RevertStep]


class MergedSource(BaseModel):
    """A global tag that was merged, as of a change."""

    global_tag: str
    change: int


class MergeStep(BaseModel):
    """What a merge does to the payload list of a type; the counts are of payload IOVs."""

    payload_type: str
    action: Literal["change", "add"]
    payload_list: Annotated[str | None, Field(description="Null where it would be made.")]
    iovs_before: int
    iovs_added: int
    iovs_retired: int


class Changed(Difference):
    """A part of the axis where a global tag would have another payload: `b` in place of `a`."""

    global_tag: str


class Tried(BaseModel):
    """What a write would do that is tried with `dry_run=change`."""

    answer: Annotated[Any, Field(description="What the write would answer.")]
    change: Annotated[
        Entry | None,
        Field(description="Null where nothing would change, and of a revert and a merge."),
    ]
    differences: Annotated[
        list[Changed],
        Field(
            description="Where tags that exist would answer differently; of each tag the first "
            "hundred, by payload type and start."
        ),
    ]
    differences_are_all: Annotated[
        bool, Field(description="Whether there are no more differences.")
    ]


class Merged(BaseModel):
    """What a merge did, or would do."""

    global_tag: str
    mode: Literal["fill", "override", "append"]
    sources: list[MergedSource]
    head: Annotated[int, Field(description="The last change of the tag.")]
    dry_run: bool
    payload_lists: list[MergeStep]
    differences: Annotated[
        list[Difference] | None,
        Field(
            description="Of a dry run, the first 1000 intervals in which another payload would "
            "answer: `a` as it is, `b` as it would be."
        ),
    ]
    differences_count: Annotated[
        int | None, Field(description="Of a dry run, how many such intervals there are.")
    ]
