"""What a merge is asked for, what it reads, and whether the writer may."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy.orm import Session

from cdb.domain.merging import Closed, Mode
from cdb.domain.points import Interval
from cdb.plugin import Permission, Target
from cdb.services import contents, guard, intervals, lookup, moments
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import changes, reads, views
from cdb.store.views import Member


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


@dataclass(frozen=True, slots=True)
class Case:
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


def case_of(session: Session, rules: Rules, writer: Writer, name: str, wanted: Wanted) -> Case:
    """Return what a merge into the tag of a name reads.

    Raises:
        NotFound: there is no such tag, source, or payload type.
        Invalid: a point, a change or a time is wrong.
        Unauthenticated, Forbidden: the writer may not write to the tag.
        Closed, PolicyRefused: nothing in the tag changes.

    """
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
    return Case(tag, sources, wanted, window, types, dimensions, target, tuple(members))


def _source(session: Session, written: str) -> Source:
    name, moment = moments.of_tag(session, written, field="sources")
    record = lookup.tag(session, name, moment.change)
    change = record.head if moment.is_current else moment.change
    return Source(record, change, moment.is_current)


def lists_of(session: Session, case: Case) -> dict[str, reads.ListRecord]:
    """Return the payload lists of the target as they are now, by payload type."""
    return {each.type: each for each in reads.lists_of(session, case.tag.id)}


def require(
    rules: Rules,
    writer: Writer,
    case: Case,
    lists: Mapping[str, reads.ListRecord],
    payload_type: str,
) -> None:
    """Ask for what is written to the payload list of a type, which is made where there is none.

    Raises:
        Unauthenticated, Forbidden: the writer may not.
        PolicyRefused: nothing in the list changes.

    """
    if payload_type in lists:
        guard.write_to_list(writer, rules, lists[payload_type], Permission.IOV_ATTACH)
    else:
        made = Target("payload_list", payload_type=payload_type)
        guard.write_to_tag(writer, rules, case.tag, Permission.IOV_ATTACH, made)


def require_heads(session: Session, writer: Writer, case: Case) -> None:
    """Refuse what was asked of another state of the tags than they are in.

    Raises:
        PreconditionFailed: one of the tags is not at a head that the writer expects.

    """
    seen = {case.tag.id, *case.current_sources}
    changes.require_heads(session, writer.origin, seen)
