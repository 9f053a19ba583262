"""The main job: which payloads are valid."""

from collections.abc import Sequence
from typing import TypeVar

from cdb.domain.points import Point
from cdb.errors import Invalid, NotFound
from cdb.services import intervals
from cdb.services.rules import Rules
from cdb.store import query
from cdb.store.engine import Reader

_Answer = TypeVar("_Answer")


def valid_at(
    reader: Reader, tag: str, point: Point, *, expired: bool = False
) -> list[query.Valid]:
    """Return the payloads that are valid in a global tag at a point, by payload type.

    Raises:
        NotFound: no live tag has this name: an unknown tag is never an empty answer.

    """
    return _found(query.valid_at(reader, tag, point, expired=expired), tag)


def valid_where(
    reader: Reader,
    rules: Rules,
    tag: str,
    notations: Sequence[str],
    point: Point | None = None,
    *,
    expired: bool = False,
) -> list[query.Valid]:
    """Return the payloads that are valid in a global tag where some notations say.

    Args:
        reader: a snapshot, since several statements may be needed.
        rules: of the service, with its dimensions.
        tag: the name of the global tag.
        notations: points, each in the notation of a dimension: `299400:12`, or
            `run-lumi:299400:12` where the tag has types of several dimensions.
            One that names no dimension is for the only one of the tag, else for
            the one of the service.
        point: for the types of the dimensions that no notation is for.
        expired: also return what has ended, as `query.valid_at` does.

    Raises:
        NotFound: no live tag has this name.
        Invalid: a notation is wrong, or a type has no point.

    """
    chosen = _found(query.dimensions_of(reader, tag), tag)
    dimensions = {name: each or rules.default_dimension for name, each in chosen.items()}
    points = _points(rules, notations, set(dimensions.values()))
    missing = sorted(n for n, each in dimensions.items() if each not in points and point is None)
    if missing:
        messages = [
            f"Payload type {name!r} has the dimension {dimensions[name]!r}: "
            f"at={dimensions[name]}:… is needed."
            for name in missing
        ]
        raise Invalid.field("at", " ".join(messages))
    where = {name: points.get(each, point) for name, each in dimensions.items()}
    found = {}
    for place in {place for place in where.values() if place is not None}:
        rows = query.valid_at(reader, tag, place, expired=expired) or ()
        found.update({row.payload_type: row for row in rows if where[row.payload_type] == place})
    return [found[name] for name in dimensions if name in found]


def _points(rules: Rules, notations: Sequence[str], used: set[str]) -> dict[str, Point]:
    """Return the points that notations mean, by dimension."""
    points: dict[str, Point] = {}
    for written in notations:
        name, separator, notation = written.partition(":")
        if not separator or name not in rules.dimensions:
            name = next(iter(used)) if len(used) == 1 else rules.default_dimension
            notation = written
        if name in points:
            raise Invalid.field("at", f"There are two points for the dimension {name!r}.")
        points[name] = intervals.point(notation, intervals.dimension(rules, name), "at")
    return points


def _found(found: _Answer | None, tag: str) -> _Answer:
    if found is None:
        raise NotFound(f"Global tag {tag!r} does not exist.")
    return found
