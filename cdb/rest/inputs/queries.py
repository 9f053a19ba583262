"""What query strings carry."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from cdb.domain.points import Point
from cdb.errors import Invalid
from cdb.rest.fields import (
    Digits,
    DimensionName,
    Lookup,
    Notation,
    QuerySchema,
    Text,
    TextNumber,
    Time,
    When,
    filled_where,
    not_required,
    several,
)
from cdb.services import moments, resolve
from cdb.store import log
from cdb.store.browse import Wanted


class AsOfQuery(QuerySchema):
    """As of when something is asked."""

    asOf: Annotated[  # noqa: N815
        When | None,
        Field(
            description="The number of a change, or a time in ISO 8601, which means the last "
            "change that was made by then; the latest change where it is not given."
        ),
    ] = None


class PointQuery(AsOfQuery):
    """The main job: a global tag and a point."""

    gtName: Annotated[  # noqa: N815
        tuple[Lookup, ...],
        Field(
            min_length=1,
            max_length=20,
            description="The name of the global tag, also as `tag@change`. With several, the "
            "first one that covers the point wins, for each payload type.",
        ),
        BeforeValidator(several),
    ]
    majorIOV: Annotated[  # noqa: N815
        TextNumber | None, Field(description="The major number of the point; `at` replaces it.")
    ]
    minorIOV: Annotated[  # noqa: N815
        TextNumber | None, Field(description="The minor number of the point; `at` replaces it.")
    ]
    at: Annotated[
        tuple[Notation, ...],
        Field(
            max_length=20,
            description="The point in the notation of its dimension, as in `299400:12`, or with "
            "the dimension's name before it, as in `run-lumi:299400:12`; once for each dimension.",
        ),
        BeforeValidator(several),
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
        Field(max_length=1000, description="Only these payload types, one each time."),
        BeforeValidator(several),
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
    def place(self) -> Point | None:
        """The point that the numbers give, where they alone say where the question is asked."""
        return None if self.at else self.point()

    @property
    def question_anywhere(self) -> tuple[object, ...]:
        """What is asked, whatever the point; where a notation gives it, with that."""
        numbers = (self.majorIOV, self.minorIOV) if self.at else ()
        options = (self.asOf, self.shape, self.expired, self.types, self.complete)
        return (self.gtName, *options, self.at, numbers)

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

    page: Annotated[Annotated[int, Digits(1, 10**12)] | None, Field(description="From 1.")] = None
    page_size: Annotated[
        int, Digits(1), Field(description="At most 1000; more is taken as 1000.")
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
    checksum: Annotated[
        Text,
        Field(
            description="Only IOVs of the payload with this checksum: MD5 and SHA-256 of a stored "
            "payload mean each other, in either case."
        ),
    ] = ""
    filter_names: ClassVar[tuple[str, ...]] = ("global_tag", "payload_type", "payload_list")


class TagQuery(AsOfQuery):
    """How much of a global tag."""

    light: Annotated[bool, Field(description="Counts instead of lists and IOVs.")] = False


class ChangesQuery(QuerySchema):
    """Which changes, and in which order."""

    after: Annotated[TextNumber, Field(description="Only changes after this one.")] = 0
    before: Annotated[TextNumber | None, Field(description="Only changes before this one.")] = None
    limit: Annotated[int, Digits(1), Field(description="At most 1000; more is taken as 1000.")] = (
        100
    )
    order: Annotated[
        Literal["asc", "desc"], Field(description="As they were made, or the newest first.")
    ] = "asc"
    actor: Annotated[Text, Field(description="Only changes of this one.")] = ""
    action: Annotated[Text, Field(description="Only changes with this verb.")] = ""
    since: Annotated[
        Time | None, Field(description="Only changes at this time or later; ISO 8601.")
    ] = None
    light: Annotated[
        bool, Field(description="Of payload IOVs only how many there were before and after.")
    ] = False

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
            actor=self.actor or None,
            action=self.action or None,
            since=None if self.since is None else moments.parse_time(self.since, "since"),
        )


class _OfTypeQuery(ChangesQuery):
    payload_type: Annotated[
        Text, Field(description="Only changes of this payload type, or of its lists.")
    ] = ""

    def wanted(self) -> log.Wanted:
        """Return the changes as the store asks for them.

        Raises:
            Invalid: the time is none.

        """
        return replace(super().wanted(), payload_type=self.payload_type or None)


class FeedQuery(_OfTypeQuery):
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


class HistoryQuery(_OfTypeQuery, AsOfQuery):
    """Which changes of a global tag, up to when."""


class ListHistoryQuery(ChangesQuery, AsOfQuery):
    """Which changes of a payload list, up to when."""


class DryRunQuery(QuerySchema):
    """Whether a write is only tried."""

    dry_run: Annotated[
        bool | Literal["change"],
        Field(
            description="Only tell what would be done, and keep nothing of it; with `change`, "
            "tell also what would be in the change log, and where the tags would answer "
            "differently."
        ),
    ] = False

    @model_validator(mode="before")
    @classmethod
    def _as_it_is_written(cls, value: Any) -> Any:
        # What is not known is ignored, and this would then be done in earnest.
        for name in value:
            if name != "dry_run" and re.sub("[-_]", "", name).casefold() == "dryrun":
                raise ValueError(f"{name} is no parameter; dry_run is")
        return value


class RevertQuery(QuerySchema):
    """What a global tag is to answer as."""

    to: Annotated[
        When,
        Field(min_length=1, description="The change, or the time, that it is to answer as of."),
    ]
    payload_type: Annotated[
        Lookup | None, Field(description="The only payload type that is reverted.")
    ] = None


class WhoamiQuery(QuerySchema):
    """In which global tag somebody wants to write."""

    global_tag: Annotated[
        Lookup | None, Field(description="Also what they may do in this global tag.")
    ] = None
    payload_type: Annotated[
        Lookup | None, Field(description="The type of what they want to write there.")
    ] = None

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.payload_type is not None and self.global_tag is None:
            raise ValueError("payload_type is of what is in a global_tag")
        return self


class PointsQuery(QuerySchema):
    """Points to read, and how."""

    at: Annotated[
        tuple[Notation, ...],
        Field(
            min_length=1,
            max_length=100,
            description="A point in the notation of a dimension, as in `299400:12`, or as "
            "`major,minor`; once for each.",
        ),
        BeforeValidator(several),
    ]
    dimension: Annotated[
        DimensionName | None,
        Field(
            description="Whose notation it is, where a point does not say it itself, as "
            "`run-lumi:299400:12`; that of the service if none is given."
        ),
    ] = None


class TimeoutQuery(QuerySchema):
    """How long to sleep."""

    seconds: Annotated[int, Digits(0, 60)] = 5
