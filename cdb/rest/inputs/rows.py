"""Many payload IOVs in one body: most are read column by column, without a model of each row.

What is plain (numbers, texts that can be printed) is looked at here, in a quarter of the
time. A body with any row that is not goes to the models, which know all that a row can be,
and say what is wrong.
"""

from collections.abc import Iterable, Sequence
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


def _read(place: str | None, shortest_checksum: int) -> WrapValidator:
    """Return what reads a body.

    Args:
        place: the field that says which payload list; None where rows have none.
        shortest_checksum: its characters; a row may be without one where it is 0.

    """
    names = frozenset((*_TEXTS, *_NUMBERS, *([place] if place else ())))

    @uncollected()
    def read(body: Any, validate: ValidatorFunctionWrapHandler) -> list[Placed]:
        if _is_plain(body):
            return _placed(body, place)
        return [(getattr(row, place) if place else "", row.reference()) for row in validate(body)]

    def _is_plain(body: Any) -> bool:
        return (
            type(body) is list
            and set(map(type, body)) == {dict}
            and all(map(names.issuperset, body))
            and _are_numbers(_column(body, "major_iov"))
            and _are_numbers(_column(body, "minor_iov"))
            and all(_are_numbers(_given(body, name)) for name in _NUMBERS[2:])
            and _are_texts(_column(body, "payload_url"), 1)
            and _are_texts(_given(body, "revision"), 0)
            and _are_texts([row.get("checksum", "") for row in body], shortest_checksum)
            and (place is None or _are_texts(_column(body, place), 1))
        )

    return WrapValidator(read)


def _placed(body: Sequence[dict[str, Any]], place: str | None) -> list[Placed]:
    with_ends = any("major_iov_end" in row or "minor_iov_end" in row for row in body)
    return [
        (
            row[place] if place else "",
            Reference(
                row["payload_url"],
                row.get("checksum", ""),
                Point(row["major_iov"], row["minor_iov"]),
                end_of(row.get("major_iov_end"), row.get("minor_iov_end")) if with_ends else None,
                row.get("size"),
                row.get("revision"),
            ),
        )
        for row in body
    ]


def _column(body: Iterable[dict[str, Any]], name: str) -> list[Any]:
    return [row.get(name) for row in body]


def _given(body: Iterable[dict[str, Any]], name: str) -> list[Any]:
    return [row[name] for row in body if row.get(name) is not None]


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


BulkRows = Annotated[list[BulkRow], _read("payload_list", 0)]

ListIovs = Annotated[list[ListIov], Field(min_length=1), _read(None, 1)]

TagIovs = Annotated[list[TagIov], Field(min_length=1), _read("payload_type", 1)]
