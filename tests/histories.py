"""Histories of global tags, written through the services, and what the tags answered after each.

The answers come from the query, point by point, as soon as a change is made, in the way
in which a service asks it: that is three times as quick as in a transaction. What reads
whole tags later, as of any change, is checked against them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count, pairwise
from typing import Any, NamedTuple

from hypothesis import strategies as st
from support import WRITER, rules

from cdb.domain.content import Content
from cdb.domain.points import MAX, OPEN, Interval, Point
from cdb.services import global_tags, payload_iovs, payload_lists, payload_types
from cdb.services.entering import Reference
from cdb.store import query, reads
from cdb.store.changes import latest
from cdb.store.engine import Database

RULES = rules()

WRITTEN = tuple(Point(major, minor) for major in (0, 1, 5, 2**53 + 1) for minor in (0, 3, MAX))
"""Where intervals begin and end; they can end at OPEN, too."""

GRID = tuple(sorted({*WRITTEN, Point(0, 1), Point(3, 0), Point(MAX, 7), OPEN}))
"""Where answers can change, and some places where nothing does."""

CELLS = tuple(Interval(start, end) for start, end in pairwise(GRID))
"""Parts of the axis, each with one answer."""

_numbers = count()


class Answer(NamedTuple):
    """What a payload list answers in a cell: a payload, and the interval that it is valid in."""

    interval: Interval
    content: Content


Answers = Mapping[str, Sequence[Answer | None]]
"""What a tag answers: by payload type, cell by cell."""


class State(NamedTuple):
    """A change, and what the tags answered after it, by name."""

    change: int
    tags: Mapping[str, Answers]


class Step(NamedTuple):
    """A write; what it names is chosen among what is there."""

    kind: str
    tag: int
    type: int
    start: Point
    end: Point | None
    payload: str
    revision: str | None


@st.composite
def intervals(draw: st.DrawFn, points: Sequence[Point] = GRID) -> Interval:
    start = draw(st.sampled_from([point for point in points if point != OPEN]))
    end = draw(st.sampled_from([point for point in (*points, OPEN) if point > start]))
    return Interval(start, end)


@st.composite
def _steps(draw: st.DrawFn) -> Step:
    start, end = draw(intervals(WRITTEN))
    kinds = ["attach"] * 6 + ["delete", "clone", "clone", "make list", "again"]
    return Step(
        draw(st.sampled_from(kinds)),
        draw(st.integers(0, 1)),
        draw(st.integers(0, 2)),
        start,
        draw(st.sampled_from([end, end, None])),
        draw(st.sampled_from(["p", "q"])),
        draw(st.sampled_from([None, "1"])),
    )


steps = st.lists(_steps(), min_size=4, max_size=14)


class World:
    """A database, and the writes to it; each is a change, after which everything is asked."""

    def __init__(self, database: Database) -> None:
        self.database = database
        number = next(_numbers)
        self.types = [f"{name}{number}" for name in "Tub"]
        self.names = [f"A{number}", f"B{number}"]
        self.states: list[State] = []
        self._sizes = count()
        for name in self.types:
            self.write(payload_types.create, name)
        self.write(global_tags.create, self.names[0])
        self.make_list(self.names[0], self.types[0])
        self.make_list(self.names[0], self.types[1])

    def write(self, service: Callable[..., Any], *arguments: Any) -> Any:
        """Call a service in a transaction of its own."""
        with self.database.writing() as session:
            return service(session, RULES, WRITER, *arguments)

    def make_list(self, tag: str, type_name: str) -> str:
        """Make a list of a tag, which loses the one that it has."""
        name: str = self.write(payload_lists.create, type_name).name
        self.write(payload_lists.attach, name, tag)
        return name

    def attach(self, list_name: str, *references: Reference) -> None:
        """Attach payload IOVs."""
        self.write(payload_iovs.attach_many, {list_name: list(enumerate(references))})

    def change(self) -> int:
        """Return the last change."""
        with self.database.statement() as reader:
            return latest(reader)[0]

    def tag(self, name: str, change: int | None = None) -> reads.TagRecord:
        """Return a tag as of a change, or of the last one."""
        at = self.change() if change is None else change
        with self.database.statement() as reader:
            found = reads.tag(reader, name, at)
        assert found
        return found

    def lists(self, tag: str) -> dict[str, str]:
        """Return the names of the lists of a tag, by type."""
        with self.database.statement() as reader:
            records = reads.lists_of(reader, self.tag(tag).id)
        return {record.type: record.name for record in records}

    # --- random histories -------------------------------------------------------

    def run(self, history: Sequence[Step]) -> None:
        """Take the steps that are possible, and note what is answered after each."""
        self._note()
        for step in history:
            self._take(step)
            self._note()

    def _note(self) -> None:
        answers = {name: _answers(self.database, name) for name in self.names}
        tags = {name: found for name, found in answers.items() if found is not None}
        self.states.append(State(self.change(), tags))

    def _take(self, step: Step) -> None:
        there = self.states[-1].tags
        name = self.names[step.tag] if self.names[step.tag] in there else self.names[0]
        lists = self.lists(name)
        if step.kind == "clone" and len(there) == 1:
            self.write(global_tags.clone, *self.names)
        elif step.kind == "again" and len(there) == 2:
            self.write(global_tags.delete, self.names[1])
        elif step.kind == "make list" or not lists:
            self.make_list(name, self.types[step.type])
        elif step.kind == "delete":
            self._delete(name, step)
        else:
            types = sorted(lists)
            reference = Reference(
                step.payload,
                f"sum of {step.payload}",
                step.start,
                step.end,
                next(self._sizes),
                step.revision,
            )
            self.attach(lists[types[step.type % len(types)]], reference)

    def _delete(self, tag: str, step: Step) -> None:
        shown = [
            (type_name, answer.interval.start)
            for type_name, answers in self.states[-1].tags[tag].items()
            for answer in answers
            if answer
        ]
        if shown:
            type_name, start = shown[(7 * step.type + GRID.index(step.start)) % len(shown)]
            self.write(payload_iovs.delete, tag, type_name, start, None)


def _answers(database: Database, tag: str) -> Answers | None:
    found: dict[str, list[Answer | None]] = {}
    for cell in CELLS:
        members = query.members_at(database, tag, cell.start)
        if members is None:
            return None
        for member in members.lists:
            found.setdefault(member.payload_type, []).append(_answer(member.valid))
    return found


def _answer(valid: query.Valid | None) -> Answer | None:
    if valid is None:
        return None
    interval = Interval(
        Point(valid.start_major, valid.start_minor), Point(valid.end_major, valid.end_minor)
    )
    return Answer(interval, Content(valid.payload_url, valid.checksum, valid.extra))


def pieces(
    answers: Mapping[str, Sequence[Any]], window: Interval
) -> list[tuple[str, Point, Point, Any]]:
    """Return what holds in the cells of a window, by type; cells that say the same are joined.

    Args:
        answers: by type, a value for each cell; None is left out.
        window: begins and ends on the grid.

    """
    found: list[tuple[str, Point, Point, Any]] = []
    for name in sorted(answers):
        for cell, value in zip(CELLS, answers[name], strict=True):
            if value is None or not window.start <= cell.start < window.end:
                continue
            if found and found[-1][0] == name and found[-1][2:] == (cell.start, value):
                found[-1] = (name, found[-1][1], cell.end, value)
            else:
                found.append((name, cell.start, cell.end, value))
    return found


def covered_part(cell: Interval, intervals: Iterable[Interval], *, by_majors: bool = False) -> int:
    """Count how much of a part of the axis some intervals cover that do not overlap, per mille.

    It is 0 only for nothing, and 1000 only for all; what lies between is counted in points, or
    in the majors in which anything is valid. The intervals are in order.
    """
    parts = [
        Interval(max(cell.start, each.start), min(cell.end, each.end))
        for each in intervals
        if each.start < cell.end and each.end > cell.start
    ]
    points = sum(_place(part.end) - _place(part.start) for part in parts)
    width = _place(cell.end) - _place(cell.start)
    if points in (0, width):
        return 1000 if points else 0
    if by_majors:
        points, width, known = 0, _last_major(cell) - cell.start.major + 1, -1
        for part in parts:
            # Of a part only the first major can be that of the one before, too.
            points += _last_major(part) - part.start.major + (part.start.major != known)
            known = _last_major(part)
    return min(max(1000 * points // width, 1), 999)


def _last_major(interval: Interval) -> int:
    return interval.end.major - (interval.end.minor == 0)


def _place(point: Point) -> int:
    return point.major * 2**63 + point.minor
