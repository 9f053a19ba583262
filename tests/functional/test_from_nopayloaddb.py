"""A database laid out as nopayloaddb's comes in whole, and answers as it did."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from legacy import MAX, OLDER, Legacy, shown, state
from support import in_tokyo, rules

from cdb.builtin.standard import Standard
from cdb.commands.import_ import import_
from cdb.commands.verify import verify
from cdb.domain.points import IovMode, Point
from cdb.errors import Closed, Invalid
from cdb.plugin import Identity, Status
from cdb.services import contents, global_tags
from cdb.services.nopayloaddb.importing import Import, Progress, Told, silent
from cdb.services.nopayloaddb.over_http import HttpSource
from cdb.services.nopayloaddb.over_sql import SqlSource
from cdb.services.nopayloaddb.report import Summary
from cdb.services.writer import Writer
from cdb.store import log, migrate, query, reads
from cdb.store.changes import CURRENT
from cdb.store.engine import Database

RULES = rules()
CREATED = datetime(2022, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
LOCKED, ONLINE, GONE = "Prod_2024", "Online", "Scratch"


def interrupted_after(rows: int) -> Progress:
    """Interrupt an import, as Ctrl-C does, in the list that comes after so many rows."""

    @contextmanager
    def progress(_what: str, _total: int) -> Iterator[Told]:
        left = rows

        def told(count: int) -> None:
            nonlocal left
            left -= count
            if left < 0:
                raise KeyboardInterrupt

        yield told

    return progress


@pytest.fixture
def legacy(databases: Any) -> Iterator[Legacy]:
    """Tables as nopayloaddb's, with everything that can be wrong in them."""
    with databases("postgresql") as url:
        made = Legacy(url)
        made.objects(
            {LOCKED: "frozen", ONLINE: "locked", GONE: "unlocked"},
            ["Beam", "Calo", "Unused"],
            [
                (3, "Beam_3", "Beam", LOCKED),
                (5, "Calo_5", "Calo", LOCKED),
                (6, "Beam_6", "Beam", ONLINE),
                (8, "Beam_8", "Beam", None),
                (9, "Calo_9", "Calo", ONLINE),
            ],
        )
        # p1 … p4: open ones, a duplicate, one that never held
        made.iovs(
            3,
            ((0, 0), None),
            ((100, 0), None, None),
            ((100, 0), None, "7"),
            ((200, 5), (200, 5)),
        )
        # p5 … p8: a long one under a short one, mixed majors, a text for a revision
        made.iovs(
            5,
            ((0, 0), (0, 100), "1"),
            ((0, 10), (0, 20), "x"),
            ((7, 0), (9, 0), "3"),
            ((9, 0), (9, MAX), "4"),
        )
        # p9 … p11: one that no query found, one whose combined start was rounded
        made.iovs(
            6,
            ((1, 0), None, "1", None),
            ((1_700_000_000, 14), None, "2", "1700000000.000000000000000001"),
            ((1_700_000_001, 0), None, "3"),
        )
        made.iovs(8, ((4, 0), None))
        made.iovs(None, ((5, 0), (6, 0)))
        yield made
        made.close()


@pytest.fixture
def run(legacy: Legacy, database: Database) -> Iterator[Callable[..., Summary]]:
    """Import into an empty database."""
    sources = []

    def run(
        mode: IovMode = IovMode.CONTINUOUS, progress: Progress = silent, **options: Any
    ) -> Summary:
        source = SqlSource(legacy.url)
        sources.append(source)
        return Import(database, RULES, source, mode, progress).run(50, **options)

    yield run
    for source in sources:
        source.close()


def valid(database: Database, tag: str, major: int, minor: int) -> dict[str, str]:
    with database.statement() as reader:
        found = query.members_at(reader, tag, Point(major, minor))
    assert found
    return {each.payload_type: each.valid.payload_url for each in found.lists if each.valid}


def changes(database: Database, **wanted: Any) -> list[log.ChangeRecord]:
    with database.statement() as reader:
        return log.page(reader, log.Wanted(limit=1000, **wanted))


