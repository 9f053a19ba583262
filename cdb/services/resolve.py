"""The main job: which payloads are valid, and for how long."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple, TypeVar

from cdb.domain.points import OPEN, ORIGIN, Interval, Point
from cdb.domain.statuses import WriteMode
from cdb.errors import Incomplete, Invalid, NotFound
from cdb.services import intervals, lookup
from cdb.services.rules import Rules
from cdb.store import changes, query
from cdb.store.engine import Asked, reading

_Result = TypeVar("_Result")

Layer = tuple[str, int]
"""A global tag, and the change that it is asked as of."""

LOG = ""
"""What stands for the whole log, where a tag has a name."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one or several global tags at a point.

    Attributes:
        layers: the tags; for each payload type the first one that covers its
            point wins.
        point: for the types of the dimensions that no notation is for.
        notations: points, each in the notation of a dimension: `299400:12`, or
            `run-lumi:299400:12` where the types have several dimensions. One that
            names no dimension is for the only one there is, else for the one of
            the service.
        types: the payload types that are asked for; None for all.
        expired: also answer with what has ended, as nopayloaddb does.
        complete: whether an answer that leaves a type out is an error.

    """

    layers: Sequence[Layer]
    point: Point | None
    notations: Sequence[str] = ()
    types: frozenset[str] | None = None
    expired: bool = False
    complete: bool = False

    def __post_init__(self) -> None:
        """Check what excludes each other."""
        if self.expired and len(self.layers) > 1:
            raise Invalid.field("expired", "What has ended can be asked of one global tag only.")


class Answer(NamedTuple):
    """Which payloads are valid, by payload type, and where the very same answer holds.

    Attributes:
        valid: at most one payload of each type.
        tags: the global tags that were asked, with their heads.
        holds: by the name of a dimension, the widest interval around its point in
            which the answer stays the same; one entry, of no name, where all
            types are asked at one point.
        is_of_tags: whether nothing but the tags decides: each type that is asked for
            has a payload list in one of them.

    """

    valid: list[query.Valid]
    tags: list[query.TagHead]
    holds: Mapping[str, Interval]
    is_of_tags: bool


def answer(reader: Asked, rules: Rules, question: Question) -> Answer:
    """Return the payloads that are valid in one or several global tags.

    Args:
        reader: a snapshot; for all types of one tag at a point in numbers, a database will do.
        rules: of the service, with its dimensions.
        question: what is asked.

    Raises:
        NotFound: no tag has this name, or no type: what is unknown is never an
            empty answer.
        Invalid: a notation is wrong, or a type has no point.
        Incomplete: nothing covers the point for a type, and the question asks
            for an error then.

    """
    places = _places(reader, rules, question)
    heads: dict[Layer, query.TagHead] = {}
    valid: dict[str, query.Valid | None] = {}
    holds: dict[str, Interval] = {}
    for name, place in places.points.items():
        deciding: list[query.Member] = []
        for layer in question.layers:
            found = _members(reader, question, layer, place)
            heads[layer] = found.tag
            # A tag says nothing of a type that one before it covers.
            asked = [
                member
                for member in found.lists
                if valid.get(member.payload_type) is None and places.has(name, member.payload_type)
            ]
            deciding += asked
            valid |= {member.payload_type: member.valid for member in asked}
        holds[name] = _intersection(deciding)
    _check(reader, question, valid)
    shown = [each for _, each in sorted(valid.items()) if each is not None]
    tags = [heads[layer] for layer in question.layers]
    return Answer(shown, tags, holds, question.types is None or question.types <= valid.keys())


class _Places(NamedTuple):
    """The points that are asked at, by dimension; of no name where one is for all types."""

    points: Mapping[str, Point]
    dimensions: Mapping[str, str] | None = None

    def has(self, name: str, payload_type: str) -> bool:
        """Tell whether a payload type is asked at the point of this name."""
        return self.dimensions is None or self.dimensions.get(payload_type) == name


def _places(reader: Asked, rules: Rules, question: Question) -> _Places:
    if not question.notations and question.point is not None:
        return _Places({"": question.point})
    dimensions: dict[str, str] = {}
    for tag, at in question.layers:
        chosen = _found(query.dimensions_of(reader, tag, at), tag)
        for name, dimension in chosen.items():
            if question.types is None or name in question.types:
                dimensions.setdefault(name, dimension or rules.default_dimension)
    used = set(dimensions.values())
    points = _points(rules, question.notations, used)
    missing = sorted(
        name
        for name, dimension in dimensions.items()
        if dimension not in points and question.point is None
    )
    if missing:
        messages = [
            f"Payload type {name!r} has the dimension {dimensions[name]!r}: "
            f"at={dimensions[name]}:… is needed."
            for name in missing
        ]
        raise Invalid.field("at", " ".join(messages))
    where = {
        name: place
        for name in sorted(used)
        if (place := points.get(name, question.point)) is not None
    }
    if len(where) > 1:
        return _Places(where, dimensions)
    # Without a list there is no point that matters; the question stands all the same.
    alone = [*where.values(), *points.values(), ORIGIN][0]
    return _Places({"": alone})


def _points(rules: Rules, notations: Iterable[str], used: Collection[str]) -> dict[str, Point]:
    """Return the points that notations mean, by dimension."""
    points: dict[str, Point] = {}
    for written in notations:
        dimension, notation = intervals.named(rules, written, used)
        if dimension.name in points:
            raise Invalid.field(
                "at", f"There are two points for the dimension {dimension.name!r}."
            )
        points[dimension.name] = intervals.point(notation, dimension, "at")
    return points


def _members(reader: Asked, question: Question, layer: Layer, place: Point) -> query.Members:
    tag, at = layer
    found = query.members_at(
        reader, tag, place, at, types=question.types, expired=question.expired
    )
    return _found(found, tag)


def _intersection(members: Sequence[query.Member]) -> Interval:
    """Return where all of them answer the same as they do."""
    return Interval(
        Point(*max(map(attrgetter("start"), members), default=ORIGIN)),
        Point(*min(map(attrgetter("end"), members), default=OPEN)),
    )


def _check(reader: Asked, question: Question, valid: Mapping[str, query.Valid | None]) -> None:
    """Raise where a type is not known, or is left out and must not be."""
    asked = valid.keys() if question.types is None else question.types
    for name in sorted(asked - valid.keys()):
        with reading(reader) as found:
            lookup.type_(found, name, max(at for _, at in question.layers))
    if not question.complete:
        return
    missing = sorted(name for name in asked if valid.get(name) is None)
    if missing:
        raise Incomplete(missing)


def head(reader: Asked, layer: Layer, min_change: int = 0) -> query.TagHead:
    """Return a global tag with its last change, or the last change of the log: a cheap look.

    Args:
        reader: where to look.
        layer: the tag.
        min_change: a change that must not be missing where it is looked at.

    Raises:
        NotFound: no tag has this name.

    """
    tag, at = layer
    if tag == LOG:
        return query.TagHead(LOG, changes.end(reader, at, min_change), WriteMode.OPEN, final=False)
    return _found(query.head(reader, tag, at, min_change), tag)


def _found(found: _Result | None, tag: str) -> _Result:
    if found is None:
        raise NotFound(f"Global tag {tag!r} does not exist.")
    return found
