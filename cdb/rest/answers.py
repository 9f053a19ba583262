"""What answers look like, for the OpenAPI document; the tests hold the answers against it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Error(BaseModel):
    """What went wrong: one sentence, or messages by field."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"additionalProperties": {"type": "array", "items": {"type": "string"}}},
    )

    code: str
    detail: str = ""


class Deleted(BaseModel):
    """What was deleted, as a sentence."""

    detail: str


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


class _Notation(BaseModel):
    dimension: str
    begin: Annotated[str | None, Field(description="The start in the notation of the dimension.")]
    end: Annotated[str | None, Field(description="The end in the notation of the dimension.")]


class ValidPayload(_Notation):
    """A payload that is valid at a point."""

    payload_type_name: str
    payload_url: str
    checksum: str
    size: int | None
    major_iov: int
    minor_iov: int
    major_iov_end: int
    minor_iov_end: int
    revision: str | None
    global_tag: Annotated[str, Field(description="The tag that it comes from.")]


ValidRow = tuple[str, str, str, int | None, int, int, int, int, str | None]
"""type, URL, checksum, size, start (major, minor), end (major, minor), revision."""


class _Page(BaseModel):
    count: int
    page: int
    page_size: int
    total_pages: int


class TagPage(_Page):
    """A page of global tags."""

    results: list[TagSummary]


class TypePage(_Page):
    """A page of payload types."""

    results: list[Type]


class ListPage(_Page):
    """A page of payload lists."""

    results: list[ListSummary]


class IovPage(_Page):
    """A page of payload IOVs; a search, also for a checksum, counts up to 10,000."""

    count_is_lower_bound: bool
    results: list[IovRow]


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


class RangeIov(Iov):
    """A payload IOV of a global tag or of a list."""

    payload_type: str


class _Span(BaseModel):
    major_iov: int
    minor_iov: int
    major_iov_end: int
    minor_iov_end: int


class Gap(_Span):
    """A part of the axis where a payload list has no payload."""

    payload_type: str
    payload_list: str


class IovOfList(RangeIov, _Notation):
    """A payload IOV of a payload list, and the change that made it as it is.

    Where a later write has cut it, that is the write that has left this part of it.
    """

    change: int
    changed: Annotated[datetime, Field(description="When that change was made.")]
    actor: str
    comment: str | None


class GapOfList(Gap, _Notation):
    """A part of the axis where a payload list has no payload, in its notation, too."""


class Content(BaseModel):
    """What makes two payloads the same one."""

    payload_url: str
    checksum: str
    revision: str | None


class Difference(_Span, _Notation):
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


class BatchAnswer(BaseModel):
    """Which payloads are valid, from where to where, half-open."""

    valid_from: tuple[int, int]
    valid_until: tuple[int, int]
    payloads: list[ValidRow]


class BatchAnswers(BaseModel):
    """The different answers, and for each point which one it has."""

    change: int
    answers: list[BatchAnswer]
    points: Annotated[list[int], Field(description="Indexes into `answers`.")]


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


class File:
    """A part of a file."""


class Metrics:
    """Metrics, as Prometheus or OpenMetrics write them."""


class StoredPayload(BaseModel):
    """A payload in the payload store."""

    payload_type: str
    file_name: str
    payload_url: Annotated[str, Field(description="What payload IOVs refer to it by.")]
    checksum: Annotated[str, Field(description="MD5, hexadecimal.")]
    sha256: str
    size: Annotated[int, Field(description="Bytes.")]
    revision: str | None
    created: datetime


class UploadedPayload(StoredPayload):
    """A payload that was sent."""

    stored: Annotated[bool, Field(description="Whether it was not there before.")]


class CheckedPayloads(BaseModel):
    """Which payloads are in the payload store, by the checksums that were asked for."""

    present: dict[str, StoredPayload]
    missing: list[str]


class FileOfPayload(StoredPayload):
    """A payload in the payload store, how it came there, and what shows it."""

    change: Annotated[
        int,
        Field(
            description="The change that it came with: its upload, or what numbered its revision "
            "before that."
        ),
    ]
    actor: Annotated[str, Field(description="Who made that change.")]
    preview: Annotated[
        str | None, Field(description="The plugin that shows it; null where none does.")
    ]


class PayloadFacts(BaseModel):
    """What the service knows of a payload."""

    checksum: Annotated[str, Field(description="As it was asked for.")]
    has_store: Annotated[bool, Field(description="Whether the service has a payload store.")]
    stored: Annotated[
        FileOfPayload | None, Field(description="Null where it is elsewhere, if anywhere.")
    ]


class PreviewPart(BaseModel):
    """A part of what is shown of a payload; the first row of a table is its header."""

    kind: Literal["text", "svg", "table"]
    content: str | list[list[str]]
    is_truncated: Annotated[bool, Field(description="Whether the payload has more than that.")]
    title: Annotated[str, Field(description="Empty where it has none.")]
    description: Annotated[
        str, Field(description="A sentence about it, which stands for a picture; it may be empty.")
    ]


class PayloadPreview(PreviewPart):
    """How a payload is shown."""

    parts: Annotated[list[PreviewPart], Field(description="What follows, as in a ROOT file.")]


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
