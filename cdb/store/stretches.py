"""What payload lists show, read as fast as can be, and the name of that for ever."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import bindparam, select, text

from cdb.domain.content import Content, Stretch
from cdb.domain.merging import Part
from cdb.domain.points import Interval, Point
from cdb.store.engine import Reader
from cdb.store.models import Change
from cdb.store.reads import View, run


class State(NamedTuple):
    """A log as its last change left it: what it shows never changes, so it can be remembered.

    Numbers of changes can come again after a restore; the nonce makes it sure.
    """

    view: View
    nonce: str


_NONCES = select(Change.change, Change.nonce).where(
    Change.change.in_(bindparam("changes", expanding=True))
)

# No objects but what is used: to read a list is to wait for this.
_PAGE = text(
    """
    select start_major, start_minor, end_major, end_minor, payload_url, checksum, extra
    from iov
    where series = :series and added_by <= :at and retired_by > :at
    and (start_major, start_minor) >= (:major, :minor)
    order by start_major, start_minor limit :limit
    """
)


def states(reader: Reader, views: Iterable[View]) -> dict[View, State]:
    """Return the states that views are of.

    Args:
        reader: where to read.
        views: each at the last change that its log had until then, 0 before the first.

    """
    wanted = set(views)
    numbers = sorted({view.at for view in wanted})
    nonces = {row.change: row.nonce for row in run(reader, _NONCES, changes=numbers)}
    return {view: State(view, nonces.get(view.at, "")) for view in wanted}


def page(reader: Reader, view: View, low: Point, limit: int) -> Iterator[Stretch]:
    """Yield the next intervals of a log with their payloads, in order of start.

    One by one, as they are taken: to hold a page of them in memory costs twice
    the time, since Python then looks through all of it for what can be freed.

    Args:
        reader: where to read; it is needed until the last one is taken.
        view: what is shown.
        low: the first start that is looked at.
        limit: how many at most.

    """
    place = {"series": view.series, "at": view.at, "limit": limit}
    rows = reader.execute(_PAGE, place | {"major": low.major, "minor": low.minor})
    for start_major, start_minor, end_major, end_minor, payload_url, checksum, revision in rows:
        yield Stretch(
            Point(start_major, start_minor),
            Point(end_major, end_minor),
            Content(payload_url, checksum, revision),
        )


_PARTS = text(
    """
    select start_major, start_minor, end_major, end_minor, payload_url, checksum, extra, size
    from iov
    where series = :series and added_by <= :at and retired_by > :at
    and (start_major, start_minor) >= (:major, :minor)
    and (start_major, start_minor) < (:end_major, :end_minor)
    order by start_major, start_minor limit :limit
    """
)


def parts(reader: Reader, view: View, starts: Interval, limit: int) -> Iterator[Part]:
    """Return the next intervals of a log with their payloads and the sizes of those.

    They are read at once, and made one by one, as they are taken.

    Args:
        reader: where to read.
        view: what is shown.
        starts: where they begin.
        limit: how many at most.

    """
    (major, minor), (end_major, end_minor) = starts
    place = {"major": major, "minor": minor, "end_major": end_major, "end_minor": end_minor}
    shown = {"series": view.series, "at": view.at, "limit": limit}
    rows = reader.execute(_PARTS, shown | place).all()
    return (
        Part(Point(row[0], row[1]), Point(row[2], row[3]), Content(row[4], row[5], row[6]), row[7])
        for row in rows
    )
