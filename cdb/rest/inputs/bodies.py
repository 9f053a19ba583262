"""What bodies carry: strict, so that a number is a JSON number, never a string or a boolean."""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from cdb.domain.merging import Closed, Mode
from cdb.domain.points import MAX, Point
from cdb.rest.fields import (
    DimensionName,
    FilledText,
    Lookup,
    Name,
    Notation,
    Number,
    Prose,
    Schema,
    TagName,
    Text,
    ValidatorName,
    When,
    filled_where,
    numbers_or,
)
from cdb.services.entering import Reference
from cdb.services.merges.case import Wanted
from cdb.services.payload_types import Choice


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
        DimensionName | None,
        Field(description="How its points are written; the service's if none."),
    ] = None
    validator: Annotated[
        ValidatorName | None,
        Field(description="What is asked about each payload that becomes valid."),
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

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    description: Prose | None = None
    contact: Text | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"{' or '.join(type(self).model_fields)} is needed")
        return self

    def values(self) -> dict[str, Any]:
        """Return what was given."""
        # In an order of their own, not that of a set, which differs from process to process.
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)}


class TagDescription(Description):
    """What to change of a global tag; what is not given stays, null clears."""

    name: Annotated[
        TagName,
        Field(validate_default=False, description="Another name, while the tag is open."),
    ] = ""


class TypeDescription(Description):
    """What to change of a payload type; what is not given stays, null clears."""

    validator: ValidatorName | None = None
    validator_options: dict[str, Any] | None = None


class ListAttachment(Schema):
    """A payload list and the global tag that it goes into."""

    also_sent = frozenset({"payload_type"})

    global_tag: Lookup
    payload_list: Lookup


class IovAttachment(Schema):
    """A payload IOV and the payload list that it goes into."""

    payload_list: Lookup
    piov_id: Number


_MERGE_BY_MODE: dict[str, Any] = {
    "oneOf": [
        {
            "required": ["from"],
            "properties": {
                "mode": {"const": "append"},
                "from": {"type": "string"},
                "to": {"type": "null"},
            },
        },
        {
            "properties": {
                "mode": {"enum": ["fill", "override"]},
                "closed": {"type": "null"},
                "full": {"const": False},
            }
        },
    ]
}


class Merge(Schema):
    """What to bring into a global tag, and how."""

    model_config = ConfigDict(json_schema_extra=_MERGE_BY_MODE)

    sources: Annotated[
        list[Lookup],
        Field(
            min_length=1,
            max_length=100,
            description="Global tags, also as `tag@change`; the first one wins.",
        ),
    ]
    mode: Annotated[
        Literal["fill", "override", "append"],
        Field(
            description="`fill`: what the tag answers stays, and the sources fill its gaps. "
            "`override`: the sources win where they have a payload. `append`: the sources go "
            "on where the tag ends, from `from` on."
        ),
    ]
    begin: Annotated[
        Notation | None,
        Field(
            alias="from",
            description="The first point, in the notation of a dimension, or as `major,minor`; "
            "`append` needs it.",
        ),
    ] = None
    end: Annotated[
        Notation | None,
        Field(
            alias="to",
            description="The point after the last one, whatever the IOV mode; not for `append`.",
        ),
    ] = None
    types: Annotated[
        list[Lookup] | None,
        Field(min_length=1, max_length=1000, description="Only these payload types."),
    ] = None
    closed: Annotated[
        Literal["refuse", "allow", "fix"] | None,
        Field(
            description="For `append`: what becomes of intervals that end before the next one "
            "begins, or, the last one, at all. `refuse` where it is not given, with `full` "
            "`allow`; `fix` opens them."
        ),
    ] = None
    full: Annotated[
        bool,
        Field(
            description="For `append`: open intervals of types that no source has end at `from`."
        ),
    ] = False
    dry_run: Annotated[bool, Field(description="Only tell what would be done.")] = False

    @model_validator(mode="after")
    def _fits_the_mode(self) -> Self:
        if self.mode == "append":
            if self.begin is None:
                raise ValueError("append needs from: the point where the update begins")
            if self.end is not None:
                raise ValueError("append has no to: what it brings ends where the sources do")
        elif self.closed is not None or self.full:
            raise ValueError("closed and full are for append")
        return self

    def wanted(self) -> Wanted:
        """Return what the service takes."""
        return Wanted(
            self.sources,
            Mode(self.mode),
            self.begin,
            self.end,
            self.types,
            None if self.closed is None else Closed(self.closed),
            self.full,
        )


def end_of(major: int | None, minor: int | None) -> Point | None:
    """Return the end that two numbers say: half of one is open in the other half."""
    if major is None and minor is None:
        return None
    return Point(MAX if major is None else major, MAX if minor is None else minor)


class _Interval(Schema):
    """The fields that say from where to where: numbers, or the notation of a dimension.

    Half an end is open in the other half.
    """

    model_config = ConfigDict(json_schema_extra=numbers_or("begin", "major_iov", "minor_iov"))

    major_iov: Number | None
    minor_iov: Number | None
    major_iov_end: Number | None = None
    minor_iov_end: Number | None = None
    size: Annotated[Number | None, Field(description="Bytes.")] = None
    revision: Annotated[Text | None, Field(description="The payload's own revision.")] = None
    extra: Annotated[Text | None, Field(description="nopayloaddb's name of `revision`.")] = None
    begin: Annotated[
        Notation | None,
        Field(description="The start in the notation of the dimension, instead of numbers."),
    ] = None
    end: Annotated[
        Notation | None,
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
        return Reference(
            payload_url,
            checksum,
            self._start(),
            end_of(self.major_iov_end, self.minor_iov_end) if self.end is None else self.end,
            self.size,
            self.extra if self.revision is None else self.revision,
        )


class NewIov(_Interval):
    """A payload IOV to stage."""

    dimension: Annotated[
        DimensionName | None, Field(description="Of `begin` and `end`; the service's if none.")
    ] = None

    also_sent = frozenset({"id", "comb_iov", "payload_list", "inserted", "description"})

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


class ListIov(_Interval):
    """A payload IOV to put into a payload list at once; the list says what no end means."""

    payload_url: FilledText
    checksum: FilledText

    def reference(self) -> Reference:
        """Return what the services take."""
        return self.referenced(self.payload_url, self.checksum)


class TagIov(ListIov):
    """A payload IOV to put into the payload list that a global tag has for its type."""

    payload_type: Lookup


class Batch(Schema):
    """Many points that are asked of one or several global tags."""

    gtName: Annotated[  # noqa: N815
        Lookup | Annotated[list[Lookup], Field(min_length=1, max_length=20)],
        Field(description="One global tag, or several, as in the query."),
    ]
    points: Annotated[
        list[Annotated[list[Number], Field(min_length=2, max_length=2)] | Notation],
        Field(
            min_length=1,
            max_length=10_000,
            description="Each by two numbers, or in the notation of the tags' dimension.",
        ),
    ]
    types: Annotated[
        list[Lookup] | None, Field(max_length=1000, description="Only these payload types.")
    ] = None
    asOf: Annotated[When | None, Field(description="As in the query.")] = None  # noqa: N815

    @property
    def tags(self) -> list[str]:
        """The names of the global tags that are asked."""
        return [self.gtName] if isinstance(self.gtName, str) else self.gtName


Checksums = Annotated[list[FilledText], Field(max_length=10_000)]
"""Checksums to look for, MD5 or SHA-256, hexadecimal."""
