"""What requests carry: paths, query strings and bodies.

Bodies are strict: a number is a JSON number, never a string or a boolean.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from cdb.domain.points import MAX, Point
from cdb.errors import Invalid
from cdb.rest.fields import (
    FileName,
    FilledText,
    Lookup,
    Name,
    Number,
    Prose,
    QuerySchema,
    Schema,
    TagName,
    Text,
    TextNumber,
    filled_where,
    not_required,
    several,
)
from cdb.services import moments, resolve
from cdb.services.payload_iovs import Reference
from cdb.services.payload_types import Choice
from cdb.store import log
from cdb.store.browse import Wanted

# --- paths ------------------------------------------------------------------


class NamePath(Schema):
    """A path that ends in a name."""

    name: Lookup


class IdPath(Schema):
    """A path that ends in an id."""

    id: TextNumber


class ChangePath(Schema):
    """A path that ends in the number of a change."""

    change: TextNumber


class DiffPath(Schema):
    """The two tags that are compared, which may be the same one."""

    a: Lookup
    b: Lookup


class ClonePath(Schema):
    """The tag that is cloned and the one that is made."""

    source: Lookup
    target: TagName


class StatusPath(Schema):
    """A tag and the status that it gets."""

    name: Lookup
    status: Lookup


class IovPath(Schema):
    """A payload IOV of a tag, by its type and its start."""

    tag: Lookup
    type: Lookup
    major: TextNumber
    minor: TextNumber

    @property
    def end(self) -> Point | None:
        """The end that the path asks for: none."""
        return None


class ExactIovPath(IovPath):
    """A payload IOV of a tag, by its type, its start and its end."""

    major_end: TextNumber
    minor_end: TextNumber

    @property
    def end(self) -> Point | None:
        """The end that the path asks for."""
        return Point(self.major_end, self.minor_end)


class UploadPath(Schema):
    """The type and the name of a file that is sent."""

    payload_type: Lookup
    file_name: FileName


class ChecksumPath(Schema):
    """The MD5 or the SHA-256 of a payload."""

    checksum: Annotated[Lookup, Field(description="MD5 or SHA-256, hexadecimal.")]


# --- query strings ----------------------------------------------------------


class AsOfQuery(QuerySchema):
    """As of when something is asked."""

    asOf: Annotated[  # noqa: N815
        Text | None,
        Field(
            description="The number of a change, or a time in ISO 8601, which means the last "
            "change that was made by then; the latest change where it is not given."
        ),
    ] = None


class PointQuery(AsOfQuery):
    """The main job: a global tag and a point."""

    gtName: Annotated[  # noqa: N815
        tuple[Lookup, ...],
        BeforeValidator(several),
        Field(
            min_length=1,
            max_length=20,
            description="The name of the global tag, also as `tag@change`. With several, the "
            "first one that covers the point wins, for each payload type.",
        ),
    ]
    majorIOV: Annotated[  # noqa: N815
        TextNumber | None, Field(description="The major number of the point; `at` replaces it.")
    ]
    minorIOV: Annotated[  # noqa: N815
        TextNumber | None, Field(description="The minor number of the point; `at` replaces it.")
    ]
    at: Annotated[
        tuple[Text, ...],
        BeforeValidator(several),
        Field(
            max_length=20,
            description="The point in the notation of its dimension, as in `299400:12`, or with "
            "the dimension's name before it, as in `run-lumi:299400:12`; once for each dimension.",
        ),
    ] = ()
    shape: Annotated[
        Literal["list", "dict"], Field(description="Rows of nine columns, or objects.")
    ] = "list"
    expired: Annotated[
        Literal["include", "exclude"],
        Field(
            description="`include` also answers with the last payload before the point where "
            "its interval has ended, as nopayloaddb does; the caller looks at the ends."
        ),
    ] = "exclude"

    types: Annotated[
        tuple[Lookup, ...],
        BeforeValidator(several),
        Field(max_length=1000, description="Only these payload types, one each time."),
    ] = ()
    complete: Annotated[
        bool,
        Field(
            description="Answer 409 with the missing payload types instead of leaving out "
            "those that nothing covers at the point."
        ),
    ] = False

    model_config = ConfigDict(json_schema_extra=not_required("majorIOV", "minorIOV"))

    @model_validator(mode="before")
    @classmethod
    def _numbers_or_at(cls, value: Any) -> Any:
        return filled_where("at", value, "majorIOV", "minorIOV")

    def point(self) -> Point | None:
        """Return the point that the numbers give.

        Raises:
            Invalid: half of it is missing.

        """
        if self.majorIOV is None or self.minorIOV is None:
            if self.majorIOV != self.minorIOV:
                raise Invalid("majorIOV and minorIOV are needed both, or none of them.")
            return None
        return Point(self.majorIOV, self.minorIOV)

    @property
    def needs_snapshot(self) -> bool:
        """Whether it takes several statements, which have to see one state."""
        return bool(self.at or self.types or len(self.gtName) > 1)

    def question(self, layers: Sequence[resolve.Layer]) -> resolve.Question:
        """Return what is asked of some tags as of their changes."""
        return resolve.Question(
            layers,
            self.point(),
            self.at,
            frozenset(self.types) or None,
            self.expired == "include",
            self.complete,
        )


class BrowseQuery(AsOfQuery):
    """Which page of a list; without `page` the list comes whole."""

    page: Annotated[TextNumber | None, Field(ge=1, le=10**12, description="From 1.")] = None
    page_size: Annotated[
        TextNumber, Field(ge=1, description="At most 1000; more is taken as 1000.")
    ] = 25
    search: Annotated[Text, Field(description="A part of a name, in whatever case.")] = ""
    sort: Annotated[
        Text, Field(description="A field of the answer; an unknown one sorts by id.")
    ] = ""
    order: Literal["asc", "desc"] = "asc"

    filter_names: ClassVar[tuple[str, ...]] = ()

    def wanted(self) -> Wanted:
        """Return the page as the store asks for it."""
        given = {name: getattr(self, name) for name in self.filter_names}
        return Wanted(
            page=self.page or 1,
            page_size=min(self.page_size, 1000),
            search=self.search,
            sort=self.sort,
            descending=self.order == "desc",
            filters={name: value for name, value in given.items() if value},
        )


class TagBrowseQuery(BrowseQuery):
    """Which global tags."""

    status: Annotated[Text, Field(description="Only tags with this status.")] = ""
    filter_names: ClassVar[tuple[str, ...]] = ("status",)


class ListBrowseQuery(BrowseQuery):
    """Which payload lists."""

    global_tag: Annotated[Text, Field(description="Only lists of this tag.")] = ""
    payload_type: Annotated[Text, Field(description="Only lists of this type.")] = ""
    filter_names: ClassVar[tuple[str, ...]] = ("global_tag", "payload_type")


class IovBrowseQuery(ListBrowseQuery):
    """Which payload IOVs."""

    payload_list: Annotated[Text, Field(description="Only IOVs of this list.")] = ""
    filter_names: ClassVar[tuple[str, ...]] = ("global_tag", "payload_type", "payload_list")


class TagQuery(AsOfQuery):
    """How much of a global tag."""

    light: Annotated[bool, Field(description="Counts instead of lists and IOVs.")] = False


class ChangesQuery(QuerySchema):
    """Which changes of a global tag, and in which order."""

    after: Annotated[TextNumber, Field(description="Only changes after this one.")] = 0
    before: Annotated[TextNumber | None, Field(description="Only changes before this one.")] = None
    limit: Annotated[
        TextNumber, Field(ge=1, description="At most 1000; more is taken as 1000.")
    ] = 100
    order: Annotated[
        Literal["asc", "desc"], Field(description="As they were made, or the newest first.")
    ] = "asc"
    actor: Annotated[Text, Field(description="Only changes of this one.")] = ""
    action: Annotated[Text, Field(description="Only changes with this verb.")] = ""
    payload_type: Annotated[
        Text, Field(description="Only changes of this payload type, or of its lists.")
    ] = ""
    since: Annotated[Text, Field(description="Only changes at this time or later; ISO 8601.")] = ""

    def wanted(self) -> log.Wanted:
        """Return the changes as the store asks for them.

        Raises:
            Invalid: the time is none.

        """
        return log.Wanted(
            after=self.after,
            before=self.before,
            limit=min(self.limit, 1000),
            newest_first=self.order == "desc",
            payload_type=self.payload_type or None,
            actor=self.actor or None,
            action=self.action or None,
            since=moments.parse_time(self.since, "since") if self.since else None,
        )


class FeedQuery(ChangesQuery):
    """Which changes of the whole database, and in which order."""

    global_tag: Annotated[
        Text, Field(description="Only changes of the tags that have, or had, this name.")
    ] = ""

    def wanted(self) -> log.Wanted:
        """Return the changes as the store asks for them.

        Raises:
            Invalid: the time is none.

        """
        return replace(super().wanted(), global_tag=self.global_tag or None)


class HistoryQuery(ChangesQuery, AsOfQuery):
    """Which changes of a global tag, up to when."""


class WindowQuery(AsOfQuery):
    """A part of the axis, and the types that are looked at."""

    begin: Annotated[
        Text | None,
        Field(
            alias="from",
            description="The first point, in the notation of a dimension, or as `major,minor`.",
        ),
    ] = None
    end: Annotated[
        Text | None,
        Field(alias="to", description="The point after the last one, whatever the IOV mode."),
    ] = None
    payload_type: Annotated[Lookup | None, Field(description="Only this payload type.")] = None

    @property
    def types(self) -> list[str] | None:
        """The payload types that are asked for; None for all."""
        return None if self.payload_type is None else [self.payload_type]


class TimelineQuery(AsOfQuery):
    """What is looked at, and how closely."""

    begin: Annotated[
        Text | None,
        Field(alias="from", description="The first point; that of the data where none is given."),
    ] = None
    end: Annotated[
        Text | None,
        Field(alias="to", description="The point after the last; that of the data if none."),
    ] = None
    buckets: Annotated[TextNumber, Field(ge=2, le=1500, description="How many, at most 1500.")] = (
        600
    )
    lanes_offset: Annotated[TextNumber, Field(description="The first lane.")] = 0
    lanes_limit: Annotated[
        TextNumber, Field(ge=1, description="At most 1000; more is taken as 1000.")
    ] = 200


class DiffQuery(WindowQuery):
    """What is compared: a part of the axis, or one point."""

    a_as_of: Annotated[
        Text | None, Field(description="As of when the first tag is asked; as `asOf` if none.")
    ] = None
    b_as_of: Annotated[
        Text | None, Field(description="As of when the second tag is asked; as `asOf` if none.")
    ] = None
    at: Annotated[
        Text | None, Field(description="Only what differs at this point; for a window.")
    ] = None
    level: Annotated[
        Literal["iovs", "lists"],
        Field(description="The intervals that differ, or only which payload types do."),
    ] = "iovs"

    def sides(self, a: str, b: str) -> tuple[str | None, str | None]:
        """Return as of when the two tags are asked; a name can say it, too."""
        return (
            self.a_as_of or (None if "@" in a else self.asOf),
            self.b_as_of or (None if "@" in b else self.asOf),
        )


class RevertQuery(QuerySchema):
    """What a global tag is to answer as."""

    to: Annotated[
        FilledText,
        Field(description="The change, or the time, that it is to answer as of."),
    ]
    payload_type: Annotated[
        Lookup | None, Field(description="The only payload type that is reverted.")
    ] = None
    dry_run: Annotated[bool, Field(description="Only tell what would be done.")] = False


class TimeoutQuery(QuerySchema):
    """How long to sleep."""

    seconds: Annotated[TextNumber, Field(le=60)] = 5


# --- bodies -----------------------------------------------------------------


class NewStatus(Schema):
    """A status to declare."""

    also_sent = frozenset({"id", "created"})

    name: Name
    mode: Annotated[
        Literal["open", "append", "closed"],
        Field(description="What may be written to tags that have it."),
    ] = "open"
    final: Annotated[bool, Field(description="Whether it cannot be left.")] = False
    description: Prose | None = None


class NewTag(Schema):
    """A global tag to make."""

    also_sent = frozenset({"id", "created", "updated", "type", "payload_lists"})

    name: TagName
    author: Text | None = None
    status: Annotated[
        Lookup | None, Field(description="The status that it begins with; `unlocked` if none.")
    ] = None
    description: Prose | None = None
    contact: Text | None = None


class NewType(Schema):
    """A payload type to make."""

    also_sent = frozenset({"id", "created"})

    name: Name
    description: Prose | None = None
    contact: Text | None = None
    dimension: Annotated[
        Text | None, Field(description="How its points are written; the service's if none.")
    ] = None
    validator: Annotated[
        Text | None, Field(description="What is asked about each payload that becomes valid.")
    ] = None
    validator_options: Annotated[
        dict[str, Any] | None, Field(description="What the validator is told about this type.")
    ] = None

    def choice(self) -> Choice:
        """Return the plugins that the type chooses."""
        return Choice(self.dimension, self.validator, self.validator_options)


class NewList(Schema):
    """A payload list to make; its name is made from its type."""

    also_sent = frozenset({"id", "name", "created", "global_tag", "payload_iov"})

    payload_type: Lookup
    ends: Annotated[
        Literal["explicit", "next-start"] | None,
        Field(
            description="What an IOV without an end means: open, or until the next start. "
            "The service's default where it is not given."
        ),
    ] = None
    description: Prose | None = None
    contact: Text | None = None


class Description(Schema):
    """What to change; what is not given stays, null clears."""

    description: Prose | None = None
    contact: Text | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"{' or '.join(type(self).model_fields)} is needed")
        return self

    def values(self) -> dict[str, Any]:
        """Return what was given."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class TagDescription(Description):
    """What to change of a global tag; what is not given stays, null clears."""

    name: Annotated[
        TagName,
        Field(validate_default=False, description="Another name, while the tag is open."),
    ] = ""


