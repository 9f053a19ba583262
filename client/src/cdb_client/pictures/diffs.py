"""A comparison of two tags as lanes: where what is added, removed or changed."""

from collections.abc import Iterable, Mapping
from typing import Any

from cdb_client.pictures.axis import axis_of
from cdb_client.pictures.lanes import Lane, Picture, Piece
from cdb_client.pictures.notation import Notation
from cdb_client.points import MAX, OPEN, Point

ADDED, REMOVED, CHANGED = range(3)
"""Colours of the pieces: what only the second tag has, only the first, and both, but not alike."""

SIGNS = "+-~"
"""A sign for each of them."""

MEANINGS = ("added", "removed", "changed")

_MARGIN = 0.04


def kind_of(row: Mapping[str, Any]) -> int:
    """Return what a difference is: ADDED, REMOVED or CHANGED."""
    if row["a"] is None:
        return ADDED
    return REMOVED if row["b"] is None else CHANGED


def picture(a: str, b: str, rows: Iterable[Mapping[str, Any]], notation: Notation) -> Picture:
    """Return the picture of a comparison.

    Args:
        a: the name of the first tag, with its change where it has one.
        b: of the second one.
        rows: the differences that the service tells.
        notation: how points are written.

    """
    by_type: dict[str, list[tuple[Point, Point, int]]] = {}
    for row in rows:
        start = notation.place((row["major_iov"], row["minor_iov"]))
        end = notation.place((row["major_iov_end"], row["minor_iov_end"]))
        by_type.setdefault(row["payload_type"], []).append((start, end, kind_of(row)))
    everything = [each for those in by_type.values() for each in those]
    window = _window(everything)
    axis = axis_of(window, [point for start, end, _ in everything for point in (start, end)])
    lanes = []
    for name, those in sorted(by_type.items()):
        pieces = tuple(
            Piece(axis.at(start), axis.at(max(start, end)), 1.0, kind, True)
            for start, end, kind in those
        )
        last = those[-1][1]
        goes_on = last > window[1]
        lanes.append(
            Lane(name, counted(kind for _, _, kind in those), pieces, goes_on, last == OPEN)
        )
    reaches = " … ".join(notation.write(each) for each in window)
    total = counted(kind for _, _, kind in everything) or "no difference"
    return Picture(f"{a} → {b}", f"{total}   {reaches}", axis, notation, tuple(lanes))


def counted(kinds: Iterable[int]) -> str:
    """Return how many there are of each kind, as in `+2 ~1`."""
    those = list(kinds)
    numbers = (those.count(kind) for kind in range(len(SIGNS)))
    return " ".join(
        f"{sign}{number}" for sign, number in zip(SIGNS, numbers, strict=True) if number
    )


def _window(those: Iterable[tuple[Point, Point, int]]) -> tuple[Point, Point]:
    """Return what differences fill; an open end stretches it by a little only."""
    starts = [start for start, _, _ in those]
    ends = [end for _, end, _ in those if end[1] < MAX]
    if not starts:
        return (0, 0), (1, 0)
    first, last = min(starts), max([*starts, *ends])
    if any(end > last for _, end, _ in those):
        if first[0] == last[0]:
            return first, (last[0], last[1] + 1 + int((last[1] - first[1]) * _MARGIN))
        return first, (last[0] + 1 + int((last[0] - first[0]) * _MARGIN), 0)
    return first, last
