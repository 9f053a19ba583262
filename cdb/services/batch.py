"""Many points at once, all as of one change."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from cdb.domain.points import Interval, Point, clamp
from cdb.services import intervals, resolve
from cdb.services.resolve import Layer, Question
from cdb.services.rules import Rules
from cdb.store import query
from cdb.store.changes import Head
from cdb.store.engine import Database, Reader
from cdb.store.query import Valid


class Asking(NamedTuple):
    """What is asked at which points, and the last changes of the tags."""

    question: Question
    points: list[Point]
    heads: list[Head]

    @property
    def change(self) -> int:
        """The latest change that touched one of the tags."""
        return max(head.change for head in self.heads)


class Part(NamedTuple):
    """A part of the axis that has one answer."""

    holds: Interval
    valid: list[Valid]


def prepare(
    reader: Reader,
    rules: Rules,
    layers: Sequence[Layer],
    points: Sequence[Sequence[int] | str],
    types: frozenset[str] | None = None,
) -> Asking:
    """Return what is asked, with the tags as of the changes that they are at now.

    Args:
        reader: a snapshot.
        rules: of the service, with its dimensions.
        layers: the global tags.
        points: pairs of numbers, or texts in the notation of the tags' dimension.
        types: the payload types that are asked for; None for all.

    Raises:
        NotFound: no tag has this name.
        Invalid: a notation is wrong.

    """
    heads = [resolve.head(reader, layer) for layer in layers]
    fixed = [(tag.name, tag.head.change) for tag in heads]
    used: set[str] = set()
    if any(isinstance(each, str) for each in points):
        for layer in fixed:
            chosen = query.dimensions_of(reader, *layer) or {}
            used |= {dimension or rules.default_dimension for dimension in chosen.values()}
    places = [
        intervals.at(rules, each, used) if isinstance(each, str) else clamp(Point(*each))
        for each in points
    ]
    return Asking(Question(fixed, None, types=types), places, [tag.head for tag in heads])


def parts(database: Database, rules: Rules, asking: Asking, numbers: list[int]) -> Iterator[Part]:
    """Yield the different answers that some points have, in order of the axis.

    An answer says how long it holds, so each different one is asked for once.

    Args:
        database: read answer by answer.
        rules: of the service.
        asking: what is asked, and where.
        numbers: gets, once all is taken, the number of its answer for each point.

    Raises:
        NotFound: no type has this name.

    """
    points = asking.points
    numbers[:] = [0] * len(points)
    count, holds = 0, None
    for index in sorted(range(len(points)), key=points.__getitem__):
        if holds is None or points[index] not in holds:
            question = replace(asking.question, point=points[index])
            found = database.read(resolve.answer, rules, question)
            count, holds = count + 1, found.holds[""]
            yield Part(holds, found.valid)
        numbers[index] = count - 1