class TypeDescription(Description):
    """What to change of a payload type; what is not given stays, null clears."""

    validator: Text | None = None
    validator_options: dict[str, Any] | None = None


class ListAttachment(Schema):
    """A payload list and the global tag that it goes into."""

    global_tag: Lookup
    payload_list: Lookup


class IovAttachment(Schema):
    """A payload IOV and the payload list that it goes into."""

    payload_list: Lookup
    piov_id: Number


class _Interval(Schema):
    """The fields that say from where to where: numbers, or the notation of a dimension.

    Half an end is open in the other half.
    """

    model_config = ConfigDict(json_schema_extra=not_required("major_iov", "minor_iov"))

    major_iov: Number | None
    minor_iov: Number | None
    major_iov_end: Number | None = None
    minor_iov_end: Number | None = None
    size: Annotated[Number | None, Field(description="Bytes.")] = None
    revision: Annotated[Text | None, Field(description="The payload's own revision.")] = None
    extra: Annotated[Text | None, Field(description="nopayloaddb's name of `revision`.")] = None
    begin: Annotated[
        Text | None,
        Field(description="The start in the notation of the dimension, instead of numbers."),
    ] = None
    end: Annotated[
        Text | None,
        Field(description="The end in the notation of the dimension, instead of numbers."),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _numbers_or_begin(cls, value: Any) -> Any:
        return filled_where("begin", value, "major_iov", "minor_iov")

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        numbers = [self.major_iov, self.minor_iov]
        if self.begin is None and None in numbers:
            raise ValueError("major_iov and minor_iov are needed, or begin")
        if self.begin is not None and numbers != [None, None]:
            raise ValueError("the start is given twice: by numbers, and by begin")
        if self.end is not None and (self.major_iov_end, self.minor_iov_end) != (None, None):
            raise ValueError("the end is given twice: by numbers, and by end")
        return self

    @model_validator(mode="after")
    def _one_revision(self) -> Self:
        if self.revision is not None and self.extra not in (None, self.revision):
            raise ValueError("revision and extra are the same field, with two values here")
        return self

    def _start(self) -> Point | str:
        if self.begin is not None or self.major_iov is None or self.minor_iov is None:
            return self.begin or ""
        return Point(self.major_iov, self.minor_iov)

    def referenced(self, payload_url: str, checksum: str) -> Reference:
        """Return what the services take."""
        end: Point | str | None = self.end
        if self.major_iov_end is not None or self.minor_iov_end is not None:
            end = Point(
                MAX if self.major_iov_end is None else self.major_iov_end,
                MAX if self.minor_iov_end is None else self.minor_iov_end,
            )
        return Reference(
            payload_url,
            checksum,
            self._start(),
            end,
            self.size,
            self.extra if self.revision is None else self.revision,
        )


class NewIov(_Interval):
    """A payload IOV to stage."""

    dimension: Annotated[
        Text | None, Field(description="Of `begin` and `end`; the service's if none.")
    ] = None

    also_sent = frozenset({"id", "comb_iov", "payload_list", "inserted"})

    payload_url: FilledText
    checksum: FilledText

    def reference(self) -> Reference:
        """Return what the services take."""
        return self.referenced(self.payload_url, self.checksum)


class BulkRow(_Interval):
    """A payload IOV to attach at once; without an end it holds until the next start."""

    also_sent = frozenset({"id", "comb_iov", "inserted"})

    payload_list: Lookup
    payload_url: FilledText
    checksum: Text = ""

    def reference(self) -> Reference:
        """Return what the services take."""
        return self.referenced(self.payload_url, self.checksum)


class Batch(Schema):
    """Many points that are asked of one or several global tags."""

    gtName: Annotated[  # noqa: N815
        Lookup | Annotated[list[Lookup], Field(min_length=1, max_length=20)],
        Field(description="One global tag, or several, as in the query."),
    ]
    points: Annotated[
        list[Annotated[list[Number], Field(min_length=2, max_length=2)] | Text],
        Field(
            min_length=1,
            max_length=10_000,
            description="Each by two numbers, or in the notation of the tags' dimension.",
        ),
    ]
    types: Annotated[
        list[Lookup] | None, Field(max_length=1000, description="Only these payload types.")
    ] = None
    asOf: Annotated[Text | None, Field(description="As in the query.")] = None  # noqa: N815

    @property
    def tags(self) -> list[str]:
        """The names of the global tags that are asked."""
        return [self.gtName] if isinstance(self.gtName, str) else self.gtName


Checksums = Annotated[list[FilledText], Field(max_length=10_000)]
"""Checksums to look for, MD5 or SHA-256, hexadecimal."""
