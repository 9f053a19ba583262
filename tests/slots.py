"""What a payload list answers at each point of a small grid, and what a write does to that.

It shares the points of the domain and nothing else: no rows, no logs, no pins. Every rule is
worked out slot by slot.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

from cdb.domain.points import MAX, OPEN, Point

COORDINATES = (0, 1, 2, 2**53 + 1, MAX - 1, MAX)
GRID = tuple(sorted(Point(major, minor) for major in COORDINATES for minor in COORDINATES))
STARTS = GRID[:-1]
"""Every point of the grid but (MAX, MAX), which is never a start."""


class RefusedError(Exception):
    """The service refuses this, with an HTTP status, and nothing changes."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, eq=False)
class Piece:
    """What answers in a slot. Slots that hold the same object are one interval."""

    payload: str
    declared: Point
    id: int | None = None


@dataclass(frozen=True)
class NewRow:
    """A payload IOV to attach; without an end it holds until the next start."""

    start: Point
    end: Point | None
    payload: str
    id: int | None = None


class Slots:
    """What a payload list answers at each point of a grid, (MAX, MAX) being its last."""

    def __init__(self, grid: Sequence[Point] = GRID, taken: Sequence[Piece | None] = ()) -> None:
        self.grid = grid
        self.slots: list[Piece | None] = list(taken) or [None] * (len(grid) - 1)
        self._place = {point: place for place, point in enumerate(grid)}

    def copy(self) -> Self:
        return type(self)(self.grid, self.slots)

    def without_ids(self) -> Self:
        """Return a copy whose intervals are others, as a fork's are."""
        others = {piece: replace(piece, id=None) for piece in self.slots if piece}
        return type(self)(self.grid, [piece and others[piece] for piece in self.slots])

    def intervals(self) -> list[tuple[Point, Point, Piece]]:
        """Return the intervals in order: start, exclusive end, what answers."""
        found: list[tuple[Point, Point, Piece]] = []
        for place, piece in enumerate(self.slots):
            if piece is None:
                continue
            if found and found[-1][2] is piece:
                found[-1] = (found[-1][0], self.grid[place + 1], piece)
            else:
                found.append((self.grid[place], self.grid[place + 1], piece))
        return found

    def answers(self) -> list[str | None]:
        """Return what is answered at each point, whichever interval it comes from."""
        return [piece and piece.payload for piece in self.slots]

    def ids(self) -> set[int]:
        return {piece.id for piece in self.slots if piece and piece.id is not None}

    def attach(self, row: NewRow, mode: str) -> None:
        """Rules 2 to 4 for one IOV."""
        if row.end is None:
            end = min((s for s, _, _ in self.intervals() if s > row.start), default=OPEN)
        else:
            end = row.end
        first, stop = self._place[row.start], self._place[end]
        keeps_declared = row.end is None
        if mode == "append" and any(self.slots[first:stop]):
            if not self._closes_the_last(row, end):
                raise RefusedError(409)
            keeps_declared = True
        self._cut(first, None if keeps_declared else row.start)
        self._cut(stop, None)
        new = Piece(row.payload, OPEN if row.end is None else end, row.id)
        self.slots[first:stop] = [new] * (stop - first)

    def attach_batch(self, rows: Sequence[NewRow], mode: str) -> None:
        """Rule 5: rows in order of start, after what cannot be meant is refused."""
        ordered = sorted(rows, key=lambda row: row.start)
        finite = [row for row in ordered if not _is_open(row)]
        if len({row.start for row in rows}) < len(rows):
            raise RefusedError(400)
        for left, right in pairwise(finite):
            if left.end is not None and left.end > right.start:
                raise RefusedError(400)
        for row in ordered:
            self.attach(row, mode)

    def delete(self, start: Point, end: Point | None) -> None:
        """Rule 6, and of rule 4 that the time goes back to the interval before."""
        found = self.intervals()
        there = [place for place, (s, e, _) in enumerate(found) if s == start and end in (None, e)]
        if not there:
            raise RefusedError(404)
        number = there[0]
        deleted = found[number][2]
        self.slots = [None if piece is deleted else piece for piece in self.slots]
        if number and found[number - 1][1] == start:
            before_start, _, before = found[number - 1]
            following = found[number + 1][0] if number + 1 < len(found) else OPEN
            stop = self._place[min(before.declared, following)]
            if stop > self._place[start]:
                first = self._place[before_start]
                self.slots[first:stop] = [replace(before, id=None)] * (stop - first)

    def entering(self, sources: Sequence["Slots"], *, overrides: bool) -> list[NewRow]:
        """Return what a merge brings in, in order: it fills the gaps, or wins over what is here.

        Of the sources the first one wins.
        """
        found: list[NewRow] = []
        before: tuple[int, Piece] | None = None
        for place, there in enumerate(self.slots):
            layers = ((number, of.slots[place]) for number, of in enumerate(sources))
            first = next(((number, piece) for number, piece in layers if piece), None)
            if first and there and (not overrides or there.payload == first[1].payload):
                first = None
            if first and first == before:
                found[-1] = replace(found[-1], end=self.grid[place + 1])
            elif first:
                found.append(NewRow(*self.grid[place : place + 2], first[1].payload))
            before = first
        return found

    def answers_in(self, row: NewRow) -> bool:
        """Tell whether something answers where an IOV with an end is valid."""
        end = OPEN if row.end is None else row.end
        return any(self.slots[self._place[row.start] : self._place[end]])

    def _closes_the_last(self, row: NewRow, end: Point) -> bool:
        """Tell whether this is the online append: open, after the last, open the same way."""
        last_start, last_end, _ = self.intervals()[-1]
        return _is_open(row) and last_start < row.start and last_end == end

    def _cut(self, place: int, declared: Point | None) -> None:
        """Let no interval reach across a place; give the left part another declared end."""
        if not 0 < place < len(self.slots):
            return
        left, right = self.slots[place - 1], self.slots[place]
        if left is None or left is not right:
            return
        for piece, places in (
            (replace(left, id=None, declared=declared or left.declared), range(place)),
            (replace(left, id=None), range(place, len(self.slots))),
        ):
            for number in places:
                if self.slots[number] is left:
                    self.slots[number] = piece


def _is_open(row: NewRow) -> bool:
    return row.end in (None, OPEN, Point(row.start.major, MAX))
