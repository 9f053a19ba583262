"""What random histories ask of a global tag, and the rows that the model has for it."""

from collections.abc import Sequence
from typing import Any

from model import ListModel
from slots import GRID, STARTS

from cdb.domain.points import Point


def query(tag: str, point: Point) -> str:
    return f"payloadiovs/?gtName={tag}&majorIOV={point.major}&minorIOV={point.minor}"


def questions(change: int) -> list[str]:
    """What is asked of a tag at a change, at points that differ from change to change."""
    first, second = (GRID[change * step % len(GRID)] for step in (5, 7))
    return [
        query("{}", first),
        f"{query('{}', second)}&shape=dict",
        "globalTag/{}",
        "gtPayloadLists/{}",
    ]


def interval_of(iov: dict[str, Any]) -> tuple[Point, Point, str]:
    start = Point(iov["major_iov"], iov["minor_iov"])
    return start, Point(iov["major_iov_end"], iov["minor_iov_end"]), iov["payload_url"]


def rows_by_point(members: Sequence[ListModel]) -> dict[Point, list[list[object]]]:
    """The rows that the query answers at each point, in the order of the types."""
    rows: dict[Point, list[list[object]]] = {point: [] for point in STARTS}
    for member in members:
        for start, end, piece in member.slots.intervals():
            name = piece.payload
            row = [member.type, name, f"sum of {name}", None, *start, *end, name]
            for point in STARTS:
                if start <= point < end:
                    rows[point].append(row)
    return rows
