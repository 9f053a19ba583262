"""What a write has changed, seen from within it, before it is committed or rolled back."""

from itertools import islice
from typing import NamedTuple

from sqlalchemy.orm import Session

from cdb.plugin import Event
from cdb.services import diff
from cdb.services.diff import TypeDifference
from cdb.services.rules import Rules
from cdb.store import log, reads, views
from cdb.store.engine import EVENTS, Underway

DIFFERENCES = 100
"""Differences that are told of each global tag, at most: the writer's lock is held meanwhile."""


class TagDifferences(NamedTuple):
    """Where a global tag answers differently.

    Attributes:
        global_tag: its name as it was.
        told: the first `DIFFERENCES`.
        are_more: whether there are others.
        dimensions: of the types in it, by name.

    """

    global_tag: str
    told: list[TypeDifference]
    are_more: bool
    dimensions: dict[str, str]


class Trial(NamedTuple):
    """What a write does: its entry in the change log, and what that means for global tags.

    Attributes:
        change: None where the write changes nothing, or only makes a plan.
        tags: those that it touches and that were there before, as they were.
        differences: of each of them that answers differently.

    """

    change: Event | None
    tags: list[reads.TagRecord]
    differences: list[TagDifferences]


def seen(session: Session, rules: Rules) -> Trial:
    """Return what a write has done, by its session."""
    events: list[Event] = session.info.get(EVENTS, [])
    if not events:
        return Trial(None, [], [])
    event = events[-1]
    touched = log.tags_touched(session, event.change)
    found = (reads.tag_by_id(session, tag, event.change - 1) for tag in touched)
    # Of a tag that was not there, all that it holds would be a difference.
    tags = [tag for tag in found if tag]
    differing = (_differences(session, rules, tag, event.change) for tag in tags)
    return Trial(event, tags, [each for each in differing if each.told])


def _differences(
    session: Session, rules: Rules, tag: reads.TagRecord, change: int
) -> TagDifferences:
    before, after = diff.Side(tag, change - 1), diff.Side(tag, change)
    differing = diff.intervals(Underway(session), before, after, size=DIFFERENCES)
    found = list(islice(differing, DIFFERENCES + 1))
    dimensions = {
        member.type: member.dimension or rules.default_dimension
        for side in (before, after)
        for member in views.of_tag(session, tag.id, side.change)
    }
    return TagDifferences(tag.name, found[:DIFFERENCES], len(found) > DIFFERENCES, dimensions)
