"""How each kind of read is asked, what of its answer is compared, and what a state answers."""

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from torture.journal import Exchange, Question
from torture.states import GRID, Interval, ListState, State, TagState

from cdb.domain.points import OPEN, Point

ORIGIN = Point(0, 0)


class Kind(NamedTuple):
    """A kind of read."""

    path: str
    """With the arguments of the question in it."""
    shown: Callable[[Any, Exchange, str], object]
    """What of an answer is compared: from its JSON, itself, and the workload's name."""
    expected: Callable[..., object]
    """The same from a state and the arguments; None where the global tag is not there."""


def path_of(question: Question) -> str:
    """Return the path and the query of a read."""
    path = KINDS[question.kind].path.format(*question.arguments)
    if question.as_of is None:
        return path
    return f"{path}{'&' if '?' in path else '?'}asOf={question.as_of}"


def shown(exchange: Exchange, name: str) -> object:
    """Return what an answer says, to be compared; None where it is that a tag is not there.

    Raises:
        ValueError: it is not what it should be, such as JSON that ends in the middle.

    """
    if exchange.status == 404:
        return None
    assert isinstance(exchange.about, Question)
    try:
        return KINDS[exchange.about.kind].shown(json.loads(exchange.body), exchange, name)
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(repr(error)) from error


def expected(question: Question, state: State) -> object:
    """Return what a state answers."""
    return KINDS[question.kind].expected(state, *question.arguments)


# --- the query ---------------------------------------------------------------------------


def _rows(body: Any, exchange: Exchange, _: str) -> object:
    return (body, *_holding(exchange))


def _objects(body: Any, exchange: Exchange, _: str) -> object:
    columns = ("payload_type_name", "payload_url", "checksum", "size")
    columns += ("major_iov", "minor_iov", "major_iov_end", "minor_iov_end", "revision")
    return ([[row[column] for column in columns] for row in body], *_holding(exchange))


def _holding(exchange: Exchange) -> tuple[object, ...]:
    said = exchange.headers
    return exchange.change, said.get("CDB-Valid-From"), said.get("CDB-Valid-Until")


def _valid(state: State, tag: str, *place: int) -> object:
    found = state.tags.get(tag)
    if found is None:
        return None
    point, start, end, rows = Point(*place), ORIGIN, OPEN, []
    for member in found.lists:
        for first, stop, payload in member.intervals:
            if first <= point < stop:
                rows.append([member.type, payload, "sum", None, *first, *stop, None])
            for edge in (first, stop):
                start, end = (max(start, edge), end) if edge <= point else (start, min(end, edge))
    return rows, found.head, _notation(start), _notation(end)


def _notation(point: Point) -> str:
    return f"{point.major},{point.minor}"


# --- whole tags and lists ----------------------------------------------------------------


def _names(body: Any, exchange: Exchange, _: str) -> object:
    return body, exchange.change


def _names_of(state: State, tag: str) -> object:
    found = state.tags.get(tag)
    return found and ({each.type: each.name for each in found.lists}, found.head)


def _ranges(body: Any, exchange: Exchange, _: str) -> object:
    return [(row["payload_list"], *_interval(row)) for row in body], exchange.change


def _ranges_of(state: State, tag: str) -> object:
    found = state.tags.get(tag)
    return found and (
        [(each.name, *interval) for each in found.lists for interval in each.intervals],
        found.head,
    )


def _whole(body: Any, exchange: Exchange, _: str) -> object:
    return _tag(body), exchange.change


def _whole_of(state: State, tag: str) -> object:
    found = state.tags.get(tag)
    return found and (_tag_of(found), found.head)


def _differences(body: Any, exchange: Exchange, _: str) -> object:
    pairs = [
        (row["a"] and row["a"]["payload_url"], row["b"] and row["b"]["payload_url"])
        for row in body
    ]
    held = [_interval({**row, "payload_url": ""})[:2] for row in body]
    kinds = [row["payload_type"] for row in body]
    return list(zip(kinds, held, pairs, strict=True)), exchange.change


def _differences_of(state: State, a: str, b: str) -> object:
    """Return what both tags answer between two points of the grid, where that differs."""
    if a not in state.tags or b not in state.tags:
        return None
    sides = [{each.type: each.intervals for each in state.tags[tag].lists} for tag in (a, b)]
    found: list[tuple[str, tuple[Point, Point], tuple[str | None, str | None]]] = []
    for kind in sorted({*sides[0], *sides[1]}):
        for start, end in pairwise(GRID):
            first, second = (_payload_at(side.get(kind, ()), start) for side in sides)
            if first == second:
                continue
            if found and (found[-1][0], found[-1][1][1], found[-1][2]) == (
                kind,
                start,
                (first, second),
            ):
                found[-1] = (kind, (found[-1][1][0], end), (first, second))
            else:
                found.append((kind, (start, end), (first, second)))
    return found, max(state.tags[a].head, state.tags[b].head)


def _payload_at(intervals: Iterable[Interval], point: Point) -> str | None:
    return next((name for start, end, name in intervals if start <= point < end), None)


def _interval(row: Any) -> tuple[Point, Point, str]:
    start = Point(row["major_iov"], row["minor_iov"])
    return start, Point(row["major_iov_end"], row["minor_iov_end"]), row["payload_url"]


def _tag(row: Any) -> object:
    return row["status"]["name"], sorted(map(_list, row["payload_lists"]))


def _tag_of(tag: TagState) -> object:
    return tag.status, sorted(map(tuple, tag.lists))


def _list(row: Any) -> tuple[object, ...]:
    held = tuple(map(_interval, row["payload_iov"]))
    return row["name"], row["payload_type"], row["global_tag"], held


def _of(name: str, rows: Iterable[Any], key: str = "name") -> list[Any]:
    return [row for row in rows if row[key].startswith(name)]


def _all_of(shown_of: Callable[[Any], object], key: str = "name") -> Callable[..., object]:
    return lambda body, _, name: {row["name"]: shown_of(row) for row in _of(name, body, key)}


def _counted(row: Any) -> object:
    return row["status"], row["payload_lists_count"], row["payload_iov_count"]


def _counted_of(tag: TagState) -> object:
    return tag.status, len(tag.lists), sum(len(each.intervals) for each in tag.lists)


def _every_tag(of: Callable[[TagState], object]) -> Callable[[State], object]:
    return lambda state: {name: of(tag) for name, tag in state.tags.items()}


def _every_list(state: State) -> Mapping[str, ListState]:
    return state.lists


KINDS = {
    "query": Kind("payloadiovs/?gtName={}&majorIOV={}&minorIOV={}", _rows, _valid),
    "objects": Kind(
        "payload-iovs/query?gtName={}&majorIOV={}&minorIOV={}&shape=dict", _objects, _valid
    ),
    "names": Kind("gtPayloadLists/{}", _names, _names_of),
    "ranges": Kind("global-tags/{}/iovs", _ranges, _ranges_of),
    "tag": Kind("globalTag/{}", _whole, _whole_of),
    "diff": Kind("global-tags/{}/diff/{}", _differences, _differences_of),
    "counts": Kind("globalTags", _all_of(_counted), _every_tag(_counted_of)),
    "tags": Kind("gt", _all_of(_tag), _every_tag(_tag_of)),
    "lists": Kind("pl", _all_of(_list, "payload_type"), _every_list),
}