def test_everything_comes_in_as_its_query_answered_it(
    run: Callable[..., Summary], database: Database
) -> None:
    summary = run()
    assert state(database) == [
        [(LOCKED, "frozen"), (ONLINE, "locked"), (GONE, "unlocked")],
        ["Beam", "Calo", "Unused"],
        [
            ("Beam_3", LOCKED, 2),
            ("Calo_5", LOCKED, 4),
            ("Beam_6", ONLINE, 2),
            ("Beam_8", None, 1),
            ("Calo_9", ONLINE, 0),
        ],
    ]
    assert shown(database, LOCKED) == {
        "Beam": [
            ((0, 0), (100, 0), "p1", "1"),
            ((100, 0), (200, 5), "p3", "7"),
        ],
        "Calo": [
            ((0, 0), (0, 10), "p5", "1"),
            ((0, 10), (0, 20), "p6", "x"),
            ((7, 0), (9, 0), "p7", "3"),
            ((9, 0), (9, MAX), "p8", "4"),
        ],
    }
    assert valid(database, LOCKED, 0, 50) == {"Beam": "p1"}
    assert (summary.rows, summary.taken, summary.complete) == (12, 9, True)
    assert (summary.asked, summary.different) == (22, 0)


def test_who_made_what_and_when_is_kept(run: Callable[..., Summary], database: Database) -> None:
    run()
    with database.snapshot() as reader:
        tag = reads.tag(reader, LOCKED)
        payload_type = reads.type_(reader, "Beam")
        record = reads.list_(reader, "Beam_3")
    assert tag
    assert payload_type
    assert record
    assert (tag.author, tag.description, tag.created) == ("alice", "a tag", CREATED)
    assert (payload_type.description, payload_type.created) == ("a type", CREATED)
    assert (record.description, record.created) == ("a list", CREATED)
    [page] = contents.iovs_at(database, record, CURRENT)
    assert {(iov.inserted, iov.size, iov.checksum) for iov in page} == {(CREATED, 7, "c")}


def test_times_are_those_of_the_source_wherever_it_is(
    run: Callable[..., Summary], database: Database, legacy: Legacy
) -> None:
    legacy.run(
        """
        alter table "PayloadIOV"
            alter created type timestamp with time zone using created at time zone 'UTC'
        """
    )
    legacy.url = in_tokyo(legacy.url)
    run()
    with database.snapshot() as reader:
        record = reads.list_(reader, "Beam_3")
    assert record
    assert {
        iov.inserted for page in contents.iovs_at(database, record, CURRENT) for iov in page
    } == {CREATED}


def test_rounded_starts_are_told_where_every_row_has_one(
    run: Callable[..., Summary], legacy: Legacy
) -> None:
    legacy.run('delete from "PayloadIOV" where comb_iov is null')
    assert run().findings["rounded-start"] == 1


def test_each_payload_list_is_one_change(run: Callable[..., Summary], database: Database) -> None:
    run()
    found = [each for each in changes(database) if each.object_type == "payload_list"]
    assert [(each.action, each.object_name, each.actor) for each in found] == [
        ("import", name, "cdb import")
        for name in ("Beam_3", "Calo_5", "Beam_6", "Beam_8", "Calo_9")
    ]
    first = found[0].detail
    assert (first["source_id"], first["rows"], first["global_tags"]) == (3, 4, [LOCKED])
    assert first["findings"] == {
        "duplicate": 1,
        "empty": 1,
        "until-next-start": 2,
    }
    assert first["after"]["payload_iovs_count"] == 2


def test_the_report_names_every_row_that_was_not_taken_over_as_it_stood(
    run: Callable[..., Summary],
) -> None:
    out = StringIO()
    summary = run(out=out)
    written = json.loads(out.getvalue())
    found = {
        (each["kind"], each.get("payload_list"), tuple(each["ids"]))
        for each in written["findings"]
    }
    assert found == {
        ("duplicate", "Beam_3", (2, 3)),
        ("empty", "Beam_3", (4,)),
        ("until-next-start", "Beam_3", (1, 3)),
        ("cut", "Calo_5", (5, 6)),
        ("revision-not-decimal", "Calo_5", (6,)),
        ("mixed-majors", "Calo_5", (7,)),
        ("never-answered", "Beam_6", (9,)),
        ("rounded-start", "Beam_6", (10,)),
        ("until-next-start", "Beam_6", (10,)),
        ("detached", None, (13,)),
    }
    [left_out] = [each for each in written["findings"] if each["kind"] == "detached"]
    assert (left_out["payload_url"], left_out["checksum"], left_out["revision"]) == (
        "p13",
        "c",
        "1",
    )
    [cut] = [each for each in written["findings"] if each["kind"] == "cut"]
    assert (cut["start"], cut["end"], cut["until"]) == ([0, 0], [0, 100], [0, 10])
    assert written["summary"]["findings"] == {
        kind.value: count for kind, count in summary.findings.items()
    }
    assert written["summary"]["complete"] is True
    lines = "\n".join(summary.lines())
    assert "3 global tags, 5 payload lists, 12 payload IOVs" in lines
    assert "closed intervals cut at the next start (cut)" in lines


