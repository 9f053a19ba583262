"""Merging lists: worked examples of each mode, and the rules point by point against a model.

The model knows nothing of intervals: for every cell of a small grid it says
which payload answers there.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.domain import merging
from cdb.domain.content import Content
from cdb.domain.merging import Closed, Entry, Part
from cdb.domain.points import OPEN, ORIGIN, Interval, IovMode, Point, before
from cdb.domain.series import Page, Row
from cdb.errors import NotAppendable

SIZE = 7
"""Of all payloads."""

Written = tuple[int, int | None, str]
"""Start and end as major numbers, None for an open end; and the payload."""


def parts(*written: Written) -> list[Part]:
    return [part(*each) for each in written]


def part(start: int, end: int | None, payload: str) -> Part:
    return Part(Point(start, 0), point(end), Content(payload, f"sum of {payload}", None), SIZE)


def point(major: int | None) -> Point:
    return OPEN if major is None else Point(major, 0)


def rows_of(shown: Sequence[Part]) -> Page:
    """Read parts as rows; one with an odd id was declared to hold until the next start."""

    def page(place: Point, limit: int) -> Sequence[Row]:
        read = merging.page_of(shown)(place, limit)
        return [row._replace(declared=OPEN) if row.id % 2 else row for row in read]

    return page


def after(shown: Sequence[Part], entry: Entry) -> list[Part]:
    """Return what a list shows once the plan of a merge is carried out."""
    plan = merging.plan(entry, rows_of(shown), IovMode.CONTINUOUS)
    left = [each for number, each in enumerate(shown) if number not in plan.retired]
    for piece in plan.added:
        source = shown[piece.row] if piece.row is not None else entry.parts[piece.new or 0]
        assert piece.end <= piece.declared
        left.append(source._replace(start=piece.start, end=piece.end))
    found = sorted(left)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert {each.size for each in found} <= {SIZE}
    return found


def written(shown: Sequence[Part]) -> list[Written]:
    return [
        (each.start.major, None if each.end == OPEN else each.end.major, each.content.payload_url)
        for each in shown
    ]


# --- worked examples: fill ----------------------------------------------------


def test_into_an_empty_list_the_first_source_goes_whole_and_the_next_into_its_gaps() -> None:
    """`b2conditionsdb tag merge` into an empty tag, of tags by falling priority.

    A query with both tags as layers takes, for each run, the first one that has
    the payload. The merged tag has to answer just that, so what the first tag has
    stays whole, and an interval of the second one is shortened, or split, to what
    is left: here g, which reaches over f1 and f2, becomes three.
    """
    first = parts((10, 20, "f1"), (30, 40, "f2"))
    second = parts((5, 50, "g"))
    entry = merging.fill([], [first, second])
    assert written(after([], entry)) == [
        (5, 10, "g"),
        (10, 20, "f1"),
        (20, 30, "g"),
        (30, 40, "f2"),
        (40, 50, "g"),
    ]


def test_what_the_list_has_already_is_the_first_layer() -> None:
    """The tag that is merged into need not be empty: filling it never changes an answer."""
    target = parts((0, 10, "t"), (20, None, "t2"))
    entry = merging.fill(target, [parts((5, 15, "a")), parts((0, None, "b"))])
    assert written(after(target, entry)) == [
        (0, 10, "t"),
        (10, 15, "a"),
        (15, 20, "b"),
        (20, None, "t2"),
    ]
    assert merging.changes_answers(target, entry) is None


def test_only_what_lies_in_the_window_is_merged() -> None:
    """As with a run range of `b2conditionsdb tag merge`: intervals are cut at its edges."""
    window = Interval(Point(8, 0), Point(35, 0))
    sources = [parts((10, 20, "f1"), (30, 40, "f2")), parts((5, 50, "g"))]
    entry = merging.fill([], [list(merging.clipped(each, window)) for each in sources])
    assert written(entry.parts) == [
        (8, 10, "g"),
        (10, 20, "f1"),
        (20, 30, "g"),
        (30, 35, "f2"),
    ]


# --- worked examples: override ------------------------------------------------


def test_a_correction_wins_where_it_has_a_payload_and_nowhere_else() -> None:
    target = parts((0, 10, "t1"), (10, 20, "t2"), (20, None, "t3"))
    entry = merging.override(target, [parts((5, 12, "fix"), (30, 40, "fix2"))])
    assert written(after(target, entry)) == [
        (0, 5, "t1"),
        (5, 12, "fix"),
        (12, 20, "t2"),
        (20, 30, "t3"),
        (30, 40, "fix2"),
        (40, None, "t3"),
    ]
    assert merging.changes_answers(target, entry) == Interval(Point(5, 0), Point(12, 0))


def test_of_several_corrections_the_first_one_wins() -> None:
    target = parts((0, None, "t"))
    entry = merging.override(target, [parts((5, 10, "a")), parts((0, 20, "b"))])
    assert written(after(target, entry)) == [
        (0, 5, "b"),
        (5, 10, "a"),
        (10, 20, "b"),
        (20, None, "t"),
    ]


def test_what_answers_the_same_already_is_not_written() -> None:
    target = parts((0, 10, "same"), (10, 20, "other"))
    entry = merging.override(target, [parts((0, 20, "same"))])
    assert written(entry.parts) == [(10, 20, "same")]
    assert merging.override(target, [parts((2, 8, "same"))]).is_empty


# --- worked examples: append --------------------------------------------------


def appended(
    shown: Sequence[Part],
    source: Sequence[Part],
    begin: int,
    closed: Closed = Closed.REFUSE,
    *,
    full: bool = False,
) -> list[Written]:
    start = Point(begin, 0)
    coming = merging.succession(merging.staged(source, start), closed)
    entry = merging.append(merging.tail(shown, start), coming, start, full=full)
    return written(after(shown, entry) if not entry.is_empty else shown)


RUNNING = parts((0, 3, "r1"), (3, None, "r2"))


def test_an_open_end_closes_where_the_first_new_interval_begins() -> None:
    """What answered before the update stays, as data that are processed already need it."""
    assert appended(RUNNING, parts((7, None, "s")), 5) == [
        (0, 3, "r1"),
        (3, 7, "r2"),
        (7, None, "s"),
    ]


def test_a_source_that_begins_at_the_origin_means_where_the_update_begins() -> None:
    """A staging tag need not know from which run on it will be used."""
    assert appended(RUNNING, parts((0, 8, "s1"), (8, None, "s2")), 5) == [
        (0, 3, "r1"),
        (3, 5, "r2"),
        (5, 8, "s1"),
        (8, None, "s2"),
    ]


def test_a_new_payload_that_is_the_old_one_makes_that_longer() -> None:
    """No new interval begins where nothing changes: not at 5, and not at 7, as r2 held there."""
    assert appended(RUNNING, parts((0, 9, "r2"), (9, None, "s")), 5)[1:] == [
        (3, 9, "r2"),
        (9, None, "s"),
    ]
    assert appended(RUNNING, parts((7, None, "r2")), 5) == written(RUNNING)


def test_equal_neighbours_of_the_source_join() -> None:
    assert appended([], parts((5, 6, "s"), (6, 9, "s"), (9, None, "t")), 5) == [
        (5, 9, "s"),
        (9, None, "t"),
    ]


def test_what_was_closed_already_stays_so_and_may_leave_a_gap() -> None:
    assert appended(parts((0, 3, "r")), parts((0, None, "s")), 5) == [
        (0, 3, "r"),
        (5, None, "s"),
    ]
    assert appended(parts((0, 5, "r")), parts((0, None, "r")), 5) == [(0, None, "r")]


def test_a_closed_source_is_refused_unless_it_is_allowed_or_fixed() -> None:
    """What ends leaves the runs after it without a payload, so that has to be meant."""
    source = parts((0, 8, "s1"), (8, 12, "s2"))
    with pytest.raises(
        NotAppendable, match=r"\[\(8, 0\), \(12, 0\)\) is closed: no other one follows"
    ):
        appended(RUNNING, source, 5)
    allowed = appended(RUNNING, source, 5, Closed.ALLOW)
    assert allowed[1:] == [(3, 5, "r2"), (5, 8, "s1"), (8, 12, "s2")]
    fixed = appended(RUNNING, source, 5, Closed.FIX)
    assert fixed[1:] == [(3, 5, "r2"), (5, 8, "s1"), (8, None, "s2")]


def test_a_gap_of_the_source_is_refused_allowed_or_fixed_as_well() -> None:
    source = parts((5, 6, "s1"), (8, None, "s2"))
    with pytest.raises(NotAppendable, match=r"the next one begins at \(8, 0\)"):
        appended([], source, 5)
    assert appended([], source, 5, Closed.ALLOW) == [(5, 6, "s1"), (8, None, "s2")]
    assert appended([], source, 5, Closed.FIX) == [(5, 8, "s1"), (8, None, "s2")]


def test_a_full_update_closes_what_it_does_not_replace() -> None:
    """After it just what the source has is valid from there on."""
    assert appended(RUNNING, [], 5, full=True) == [(0, 3, "r1"), (3, 5, "r2")]
    assert appended(parts((0, 3, "r1")), [], 5, full=True) == [(0, 3, "r1")]


@pytest.mark.parametrize(
    ("shown", "source", "first"),
    [
        (RUNNING, [(7, None, "s")], None),
        (RUNNING, [(5, 8, "s1"), (8, None, "s2")], None),
        (RUNNING, [(5, 8, "s1"), (8, 12, "s2")], 12),
        (RUNNING, [(5, 8, "s1"), (9, None, "s2")], 8),
        (RUNNING, [], 5),
        (parts((0, 3, "r")), [(7, 9, "s")], None),
        (parts((0, 5, "r")), [(5, 9, "r")], None),
        ([], [(7, 9, "s")], None),
    ],
)
def test_what_was_open_and_has_no_answer_any_more_begins_where_nothing_follows(
    shown: Sequence[Part], source: list[Written], first: int | None
) -> None:
    start = Point(5, 0)
    coming = merging.succession(merging.staged(parts(*source), start), Closed.ALLOW)
    last = merging.tail(shown, start)
    entry = merging.append(last, coming, start, full=True)
    assert merging.unanswered(last, entry) == (None if first is None else Point(first, 0))


@pytest.mark.parametrize(
    ("shown", "what"),
    [
        (parts((0, 5, "r1"), (5, None, "r2")), "[(5, 0), open)"),
        (parts((0, 6, "r")), "[(0, 0), (6, 0))"),
        (parts((9, 10, "r")), "[(9, 0), (10, 0))"),
    ],
    ids=["begins there", "is closed later", "begins later"],
)
def test_what_was_decided_for_later_refuses_an_update(shown: Sequence[Part], what: str) -> None:
    """Only an open end is not decided on; anything else there would be changed, or hidden."""
    with pytest.raises(NotAppendable, match=re.escape(f"{what}, which is not over at (5, 0)")):
        appended(shown, parts((0, None, "s")), 5)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (parts((4, None, "s")), "[(4, 0), open), which begins before (5, 0)"),
        (parts((0, 5, "s"), (5, None, "t")), "[(0, 0), (5, 0)), which is over before (5, 0)"),
    ],
)
def test_a_source_that_begins_too_early_is_refused(source: Sequence[Part], reason: str) -> None:
    with pytest.raises(NotAppendable, match=re.escape(reason)):
        appended([], source, 5)


def test_a_deleted_update_gives_the_time_back() -> None:
    """As after an online update: the end that the last interval was declared to have stays."""
    shown = parts((0, 3, "r1"), (3, None, "r2"))
    entry = Entry(parts((7, None, "s")), Interval(Point(3, 0), Point(7, 0)))
    kept, new = merging.plan(entry, rows_of(shown), IovMode.CONTINUOUS).added
    assert (kept.row, kept.end, kept.declared) == (1, Point(7, 0), OPEN)
    assert (new.new, new.end, new.declared) == (0, OPEN, OPEN)


def test_what_a_full_update_closes_was_meant_to_end() -> None:
    entry = Entry([], Interval(Point(3, 0), Point(5, 0)))
    [kept] = merging.plan(entry, rows_of(RUNNING), IovMode.CONTINUOUS).added
    assert kept.declared == Point(5, 0)


# --- point by point -----------------------------------------------------------

EDGES = [*(Point(major, 0) for major in range(9)), OPEN]
CELLS = [Interval(*pair) for pair in pairwise(EDGES)]
Cells = list[str | None]
"""What answers in each cell."""


@st.composite
def lists(draw: st.DrawFn) -> list[Part]:
    """Intervals in order, without overlaps; touching ones can have the same payload."""
    edges = sorted(draw(st.sets(st.sampled_from(EDGES), min_size=4)))
    drawn = [(s, e, draw(st.sampled_from(["p", "q", None]))) for s, e in pairwise(edges)]
    return [
        Part(s, e, Content(payload, f"sum of {payload}", None), SIZE)
        for s, e, payload in drawn
        if payload
    ]


def answers(shown: Sequence[Part]) -> Cells:
    return [
        next((each.content.payload_url for each in shown if each.start <= s < each.end), None)
        for s, _ in CELLS
    ]


def differences(target: Sequence[Part], entry: Entry) -> list[tuple[str | None, str | None]]:
    """Return what is told to have been the answer in each cell, and to be it; else two of None."""
    told = list(merging.differences(target, entry))
    inside = [[each for each in told if each.start <= s < each.end] for s, _ in CELLS]
    assert all(len(each) <= 1 for each in inside)
    return [
        next(((x.a and x.a.payload_url, x.b and x.b.payload_url) for x in each), (None, None))
        for each in inside
    ]


def unlike(old: Cells, new: Cells) -> list[tuple[str | None, str | None]]:
    return [(None, None) if a == b else (a, b) for a, b in zip(old, new, strict=True)]


def first_of(layers: Sequence[Cells]) -> Cells:
    cells = zip([None] * len(CELLS), *layers, strict=True)
    return [next((answer for answer in cell if answer), None) for cell in cells]


sources_of = st.lists(lists(), max_size=3)


@given(target=lists(), sources=sources_of)
def test_fill_takes_the_list_first_and_then_the_sources(
    target: list[Part], sources: list[list[Part]]
) -> None:
    entry = merging.fill(target, sources)
    found = after(target, entry)
    assert answers(found) == first_of([answers(each) for each in (target, *sources)])
    assert set(target) <= set(found)
    assert entry.is_empty == (answers(found) == answers(target))


@given(target=lists(), sources=sources_of)
def test_override_takes_the_sources_first_and_then_the_list(
    target: list[Part], sources: list[list[Part]]
) -> None:
    entry = merging.override(target, sources)
    found = after(target, entry)
    assert answers(found) == first_of([answers(each) for each in (*sources, target)])
    assert entry.is_empty == (answers(found) == answers(target))
    assert differences(target, entry) == unlike(answers(target), answers(found))
    changed = [
        cell
        for cell, a, b in zip(CELLS, answers(target), answers(found), strict=True)
        if a and a != b
    ]
    first = merging.changes_answers(target, entry)
    assert (first and first.start) == (changed[0].start if changed else None)


Update = tuple[list[Part], list[list[Part]], Point]
"""What a list shows, the sources, and where the update begins."""


def made_to_fit(update: Update) -> Update:
    """Leave of an update what can be done: of those that are made up most are refused."""
    shown, sources, begin = update
    kept = [
        each._replace(end=OPEN) if each.end > begin else each
        for each in shown
        if each.start < begin
    ]
    return kept, [[each for each in source if each.start >= begin] for source in sources], begin


updates = st.tuples(lists(), sources_of, st.sampled_from(EDGES[:-1]))
fitting = st.tuples(lists(), sources_of, st.sampled_from(EDGES[4:-1])).map(made_to_fit)


@given(update=updates | fitting, full=st.booleans())
def test_append_keeps_what_is_before_and_takes_the_sources_after(
    update: Update, full: bool
) -> None:
    shown, sources, begin = update
    try:
        staged = [list(merging.staged(each, begin)) for each in sources]
    except NotAppendable:
        assert any(each.start < begin for source in sources for each in source)
        return
    near = [each for each in shown if begin == ORIGIN or each.end > before(begin)]
    try:
        last = merging.tail(near, begin)
    except NotAppendable:
        assert any(each.start >= begin or begin < each.end < OPEN for each in shown)
        return
    coming = merging.succession(merging.layered(staged), Closed.ALLOW)
    entry = merging.append(last, coming, begin, full=full)
    shown_then = after(shown, entry)
    assert (entry.tail is None) == (set(shown) <= set(shown_then))
    of_sources = first_of([answers(each) for each in staged])
    old, found = answers(shown), answers(shown_then)
    place = next((n for n, answer in enumerate(of_sources) if answer), None)
    if place is None and full:
        place = EDGES.index(begin)
    assert found == (old if place is None else [*old[:place], *of_sources[place:]])
    assert differences(shown, entry) == unlike(old, found)
    gone = [s for (s, _), a, b in zip(CELLS, old, found, strict=True) if a and not b]
    assert merging.unanswered(last, entry) == (gone[0] if gone else None)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ([(7, None, "s")], [(7, None, "r2", "s")]),
        ([(5, 8, "s")], [(5, 8, "r2", "s"), (8, None, "r2", None)]),
        ([], [(5, None, "r2", None)]),
    ],
)
def test_the_differences_of_an_update_are_from_where_the_open_interval_ends(
    source: list[Written], told: list[tuple[int, int | None, str, str | None]]
) -> None:
    start = Point(5, 0)
    coming = merging.succession(merging.staged(parts(*source), start), Closed.ALLOW)
    entry = merging.append(merging.tail(RUNNING, start), coming, start, full=True)
    assert [
        (x.start.major, None if x.end == OPEN else x.end.major, x.a and x.a[0], x.b and x.b[0])
        for x in merging.differences(RUNNING, entry)
    ] == told


@given(source=lists())
def test_fixed_successions_have_no_gaps_and_equal_neighbours_are_one(source: list[Part]) -> None:
    found = merging.succession(source, Closed.FIX)
    assert all(a.end == b.start and a.content != b.content for a, b in pairwise(found))
    assert [each.end for each in found[-1:]] == ([OPEN] if source else [])
