"""Whole histories of requests against a model that keeps every answer point by point."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from hypothesis import seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from model import ListModel, Past, ServiceModel, StagedModel
from slots import GRID, STARTS, NewRow, RefusedError
from sqlalchemy import text
from support import Client
from torture.asked import interval_of, query, questions, rows_by_point
from torture.campaign import Campaign

from cdb.domain.points import LAST, MAX, OPEN, Point
from cdb.store.changes import latest
from cdb.store.engine import Database

TAGS = ("A", "B", "C")
TYPES = ("T", "U")

tags = st.sampled_from(TAGS)
types = st.sampled_from(TYPES)
starts = st.sampled_from(STARTS)


@st.composite
def intervals(draw: st.DrawFn) -> tuple[Point, Point | None]:
    """A start and an end: none, open, open within the major, or any later point."""
    start = draw(starts)
    within_major = Point(start.major, MAX)
    later = st.sampled_from([point for point in GRID if point > start])
    usual = [within_major, OPEN] if within_major > start else [OPEN]
    return start, draw(st.one_of(st.none(), st.sampled_from(usual), later, later))


picks = st.integers(0, 5)
many = st.integers(0, 99)
Rows = Sequence[tuple[int, tuple[Point, Point | None]]]
rows_of_lists = st.lists(st.tuples(picks, intervals()), max_size=5)
first_rows = st.lists(
    st.tuples(picks, intervals()), min_size=3, max_size=8, unique_by=lambda row: row[1][0]
)


merged = st.tuples(tags, st.none() | many)


texts = st.sampled_from([None, "first", "second"])

HOLDING = ("CDB-Change", "CDB-Valid-From", "CDB-Valid-Until")


class Remembered(NamedTuple):
    """What was answered: the status, the bytes, and the headers that say how far it holds."""

    status: int
    body: bytes
    holding: tuple[str | None, ...]


def fields_of(row: NewRow) -> dict[str, object]:
    """The fields of a payload IOV; half an end stands for an end of (x, MAX)."""
    fields: dict[str, object] = {
        "payload_url": row.payload,
        "checksum": f"sum of {row.payload}",
        "major_iov": row.start.major,
        "minor_iov": row.start.minor,
        "revision": row.payload,
    }
    if row.end is not None:
        fields["major_iov_end"] = row.end.major
        if row.end.minor != MAX:
            fields["minor_iov_end"] = row.end.minor
    return fields


class Api(RuleBasedStateMachine):
    """Requests in any order; after each one everything answers as the model."""

    def __init__(self, client: Client, campaign: Campaign) -> None:
        super().__init__()
        campaign.count("histories")
        self.campaign = campaign
        self.client = client
        self.database: Database = client.app.registry.cdb.database
        self.model = ServiceModel()
        self.staged: list[StagedModel] = []
        self.payloads = 0
        self.changes = 0
        self.remembered: dict[int, dict[tuple[str, str], Remembered]] = {}
        self.pasts: list[tuple[int, dict[str, Past]]] = []

    def write(self, effect: Callable[[], int], method: str, path: str, body: object = None) -> Any:
        """Send a write; it succeeds, or is refused, as the model says. None where refused."""
        expected = 200
        try:
            self.changes += effect()
        except RefusedError as refused:
            expected = refused.status
        answer = self.client.api(method, path, body)
        self.campaign.count("writes")
        assert answer.status_int == expected, answer.text
        return answer.json if expected == 200 else None

    def new_row(self, interval: tuple[Point, Point | None]) -> NewRow:
        self.payloads += 1
        return NewRow(*interval, f"p{self.payloads}")

    def entry(self, pick: int) -> ListModel:
        """One of the payload lists: those in tags first, those that are deleted last."""
        ordered = sorted(self.model.lists, key=lambda e: (not e.is_live, e.tag is None))
        return ordered[pick % len(ordered)]

    def iovs(self) -> list[tuple[ListModel, Point, Point]]:
        """The intervals that are there: those that begin where another ends first."""
        found = []
        for entry in self.model.live_lists():
            ends = {end for _, end, _ in entry.slots.intervals()}
            found += [(s not in ends, (entry, s, e)) for s, e, _ in entry.slots.intervals()]
        return [iov for alone in (False, True) for flag, iov in found if flag is alone]

    # --- what happens ---------------------------------------------------------

    @initialize(rows=first_rows, more=rows_of_lists)
    def begin_with_a_tag_and_its_clone(self, rows: Rows, more: Rows) -> None:
        """Make a tag and a clone of it, and write on to the tag, but not to the clone."""
        clear(self.database)
        for name in TYPES:
            self.client.ok("POST", "pt", {"name": name})
            self.changes += 1
        self.create_tag("A", "unlocked")
        self.make_list("T", "explicit")
        self.make_list("U", "next-start")
        self.attach_list(0, "A")
        self.attach_list(1, "A")
        self.bulk(rows)
        self.clone("A", "B")
        self.bulk([(pick % 2, interval) for pick, interval in more])

    @rule(name=tags, status=st.sampled_from(["unlocked", "locked"]))
    def create_tag(self, name: str, status: str) -> None:
        body = {"name": name, "status": status}
        self.write(lambda: self.model.create_tag(name, status), "POST", "gt", body)

    @rule(name=tags, text=texts)
    def describe_tag(self, name: str, text: str | None) -> None:
        body = {"description": text}
        self.write(lambda: self.model.describe_tag(name), "PATCH", f"global-tags/{name}", body)

    @rule(name=tags, new_name=tags)
    def rename_tag(self, name: str, new_name: str) -> None:
        body = {"name": new_name}
        effect = partial(self.model.rename_tag, name, new_name)
        self.write(effect, "PATCH", f"global-tags/{name}", body)

    @rule(name=tags, pick=picks, unlock=st.booleans())
    def make_tag_again(self, name: str, pick: int, unlock: bool) -> None:
        """Delete a tag, and make another one of its name with one of the lists that are left."""
        if unlock:
            self.change_status(name, "unlocked")
        self.delete_tag(name)
        self.create_tag(name, "unlocked")
        self.attach_list(pick, name)

    @rule(type_name=types, ends=st.sampled_from(["explicit", "next-start"]))
    def make_list(self, type_name: str, ends: str) -> None:
        made = self.client.ok("POST", "pl", {"payload_type": type_name, "ends": ends})
        self.changes += 1
        self.model.lists.append(ListModel(made["name"], type_name, ends))

    @rule(pick=picks, tag=tags)
    def attach_list(self, pick: int, tag: str) -> None:
        entry = self.entry(-1 - pick)
        body = {"payload_list": entry.name, "global_tag": tag}
        self.write(lambda: self.model.attach_list(entry, tag), "PUT", "pl_attach", body)

    @rule(pick=picks, text=texts)
    def describe_list(self, pick: int, text: str | None) -> None:
        entry = self.entry(pick)
        path = f"payload-lists/by-name/{entry.name}"
        body = {"description": text}
        self.write(lambda: self.model.describe_list(entry), "PATCH", path, body)

    @rule(pick=picks)
    def delete_list(self, pick: int) -> None:
        entry = self.entry(pick)
        path = f"deletePayloadList/{entry.name}"
        self.write(lambda: self.model.delete_list(entry), "DELETE", path)

    @rule(interval=intervals())
    def stage(self, interval: tuple[Point, Point | None]) -> None:
        row = self.new_row(interval)
        answer = self.client.ok("POST", "piov", fields_of(row))
        self.staged.append(StagedModel(replace(row, id=answer["id"])))

    @precondition(lambda self: self.staged)
    @rule(pick=picks, which=picks)
    def attach_staged(self, pick: int, which: int) -> None:
        """Attach one that waits, or again one that was attached, to any list."""
        self.write_staged(self.entry(pick), self.staged[-1 - which % len(self.staged)])

    def write_staged(self, entry: ListModel, staged: StagedModel) -> None:
        body = {"payload_list": entry.name, "piov_id": staged.row.id}
        self.write(lambda: self.model.attach(entry, staged), "PUT", "piov_attach", body)

    @rule(pick=picks, interval=intervals())
    def stage_and_attach(self, pick: int, interval: tuple[Point, Point | None]) -> None:
        self.stage(interval)
        self.write_staged(self.entry(pick), self.staged[-1])

    @rule(pick=picks, later=many, other_end=st.booleans())
    def append(self, pick: int, later: int, other_end: bool) -> None:
        """Attach an open IOV after the last one, as the online workflow does."""
        entry = self.entry(pick)
        last, end, _ = (entry.slots.intervals() or [(STARTS[0], OPEN, None)])[-1]
        after = [point for point in STARTS if last < point < end] or [last]
        start = after[later % len(after)]
        if other_end:
            end = OPEN if end.major == start.major else Point(start.major, MAX)
        if entry.tag is not None:
            self.change_status(entry.tag, "locked")
        self.stage((start, end if end > start else None))
        self.write_staged(entry, self.staged[-1])

    @rule(rows=rows_of_lists)
    def bulk(self, rows: Rows) -> None:
        new = [(self.entry(pick), self.new_row(interval)) for pick, interval in rows]
        body = [{"payload_list": entry.name, **fields_of(row)} for entry, row in new]
        self.write(lambda: self.model.attach_many(new), "POST", "bulk_piov", body)

    @rule(pick=picks, some=st.lists(intervals(), min_size=1, max_size=4), by_type=st.booleans())
    def attach_at_once(
        self, pick: int, some: Sequence[tuple[Point, Point | None]], by_type: bool
    ) -> None:
        """Attach some IOVs to a list, which says what no end means; by its tag if it has one."""
        entry = self.entry(pick)
        new = [self.new_row(interval) for interval in some]
        body = [fields_of(row) for row in new]
        path = f"payload-lists/{entry.name}/iovs"
        # A tag of that name may have another list by now, where this one is deleted.
        if by_type and entry.is_live and entry.tag is not None:
            body = [{**fields, "payload_type": entry.type} for fields in body]
            path = f"global-tags/{entry.tag}/iovs"
        self.write(lambda: self.model.attach_at_once(entry, new), "POST", path, body)

    @precondition(lambda self: self.iovs())
    @rule(pick=many, with_end=st.booleans(), unlock=st.booleans())
    def delete(self, pick: int, with_end: bool, unlock: bool) -> None:
        entry, start, end = self.iovs()[pick % len(self.iovs())]
        if unlock and entry.tag is not None:
            self.change_status(entry.tag, "unlocked")
        self.delete_iov(entry.tag or "A", entry.type, (start, end if with_end else None))

    @rule(tag=tags, type_name=types, interval=intervals())
    def delete_iov(self, tag: str, type_name: str, interval: tuple[Point, Point | None]) -> None:
        start, end = interval
        path = "/".join(map(str, ("deletePayloadIOV", tag, type_name, *start, *(end or ()))))
        self.write(lambda: self.model.delete(tag, type_name, start, end), "DELETE", path)

    @precondition(lambda self: self.iovs())
    @rule(pick=many, place=many, to_the_end=st.booleans(), roll_back=st.booleans())
    def cut(self, pick: int, place: int, to_the_end: bool, roll_back: bool) -> None:
        """Attach an IOV inside of another one, and perhaps delete it again."""
        entry, start, end = self.iovs()[pick % len(self.iovs())]
        inside = [point for point in STARTS if start < point < end] or [start]
        begin = inside[place % len(inside)]
        self.stage((begin, end if to_the_end else None))
        self.write_staged(entry, self.staged[-1])
        if roll_back:
            self.delete_iov(entry.tag or "A", entry.type, (begin, None))

    @rule(source=tags, name=tags)
    def clone(self, source: str, name: str) -> None:
        path = f"cloneGlobalTag/{source}/{name}"
        if self.write(lambda: self.model.clone(source, name), "POST", path):
            self.name_lists(name)

    def name_lists(self, tag: str) -> None:
        self.model.name_lists(tag, self.client.ok("GET", f"gtPayloadLists/{tag}"))

    @precondition(lambda self: "B" in self.model.tags and "C" not in self.model.tags)
    @rule()
    def clone_the_clone(self) -> None:
        self.clone("B", "C")

    @rule(tag=tags, status=st.sampled_from(["locked", "unlocked"]))
    def change_status(self, tag: str, status: str) -> None:
        path = f"gt_change_status/{tag}/{status}"
        self.write(lambda: self.model.change_status(tag, status), "PUT", path)

    @precondition(lambda self: self.model.tags.get("C") == "locked")
    @rule()
    def freeze(self) -> None:
        self.change_status("C", "frozen")

    @rule(tag=tags, pick=many)
    def revert(self, tag: str, pick: int) -> None:
        """Let a tag answer as it did at any change, when it was perhaps not there."""
        self.revert_to(tag, *self.pasts[-1 - pick % len(self.pasts)])

    @rule(tag=tags, pick=many)
    def revert_what_differs(self, tag: str, pick: int) -> None:
        """Let a tag answer as it did when it answered otherwise than now."""
        found = [(change, past) for change, past in self.pasts if self.differs(tag, past)]
        if found:
            self.revert_to(tag, *found[pick % len(found)])

    @rule(rows=rows_of_lists, tag=tags)
    def take_back(self, rows: Rows, tag: str) -> None:
        """Attach to some lists, and revert one of the tags to before."""
        before = self.pasts[-1]
        self.bulk(rows)
        self.revert_to(tag, *before)

    def revert_to(self, tag: str, change: int, past: dict[str, Past]) -> None:
        path = f"global-tags/{tag}/revert?to={change}"
        if self.write(lambda: self.model.revert(tag, past), "POST", path):
            self.name_lists(tag)

    @rule(tag=tags, sources=st.lists(merged, min_size=1, max_size=3), overrides=st.booleans())
    def merge(self, tag: str, sources: Sequence[tuple[str, int | None]], overrides: bool) -> None:
        """Merge some tags, each as it is, or as it was at a change, into one of them."""
        written, taken = self.taken(sources)
        mode = "override" if overrides else "fill"
        effect = partial(self.model.merge, tag, mode, taken)
        body = {"mode": mode, "sources": written}
        if self.write(effect, "POST", f"global-tags/{tag}/merge", body):
            self.name_lists(tag)

    @rule(
        tag=tags,
        sources=st.lists(merged, min_size=1, max_size=2),
        begin=starts,
        closed=st.sampled_from(["refuse", "allow", "fix"]),
        full=st.booleans(),
    )
    def update(
        self,
        tag: str,
        sources: Sequence[tuple[str, int | None]],
        begin: Point,
        closed: str,
        full: bool,
    ) -> None:
        """Let a tag go on from a point with what some tags have."""
        written, taken = self.taken(sources)
        effect = partial(self.model.update, tag, taken, begin, closed, full=full)
        body = {"mode": "append", "from": f"{begin.major},{begin.minor}", "sources": written}
        body |= {"closed": closed, "full": full}
        if self.write(effect, "POST", f"global-tags/{tag}/merge", body):
            self.name_lists(tag)

    def taken(
        self, sources: Sequence[tuple[str, int | None]]
    ) -> tuple[list[str], list[tuple[str, dict[str, Past] | None]]]:
        """Return what is merged, as it is written and as the model takes it."""
        pasts = [
            (source, (None, None) if pick is None else self.pasts[-1 - pick % len(self.pasts)])
            for source, pick in sources
        ]
        written = [f"{name}@{at}" if at is not None else name for name, (at, _) in pasts]
        return written, [(name, past) for name, (_, past) in pasts]

    def differs(self, tag: str, past: dict[str, Past]) -> bool:
        try:
            return tag in self.model.tags and bool(self.model.differing(tag, past))
        except RefusedError:
            return True

    @rule(tag=tags)
    def delete_tag(self, tag: str) -> None:
        self.write(lambda: self.model.delete_tag(tag), "DELETE", f"deleteGlobalTag/{tag}")

    # --- what always holds ----------------------------------------------------

    @invariant()
    def every_point_of_every_tag_answers_as_the_model(self) -> None:
        for tag in TAGS:
            if tag not in self.model.tags:
                self.client.api("GET", query(tag, STARTS[0]), status=404)
                continue
            expected = rows_by_point(self.model.lists_of(tag))
            for point in GRID:
                found = self.client.ok("GET", query(tag, point))
                assert found == expected[min(point, LAST)], f"{tag} at {point}"

    @invariant()
    def tags_count_what_they_hold(self) -> None:
        shown = {
            row["name"]: (row["status"], row["payload_lists_count"], row["payload_iov_count"])
            for row in self.client.ok("GET", "globalTags")
        }
        assert shown == {
            tag: (
                status,
                len(self.model.lists_of(tag)),
                sum(len(entry.slots.intervals()) for entry in self.model.lists_of(tag)),
            )
            for tag, status in self.model.tags.items()
        }

    @invariant()
    def lists_hold_the_intervals_of_the_model(self) -> None:
        shown = {
            row["name"]: (row["global_tag"], [interval_of(iov) for iov in row["payload_iov"]])
            for row in self.client.ok("GET", "pl")
        }
        assert shown == {
            entry.name: (
                entry.tag,
                [(start, end, piece.payload) for start, end, piece in entry.slots.intervals()],
            )
            for entry in self.model.live_lists()
        }

    @invariant()
    def every_write_is_one_change_and_a_refused_one_none(self) -> None:
        with self.database.statement() as reader:
            assert latest(reader)[0] == self.changes

    @invariant()
    def what_a_change_answers_is_remembered(self) -> None:
        if self.changes not in self.remembered:
            self.pasts.append((self.changes, self.model.past()))
            self.remembered[self.changes] = {
                (tag, question): self.ask(question.format(tag))
                for tag in TAGS
                for question in questions(self.changes)
            }

    def ask(self, path: str) -> Remembered:
        got = self.client.api("GET", path)
        return Remembered(got.status_int, got.body, tuple(map(got.headers.get, HOLDING)))

    def teardown(self) -> None:
        """At the end all changes answer as they did, and nothing lies in the log for nothing."""
        for change, answers in self.remembered.items():
            for (tag, question), before in answers.items():
                path = question.format(tag)
                by_name = question.format(f"{tag}@{change}")
                by_number = f"{path}{'&' if '?' in path else '?'}asOf={change}"
                asked = by_name if change % 2 else by_number
                assert self.ask(asked) == before, asked
        with self.database.snapshot() as reader:
            unreachable = reader.execute(
                text(
                    "select count(*) from iov where series not in (select series from list_state)"
                )
            )
            assert unreachable.scalar_one() == 0


def clear(database: Database) -> None:
    """Empty all tables but the statuses that the migration made."""
    tables = (
        "change", "global_tag", "tag_state", "payload_type", "payload_list", "list_state",
        "series", "series_change", "iov", "staged_iov", "tag_change", "type_change",
    )  # fmt: skip
    with database.engine.begin() as connection:
        for table in tables:
            connection.execute(text(f"delete from {table}"))  # noqa: S608 - constants


SHORT = settings(max_examples=4, stateful_step_count=20, database=None)
LONG = settings(max_examples=50, stateful_step_count=50, database=None)


def test_any_history_of_requests_answers_as_the_model(
    campaign: Campaign, client: Client, database_kind: str
) -> None:
    for _ in campaign.rounds():
        drawn = seed(campaign.random.getrandbits(64))(lambda: Api(client, campaign))
        run_state_machine_as_test(drawn, settings=LONG if campaign.is_long else SHORT)
