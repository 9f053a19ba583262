"""What query strings carry where a part of the axis is asked for."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from cdb.rest.fields import Digits, Lookup, Notation, TextNumber, When, several
from cdb.rest.inputs.queries import AsOfQuery


class AxisQuery(AsOfQuery):
    """A part of the axis."""

    begin: Annotated[
        Notation | None,
        Field(
            alias="from",
            description="The first point, in the notation of a dimension, or as `major,minor`.",
        ),
    ] = None
    end: Annotated[
        Notation | None,
        Field(alias="to", description="The point after the last one, whatever the IOV mode."),
    ] = None

    @property
    def has_window(self) -> bool:
        """Whether one of the ends is given."""
        return (self.begin, self.end) != (None, None)


class WindowQuery(AxisQuery):
    """A part of the axis, and the types that are looked at."""

    payload_type: Annotated[Lookup | None, Field(description="Only this payload type.")] = None

    @property
    def types(self) -> list[str] | None:
        """The payload types that are asked for; None for all."""
        return None if self.payload_type is None else [self.payload_type]


class ListIovsQuery(AxisQuery):
    """Which payload IOVs of a list: those in a part of the axis, or the one at a point."""

    at: Annotated[
        Notation | None, Field(description="Only the one that holds at this point, if one does.")
    ] = None
    after: Annotated[
        Notation | None,
        Field(description="Only those that start after this point, as the last one of a page."),
    ] = None
    limit: Annotated[
        Annotated[int, Digits(1)] | None,
        Field(description="How many, at most 1000; more is taken as 1000. Else all."),
    ] = None

    @model_validator(mode="after")
    def _part_or_point(self) -> Self:
        if self.at is not None and (self.has_window or self.after is not None):
            raise ValueError("at is one point; from, to and after are for a part of the axis")
        return self


class ListTimelineQuery(AxisQuery):
    """What is looked at, all that the data fill where nothing says it, and how closely."""

    buckets: Annotated[int, Digits(2, 1500), Field(description="How many, at most 1500.")] = 600


class TimelineQuery(ListTimelineQuery):
    """The same, of some payload lists."""

    lanes_offset: Annotated[TextNumber, Field(description="The first lane.")] = 0
    lanes_limit: Annotated[
        int, Digits(1), Field(description="At most 1000; more is taken as 1000.")
    ] = 200


class SidesQuery(AxisQuery):
    """As of when two global tags are compared."""

    a_as_of: Annotated[
        When | None, Field(description="As of when the first tag is asked; as `asOf` if none.")
    ] = None
    b_as_of: Annotated[
        When | None, Field(description="As of when the second tag is asked; as `asOf` if none.")
    ] = None

    def sides(self, a: str, b: str) -> tuple[str | None, str | None]:
        """Return as of when the two tags are asked; a name can say it, too."""
        return self._side(a, self.a_as_of), self._side(b, self.b_as_of)

    def _side(self, written: str, own: str | None) -> str | None:
        return self.asOf if own is None and "@" not in written else own


class DiffQuery(SidesQuery, WindowQuery):
    """What is compared: a part of the axis, or one point."""

    at: Annotated[
        Notation | None,
        Field(description="Only what differs at this point, from where to where it does."),
    ] = None
    level: Annotated[
        Literal["iovs", "lists"],
        Field(description="The intervals that differ, or only which payload types do."),
    ] = "iovs"
    limit: Annotated[
        Annotated[int, Digits(1)] | None,
        Field(description="Only so many differences, the first ones; all if none is given."),
    ] = None

    @model_validator(mode="after")
    def _window_or_point(self) -> Self:
        if self.at is not None and (self.has_window or self.level != "iovs"):
            raise ValueError("at is one point; from, to and level=lists are for a window")
        return self


class DiffTimelineQuery(SidesQuery, TimelineQuery):
    """What is compared in a picture, and how closely."""

    types: Annotated[
        tuple[Lookup, ...],
        Field(max_length=1000, description="Only these payload types, one each time."),
        BeforeValidator(several),
    ] = ()
