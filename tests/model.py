"""A conditions database that a child could check: every answer is kept point by point.

It shares the points and intervals of the domain and nothing else: no rows, no
logs, no pins. A payload list is one slot for each point of a small grid, a
clone is a copy of the slots, and every rule is worked out slot by slot.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Self

from cdb.domain.points import MAX, OPEN, Point

COORDINATES = (0, 1, 2, 2**53 + 1, MAX - 1, MAX)
GRID = tuple(sorted(Point(major, minor) for major in COORDINATES for minor in COORDINATES))
STARTS = GRID[:-1]
"""Every point of the grid but (MAX, MAX), which is never a start."""

MODES = {"unlocked": "open", "locked": "append", "frozen": "closed"}


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


@dataclass(eq=False)
class ListModel:
    """A payload list: where it is, and what it answers."""

    name: str
    type: str
    ends: str
    slots: Slots = field(default_factory=Slots)
    tag: str | None = None
    is_clone: bool = False
    is_live: bool = True


@dataclass(frozen=True)
class Past:
    """A global tag at an earlier change: which one it was, and its lists by type."""

    id: int
    lists: dict[str, ListModel]


@dataclass
class StagedModel:
    """A payload IOV that was staged; `attached` once it left the staging table."""

    row: NewRow
    attached: bool = False


class ServiceModel:
    """Global tags and payload lists; methods return how many changes the log gets."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}
        self.lists: list[ListModel] = []
        self._ids: dict[str, int] = {}
        self._made = 0

    def live_lists(self) -> list[ListModel]:
        return [entry for entry in self.lists if entry.is_live]

    def lists_of(self, tag: str) -> list[ListModel]:
        members = [entry for entry in self.live_lists() if entry.tag == tag]
        return sorted(members, key=lambda entry: entry.type)

    def create_tag(self, name: str, status: str) -> int:
        if name in self.tags:
            raise RefusedError(400)
        self._make(name, status)
        return 1

    def change_status(self, name: str, status: str) -> int:
        current = self._status(name)
        if status == current:
            return 0
        if current == "frozen":
            raise RefusedError(409)
        self.tags[name] = status
        return 1

    def describe_tag(self, name: str) -> int:
        self._status(name)
        return 1

    def rename_tag(self, name: str, new_name: str) -> int:
        status = self._status(name)
        if new_name != name:
            self._require(status, "open")
            if new_name in self.tags:
                raise RefusedError(400)
        for member in self.lists_of(name):
            member.tag = new_name
        self.tags[new_name] = self.tags.pop(name)
        self._ids[new_name] = self._ids.pop(name)
        return 1

    def delete_tag(self, name: str) -> int:
        self._require(self._status(name), "open")
        for member in self.lists_of(name):
            member.is_live = False
        del self.tags[name], self._ids[name]
        return 1

    def past(self) -> dict[str, Past]:
        """Return what every tag holds now, to be reverted to later."""
        return {
            tag: Past(
                self._ids[tag],
                {
                    member.type: replace(member, slots=member.slots.copy())
                    for member in self.lists_of(tag)
                },
            )
            for tag in self.tags
        }

    def revert(self, name: str, past: dict[str, Past]) -> int:
        """Let a tag answer as it did; lists that come back get names from `name_lists`."""
        self._require(self._status(name), "open", "append")
        differing = self.differing(name, past)
        for current, earlier in differing:
            if current is None and earlier is not None:
                copy = replace(earlier, name="", slots=earlier.slots.copy(), tag=name)
                self.lists.append(replace(copy, is_clone=True, is_live=True))
            elif current is not None and earlier is not None:
                current.slots = earlier.slots.copy()
                current.is_clone = True
            elif current is not None:
                current.tag = None
        return 1 if differing else 0

    def differing(
        self, name: str, past: dict[str, Past]
    ) -> list[tuple[ListModel | None, ListModel | None]]:
        """Return the lists, now and then, that a revert of a tag has to do with."""
        then = next((each for each in past.values() if each.id == self._ids[name]), None)
        if then is None:
            raise RefusedError(404)
        appends = MODES[self.tags[name]] == "append"
        now = {member.type: member for member in self.lists_of(name)}
        found = []
        for type_name in sorted(now.keys() | then.lists.keys()):
            pair = now.get(type_name), then.lists.get(type_name)
            before, after = (
                each.slots.answers() if each else [None] * len(STARTS) for each in pair
            )
            if appends and any(a and a != b for a, b in zip(before, after, strict=True)):
                raise RefusedError(409)
            if before != after or (None in pair and not appends):
                found.append(pair)
        return found

    def clone(self, source: str, target: str) -> int:
        """Copy a tag; the copies of its lists get their names from `name_lists`."""
        self._status(source)
        if target in self.tags:
            raise RefusedError(400)
        self._make(target, "unlocked")
        self.lists += [
            ListModel("", member.type, member.ends, member.slots.copy(), target, is_clone=True)
            for member in self.lists_of(source)
        ]
        return 1

    def name_lists(self, tag: str, names: dict[str, str]) -> None:
        """Give the lists of a new clone, or of a revert, the names that the service made."""
        members = self.lists_of(tag)
        if {member.type for member in members} != names.keys():
            raise AssertionError(f"the tag has lists of {sorted(names)}")
        for member in members:
            member.name = member.name or names[member.type]

    def attach_list(self, target: ListModel, tag: str) -> int:
        status = self._status(tag)
        self._live(target)
        self._require(status, "open", "append")
        if target.tag == tag:
            return 0
        if target.tag is not None:
            self._require(self.tags[target.tag], "open")
        replaced = [member for member in self.lists_of(tag) if member.type == target.type]
        if replaced:
            self._require(status, "open")
        for member in replaced:
            member.tag = None
        target.tag = tag
        return 1

    def describe_list(self, target: ListModel) -> int:
        self._live(target)
        return 1

    def delete_list(self, target: ListModel) -> int:
        self._live(target)
        if target.slots.intervals():
            raise RefusedError(409)
        if target.tag is not None:
            self._require(self.tags[target.tag], "open")
        target.is_live = False
        return 1

    def attach(self, target: ListModel, staged: StagedModel) -> int:
        self._live(target)
        row = staged.row
        if staged.attached:
            if row.id in target.slots.ids():
                return 0
            raise RefusedError(409)
        end = OPEN if row.end is None and target.ends == "explicit" else row.end
        slots = self._writable(target)
        slots.attach(replace(row, end=end), self._mode(target))
        self._written(target, slots)
        staged.attached = True
        return 1

    def attach_at_once(self, target: ListModel, rows: Sequence[NewRow]) -> int:
        default = OPEN if target.ends == "explicit" else None
        return self.attach_many([(target, replace(row, end=row.end or default)) for row in rows])

    def attach_many(self, rows: Sequence[tuple[ListModel, NewRow]]) -> int:
        if any(row.end is not None and row.end <= row.start for _, row in rows):
            raise RefusedError(400)
        written = []
        targets = sorted({target for target, _ in rows}, key=lambda entry: entry.name)
        for target in targets:
            self._live(target)
            self._writable(target)
        for target in targets:
            slots = self._writable(target)
            slots.attach_batch([row for other, row in rows if other is target], self._mode(target))
            written.append((target, slots))
        for target, slots in written:
            self._written(target, slots)
        return 1 if rows else 0

    def delete(self, tag: str, type_name: str, start: Point, end: Point | None) -> int:
        if start == OPEN or (end is not None and end <= start):
            raise RefusedError(400)
        status = self._status(tag)
        member = next((entry for entry in self.lists_of(tag) if entry.type == type_name), None)
        if member is None:
            raise RefusedError(404)
        self._require(status, "open")
        slots = self._writable(member)
        slots.delete(start, end)
        self._written(member, slots)
        return 1

    def _make(self, name: str, status: str) -> None:
        self._made += 1
        self.tags[name] = status
        self._ids[name] = self._made

    def _status(self, tag: str) -> str:
        if tag not in self.tags:
            raise RefusedError(404)
        return self.tags[tag]

    def _mode(self, target: ListModel) -> str:
        return "open" if target.tag is None else MODES[self.tags[target.tag]]

    def _live(self, target: ListModel) -> None:
        if not target.is_live:
            raise RefusedError(404)

    def _require(self, status: str, *modes: str) -> None:
        if MODES[status] not in modes:
            raise RefusedError(409)

    def _writable(self, target: ListModel) -> Slots:
        """Return the slots to try a write on; `_written` puts them in place."""
        if self._mode(target) == "closed":
            raise RefusedError(409)
        return target.slots.without_ids() if target.is_clone else target.slots.copy()

    def _written(self, target: ListModel, slots: Slots) -> None:
        target.slots = slots
        target.is_clone = False
