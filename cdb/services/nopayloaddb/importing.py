"""From everything that a nopayloaddb holds to global tags here."""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from time import monotonic
from typing import Any, TextIO, TypeVar

from sqlalchemy.orm import Session

from cdb.domain.points import IovMode
from cdb.domain.untangling import Finding, Kind, LegacyRow, detached, untangled
from cdb.errors import Invalid
from cdb.plugin import Permission, Target
from cdb.services import global_tags, guard, loading, lookup, payload_types, statuses
from cdb.services.nopayloaddb import plan as plans
from cdb.services.nopayloaddb.plan import Plan
from cdb.services.nopayloaddb.report import Report, Summary
from cdb.services.nopayloaddb.samples import Samples, differences
from cdb.services.nopayloaddb.source import Source, State
from cdb.services.payload_lists import NewList
from cdb.services.payload_types import Choice
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import reads
from cdb.store.changes import OpenChange, open_change
from cdb.store.engine import Database
from cdb.store.nopayloaddb import LegacyList, LegacyTag, LegacyType
from cdb.store.reads import TagRecord

_STEP = 5000
"""Rows that are read ahead, and after which the progress is told."""

_Item = TypeVar("_Item")


Told = Callable[[int], object]
"""Is told how many more are done."""

Progress = Callable[[str, int], AbstractContextManager[Told]]
"""`progress(what, total)` gives, in a context, what is told how far an import has come."""


@contextmanager
def silent(_what: str, _total: int) -> Iterator[Told]:
    """Tell nobody how far an import has come."""
    yield lambda _count: None


@dataclass(frozen=True, slots=True)
class Import:
    """An import that can be interrupted at any time, and run again until it is done.

    Each payload list is one change with all that is in it. What is here already
    is known by the change log, which tells the source and the id there.

    Attributes:
        database: at the head of the migrations.
        rules: of the service.
        source: of the data.
        mode: the IOV mode of the service that wrote it.
        progress: is asked for who is told how far it has come.

    """

    database: Database
    rules: Rules
    source: Source
    mode: IovMode
    progress: Progress = silent

    def run(
        self, samples: int = 0, *, dry_run: bool = False, out: TextIO | None = None
    ) -> Summary:
        """Import all that is not here yet, and ask some queries of both.

        Args:
            samples: how many queries.
            dry_run: only read, and report what would be found.
            out: where the report goes.

        Raises:
            Invalid: the source cannot be read, or something in it cannot be
                taken over, which is known before anything is written.
            Closed, AppendOnly, PolicyRefused: a tag is no longer open.

        """
        summary = Summary(self.source.name, self.mode.value, dry_run)
        report = Report(summary, out)
        chosen = Samples(samples, self.mode)
        begun = monotonic()
        try:
            plan = plans.make(self.database, self.rules, self._writer, self.source)
            summary.tags, summary.lists = len(plan.tags), len(plan.lists)
            if not dry_run:
                self._add_objects(plan)
            self._take_lists(plan, report, chosen, dry_run=dry_run)
            self._tell_detached(report)
            if not dry_run:
                self._give_statuses(plan)
            summary.seconds = monotonic() - begun
            if not dry_run:
                self._compare(report, chosen)
            summary.complete = True
        finally:
            report.close()
        return summary

    @property
    def _writer(self) -> Writer:
        return Writer.operator("cdb import", f"Imported from {self.source.name}.")

    # --- statuses, types and tags -------------------------------------------------

    def _add_objects(self, plan: Plan) -> None:
        for status in plan.statuses:
            with self.database.writing() as session:
                statuses.declare(
                    session, self.rules, self._writer, status.name, description=status.description
                )
        for payload_type in plan.types:
            if ("payload_type", payload_type.id) not in plan.done:
                self._add_type(plan, payload_type)
        for tag in plan.tags:
            if ("global_tag", tag.id) not in plan.done:
                self._add_tag(plan, tag)

    def _add_type(self, plan: Plan, each: LegacyType) -> None:
        with self.database.writing() as session:
            change = self._open(session)
            choice = Choice()._asdict()
            made = payload_types.add_type(
                change, each.name, each.description, None, choice, each.created
            )
            self._record(change, "payload_type", each, made, payload_types=[each.name])
        plan.done["payload_type", each.id] = made

    def _add_tag(self, plan: Plan, each: LegacyTag) -> None:
        with self.database.writing() as session:
            change = self._open(session)
            first = statuses.needed(change, self.rules, self.rules.tag_policy.statuses[0].name)
            made = global_tags.add_tag(
                change, each.name, first.id, each.author, each.description, None, each.created
            )
            self._record(change, "global_tag", each, made, global_tags=[each.name])
        plan.done["global_tag", each.id] = made

    def _open(self, session: Session) -> OpenChange:
        return open_change(session, self._writer.origin, self.rules.lock_timeout_ms)

    def _record(
        self,
        change: OpenChange,
        object_type: str,
        each: LegacyType | LegacyTag | LegacyList,
        made: int,
        **detail: Any,
    ) -> None:
        """Write a change into the log so that a later run knows what it made."""
        change.record(
            plans.ACTION,
            object_type,
            each.name,
            source=self.source.name,
            source_id=each.id,
            id=made,
            **detail,
        )

    # --- payload lists ------------------------------------------------------------

    def _take_lists(self, plan: Plan, report: Report, chosen: Samples, *, dry_run: bool) -> None:
        with self.progress("payload IOVs", sum(each.n_iov for each in plan.lists)) as told:
            for each in plan.lists:
                is_here = ("payload_list", each.id) in plan.done
                passing = _Passing(each, report, chosen if plan.tag_of(each) else None, told)
                if each.id in plan.second:
                    passing.note_second()
                taken = self._take(plan, passing, only_read=dry_run or is_here)
                if is_here:
                    passing.look_back(plan.rows_then[each.id])
                report.summary.rows += passing.count
                report.summary.taken += taken

    def _take(self, plan: Plan, passing: "_Passing", *, only_read: bool) -> int:
        """Read a list, write it, and return how many payload IOVs came of its rows."""
        with self.source.state() as state:
            iovs = untangled(passing.rows(state), self.mode, passing.note)
            if only_read:
                return sum(1 for _ in iovs)
            with closing(_ahead(iovs)) as coming, self.database.writing() as session:
                filled = loading.fill(session, coming)
                self._publish(session, plan, filled, passing)
            return filled.n_iov

    def _publish(
        self, session: Session, plan: Plan, filled: loading.Filled, passing: "_Passing"
    ) -> None:
        each = passing.which
        change = self._open(session)
        tag = self._tag_of(session, plan, each)
        payload_type = lookup.type_(session, each.type)
        new = NewList(
            payload_type.id,
            payload_type.name,
            self.rules.default_ends,
            each.description,
            contact=None,
            global_tag=tag.id if tag else None,
            series=filled.series,
            pinned_at=None,
            name=each.name,
            created=each.created,
        )
        [name] = loading.publish(change, self.rules, [(new, filled)])
        self._record(
            change,
            "payload_list",
            each,
            lookup.list_(session, name).id,
            rows=passing.count,
            findings={kind.value: count for kind, count in passing.found.items()},
            global_tags=[tag.name] if tag else [],
            payload_lists=[name],
            payload_types=[each.type],
        )

    def _tag_of(self, session: Session, plan: Plan, each: LegacyList) -> TagRecord | None:
        """Return the tag that a list goes into, if that takes it."""
        target = Target("payload_list", each.name, payload_type=each.type)
        self._writer.require(Permission.LIST_CREATE, target)
        name = plan.tag_of(each)
        if name is None:
            return None
        there = next(tag.id for tag in plan.tags if tag.name == name)
        tag = lookup.tag_by_id(session, plan.done["global_tag", there])
        guard.write_to_tag(self._writer, self.rules, tag, Permission.LIST_ATTACH, target)
        payload_type = lookup.type_(session, each.type)
        if present := reads.list_of_type(session, tag.id, payload_type.id):
            raise Invalid(
                f"Global tag {tag.name!r} has got another payload list of type {each.type!r}: "
                f"{present.name!r}."
            )
        return tag

    def _tell_detached(self, report: Report) -> None:
        with self.source.state() as state:
            for row in state.rows(None):
                report.note(detached(row))

    # --- at the end ---------------------------------------------------------------

    def _give_statuses(self, plan: Plan) -> None:
        """Give the tags their statuses: last, since most let less be written."""
        first = self.rules.tag_policy.statuses[0].name
        for tag in plan.tags:
            with self.database.statement() as reader:
                here = lookup.tag_by_id(reader, plan.done["global_tag", tag.id])
            steps = [first, *plan.ways[tag.name]]
            # Where somebody has given it another status meanwhile, that stays.
            reached = steps.index(here.status) if here.status in steps else len(steps)
            for name in steps[reached + 1 :]:
                with self.database.writing() as session:
                    global_tags.change_status(
                        self.database, session, self.rules, self._writer, here.name, name
                    )

    def _compare(self, report: Report, chosen: Samples) -> None:
        samples = list(chosen)
        with (
            self.progress("sampled queries", len(samples)) as told,
            self.source.state() as state,
        ):
            for sample in samples:
                for difference in differences(self.database, state, self.mode, sample):
                    report.summary.asked += 1
                    if difference:
                        report.differ(difference)
                told(1)


