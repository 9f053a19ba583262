"""Bringing what some global tags hold into another one, as one change.

What `cdb.domain.merging` says is worked out list by list, so that one list of
the target and its sources are in memory at a time. As much of it as may be kept
is worked out before the writer's lock, and nothing is worked out twice, but where
a tag was written to in the meantime.

Validators of payload types do not see the payloads again: they saw them when
those became valid in the source.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from sqlalchemy.orm import Session

from cdb.domain import merging, points
from cdb.domain.merging import Closed, Entry, Mode, Part
from cdb.domain.points import AXIS, OPEN, ORIGIN, Interval
from cdb.domain.series import Plan
from cdb.domain.statuses import WriteMode
from cdb.errors import AppendOnly, NotAppendable, NotFound
from cdb.plugin import Permission, Target
from cdb.services import contents, forks, guard, intervals, lookup, moments
from cdb.services.diff import TypeDifference
from cdb.services.garbage import uncollected
from cdb.services.payload_lists import NewList, add_lists
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import iovs, reads, stretches, views, writes
from cdb.store.changes import CURRENT, OpenChange, open_change, require_heads
from cdb.store.engine import Database
from cdb.store.reads import View
from cdb.store.views import Member

PAGE = 1000
"""Payload IOVs read at a time."""

KEPT = 20_000
"""Payload IOVs that are kept from before the lock; more are worked out under it."""

DIFFERENCES = 1000
"""Differences that a dry run tells; it counts the others."""


class Wanted(NamedTuple):
    """What to merge, and how; see `cdb.domain.merging`.

    Attributes:
        sources: names of global tags, each also as `tag@change`; the first wins.
        mode: who wins.
        begin: the first point that is merged, in a notation; for `append`, where
            the update begins, which has to be given.
        end: the point after the last one; not for `append`.
        types: the payload types that are merged; None for all.
        closed: for `append`: what becomes of closed intervals. None refuses them,
            or allows them in a full update.
        full: for `append`: whether open intervals of types that no source has end
            where the update begins.

    """

    sources: Sequence[str]
    mode: Mode
    begin: str | None = None
    end: str | None = None
    types: Collection[str] | None = None
    closed: Closed | None = None
    full: bool = False


class Source(NamedTuple):
    """A global tag that is merged, as of a change; `is_current` if nothing else was asked."""

    tag: reads.TagRecord
    change: int
    is_current: bool


class Action(StrEnum):
    """What a merge does to the payload list of a type."""

    CHANGE = "change"
    ADD = "add"


class Step(NamedTuple):
    """What a merge does to the payload list of a type; the counts are of payload IOVs.

    The list is None where a dry run would make it.
    """

    payload_type: str
    action: Action
    payload_list: str | None
    iovs_before: int
    iovs_added: int
    iovs_retired: int


class Merged(NamedTuple):
    """A global tag, what was merged into it, and what that does.

    `tag` is as it is after the merge; with a dry run, as it is. A dry run tells
    the first `DIFFERENCES` in `differences`, and how many there are; `dimensions`
    are those of their payload types.
    """

    tag: reads.TagRecord
    sources: Sequence[Source]
    steps: list[Step]
    differences: list[TypeDifference]
    differences_count: int
    dimensions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Case:
    """What a merge reads: two that are equal have the same outcome."""

    tag: reads.TagRecord
    sources: tuple[Source, ...]
    wanted: Wanted
    window: Interval
    types: tuple[str, ...]
    dimensions: Mapping[str, str]
    target: Mapping[str, Member]
    members: tuple[Mapping[str, Member], ...]

    @property
    def current_sources(self) -> set[int]:
        """The ids of the sources that are taken as they are now."""
        return {source.tag.id for source in self.sources if source.is_current}

    def merged(self, steps: list[Step]) -> Merged:
        """Return the outcome of the merge."""
        return Merged(self.tag, self.sources, steps, [], 0, {})


@uncollected()
def merge(
    database: Database,
    session: Session,
    rules: Rules,
    writer: Writer,
    name: str,
    wanted: Wanted,
) -> Merged:
    """Bring what some global tags hold into another one, all or nothing.

    A merge that changes no answer makes no change. Types that the tag has no list
    of get one. Sources without `@change` are read as they are under the lock.

    Args:
        database: where the tags are read, beside the write.
        session: of the write.
        rules: of the service.
        writer: who writes; whose dry run only tells what would be done.
        name: of the tag that is written to.
        wanted: what to merge, and how.

    Raises:
        NotFound: there is no such tag, source, or payload type.
        Invalid: a point, a change or a time is wrong.
        Unauthenticated, Forbidden: the writer may not, in one of the lists.
        Closed, PolicyRefused: nothing in the tag changes.
        AppendOnly: the tag only takes additions, and something that has an answer
            would have another one, or none.
        NotAppendable: an update does not go on where the tag ends.
        PreconditionFailed: one of the tags is not at a head that the writer expects.

    """
    case = _case(session, rules, writer, name, wanted)
    if writer.dry_run:
        return _tried(database, session, rules, writer, case)
    lists = _lists(session, case)
    ready = _ready(database, case)
    changing = [each for each, entry in ready.items() if not entry.is_empty]
    for payload_type in changing:
        _require(rules, writer, case, lists, payload_type)
    if not changing and len(ready) == len(case.types):
        return _unchanged(session, writer, case)
    copies = forks.prepare(
        session,
        [
            lists[each]
            for each in changing
            if each in lists and not _replaces_much(ready[each], lists[each])
        ],
    )
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    again = _case(session, rules, writer, name, wanted)
    if again != case:  # another write was faster
        if again.tag.id != case.tag.id:
            raise NotFound(f"Global tag {name!r} was replaced by another one in the meantime.")
        case, ready, lists = again, {}, _lists(session, again)
    steps = []
    for payload_type in case.types:
        entry = ready.pop(payload_type, None)
        entry = entry or _worked_out(database, case, payload_type).entry
        if not entry.is_empty:
            _require(rules, writer, case, lists, payload_type)
            steps.append(_carry_out(change, rules, case, lists, copies, payload_type, entry))
    forks.discard(session, copies)
    if not steps:
        return _unchanged(session, writer, case)
    _record(change, case, steps)
    return case.merged(steps)._replace(tag=lookup.tag(session, name))


def _unchanged(session: Session, writer: Writer, case: _Case) -> Merged:
    """Return that nothing is to be done, where that is what the writer has seen."""
    _require_heads(session, writer, case)
    return case.merged([])


def _require_heads(session: Session, writer: Writer, case: _Case) -> None:
    require_heads(session, writer.origin, {case.tag.id, *case.current_sources})


# --- what is asked ----------------------------------------------------------


def _case(session: Session, rules: Rules, writer: Writer, name: str, wanted: Wanted) -> _Case:
    tag = lookup.tag(session, name)
    guard.write_to_tag(writer, rules, tag, Permission.TAG_WRITE, Target("global_tag", name, name))
    sources = tuple(_source(session, written) for written in wanted.sources)
    target, *members = (
        {each.type: each for each in views.of_tag(session, record.id, change)}
        for record, change in [(tag, tag.head), *(source[:2] for source in sources)]
    )
    named = contents.of_types({*target, *(each for of in members for each in of)}, wanted.types)
    types = tuple(each for each in named if wanted.full or any(each in of for of in members))
    dimensions = {
        each: of[each].dimension or rules.default_dimension
        for of in (target, *members)
        for each in types
        if each in of
    }
    window = intervals.window(rules, wanted.begin, wanted.end, {*dimensions.values()})
    return _Case(tag, sources, wanted, window, types, dimensions, target, tuple(members))


def _source(session: Session, written: str) -> Source:
    name, moment = moments.of_tag(session, written, field="sources")
    record = lookup.tag(session, name, moment.change)
    change = record.head if moment.is_current else moment.change
    return Source(record, change, moment.is_current)


def _lists(session: Session, case: _Case) -> dict[str, reads.ListRecord]:
    return {each.type: each for each in reads.lists_of(session, case.tag.id)}


def _require(
    rules: Rules,
    writer: Writer,
    case: _Case,
    lists: Mapping[str, reads.ListRecord],
    payload_type: str,
) -> None:
    if payload_type in lists:
        guard.write_to_list(writer, rules, lists[payload_type], Permission.IOV_ATTACH)
    else:
        made = Target("payload_list", payload_type=payload_type)
        guard.write_to_tag(writer, rules, case.tag, Permission.IOV_ATTACH, made)


# --- what is to be done -----------------------------------------------------


def _ready(database: Database, case: _Case) -> dict[str, Entry]:
    """Return what is to be done with the first payload types, as much as is kept."""
    found: dict[str, Entry] = {}
    kept = 0
    for payload_type in case.types:
        if kept >= KEPT:
            break
        found[payload_type] = _worked_out(database, case, payload_type).entry
        kept += len(found[payload_type].parts)
    return found


class _WorkedOut(NamedTuple):
    """What is done with a list of the target, and what that shows, where somebody needs it."""

    entry: Entry
    shown: Sequence[Part] = ()


def _worked_out(
    database: Database, case: _Case, payload_type: str, *, is_told: bool = False
) -> _WorkedOut:
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
    case: _Case,
    payload_type: str,
    target: View | None,
    sources: Sequence[View],
    *,
    is_told: bool,
) -> _WorkedOut:
    if all(source == target for source in sources):
        return _WorkedOut(Entry([]))
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
    return _WorkedOut(entry, held)


def _appended(
    database: Database,
    case: _Case,
    payload_type: str,
    target: View | None,
    sources: Sequence[View],
) -> _WorkedOut:
    begin, wanted = case.window.start, case.wanted
    layers = [merging.staged(_read(database, source, AXIS), begin) for source in sources]
    closed = wanted.closed or (Closed.ALLOW if wanted.full else Closed.REFUSE)
    coming = merging.succession(merging.layered(layers), closed)
    if not coming and not wanted.full:
        return _WorkedOut(Entry([]))
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
    return _WorkedOut(entry, shown)


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


# --- what is told of it -----------------------------------------------------


def _tried(
    database: Database, session: Session, rules: Rules, writer: Writer, case: _Case
) -> Merged:
    """Return what a merge would do."""
    lists = _lists(session, case)
    steps: list[Step] = []
    told: list[TypeDifference] = []
    count = 0
    for payload_type in case.types:
        entry, shown = _worked_out(database, case, payload_type, is_told=True)
        if entry.is_empty:
            continue
        _require(rules, writer, case, lists, payload_type)
        plan = merging.plan(entry, merging.page_of(shown), rules.iov_mode)
        steps.append(_step(payload_type, lists.get(payload_type), plan))
        found = merging.differences(shown, entry)
        for each in islice(found, DIFFERENCES - len(told)):
            told.append(TypeDifference(payload_type, *each))
            count += 1
        count += sum(1 for _ in found)
    _require_heads(session, writer, case)
    return Merged(case.tag, case.sources, steps, told, count, case.dimensions)


def _step(payload_type: str, record: reads.ListRecord | None, plan: Plan) -> Step:
    added, retired = len(plan.added), len(plan.retired)
    if record is None:
        return Step(payload_type, Action.ADD, None, 0, added, retired)
    return Step(payload_type, Action.CHANGE, record.name, record.n_iov, added, retired)


# --- doing it ---------------------------------------------------------------


def _carry_out(
    change: OpenChange,
    rules: Rules,
    case: _Case,
    lists: Mapping[str, reads.ListRecord],
    copies: dict[str, forks.Copy],
    payload_type: str,
    entry: Entry,
) -> Step:
    known = lists.get(payload_type)
    payloads = [_payload(change, part) for part in entry.parts]
    if known and _replaces_much(entry, known):
        page = iovs.page_of(change.session, known.view(CURRENT))
        plan = merging.plan(entry, page, rules.iov_mode)
        writes.rewrite(change, known, plan, payloads)
        return _step(payload_type, known, plan)
    record = known and forks.publish(change, known, copies)
    record = record or _made(change, case, payload_type)
    page = iovs.live_page(change.session, record.series)
    plan = merging.plan(entry, page, rules.iov_mode)
    writes.apply(change, record, plan, payloads)
    return _step(payload_type, known, plan)._replace(payload_list=record.name)


def _replaces_much(entry: Entry, known: reads.ListRecord) -> bool:
    """Tell whether it is less work to write a list anew than to retire what is replaced."""
    return entry.covers and 2 * len(entry.parts) > known.n_iov


def _payload(change: OpenChange, part: Part) -> writes.Payload:
    url, checksum, revision = part.content
    return writes.Payload(url, checksum, part.size, revision, change.at)


def _made(change: OpenChange, case: _Case, payload_type: str) -> reads.ListRecord:
    """Return a new, empty list of the target, which is as that of the first source."""
    session = change.session
    like = next(
        lookup.list_(session, of[payload_type].name, source.change)
        for source, of in zip(case.sources, case.members, strict=True)
        if payload_type in of
    )
    # The type may have been deleted since, and made again.
    type_id = lookup.type_(session, payload_type).id
    [name] = add_lists(
        change,
        [
            NewList(
                type_id,
                payload_type,
                like.ends,
                like.description,
                like.contact,
                global_tag=case.tag.id,
                series=writes.new_series(session),
                pinned_at=None,
            )
        ],
    )
    return lookup.list_(session, name)


def _record(change: OpenChange, case: _Case, steps: Sequence[Step]) -> None:
    wanted = case.wanted
    given = {
        "mode": wanted.mode,
        "sources": [f"{source.tag.name}@{source.change}" for source in case.sources],
        "from": wanted.begin,
        "to": wanted.end,
        "types": wanted.types and sorted(wanted.types),
        "closed": wanted.closed,
        "full": wanted.full or None,
    }
    change.touch(case.tag.id)
    change.sources.update(case.current_sources)
    change.record(
        "merge",
        "global_tag",
        case.tag.name,
        before={"change": case.tag.head},
        after={name: value for name, value in given.items() if value is not None},
        global_tags=[case.tag.name],
        payload_lists=[step.payload_list for step in steps],
        payload_types=[step.payload_type for step in steps],
    )
