"""A tag as lanes: what the service tells of each list becomes pieces along the axis."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cdb_client.pictures.axis import Axis, axis_of
from cdb_client.pictures.notation import Notation
from cdb_client.points import MAX, OPEN, Point

COLOURS = 6
"""How many colours there are; a piece has the number of its own."""

FULL = 1000
"""The service tells covered parts per mille."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a lane that has payloads.

    Attributes:
        start: its place, from 0 to 1.
        end: its place.
        fill: how much of it is covered, above 0 and up to 1; 1 only where all is.
        colour: 0 up to `COLOURS`; another one than those beside it have.
        begins: whether an interval starts with it.

    """

    start: float
    end: float
    fill: float
    colour: int
    begins: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """One payload list.

    Attributes:
        name: of the payload type.
        note: how many payload IOVs there are.
        pieces: in order; between them there is nothing.
        goes_on: whether what is valid at the end of the picture goes on after it.
        is_open: whether that has no end.
        began: whether what is valid at its start began before it.

    """

    name: str
    note: str
    pieces: tuple[Piece, ...]
    goes_on: bool = False
    is_open: bool = False
    began: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """All of a timeline.

    Attributes:
        title: what it is a picture of.
        subtitle: as of when, and which part.
        axis: where things are.
        notation: how points are written.
        lanes: by payload type.

    """

    title: str
    subtitle: str
    axis: Axis
    notation: Notation
    lanes: tuple[Lane, ...]


def point_of(text: str) -> Point:
    """Return the point that the service writes as `major,minor`."""
    major, _, minor = text.partition(",")
    return int(major), int(minor)


def lanes_of(
    rows: Sequence[Mapping[str, Any]],
    edges: Sequence[str],
    notation: Notation,
    ends: Mapping[str, Point],
) -> tuple[Axis, tuple[Lane, ...]]:
    """Return the axis of a timeline and its lanes.

    Args:
        rows: the lanes that the service answers with.
        edges: of its buckets, the first and the last are those of the window.
        notation: how points are drawn.
        ends: of the last interval of each payload type, where it is known.

    """
    cells = [notation.place(point_of(each)) for each in edges]
    window = cells[0], _shown_end(cells)
    happens = [point for row in rows for point in _happens(row, cells, notation)]
    axis = axis_of(window, happens)
    lanes = (
        _lane(row, cells, axis, notation, ends.get(row["payload_type"], window[0])) for row in rows
    )
    return axis, tuple(lanes)


def _shown_end(cells: Sequence[Point]) -> Point:
    # Of nothing at all the service says that it could be anywhere.
    return cells[-1] if cells[-1] > cells[0] else (cells[0][0], cells[0][1] + 1)


def _happens(
    row: Mapping[str, Any], cells: Sequence[Point], notation: Notation
) -> Iterator[Point]:
    """Yield where anything starts or ends in a lane."""
    if row.get("intervals") is not None:
        for each in row["intervals"]:
            yield notation.place(point_of(each["start"]))
            yield notation.place(point_of(each["end"]))
        return
    before = 0
    for place, count, covered in zip(cells, row["counts"], row["covered"], strict=False):
        if count or covered != before:
            yield place
        before = covered


def _lane(
    row: Mapping[str, Any], cells: Sequence[Point], axis: Axis, notation: Notation, last: Point
) -> Lane:
    start, end = axis.window
    began = False
    if row.get("intervals") is None:
        pieces = tuple(_from_buckets(row, cells, axis))
    else:
        pieces = tuple(_from_intervals(row["intervals"], axis, notation))
        began = any(
            notation.place(point_of(each["start"])) < start for each in row["intervals"][:1]
        )
        last = max(
            (notation.place(point_of(each["end"])) for each in row["intervals"]), default=last
        )
    goes_on = bool(pieces) and (last > end or (last[1] == MAX and last[0] >= end[0]))
    return Lane(row["payload_type"], f"{row['iovs']:,}", pieces, goes_on, last == OPEN, began)


def _from_intervals(
    intervals: Sequence[Mapping[str, Any]], axis: Axis, notation: Notation
) -> Iterator[Piece]:
    contents = [(each["payload_url"], each["checksum"], each["revision"]) for each in intervals]
    colours = coloured(contents)
    for each, colour in zip(intervals, colours, strict=True):
        start, end = (notation.place(point_of(each[side])) for side in ("start", "end"))
        if start < axis.window[1] and end > axis.window[0]:
            yield Piece(axis.at(start), axis.at(end), 1.0, colour, start >= axis.window[0])


def _from_buckets(row: Mapping[str, Any], cells: Sequence[Point], axis: Axis) -> Iterator[Piece]:
    """Yield a piece for each bucket, all with the same content as one."""
    colour = 0
    pending: Piece | None = None
    columns = zip(pairwise(cells), row["counts"], row["covered"], strict=True)
    for (start, end), count, covered in columns:
        fill = covered / FULL
        # What is partly covered is a histogram, of one colour; else a boundary is seen.
        if fill < 1:
            colour = 0
        elif count:
            colour = (colour + 1) % 2
        piece = Piece(axis.at(start), axis.at(end), fill, colour, bool(count))
        if pending and fill and not count and piece.fill == pending.fill:
            pending = Piece(pending.start, piece.end, fill, pending.colour, pending.begins)
            continue
        if pending:
            yield pending
        pending = piece if fill else None
    if pending:
        yield pending


def coloured(contents: Sequence[object]) -> list[int]:
    """Return a colour for each of what stands beside each other.

    What is the same has the same colour, and what differs from its neighbour another one;
    where both cannot be had, the latter.
    """
    known: dict[object, int] = {}
    beside = _neighbours(contents)
    for content in contents:
        if content not in known:
            taken = {known[each] for each in beside[content] if each in known}
            wanted = len(known) % COLOURS
            free = [c for c in _from(wanted) if c not in taken]
            known[content] = free[0] if free else wanted
    found: list[int] = []
    for number, content in enumerate(contents):
        colour = known[content]
        if number and contents[number - 1] != content and found[-1] == colour:
            following = known[contents[number + 1]] if number + 1 < len(contents) else colour
            colour = next(c for c in _from(colour + 1) if c not in {colour, following})
        elif number and contents[number - 1] == content:
            colour = found[-1]
        found.append(colour)
    return found


def _from(first: int) -> Iterable[int]:
    return ((first + each) % COLOURS for each in range(COLOURS))


def _neighbours(contents: Sequence[object]) -> dict[object, set[object]]:
    found: dict[object, set[object]] = {each: set() for each in contents}
    for one, other in pairwise(contents):
        if one != other:
            found[one].add(other)
            found[other].add(one)
    return found