def _ahead(items: Iterable[_Item]) -> Generator[_Item]:
    """Yield items that a thread takes some thousand ahead, while the database writes others."""
    iterator = iter(items)
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(_some, iterator)
        while some := coming.result():
            coming = reader.submit(_some, iterator)
            yield from some


def _some(items: Iterator[_Item]) -> list[_Item]:
    return list(islice(items, _STEP))


@dataclass(slots=True)
class _Passing:
    """A payload list whose rows pass by, and what is found in it."""

    which: LegacyList
    report: Report
    samples: Samples | None
    told: Told
    count: int = 0
    found: Counter[Kind] = field(default_factory=Counter)

    def note(self, finding: Finding) -> None:
        self.found[finding.kind] += finding.count
        self.report.note(finding, self.which)

    def note_second(self) -> None:
        text = f"Global tag {self.which.tag!r} has a newer list of its type; this one is detached."
        self.note(Finding(Kind.SECOND_LIST, (self.which.id,), text))

    def rows(self, state: State) -> Iterator[LegacyRow]:
        """Yield the rows, counted; the samples choose among them."""
        told = 0
        for row in state.rows(self.which):
            self.count += 1
            if self.samples and self.which.tag is not None:
                self.samples.see(self.which.tag, row)
            if self.count - told == _STEP:
                self.told(_STEP)
                told = self.count
            yield row
        self.told(self.count - told)

    def look_back(self, then: int) -> None:
        """Note where a list that is here already has changed there since."""
        self.report.summary.present += 1
        if then != self.count:
            text = f"It had {then} payload IOVs when it was imported, and has {self.count} now."
            self.note(Finding(Kind.CHANGED_SINCE, (self.which.id,), text))
