"""What was true at a change stays true: every read as of a change, before and after others."""

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy.orm import Session
from support import WRITER, rules

from cdb.domain.points import OPEN, Point
from cdb.domain.statuses import WriteMode
from cdb.services import global_tags, payload_iovs, payload_lists, payload_types, statuses
from cdb.services.entering import Reference
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import iovs, reads
from cdb.store.changes import latest
from cdb.store.engine import Database, Reader

RULES = rules(default_ends="next-start")


class Writing:
    """Writes through the services, each one in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def __call__(self, service: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        with self.database.writing() as session:
            return service(session, RULES, WRITER, *arguments, **named)

    def list_(self, type_name: str, tag: str) -> str:
        name: str = self(payload_lists.create, type_name).name
        self(payload_lists.attach, name, tag)
        return name

    def attach(self, name: str, url: str, start: Point, end: Point | None = None) -> None:
        def stage_and_attach(session: Session, rules: Rules, writer: Writer) -> None:
            reference = Reference(url, "sum", start, end)
            staged = payload_iovs.stage(session, rules, writer, reference)
            payload_iovs.attach(session, rules, writer, name, staged.iov.id)

        self(stage_and_attach)

    def bulk(self, name: str, url: str, majors: range, end: Point | None = None) -> None:
        rows = [
            (number, Reference(f"{url} {number}", "sum", Point(number, 0), end, number, "r1"))
            for number in majors
        ]
        self(payload_iovs.attach_many, {name: rows})

    def list_of(self, tag: str, type_name: str) -> str:
        with self.database.statement() as reader:
            record = reads.tag(reader, tag)
            assert record
            return next(r.name for r in reads.lists_of(reader, record.id) if r.type == type_name)


def everything(reader: Reader, at: int) -> dict[str, Any]:
    """All that can be read as of a change."""
    tags = reads.tags(reader, at)
    lists = reads.lists(reader, at)
    pages = {record.name: pages_of(reader, record, at) for record in lists}
    return {
        "tags": tags,
        "tags by name": [reads.tag(reader, tag.name, at) is not None for tag in tags],
        "tags by id": [reads.tag_by_id(reader, tag.id, at) is not None for tag in tags],
        "counts": reads.tag_counts(reader, at=at),
        "types": reads.types(reader, at),
        "types by name": [
            reads.type_(reader, record.name, at) for record in reads.types(reader, at)
        ],
        "lists": lists,
        "lists of tags": {tag.name: reads.lists_of(reader, tag.id, at) for tag in tags},
        "lists by name": [reads.list_(reader, record.name, at) for record in lists],
        "lists by id": [reads.list_by_id(reader, record.id, at) for record in lists],
        "iovs": pages,
    }


def pages_of(reader: Reader, record: reads.ListRecord, at: int) -> list[iovs.IovRecord]:
    """The payload IOVs that a list shows as of a change, read in small pages."""
    found: list[iovs.IovRecord] = []
    while page := iovs.page_at(reader, record.view(at), found[-1].start if found else None, 3):
        found += page
    return found


def history(write: Writing) -> list[Callable[[], object]]:
    """Writes of every kind, in an order in which each one changes what others left."""
    t, u = {}, {}

    def begin() -> None:
        t["A"], u["A"] = write.list_("T", "A"), write.list_("U", "A")

    def clone(source: str, target: str) -> None:
        write(global_tags.clone, source, target)
        t[target], u[target] = write.list_of(target, "T"), write.list_of(target, "U")

    def set_status(tag: str, status: str) -> None:
        write(partial(global_tags.change_status, write.database), tag, status)

    return [
        lambda: write(payload_types.create, "T"),
        lambda: write(payload_types.create, "U"),
        lambda: write(payload_types.create, "V"),
        lambda: write(global_tags.create, "A", "me"),
        begin,
        lambda: write.attach(t["A"], "first", Point(0, 0)),
        lambda: write.attach(t["A"], "cuts", Point(1, 0), Point(2, 0)),
        lambda: write.bulk(u["A"], "u", range(10)),
        lambda: clone("A", "B"),
        lambda: write.attach(t["A"], "over all", Point(0, 0), OPEN),
        lambda: write(payload_iovs.delete, "A", "U", Point(3, 0), None),
        lambda: clone("B", "C"),
        lambda: write.attach(u["B"], "fork", Point(2, 0), Point(4, 0)),
        lambda: write(payload_iovs.delete, "B", "T", Point(1, 0), Point(2, 0)),
        lambda: write.bulk(u["A"], "again", range(2, 7)),
        lambda: set_status("C", "locked"),
        lambda: write.attach(u["C"], "append", Point(20, 0)),
        lambda: set_status("C", "frozen"),
        lambda: write(global_tags.describe, "C", {"description": "final"}),
        lambda: write(payload_types.describe, "T", {"contact": "somebody"}),
        lambda: write(payload_lists.describe, t["A"], {"description": "changed"}),
        lambda: write(payload_lists.attach, u["A"], "B"),
        lambda: write(payload_lists.attach, u["B"], "A"),
        lambda: write(payload_types.delete, "V"),
        lambda: write(payload_lists.delete, write.list_("T", "A")),
        lambda: write(global_tags.delete, "A"),
        lambda: write(statuses.declare, "draft", WriteMode.OPEN),
        lambda: write(global_tags.create, "A", "you", "draft"),
        lambda: write(payload_types.create, "V"),
        lambda: write.attach(write.list_("V", "A"), "new", Point(0, 0), Point(0, 9)),
        lambda: write(global_tags.clone, "C", "D"),
        lambda: write.attach(write.list_of("D", "T"), "fork", Point(0, 3), Point(9, 3)),
        lambda: write(global_tags.delete, "D"),
    ]


def test_what_is_read_as_of_a_change_never_changes(database: Database) -> None:
    remembered: dict[int, dict[str, Any]] = {}
    for step in history(Writing(database)):
        step()
        with database.snapshot() as reader:
            change, _ = latest(reader)
            remembered[change] = everything(reader, change)
    assert len(remembered) > 30
    with database.snapshot() as reader:
        for change, before in remembered.items():
            assert everything(reader, change) == before


def test_the_latest_change_reads_as_what_is_live(database: Database) -> None:
    for step in history(Writing(database)):
        step()
        with database.snapshot() as reader:
            change, _ = latest(reader)
            assert everything(reader, change) == everything(reader, reads.CURRENT)


def test_what_was_deleted_is_there_as_of_a_change_before(database: Database) -> None:
    write = Writing(database)
    write(payload_types.create, "T")
    write(global_tags.create, "A")
    name = write.list_("T", "A")
    write.attach(name, "payload", Point(4, 2))
    with database.snapshot() as reader:
        change, _ = latest(reader)
    write(global_tags.delete, "A")
    write(global_tags.create, "A", "somebody else")
    with database.snapshot() as reader:
        tag = reads.tag(reader, "A", change)
        record = reads.list_(reader, name, change)
        assert tag
        assert tag.author is None
        assert record
        assert record.n_iov == 1
        assert [iov.payload_url for iov in pages_of(reader, record, change)] == ["payload"]
        assert reads.list_(reader, name) is None


def test_before_the_first_change_there_is_nothing(database: Database) -> None:
    for step in history(Writing(database)):
        step()
    with database.snapshot() as reader:
        found = everything(reader, 0)
    assert not any(found.values())


def test_a_fork_shows_the_dates_and_the_answers_of_what_it_was_made_from(
    database: Database,
) -> None:
    write = Writing(database)
    write(payload_types.create, "T")
    write(global_tags.create, "A")
    write.bulk(write.list_("T", "A"), "p", range(8))
    write(global_tags.clone, "A", "B")
    name = write.list_of("B", "T")

    def shown() -> dict[Point, tuple[object, ...]]:
        with database.snapshot() as reader:
            record = reads.list_(reader, name)
            assert record
            page = pages_of(reader, record, reads.CURRENT)
        return {iov.start: iov[1:] for iov in page}

    before = shown()
    write.attach(name, "fork", Point(3, 5), Point(3, 7))
    after = shown()
    untouched = before.keys() - {Point(3, 0)}
    assert {start: after[start] for start in untouched} == {s: before[s] for s in untouched}
    assert after[Point(3, 0)][-1] == before[Point(3, 0)][-1]
