"""Many points at once, all as of one change."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from cdb.domain.points import Interval, Point, clamp
from cdb.services import resolve
from cdb.services.resolve import Question
from cdb.services.rules import Rules
from cdb.store.engine import Database
from cdb.store.query import Valid


class Part(NamedTuple):
    """A part of the axis that has one answer."""

    holds: Interval
    valid: list[Valid]


def parts(
    database: Database,
    rules: Rules,
    question: Question,
    points: Sequence[Point],
    numbers: list[int],
) -> Iterator[Part]:
    """Yield the different answers that some points have, in order of the axis.

    An answer says how long it holds, so each different one is asked for once.

    Args:
        database: read answer by answer, so the layers have to be as of changes.
        rules: of the service.
        question: what is asked at each of the points.
        points: in any order.
        numbers: gets, once all is taken, the number of its answer for each point.

    Raises:
        NotFound: no tag has this name, or no type.

    """
    numbers[:] = [0] * len(points)
    count, holds = 0, None
    for index in sorted(range(len(points)), key=lambda index: points[index]):
        point = clamp(points[index])
        if holds is None or point not in holds:
            with database.statement() as reader:
                found = resolve.answer(reader, rules, replace(question, point=point))
            count, holds = count + 1, found.holds[""]
            yield Part(holds, found.valid)
        numbers[index] = count - 1
