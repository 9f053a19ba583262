"""The same queries to nopayloaddb and here, and where the answers differ."""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, NamedTuple

from cdb.domain.points import ORIGIN, IovMode, Point, before, clamp
from cdb.domain.untangling import LegacyRow, exclusive
from cdb.services.nopayloaddb.source import State
from cdb.store import query
from cdb.store.engine import Database


class Sample(NamedTuple):
    """A query: a global tag, and a point at or beside the start or the end of an interval."""

    tag: str
    point: Point


class Samples:
    """Chooses some of the places where answers change, each as likely as any other.

    The choice is the same in every run.

    Args:
        number: how many.
        mode: the IOV mode of nopayloaddb.

    """

    def __init__(self, number: int, mode: IovMode) -> None:
        self._number = number
        self._mode = mode
        self._random = Random(number)  # noqa: S311 - no secret
        self._seen = 0
        self._chosen: list[Sample] = []

    def see(self, tag: str, row: LegacyRow) -> None:
        """Take a row of a payload list of a tag into account."""
        self._seen += 1
        if len(self._chosen) < self._number:
            self._chosen.append(self._of(tag, row))
            return
        place = int(self._random.random() * self._seen)
        if place < self._number:
            self._chosen[place] = self._of(tag, row)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._chosen)

    def _of(self, tag: str, row: LegacyRow) -> Sample:
        edge = row.start if self._random.random() < 0.5 else exclusive(row.end, self._mode)
        point = clamp(Point(*(max(number, 0) for number in edge)))
        if self._random.random() < 0.5 and point > ORIGIN:
            point = before(point)
        return Sample(tag, point)


def differences(
    database: Database, state: State, mode: IovMode, sample: Sample
) -> Iterator[Mapping[str, Any] | None]:
    """Yield for each payload type None where both answer the same, or else what they answer.

    Args:
        database: what was imported.
        state: where it came from.
        mode: of nopayloaddb: its clients drop what has ended.
        sample: what is asked.

    """
    tag, point = sample
    there = {
        name: (found.payload_url, found.checksum, found.size, found.revision)
        for name, found in state.answers(tag, point).items()
        if exclusive(found.end, mode) > point
    }
    with database.statement() as reader:
        members = query.members_at(reader, tag, point)
    here = {
        member.payload_type: (valid.payload_url, valid.checksum, valid.size, valid.extra)
        for member in (members.lists if members else ())
        if (valid := member.valid)
    }
    types = {member.payload_type for member in (members.lists if members else ())} | there.keys()
    for name in sorted(types):
        if there.get(name) == here.get(name):
            yield None
        else:
            yield {
                "global_tag": tag,
                "payload_type": name,
                "point": point,
                "there": there.get(name),
                "here": here.get(name),
            }