def test_an_interrupted_import_goes_on_where_it_stopped(
    run: Callable[..., Summary], database: Database
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(progress=interrupted_after(9))
    lists = [("Beam_3", LOCKED, 2), ("Calo_5", LOCKED, 4)]
    assert state(database)[2] == lists
    assert {status for _, status in state(database)[0]} == {"unlocked"}
    before = changes(database)
    summary = run()
    assert changes(database)[: len(before)] == before
    assert [each[0] for each in state(database)[2]] == [
        "Beam_3",
        "Calo_5",
        "Beam_6",
        "Beam_8",
        "Calo_9",
    ]
    assert state(database)[0][0] == (LOCKED, "frozen")
    assert (summary.present, summary.rows, summary.different) == (2, 12, 0)


def test_a_second_run_changes_nothing_and_reports_the_same(
    run: Callable[..., Summary], database: Database, legacy: Legacy
) -> None:
    first = run()
    before = changes(database)
    second = run()
    assert changes(database) == before
    assert (second.present, second.findings) == (5, first.findings)
    legacy.iovs(8, ((9, 0), None))
    third = run()
    assert third.findings["changed-since"] == 1


def test_a_dry_run_reports_and_writes_nothing(
    run: Callable[..., Summary], database: Database
) -> None:
    summary = run(dry_run=True)
    assert changes(database) == []
    assert (summary.taken, summary.findings["cut"], summary.asked) == (9, 1, 0)


def test_a_name_that_is_taken_by_something_else_stops_it_before_anything_is_written(
    run: Callable[..., Summary], database: Database
) -> None:
    with database.writing() as session:
        global_tags.create(session, RULES, Writer.operator("alice"), ONLINE)
    before = changes(database)
    with pytest.raises(Invalid, match=r"'Online' is here already, and not from this import"):
        run()
    assert changes(database) == before


def test_a_name_that_cannot_be_here_stops_it_before_anything_is_written(
    run: Callable[..., Summary], database: Database, legacy: Legacy
) -> None:
    legacy.run('update "GlobalTag" set name = :name where id = 1', {"name": "a/b"})
    with pytest.raises(Invalid, match=r"'a/b' cannot be taken over"):
        run()
    assert changes(database) == []


def test_a_tag_that_was_closed_meanwhile_stays_closed(
    run: Callable[..., Summary], database: Database
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(progress=interrupted_after(3))
    with database.writing() as session:
        writer = Writer.operator("alice")
        global_tags.change_status(database, session, RULES, writer, LOCKED, "frozen")
    with pytest.raises(Closed):
        run()


class Stepwise(Standard):
    """A tag is locked before it is frozen, and nothing that is not known here becomes of it."""

    def refuses_transition(
        self, tag: str, current: Status, target: Status, identity: Identity
    ) -> str | None:
        steps = [("unlocked", "locked"), ("locked", "frozen")]
        return None if (current.name, target.name) in steps else "One step at a time."


def test_a_tag_gets_its_status_step_by_step_where_the_policy_wants_that(
    legacy: Legacy, database: Database
) -> None:
    source = SqlSource(legacy.url)
    stepwise = replace(RULES, tag_policy=Stepwise("stepwise", None))
    Import(database, stepwise, source, IovMode.CONTINUOUS).run()
    assert dict(state(database)[0])[LOCKED] == "frozen"
    found = [each.detail["after"]["status"] for each in changes(database, action="status")]
    assert found == ["locked", "frozen", "locked"]
    source.close()


def test_a_status_that_the_policy_lets_no_tag_have_stops_it_before_anything_is_written(
    legacy: Legacy, database: Database
) -> None:
    legacy.run("""update "GlobalTagStatus" set name = 'online' where name = 'locked'""")
    source = SqlSource(legacy.url)
    stepwise = replace(RULES, tag_policy=Stepwise("stepwise", None))
    with pytest.raises(Invalid, match="'Online' is online"):
        Import(database, stepwise, source, IovMode.CONTINUOUS).run()
    assert changes(database) == []
    source.close()


def test_of_two_lists_of_a_type_in_a_tag_the_newer_one_is_attached(
    run: Callable[..., Summary], database: Database, legacy: Legacy
) -> None:
    legacy.run('update "PayloadList" set global_tag_id = 1 where id = 8')
    summary = run()
    assert summary.findings["second-list"] == 1
    assert [(each[0], each[1]) for each in state(database)[2]][:4] == [
        ("Beam_3", None),
        ("Calo_5", LOCKED),
        ("Beam_6", ONLINE),
        ("Beam_8", LOCKED),
    ]
    assert summary.different == 0


def test_discrete_data_is_read_as_discrete(
    run: Callable[..., Summary], database: Database, legacy: Legacy
) -> None:
    legacy.run('delete from "PayloadIOV"')
    legacy.iovs(9, ((1, 0), (1, 10)), ((1, 10), (1, 20)), ((1, 21), (2, MAX)))
    summary = run(IovMode.DISCRETE)
    assert [each[:2] for each in shown(database, ONLINE)["Calo"]] == [
        ((1, 0), (1, 10)),
        ((1, 10), (1, 21)),
        ((1, 21), (3, 0)),
    ]
    assert (summary.findings["clipped"], summary.different) == (1, 0)


def test_the_tables_of_the_first_versions_do(
    run: Callable[..., Summary], database: Database, legacy: Legacy
) -> None:
    legacy.run(OLDER)
    summary = run()
    assert summary.findings["never-answered"] == 0
    assert (summary.findings["no-revision"], summary.different) == (10, 0)
    assert valid(database, ONLINE, 5, 0) == {"Beam": "p9"}


def test_differences_are_told(
    run: Callable[..., Summary], database: Database, legacy: Legacy
) -> None:
    run()
    legacy.run('update "PayloadIOV" set payload_url = :url', {"url": "another"})
    out = StringIO()
    summary = run(out=out)
    found = [
        each for each in json.loads(out.getvalue())["findings"] if each["kind"] == "difference"
    ]
    assert summary.different == len(found) > 0
    assert found[0]["there"][0] == "another"


def test_what_is_no_nopayloaddb_is_said(databases: Any, database: Database) -> None:
    with databases("postgresql") as url:
        source = SqlSource(url)
        with pytest.raises(Invalid, match="no database of nopayloaddb"):
            Import(database, RULES, source, IovMode.CONTINUOUS).run()
        source.close()
    with pytest.raises(Invalid, match="PostgreSQL"):
        SqlSource("sqlite:////tmp/x")
    with pytest.raises(Invalid, match="no database URL"):
        SqlSource("x")


def test_the_change_log_names_the_source_without_its_password() -> None:
    source = SqlSource("postgresql://cdb:secret@db.example.org:5433/npdb?password=x&host=/run/pg")
    assert source.name == "postgresql://db.example.org:5433/npdb?host=%2Frun%2Fpg"
    web = HttpSource("http://cdb:secret@npdb.example.org/api/cdb_rest/")
    assert web.name == "http://npdb.example.org/api/cdb_rest"


# --- the command ------------------------------------------------------------------


@pytest.fixture
def ini(database_url: str, tmp_path: Path) -> Path:
    path = tmp_path / "service.ini"
    escaped = database_url.replace("%", "%%")
    path.write_text(f"[app:main]\nuse = egg:hep-cdb\ncdb.database.url = {escaped}\n")
    return path


def command(*arguments: object) -> Result:
    return CliRunner().invoke(import_, ["nopayloaddb", *map(str, arguments)])


def test_the_command_imports_and_reports(ini: Path, legacy: Legacy, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = command("--ini", ini, "--from", legacy.url, "--report", report, "--samples", 10)
    assert done.exit_code == 0, done.output
    assert "9 payload IOVs imported (" in done.stdout
    assert "10 of 10 sampled queries" in done.stderr
    assert json.loads(report.read_text())["summary"]["different"] == 0
    sound = CliRunner().invoke(verify, [str(ini), "--history"])
    assert sound.exit_code == 0, sound.output
    legacy.run('update "PayloadIOV" set checksum = :other', {"other": "another"})
    again = command("--ini", ini, "--from", legacy.url)
    assert again.exit_code == 1
    assert "5 of the lists in an earlier run" in again.stdout


def test_the_command_says_what_is_wrong(ini: Path, legacy: Legacy, database: Database) -> None:
    legacy.run('update "PayloadType" set name = :name where id = 1', {"name": "a@b"})
    refused = command("--ini", ini, "--from", legacy.url)
    assert refused.exit_code == 1
    assert "Payload type 'a@b' cannot be taken over" in refused.stderr
    assert changes(database) == []
    assert command("--ini", ini, "--from", "x").exit_code == 2
    migrate.downgrade(database, "base")
    empty = command("--ini", ini, "--from", legacy.url)
    assert "run `cdb db upgrade` first" in empty.stderr
