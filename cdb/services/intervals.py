"""From what a client writes to points and intervals: numbers, or the notation of a dimension."""

from collections.abc import Collection, Iterable
from typing import Protocol

from cdb.domain import series
from cdb.domain.points import OPEN, ORIGIN, Interval, Point, clamp
from cdb.errors import Invalid
from cdb.plugin import IovDimension, NotationError
from cdb.services.rules import Rules
from cdb.store.reads import ListRecord


class Written(Protocol):
    """A start and an end: numbers as the interface writes them, or texts in a notation."""

    @property
    def start(self) -> Point | str:
        """Where it begins."""

    @property
    def end(self) -> Point | str | None:
        """Where it ends; None where that was not given."""


def dimension(rules: Rules, name: str | None) -> IovDimension:
    """Return a dimension by its name; None means that of the service.

    Raises:
        Invalid: this service has not enabled it.

    """
    found = rules.dimensions.get(rules.default_dimension if name is None else name)
    if found is None:
        known = ", ".join(sorted(rules.dimensions))
        raise Invalid(f"The dimension {name!r} is not one of this service: it has {known}.")
    return found


def of_list(record: ListRecord, rules: Rules) -> IovDimension:
    """Return the dimension of a payload list: that of its type."""
    return dimension(rules, record.dimension)


def named(rules: Rules, written: str, used: Collection[str]) -> tuple[IovDimension, str]:
    """Return the dimension that `dimension:notation` names, and the notation.

    One that names no dimension is for the only one that is used, else for the
    one of the service.
    """
    name, separator, notation = written.partition(":")
    if separator and name in rules.dimensions:
        return rules.dimensions[name], notation
    return dimension(rules, next(iter(used)) if len(used) == 1 else None), written


def window(rules: Rules, begin: str | None, end: str | None, used: Collection[str]) -> Interval:
    """Return the part of the axis that the query parameters `from` and `to` mean.

    The end is exclusive in any dimension: it is a point, not the end of a payload IOV.

    Args:
        rules: of the service, with its dimensions.
        begin: a point in the notation of a dimension; None for the first of all.
        end: the point after the last; None for an open end.
        used: the dimensions that notations without a name can be of.

    Raises:
        Invalid: a notation is wrong, or nothing is between the two.

    """

    def edge(written: str | None, missing: Point, field: str) -> Point:
        if written is None:
            return missing
        where, notation = named(rules, written, used)
        return point(notation, where, field)

    found = Interval(edge(begin, ORIGIN, "from"), edge(end, OPEN, "to"))
    if found.end <= found.start:
        raise Invalid.field("to", f"{found.end} does not come after {found.start}.")
    return found


def at(rules: Rules, written: str, used: Collection[str]) -> Point:
    """Return the point that a notation means, of a dimension that it names or that is used.

    Raises:
        Invalid: it means none.

    """
    return clamp(read_point(rules, written, used)[1])


def read_point(rules: Rules, written: str, used: Collection[str]) -> tuple[IovDimension, Point]:
    """Return the dimension that a notation names or that is used, and the point that it means.

    Raises:
        Invalid: it means none.

    """
    where, notation = named(rules, written, used)
    return where, point(notation, where, "at")


def read(written: Written, rules: Rules, where: IovDimension) -> tuple[Point, Point | None]:
    """Return the start and the exclusive end that a client means.

    Raises:
        Invalid: a notation is wrong, or the interval is empty or impossible.

    """
    if isinstance(written.start, Point) and not isinstance(written.end, str):
        return of_numbers(written.start, written.end, rules, where)
    start = point(written.start, where, "begin")
    if isinstance(written.end, str):
        try:
            end: Point | None = where.parse_end(written.end, start)
        except NotationError as error:
            raise Invalid.field("end", str(error)) from None
        if end is not None and end <= start:
            raise Invalid.field("end", f"{written.end!r} does not come after the start.")
        return normalised(start, end, where)
    return of_numbers(start, written.end, rules, where)


def of_many_numbers(
    rows: Iterable[Written], rules: Rules, where: IovDimension
) -> list[tuple[Point, Point | None]] | None:
    """Return what `read` does for each of many rows, in a fifth of the time.

    None where one of them is no pair of numbers, or is refused, or the dimension has rules of
    its own: then each has to be read.
    """
    if type(where).normalise is not IovDimension.normalise:
        return None
    (first, last), (lowest, highest) = where.ranges
    found = []
    for row in rows:
        start, end = row.start, row.end
        if isinstance(start, str) or isinstance(end, str):
            return None
        if end is not None:
            end = rules.iov_mode.end_from_interface(end)
            if end <= start:
                return None
        if not (first <= start[0] <= last and lowest <= start[1] <= highest) or start == OPEN:
            return None
        found.append((start, end))
    return found


def of_numbers(
    start: Point, end: Point | None, rules: Rules, where: IovDimension
) -> tuple[Point, Point | None]:
    """Return the start and the exclusive end that the numbers of the interface mean.

    Raises:
        Invalid: the interval is empty, or impossible in the dimension.

    """
    exclusive = None if end is None else series.exclusive_end(start, end, rules.iov_mode)
    return normalised(start, exclusive, where)


def normalised(start: Point, end: Point | None, where: IovDimension) -> tuple[Point, Point | None]:
    """Return an interval as its dimension keeps it.

    Raises:
        Invalid: no such interval can be in the dimension.

    """
    series.check_start(start)
    try:
        return where.normalise(start, end)
    except NotationError as error:
        raise Invalid(f"{where.name}: {error}") from None


def point(written: Point | str, where: IovDimension, field: str) -> Point:
    """Return the point that numbers or a notation mean.

    Raises:
        Invalid: the notation means none; it names the field.

    """
    if not isinstance(written, str):
        return written
    try:
        return where.parse(written)
    except NotationError as error:
        raise Invalid.field(field, str(error)) from None
