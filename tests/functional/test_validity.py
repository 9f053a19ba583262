"""How far along the axis an answer of the query holds: exactly as far as its headers say."""

from collections.abc import Callable, Sequence
from itertools import count, pairwise
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slots import GRID, STARTS
from support import Client

from cdb.domain.points import (
    AXIS,
    LAST,
    MAX,
    OPEN,
    ORIGIN,
    Interval,
    IovMode,
    Point,
    before,
    clamp,
)

TYPES = ("T", "U", "V")
EXAMPLES = {"sqlite": 16, "postgresql": 8}

_numbers = count()

Layout = Sequence[tuple[Interval, str]]
"""Intervals of a payload list in order, with their payloads; none overlaps another."""


class Asked(NamedTuple):
    """A question: tags, each of some content; a point; and what else the query takes."""

    layers: Sequence[str]
    point: Point
    as_of: str | None
    types: Sequence[str]
    shape: str
    expired: bool


class Filled(NamedTuple):
    """What an example made: tags by what they are, and a change that can be asked as of."""

    tags: dict[str, str]
    types: dict[str, str]
    change: int


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Gaps, neighbours, equal payloads side by side; ends that are open, or within a major."""
    edges = sorted(draw(st.sets(st.sampled_from(STARTS), min_size=2, max_size=6)))
    cells = [Interval(*pair) for pair in pairwise(edges)]
    last = edges[-1]
    ends = [OPEN, Point(last.major, MAX), Point(last.major + 1, 0)]
    end = draw(st.sampled_from([end for end in ends if last < end <= OPEN]))
    cells.append(Interval(last, end))
    shown = [draw(st.sampled_from(["p", "p", "q", None])) for _ in cells]
    return [(cell, payload) for cell, payload in zip(cells, shown, strict=True) if payload]


contents = st.fixed_dictionaries(
    {name: layouts() for name in ("A.T", "A.U", "B.T", "B.V", "again.T", "again.U", "fork.U")}
)
questions = st.lists(
    st.builds(
        Asked,
        layers=st.sampled_from(["A", "B", "pinned", "fork", "A B", "B A", "pinned B A"]).map(
            str.split
        ),
        point=st.sampled_from(GRID)
        | st.builds(Point, *[st.integers(0, MAX) | st.sampled_from((3, 2**53))] * 2),
        as_of=st.sampled_from([None, None, "asOf", "@"]),
        types=st.sampled_from([(), (), ("T",), ("U", "V")]),
        shape=st.sampled_from(["list", "dict"]),
        expired=st.booleans(),
    ),
    min_size=8,
    max_size=16,
)


def fill(client: Client, mode: IovMode, content: dict[str, Layout]) -> Filled:
    """Make tags of lists: two that are written, a clone of the first, and a fork of it."""
    number = next(_numbers)
    types = {name: f"{name}{number}" for name in TYPES}
    tags = {name: f"{name}{number}" for name in ("A", "B", "pinned", "fork")}
    for name in types.values():
        client.ok("POST", "pt", {"name": name})
    for name in ("A", "B"):
        client.ok("POST", "gt", {"name": tags[name]})

    def write(tag: str, name: str, layout: Layout) -> None:
        lists = client.ok("GET", f"gtPayloadLists/{tags[tag]}")
        rows = [row(lists[types[name]], mode, *each) for each in layout]
        client.ok("POST", "bulk_piov", rows)

    for tag, name in (("A", "T"), ("A", "U"), ("B", "T"), ("B", "V")):
        made = client.ok("POST", "pl", {"payload_type": types[name]})["name"]
        client.ok("PUT", "pl_attach", {"global_tag": tags[tag], "payload_list": made})
        write(tag, name, content[f"{tag}.{name}"])
    client.ok("POST", f"cloneGlobalTag/{tags['A']}/{tags['pinned']}")
    client.ok("POST", f"cloneGlobalTag/{tags['A']}/{tags['fork']}")
    change = int(client.api("GET", f"gtPayloadLists/{tags['fork']}").headers["CDB-Change"])
    write("A", "T", content["again.T"])
    write("A", "U", content["again.U"])
    write("fork", "U", content["fork.U"])
    return Filled(tags, types, change)


def row(payload_list: str, mode: IovMode, interval: Interval, payload: str) -> dict[str, Any]:
    end = mode.end_to_interface(interval.end)
    return {
        "payload_list": payload_list,
        "payload_url": payload,
        "checksum": "sum",
        "major_iov": interval.start.major,
        "minor_iov": interval.start.minor,
        "major_iov_end": end.major,
        "minor_iov_end": end.minor,
    }


def path_of(filled: Filled, asked: Asked) -> Callable[[Point], str]:
    """Return what asks a question at any point."""
    written = f"@{filled.change}" if asked.as_of == "@" else ""
    fixed: list[tuple[str, object]] = [("gtName", filled.tags[n] + written) for n in asked.layers]
    fixed += [("types", filled.types[name]) for name in asked.types]
    fixed.append(("shape", asked.shape))
    if asked.as_of == "asOf":
        fixed.append(("asOf", filled.change))
    if asked.expired and len(asked.layers) == 1:
        fixed.append(("expired", "include"))

    def path(point: Point) -> str:
        place = [("majorIOV", point.major), ("minorIOV", point.minor)]
        return f"payloadiovs/?{urlencode([*fixed, *place])}"

    return path


def point(written: str) -> Point:
    return Point(*map(int, written.split(",")))


def window(answer: Any) -> Interval:
    """Return where an answer holds."""
    return Interval(*(point(answer.headers[f"CDB-Valid-{side}"]) for side in ("From", "Until")))


def check(client: Client, path: Callable[[Point], str], place: Point) -> Interval:
    """Check that an answer holds exactly where it says, and return that."""
    answer = client.api("GET", path(place), status=200)
    holds = window(answer)
    assert clamp(place) in holds
    for same in (holds.start, before(holds.end)):
        other = client.api("GET", path(same), status=200)
        assert (window(other), other.body) == (holds, answer.body)
    outside = [before(holds.start)] if holds.start > ORIGIN else []
    outside += [holds.end] if holds.end < OPEN else []
    for different in outside:
        other = client.api("GET", path(different), status=200)
        assert other.body != answer.body
        assert different in window(other)
    return holds


@pytest.mark.parametrize("mode", [IovMode.CONTINUOUS, IovMode.DISCRETE])
def test_an_answer_holds_in_its_window_and_nowhere_beside_it(
    make_client: Callable[..., Client], database_kind: str, mode: IovMode
) -> None:
    client = make_client(iov_mode=mode)

    @settings(max_examples=EXAMPLES[database_kind])
    @given(contents, questions)
    def check_all(content: dict[str, Layout], asked: Sequence[Asked]) -> None:
        filled = fill(client, mode, content)
        for question in asked:
            check(client, path_of(filled, question), question.point)

    check_all()


def make_tag(client: Client, tag: str, *types: str) -> dict[str, str]:
    """Make a tag with an empty list for each type; return their names."""
    client.ok("POST", "gt", {"name": tag})
    lists = {}
    for name in types:
        if client.api("GET", f"payload-types/{name}").status_int == 404:
            client.ok("POST", "pt", {"name": name})
        lists[name] = client.ok("POST", "pl", {"payload_type": name})["name"]
        client.ok("PUT", "pl_attach", {"global_tag": tag, "payload_list": lists[name]})
    return lists


def put(
    client: Client, payload_list: str, start: Point, end: Point = OPEN, url: str = "p"
) -> None:
    interval = Interval(start, end)
    client.ok("POST", "bulk_piov", [row(payload_list, IovMode.CONTINUOUS, interval, url)])


def holds_at(client: Client, place: Point, tags: str = "gtName=A", **named: object) -> Interval:
    query = urlencode({"majorIOV": place.major, "minorIOV": place.minor, **named})
    return window(client.api("GET", f"payloadiovs/?{tags}&{query}", status=200))


def test_where_a_tag_has_nothing_it_has_nothing_on_the_whole_axis(client: Client) -> None:
    make_tag(client, "A")
    assert holds_at(client, Point(5, 5)) == AXIS
    make_tag(client, "B", "T")
    assert holds_at(client, Point(5, 5), "gtName=B") == AXIS


def test_a_gap_holds_from_the_end_before_it_to_the_next_start(client: Client) -> None:
    lists = make_tag(client, "A", "T")
    put(client, lists["T"], Point(1, 0), Point(2, 7))
    put(client, lists["T"], Point(4, 4), Point(5, 0))
    assert holds_at(client, Point(0, 9)) == Interval(ORIGIN, Point(1, 0))
    assert holds_at(client, Point(3, 0)) == Interval(Point(2, 7), Point(4, 4))
    assert holds_at(client, Point(8, 0)) == Interval(Point(5, 0), OPEN)


def test_what_has_ended_holds_until_the_next_start_where_it_is_included(client: Client) -> None:
    lists = make_tag(client, "A", "T")
    put(client, lists["T"], Point(1, 0), Point(2, 0))
    put(client, lists["T"], Point(4, 0), Point(5, 0))
    for place in (Point(1, 0), Point(3, 0)):
        assert holds_at(client, place, expired="include") == Interval(Point(1, 0), Point(4, 0))
    assert holds_at(client, Point(9, 0), expired="include") == Interval(Point(4, 0), OPEN)


def test_every_list_narrows_the_window_unless_its_type_is_not_asked(client: Client) -> None:
    lists = make_tag(client, "A", "T", "U")
    put(client, lists["T"], Point(1, 0), Point(9, 0))
    put(client, lists["U"], Point(3, 0), Point(4, 0))
    assert holds_at(client, Point(2, 0)) == Interval(Point(1, 0), Point(3, 0))
    assert holds_at(client, Point(2, 0), types="T") == Interval(Point(1, 0), Point(9, 0))
    assert holds_at(client, Point(2, 0), types="U") == Interval(ORIGIN, Point(3, 0))


def test_a_tag_behind_another_narrows_the_window_only_where_it_is_asked(client: Client) -> None:
    first = make_tag(client, "A", "T")
    second = make_tag(client, "B", "T")
    put(client, first["T"], Point(2, 0), Point(6, 0))
    put(client, second["T"], Point(1, 0), Point(3, 0))
    put(client, second["T"], Point(3, 0), Point(9, 0))
    layered = "gtName=A&gtName=B"
    assert holds_at(client, Point(4, 0), layered) == Interval(Point(2, 0), Point(6, 0))
    assert holds_at(client, Point(1, 5), layered) == Interval(Point(1, 0), Point(2, 0))
    assert holds_at(client, Point(7, 0), layered) == Interval(Point(6, 0), Point(9, 0))


def test_the_window_is_half_open_in_discrete_mode_too(make_client: Callable[..., Client]) -> None:
    client = make_client(iov_mode="discrete")
    lists = make_tag(client, "A", "T")
    put(client, lists["T"], Point(1, 0), Point(2, 7))
    assert holds_at(client, Point(1, 5)) == Interval(Point(1, 0), Point(2, 8))


def test_the_end_of_the_axis_is_asked_as_the_last_point(client: Client) -> None:
    lists = make_tag(client, "A", "T")
    put(client, lists["T"], LAST)
    assert holds_at(client, OPEN) == holds_at(client, LAST) == Interval(LAST, OPEN)
    assert holds_at(client, before(LAST)) == Interval(ORIGIN, LAST)


def test_an_error_holds_nowhere(client: Client) -> None:
    make_tag(client, "A", "T")
    refused = client.api("GET", "payloadiovs/?gtName=A&majorIOV=1&minorIOV=1&complete=1")
    assert refused.status_int == 409
    assert not {"CDB-Valid-From", "CDB-Valid-Until", "ETag"} & {*refused.headers}


def test_what_does_not_say_how_long_it_holds_is_kept_by_no_cache(client: Client) -> None:
    for path in (
        "gt",
        "pt?page=1",
        "changes",
        "user_settings/CDB_IOV_MODE",
        "gt/7",
        "/health/live",
    ):
        assert client.api("GET", path).headers["Cache-Control"] == "no-store"


# --- types of several dimensions ----------------------------------------------


DIMENSIONS = {"Number": "major-minor", "Section": "run-lumi", "Moment": "utc-time"}

numbers = st.sampled_from((0, 1, 2, 2**53 + 1, MAX - 1))
instants = st.sampled_from((0, 1, 10**9, 2**53 + 1, MAX - 1)).map(lambda time: Point(time, 0))
places = st.fixed_dictionaries(
    {
        "major-minor": st.builds(Point, numbers, numbers),
        "run-lumi": st.builds(Point, numbers, numbers),
        "utc-time": instants,
    }
)
rows_of_types = st.lists(
    st.tuples(st.sampled_from(sorted(DIMENSIONS)), places, places, st.sampled_from("pq")),
    max_size=8,
)


def windows(answer: Any) -> dict[str, Interval]:
    """Return where an answer holds, by dimension."""
    starts, ends = (
        dict(part.split(":") for part in answer.headers[name].split("; "))
        for name in ("CDB-Valid-From", "CDB-Valid-Until")
    )
    assert list(starts) == list(ends)
    return {name: Interval(point(starts[name]), point(ends[name])) for name in starts}


def test_each_dimension_has_a_window_of_its_own(client: Client, database_kind: str) -> None:
    for name, dimension in DIMENSIONS.items():
        client.ok("POST", "pt", {"name": name, "dimension": dimension})

    def ask(tag: str, at: dict[str, Point]) -> Any:
        written = [("at", f"{name}:{place.major},{place.minor}") for name, place in at.items()]
        query = urlencode([("gtName", tag), *written])
        return client.api("GET", f"payloadiovs/?{query}", status=200)

    @settings(max_examples=EXAMPLES[database_kind])
    @given(rows_of_types, places)
    def check_all(rows: Sequence[Any], at: dict[str, Point]) -> None:
        tag = f"GT{next(_numbers)}"
        lists = filled_lists(client, tag, rows)
        assert lists.keys() == DIMENSIONS.keys()
        answer = ask(tag, at)
        holds = windows(answer)
        assert holds.keys() == at.keys()
        for name, interval in holds.items():
            assert at[name] in interval
            # A time has no minor number, so only its majors can be asked.
            last = Point(interval.end.major - 1, 0) if name == "utc-time" else before(interval.end)
            if interval.end == OPEN:
                last = Point(MAX, 0)
            for same in (interval.start, last):
                other = ask(tag, at | {name: same})
                assert (windows(other), other.body) == (holds, answer.body)
            if interval.end < OPEN:
                assert ask(tag, at | {name: interval.end}).body != answer.body
            if interval.start > ORIGIN:
                earlier = before(interval.start)
                if name == "utc-time":
                    earlier = Point(interval.start.major - 1, 0)
                assert ask(tag, at | {name: earlier}).body != answer.body

    check_all()


def filled_lists(client: Client, tag: str, rows: Sequence[Any]) -> dict[str, str]:
    """Make a tag with a list of each dimension, and attach what has an end after its start."""
    client.ok("POST", "gt", {"name": tag})
    lists = {}
    for name in DIMENSIONS:
        lists[name] = client.ok("POST", "pl", {"payload_type": name})["name"]
        client.ok("PUT", "pl_attach", {"global_tag": tag, "payload_list": lists[name]})
    for name, starts, ends, payload in rows:
        interval = Interval(starts[DIMENSIONS[name]], ends[DIMENSIONS[name]])
        if interval.start < interval.end:
            row_ = row(lists[name], IovMode.CONTINUOUS, interval, payload)
            client.ok("POST", "bulk_piov", [row_])
    return lists


def test_numbers_stand_for_the_dimensions_that_no_notation_is_for(client: Client) -> None:
    for name, dimension in DIMENSIONS.items():
        client.ok("POST", "pt", {"name": name, "dimension": dimension})
    filled_lists(client, "A", [])
    asked = "payloadiovs/?gtName=A&majorIOV=3&minorIOV=0&at=run-lumi:3:0"
    assert windows(client.api("GET", asked, status=200)).keys() == {*DIMENSIONS.values()}
    in_numbers = client.api("GET", "payloadiovs/?gtName=A&majorIOV=3&minorIOV=0", status=200)
    assert window(in_numbers) == AXIS


def test_one_dimension_needs_no_name(client: Client) -> None:
    lists = make_tag(client, "A", "T")
    put(client, lists["T"], Point(1, 0), Point(2, 7))
    for written in ("1,5", "major-minor:1,5"):
        answer = client.api("GET", f"payloadiovs/?gtName=A&at={written}", status=200)
        assert window(answer) == Interval(Point(1, 0), Point(2, 7))
