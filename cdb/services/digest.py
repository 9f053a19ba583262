"""The digest of a global tag as of a change: what a paper cites.

A log is read page by page, each in a short read of its own. What a log showed
as of a change never changes, so its digest is worked out once by a process,
whichever tags and clones show it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cdb.domain import digest, points
from cdb.domain.content import Stretch
from cdb.domain.digest import ListDigest, LogDigest
from cdb.domain.points import ORIGIN
from cdb.services.remembered import Remembered
from cdb.services.rules import Rules
from cdb.store import stretches, views
from cdb.store.engine import Database
from cdb.store.reads import TagRecord, View
from cdb.store.stretches import State

PAGE = 5000
"""Payload IOVs read at a time."""

_digests: Remembered[State, LogDigest] = Remembered(20_000)  # some 10 MB


@dataclass(frozen=True, slots=True)
class TagDigest:
    """The digest of a global tag, and those of its lists, by payload type."""

    digest: str
    lists: tuple[ListDigest, ...]


def of_tag(
    database: Database,
    rules: Rules,
    record: TagRecord,
    change: int,
    known: Remembered[State, LogDigest] | None = None,
) -> TagDigest:
    """Return the digest of a global tag as of a change.

    Args:
        database: read in parts.
        rules: of the service; it names the dimension of types that choose none.
        record: of the tag, as of that change.
        change: as of when.
        known: the digests of logs that may be taken as they were worked out before; those
            of this process where it is None.

    """
    with database.statement() as reader:
        members = views.of_tag(reader, record.id, change)
    with database.statement() as reader:
        states = stretches.states(reader, (member.view for member in members))
    found = []
    for member in sorted(members, key=lambda member: member.type):
        log = _of_log(database, states[member.view], _digests if known is None else known)
        dimension = member.dimension or rules.default_dimension
        found.append(ListDigest(member.type, dimension, log.digest, log.intervals))
    return TagDigest(digest.of_tag(found), tuple(found))


def _of_log(database: Database, state: State, known: Remembered[State, LogDigest]) -> LogDigest:
    found = known.get(state)
    if found is None:
        found = digest.of_list(_stretches(database, state.view))
        known.keep(state, found)
    return found


def _stretches(database: Database, view: View) -> Iterator[Stretch]:
    low, count = ORIGIN, PAGE
    while count == PAGE:
        count = 0
        with database.statement() as reader:
            for stretch in stretches.page(reader, view, low, PAGE):
                count += 1
                yield stretch
        if count:
            low = points.after(stretch.start)
