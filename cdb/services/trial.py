"""What a write has changed, seen from within it, before it is committed or rolled back."""

from itertools import islice
from typing import NamedTuple

from sqlalchemy.orm import Session

from cdb.plugin import Event
from cdb.services import diff
from cdb.services.diff import TypeDifference
from cdb.store import log, reads
from cdb.store.engine import EVENTS, Underway

DIFFERENCES = 100
"""Differences that are told of each global tag, at most: the writer's lock is held meanwhile."""


class TagDifferences(NamedTuple):
    """Where a global tag answers differently; the first `DIFFERENCES`, if there are more."""

    global_tag: str
    told: list[TypeDifference]
    are_more: bool


class Trial(NamedTuple):
    """What a write does: its entry in the change log, and what that means for global tags.

    Attributes:
        change: None where the write changes nothing, or only makes a plan.
        differences: of each tag that was there before and answers differently.

    """

    change: Event | None
    differences: list[TagDifferences]


def seen(session: Session) -> Trial:
    """Return what a write has done, by its session."""
    events: list[Event] = session.info.get(EVENTS, [])
    if not events:
        return Trial(None, [])
    event = events[-1]
    tags = log.tags_touched(session, event.change)
    found = (_differences(session, tag, event.change) for tag in tags)
    return Trial(event, [each for each in found if each and each.told])


def _differences(session: Session, tag_id: int, change: int) -> TagDifferences | None:
    tag = reads.tag_by_id(session, tag_id, change - 1)
    if tag is None:
        # Of a tag that was not there, all that it holds would be a difference.
        return None
    before, after = diff.Side(tag, change - 1), diff.Side(tag, change)
    found = list(islice(diff.intervals(Underway(session), before, after), DIFFERENCES + 1))
    return TagDifferences(tag.name, found[:DIFFERENCES], len(found) > DIFFERENCES)
