"""What a merge has to do with each payload list of its target.

It is worked out list by list, so that one list of the target and its sources are in
memory at a time.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from cdb.domain import merging, points
from cdb.domain.merging import Closed, Entry, Mode, Part
from cdb.domain.points import AXIS, OPEN, ORIGIN, Interval
from cdb.domain.statuses import WriteMode
from cdb.errors import AppendOnly, NotAppendable
from cdb.services.merges.case import Case
from cdb.store import iovs, stretches
from cdb.store.engine import Database
from cdb.store.reads import View

PAGE = 1000
"""Payload IOVs read at a time."""

KEPT = 20_000
"""Payload IOVs that are kept from before the lock; more are worked out under it."""


def prepared(database: Database, case: Case) -> dict[str, Entry]:
    """Return what is done with the lists of the first payload types, as many as are kept."""
    found: dict[str, Entry] = {}
    kept = 0
    for payload_type in case.types:
        if kept >= KEPT:
            break
        found[payload_type] = worked_out(database, case, payload_type).entry
        kept += len(found[payload_type].parts)
    return found


class WorkedOut(NamedTuple):
    """What is done with a list of the target, and what that shows, where somebody needs it."""

    entry: Entry
    shown: Sequence[Part] = ()


def worked_out(
    database: Database, case: Case, payload_type: str, *, is_told: bool = False
) -> WorkedOut:
    """Return what is done with a list of the target.

    Args:
        database: read page by page.
        case: the merge.
        payload_type: of the list.
        is_told: whether what the list shows is needed for more than this.

    Raises:
        AppendOnly: the tag only takes additions, and an answer would change.
        NotAppendable: an update does not go on where the list ends.

    """
    target = case.target[payload_type].view if payload_type in case.target else None
    sources = [of[payload_type].view for of in case.members if payload_type in of]
    if case.wanted.mode is not Mode.APPEND:
        return _layered(database, case, payload_type, target, sources, is_told=is_told)
    try:
        return _appended(database, case, payload_type, target, sources)
    except NotAppendable as error:
        raise NotAppendable(f"Payload type {payload_type!r}: {error.detail}") from None


def _layered(
    database: Database,
    case: Case,
    payload_type: str,
    target: View | None,
    sources: Sequence[View],
    *,
    is_told: bool,
) -> WorkedOut:
    if all(source == target for source in sources):
        return WorkedOut(Entry([]))
    layers = [_parts(database, source, case.window) for source in sources]
    overrides = case.wanted.mode is Mode.OVERRIDE
    keeps_answers = overrides and case.tag.mode == WriteMode.APPEND
    shown: Iterable[Part] = _parts(database, target, case.window)
    held = list(shown) if is_told or keeps_answers else []
    entry = (merging.override if overrides else merging.fill)(held or shown, layers)
    changed = merging.changes_answers(held, entry) if keeps_answers else None
    if changed:
        raise AppendOnly(
            f"Global tag {case.tag.name!r} only takes additions, and {payload_type!r} "
            f"would have another answer in {changed}."
        )
    return WorkedOut(entry, held)


def _appended(
    database: Database,
    case: Case,
    payload_type: str,
    target: View | None,
    sources: Sequence[View],
) -> WorkedOut:
    begin, wanted = case.window.start, case.wanted
    layers = [merging.staged(_read(database, source, AXIS), begin) for source in sources]
    closed = wanted.closed or (Closed.ALLOW if wanted.full else Closed.REFUSE)
    coming = merging.succession(merging.layered(layers), closed)
    if not coming and not wanted.full:
        return WorkedOut(Entry([]))
    near = Interval(points.before(begin) if begin > ORIGIN else begin, OPEN)
    shown = list(_read(database, target, near))
    last = merging.tail(shown, begin)
    entry = merging.append(last, coming, begin, full=wanted.full)
    missing = merging.unanswered(last, entry) if case.tag.mode == WriteMode.APPEND else None
    if missing:
        raise AppendOnly(
            f"Global tag {case.tag.name!r} only takes additions, and {payload_type!r} "
            f"would have no answer at {missing} any more."
        )
    return WorkedOut(entry, shown)


def _parts(database: Database, view: View | None, window: Interval) -> Iterator[Part]:
    return merging.clipped(_read(database, view, window), window)


def _read(database: Database, view: View | None, window: Interval) -> Iterator[Part]:
    """Yield what a list shows in a window, whole; nothing where there is no list."""
    if view is None:
        return
    with database.statement() as reader:
        low = iovs.reach(reader, view, window.start)
    count = PAGE
    while count == PAGE and low < window.end:
        with database.statement() as reader:
            page = stretches.parts(reader, view, Interval(low, window.end), PAGE)
        count = 0
        for part in page:
            count += 1
            yield part
        if count:
            low = points.after(part.start)
