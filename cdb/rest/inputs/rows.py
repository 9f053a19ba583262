"""Many payload IOVs in one body: most are read column by column, without a model of each row.

What is plain (numbers, texts that can be printed) is looked at here, in a quarter of the
time. A body with any row that is not goes to the models, which know all that a row can be,
and say what is wrong.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Annotated, Any

from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator

from cdb.domain.names import TEXT_LENGTH
from cdb.domain.points import MAX, Point
from cdb.rest.inputs.bodies import BulkRow, ListIov, TagIov, end_of
from cdb.services.entering import Reference
from cdb.services.garbage import uncollected

Placed = tuple[str, Reference]
"""A payload IOV, and what its row calls the payload list that it goes to; "" where it does not."""

_TEXTS = ("payload_url", "checksum", "revision")
_NUMBERS = ("major_iov", "minor_iov", "size", "major_iov_end", "minor_iov_end")

_NEEDED = 3
"""Fields without which no row is right, at least."""

_Columns = Mapping[str, Sequence[Any]]
"""The values of rows, by the names of their fields."""


def _read(place: str | None, shortest_checksum: int) -> WrapValidator:
    """Return what reads a body.

    Args:
        place: the field that says which payload list; None where rows have none.
        shortest_checksum: its characters; a row may be without one where it is 0.

    """
    names = frozenset((*_TEXTS, *_NUMBERS, *([place] if place else ())))

    @uncollected()
    def read(body: Any, validate: ValidatorFunctionWrapHandler) -> list[Placed]:
        columns = _columns(body, names)
        if columns and _are_plain(columns):
            return _placed(columns, place)
        return [(getattr(row, place) if place else "", row.reference()) for row in validate(body)]

    def _are_plain(columns: _Columns) -> bool:
        return (
            _are_numbers(columns["major_iov"])
            and _are_numbers(columns["minor_iov"])
            and all(_are_numbers(_given(columns[name])) for name in _NUMBERS[2:])
            and _are_texts(columns["payload_url"], 1)
            and _are_texts(_given(columns["revision"]), 0)
            and _are_texts(columns["checksum"], shortest_checksum)
            and (place is None or _are_texts(columns[place], 1))
        )

    return WrapValidator(read)


def _columns(body: Any, names: frozenset[str]) -> _Columns | None:
    """Return what rows have by each name; where one is missing, what that means.

    None where one is no row, or has a name that is none of these.
    """
    if type(body) is not list or set(map(type, body)) != {dict}:
        return None
    given = frozenset(body[0])
    if not names.issuperset(given) or len(given) < _NEEDED:
        return None
    missing = {name: "" if name == "checksum" else None for name in names}
    if all(given == row.keys() for row in body):
        # As it mostly is: then no row is asked for a name that it may not have.
        by_name = dict(zip(given, zip(*map(itemgetter(*given), body), strict=True), strict=True))
        return {name: by_name.get(name) or [missing[name]] * len(body) for name in names}
    if not all(map(names.issuperset, body)):
        return None
    return {name: [row.get(name, missing[name]) for row in body] for name in names}


def _placed(columns: _Columns, place: str | None) -> list[Placed]:
    places: Iterable[str] = columns[place] if place else repeat("")
    starts = map(Point, columns["major_iov"], columns["minor_iov"])
    ends: Iterable[Point | None] = repeat(None)
    if _given(columns["major_iov_end"]) or _given(columns["minor_iov_end"]):
        ends = map(end_of, columns["major_iov_end"], columns["minor_iov_end"])
    payloads = columns["payload_url"], columns["checksum"]
    more = columns["size"], columns["revision"]
    # The columns end it: what is repeated has no end.
    references = map(Reference._make, zip(*payloads, starts, ends, *more, strict=False))
    return list(zip(places, references, strict=False))


def _given(column: Sequence[Any]) -> list[Any]:
    return [value for value in column if value is not None]


def _are_numbers(column: Sequence[Any]) -> bool:
    # A boolean is of another type.
    return set(map(type, column)) <= {int} and (
        not column or (min(column) >= 0 and max(column) <= MAX)
    )


def _are_texts(column: Sequence[Any], shortest: int) -> bool:
    # Some that cannot be printed are taken, too, but no control character can be printed.
    return (
        set(map(type, column)) <= {str}
        and all(map(str.isprintable, column))
        and min(map(len, column), default=shortest) >= shortest
        and max(map(len, column), default=0) <= TEXT_LENGTH
    )


# The first row that is wrong is told: a megabyte of empty ones would be half a million errors.
BulkRows = Annotated[list[BulkRow], Field(fail_fast=True), _read("payload_list", 0)]

ListIovs = Annotated[list[ListIov], Field(min_length=1, fail_fast=True), _read(None, 1)]

TagIovs = Annotated[list[TagIov], Field(min_length=1, fail_fast=True), _read("payload_type", 1)]
