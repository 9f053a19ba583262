"""What `cdb verify` finds: nothing in what the services wrote, else each damage by itself."""

import hashlib
import json
import os
import pty
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fsspec.core import url_to_fs
from histories import RULES, Step, World, steps
from hypothesis import given, settings
from planted import Small
from sqlalchemy import make_url, text
from support import API, WRITER, Client

from cdb.commands.verify import verify as command
from cdb.domain.points import MAX, OPEN, Point
from cdb.domain.statuses import WriteMode
from cdb.services import bundles, global_tags, payload_lists, revert, statuses, verify
from cdb.services.checks import files, logs
from cdb.services.checks.check import Severity, Wanted
from cdb.services.exports import DatabaseSource
from cdb.services.verify import Checked, Finding
from cdb.store.engine import Database, read_only_url
from cdb.store.models import LIVE
from cdb.store.payload_files import open_files

CONTENT = b"beam spot of run 7\n"
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def look(database: Database, folder: Path | str | None = None, **wanted: Any) -> list[Finding]:
    """Return all findings."""
    stored = None if folder is None else open_files(str(folder))
    events = verify.verify(database, RULES, stored, Wanted(**wanted)).events
    return [event for event in events if isinstance(event, Finding)]


def found(database: Database, **wanted: Any) -> dict[str, int]:
    """Return how much each check finds, where it finds anything."""
    return dict(Counter(finding.check for finding in look(database, **wanted)))


def damage(database: Database, *statements: str, **parameters: int) -> None:
    """Write what no service would write."""
    with database.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement), {"live": LIVE, "max": MAX, **parameters})


# --- what is whole ------------------------------------------------------------------


@given(history=steps)
@settings(max_examples=6)
def test_nothing_is_found_after_any_history(
    database: Database, monkeypatch: pytest.MonkeyPatch, history: list[Step]
) -> None:
    monkeypatch.setattr(logs, "ROWS", 3)
    monkeypatch.setattr(logs, "PAGE", 2)
    world = World(database)
    world.run(history)
    assert look(database, history=True) == []
    assert look(database, history=True, tag=world.names[0]) == []


@pytest.fixture
def small(database: Database) -> Small:
    return Small(database)


def test_nothing_is_found_after_clones_forks_reverts_moves_and_deletes(small: Small) -> None:
    assert look(small.database, history=True) == []
    database = small.database
    with database.writing() as session:
        revert.revert(database, session, RULES, WRITER, small.a, str(small.cut))
    small.put(small.lists(small.a)[small.types[0]], "after", Point(2, 0), Point(9, 9))
    small.put(small.lists(small.b)[small.types[1]], "fork", Point(2, 0), Point(2, MAX))
    moved = small.lists(small.a)[small.types[1]]
    small.write(payload_lists.attach, moved, small.b)
    small.write(global_tags.describe, small.b, {"name": "C"})
    small.write(payload_lists.create, small.types[0])
    small.write(global_tags.delete, "C")
    assert look(database, history=True) == []


def test_what_is_written_meanwhile_is_not_looked_at(small: Small) -> None:
    _, events = verify.verify(small.database, RULES, None, Wanted(history=True))
    first = next(events)
    assert not isinstance(first, Finding)
    small.put(small.lists(small.a)[small.types[0]], "new", Point(4, 0), OPEN)
    small.put(small.lists(small.b)[small.types[0]], "fork", Point(4, 0), OPEN)
    assert [event for event in events if isinstance(event, Finding)] == []


def test_a_database_that_cannot_be_written_to_will_do(small: Small) -> None:
    url = small.database.url
    if small.database.is_postgresql:
        url = url.update_query_dict({"options": "-c default_transaction_read_only=on"})
    else:
        url = make_url(read_only_url(Path(str(url.database))))
    small.database.dispose()
    reader = Database(url.render_as_string(hide_password=False))
    assert look(reader, history=True) == []
    reader.dispose()


def test_a_bundle_is_verified_as_any_database(
    small: Small, tmp_path: Path, ini: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bundles" / "a.cdb"
    path.parent.mkdir()
    bundles.create(DatabaseSource(small.database, RULES, small.a), RULES, path)
    monkeypatch.setenv("CDB_DATABASE_URL", read_only_url(path))
    done = run(ini, "--history")
    assert (done.exit_code, done.stderr) == (0, "")
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "bundles",
        "payloads",
        "service.ini",
    ]


# --- each kind of damage --------------------------------------------------------------


A_CHANGE = """
    insert into change (change, at, nonce, actor, action, object_type, object_name, detail)
    select change + :by, at, nonce, actor, action, object_type, object_name, detail from change
    where change = (select max(change) from change)
"""
A_ROW = """
    insert into iov (
        id, series, start_major, start_minor, end_major, end_minor, declared_end_major,
        declared_end_minor, payload_url, checksum, inserted, added_by, retired_by
    )
    select id + 1000, 77, start_major, start_minor, end_major, end_minor,
        declared_end_major, declared_end_minor, payload_url, checksum, inserted, added_by,
        retired_by
    from iov where payload_url in ('s', 'u')
"""

DAMAGE: Sequence[tuple[str, str, dict[str, int]]] = [
    ("a change is missing", A_CHANGE.replace(":by", "2"), {"changes": 1}),
    (
        "a change is later than the next",
        "update change set at = '2999-01-01 00:00:00.000000' where change = 3",
        {"times": 1},
    ),
    (
        "a version is retired as it is added",
        "update payload_list set retired_by = added_by where id = 2",
        {"lifetimes": 1, "lives": 2},
    ),
    (
        "two versions of a type at once",
        (
            "update payload_type set retired_by = (select max(added_by) from payload_type) "
            "where id = 3 and added_by = 3"
        ),
        {"versions": 1},
    ),
    (
        "a version that goes on for as long as two more",
        (
            "update payload_type set retired_by = (select max(change) from change) "
            "where id = 3 and retired_by = (select max(added_by) from payload_type)"
        ),
        {"versions": 1, "heads": 1},
    ),
    (
        "a list without its log",
        "update list_state set series = 77 where payload_list = 2 and retired_by = :live",
        {"references": 1},
    ),
    (
        "a list without a type",
        "update payload_list set payload_type = 9 where id = 2",
        {"references": 1, "heads": 6},
    ),
    ("a list that is nowhere", "delete from list_state where payload_list = 2", {"references": 1}),
    ("a tag without a status", "update tag_state set status = 9 where tag = 1", {"references": 1}),
    ("a head without a tag", "insert into tag_change values (9, 1)", {"references": 1}),
    ("a head without a change", "insert into type_change values (1, 999)", {"references": 1}),
    (
        "rows without a series",
        A_ROW,
        {"references": 1},
    ),
    (
        "a type that is younger than its list",
        "update payload_type set added_by = 6 where id = 1",
        {"lives": 1},
    ),
    (
        "a type that was gone before its list",
        "update payload_type set retired_by = 6 where id = 1 and retired_by = :live",
        {"lives": 2},
    ),
    (
        "two types of a name",
        (
            "drop index uq_payload_type_live_name; update payload_type set name = ("
            "select name from payload_type where id = 1) where id = 2"
        ),
        {"names": 1},
    ),
    (
        "two lists of a type in a tag",
        (
            "update payload_list set payload_type = 1 where id = 2; "
            "insert into type_change values (1, 7)"
        ),
        {"tag-types": 1, "heads": 3},
    ),
    (
        "two lists that write to a log",
        "update list_state set series = 1 where payload_list = 2 and retired_by = :live",
        {"owners": 1, "heads": 4},
    ),
    (
        "a pin in the future",
        "update list_state set pinned_at = pinned_at + 1 where payload_list = 4",
        {"pins": 1},
    ),
    (
        "a write that did not move the head",
        "delete from tag_change where tag = 1 and change = 10",
        {"heads": 1},
    ),
    ("a log of no list", "insert into series (id) values (77)", {"unused-series": 1}),
    (
        "a payload IOV that waits for too long",
        (
            "insert into staged_iov "
            "(id, start_major, start_minor, payload_url, checksum, inserted) "
            "values (5000, 1, 0, 'x', 'x', '2020-01-01 00:00:00.000000')"
        ),
        {"staged": 1},
    ),
    (
        "an interval that is empty",
        "update iov set end_major = start_major, end_minor = start_minor where payload_url = 's'",
        {"intervals": 1},
    ),
    (
        "an interval that ends after its declared end",
        "update iov set declared_end_major = 6 where payload_url = 's'",
        {"intervals": 1},
    ),
    (
        "an interval that begins nowhere",
        "update iov set start_minor = -1 where payload_url = 'u'",
        {"intervals": 1},
    ),
    (
        "an interval that begins before the axis",
        "update iov set start_major = -1 where payload_url = 'u'",
        {"intervals": 1},
    ),
    (
        "an interval that ends nowhere",
        "update iov set end_major = 7, end_minor = -1 where payload_url = 's'",
        {"intervals": 1},
    ),
    (
        "an interval that was meant to end nowhere",
        (
            "update iov set end_major = 6, declared_end_major = 7, declared_end_minor = -1 "
            "where payload_url = 's'"
        ),
        {"intervals": 1},
    ),
    (
        "an interval that begins where nothing does",
        "update iov set start_major = :max, start_minor = :max where payload_url = 's'",
        {"intervals": 1},
    ),
    (
        "a retirement by no change",
        "update iov set retired_by = 999 where payload_url = 's'",
        {"log": 1},
    ),
    (
        "a row that is retired as it is added",
        (
            "update iov set retired_by = added_by where payload_url = 'p' "
            "and start_major = 0 and end_major = 5"
        ),
        {"log": 1},
    ),
    (
        "a row by no change",
        "update iov set added_by = 999 where payload_url = 's'",
        {"log": 1, "counts": 1},
    ),
    (
        "a row by a change that wrote elsewhere",
        "update iov set added_by = 8 where payload_url = 'u'",
        {"log": 1},
    ),
]


@pytest.mark.parametrize(
    ("statements", "expected"), [each[1:] for each in DAMAGE], ids=[each[0] for each in DAMAGE]
)
def test_damage_is_found_and_nothing_else(
    small: Small, statements: str, expected: dict[str, int]
) -> None:
    damage(small.database, *statements.split(";"))
    assert found(small.database) == expected


def test_a_list_of_several_versions_is_told_once(small: Small) -> None:
    small.write(payload_lists.describe, small.lists(small.a)[small.types[1]], {"description": "x"})
    [[_, statements, expected]] = [each for each in DAMAGE if "type in a tag" in each[0]]
    damage(small.database, *statements.split(";"))
    # Of one more change: the end of its first version, and the beginning of the second.
    assert found(small.database) == {**expected, "heads": expected["heads"] + 2}


# --- what is visible at which change --------------------------------------------------


MERGED = "update iov set start_major = 4 where payload_url = 's'"
"""What holds now reaches over the last one."""

MERGED_AT_PIN = """
    update iov set start_major = 2
    where payload_url = 'p' and start_major = 3 and retired_by < :live
"""
"""What only the clone shows reaches into another row."""

MERGED_BETWEEN = "update iov set added_by = :first where payload_url = 'q'"
"""What was never pinned overlapped what was replaced by it."""


def test_live_overlap_is_found(small: Small) -> None:
    damage(small.database, MERGED)
    [finding] = look(small.database)
    assert finding.check == "overlaps"
    assert finding.object == f"series 1 of {small.types[0]}_1"
    assert finding.sentence.endswith("[(3, 0), (5, 0)), reaches over the next one, from (4, 0).")
    assert found(small.database, history=True) == {"overlaps": 1}


def test_what_the_last_change_wrote_is_looked_at(small: Small) -> None:
    last = small.put(small.lists(small.a)[small.types[0]], "z", Point(4, 0), OPEN)
    assert found(small.database) == {}
    damage(
        small.database,
        "update iov set end_major = 5, declared_end_major = 5 "
        "where payload_url = 'r' and retired_by = :live",
        "update series_change set n_iov = 9 where series = 1 and change = :last",
        last=last,
    )
    expected = {"overlaps": 1, "counts": 1}
    assert found(small.database) == expected
    assert found(small.database, history=True) == expected


def test_overlap_at_a_pin_is_found(small: Small) -> None:
    damage(small.database, MERGED_AT_PIN)
    [finding] = look(small.database)
    assert finding.check == "overlaps"
    assert finding.sentence.startswith(f"At change {small.cut + 1} ")
    assert found(small.database, history=True) == {"overlaps": 1, "past-overlaps": 1}


def test_overlap_at_any_other_change_is_found_in_history(small: Small) -> None:
    damage(small.database, MERGED_BETWEEN, first=small.first)
    assert found(small.database) == {}
    findings = look(small.database, history=True)
    assert {each.check for each in findings} == {"past-overlaps", "counts"}
    [overlap] = [each for each in findings if each.check == "past-overlaps"]
    assert overlap.sentence.startswith(f"At change {small.first} ")
    assert "[(0, 0), (5, 0)), overlaps " in overlap.sentence
    assert overlap.sentence.endswith("[(1, 0), (3, 0)).")


def test_long_logs_are_read_in_pages_and_no_overlap_is_lost_between(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minor in (5, 2, 8):
        small.put(small.lists(small.a)[small.types[0]], "m", Point(3, minor), Point(3, minor + 2))
    for page in (1, 2, 3, 100):
        monkeypatch.setattr(logs, "PAGE", page)
        assert found(small.database, history=True) == {}
    damage(small.database, MERGED_BETWEEN, first=small.first)
    for page in (1, 2, 3, 100):
        monkeypatch.setattr(logs, "PAGE", page)
        assert found(small.database, history=True)["past-overlaps"] == 1


@pytest.mark.parametrize("which", ["last", "cut"])
def test_count_is_compared_with_what_is_visible_now_and_at_pins(small: Small, which: str) -> None:
    change = getattr(small, which)
    damage(
        small.database,
        "update series_change set n_iov = 9 where series = 1 and change = :change",
        change=change,
    )
    [finding] = look(small.database)
    shown = {"last": 4, "cut": 3}[which]
    assert finding.check == "counts"
    assert finding.sentence == f"At change {change} it has {shown} payload IOVs, not 9."
    assert look(small.database, history=True) == [finding]


def test_count_at_any_other_change_is_compared_in_history(small: Small) -> None:
    damage(
        small.database,
        "update series_change set n_iov = 9 where series = 1 and change = :change",
        change=small.first,
    )
    assert found(small.database) == {}
    assert found(small.database, history=True) == {"counts": 1}


def test_lost_rows_are_missing_in_the_counts(small: Small) -> None:
    damage(small.database, "delete from iov where payload_url = 's'")
    [finding] = look(small.database)
    assert finding.sentence == f"At change {small.last} it has 3 payload IOVs, not 4."


def test_digest_of_a_closed_tag_is_worked_out_anew(small: Small) -> None:
    damage(small.database, "update iov set checksum = 'other' where payload_url = 'f'")
    [finding] = look(small.database)
    assert (finding.check, finding.object) == ("digests", "global tag F")
    assert look(small.database, tag="F") == [finding]
    assert look(small.database, tag=small.a) == []


def test_digest_of_a_tag_holds_until_it_is_opened(small: Small) -> None:
    database, tag = small.database, small.names[0]
    small.write(statuses.declare, "review", WriteMode.CLOSED)
    for status in ("review", "unlocked"):
        with database.writing() as session:
            global_tags.change_status(database, session, RULES, WRITER, tag, status)
    small.put(small.lists(tag)[small.types[0]], "later", Point(5, 0), OPEN)
    assert found(database) == {}


def test_a_write_to_a_closed_tag_is_another_digest(small: Small) -> None:
    damage(
        small.database,
        A_CHANGE,
        "update iov set retired_by = (select max(change) from change) where payload_url = 'f'",
        "insert into series_change select (select series from iov where payload_url = 'f'), "
        "max(change), 0 from change",
        "insert into tag_change select 3, max(change) from change",
        "insert into type_change select 3, max(change) from change",
        by=1,
    )
    assert found(small.database) == {"digests": 1}


# --- how it is told -------------------------------------------------------------------


def test_only_some_are_told_and_all_are_counted(small: Small, monkeypatch: Any) -> None:
    monkeypatch.setattr(logs, "ROWS", 1)
    damage(small.database, "update iov set declared_end_major = 0, declared_end_minor = 0")
    events = list(verify.verify(small.database, RULES, None, Wanted(limit=2)).events)
    findings = [event for event in events if isinstance(event, Finding)]
    [intervals] = [e for e in events if isinstance(e, Checked) and e.check == "intervals"]
    assert [each.check for each in findings] == ["intervals", "intervals"]
    assert (intervals.found, intervals.severity) == (8, Severity.ERROR)


def test_a_list_is_verified_with_the_tag_that_has_it_now(small: Small) -> None:
    damage(small.database, MERGED)
    small.write(payload_lists.attach, small.lists(small.a)[small.types[0]], small.b)
    assert found(small.database, tag=small.a) == {}
    assert found(small.database, tag=small.b) == {"overlaps": 1}


def test_a_tag_is_verified_by_itself(small: Small) -> None:
    damage(small.database, MERGED, "delete from change where change = 3")
    assert found(small.database, tag=small.a) == {"overlaps": 1}
    assert found(small.database, tag="F") == {}


# --- payload files ------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "payloads"


@pytest.fixture
def stored(make_client: Callable[..., Client], folder: Path) -> Path:
    """The file of the only payload; the tag A names it and one that is elsewhere, B nothing."""
    client = make_client(payload_store=str(folder))
    client.ok("POST", "pt", {"name": "Beam"})
    client.ok("POST", "gt", {"name": "A"})
    client.ok("POST", "gt", {"name": "B"})
    name = client.ok("POST", "pl", {"payload_type": "Beam"})["name"]
    client.ok("PUT", "pl_attach", {"global_tag": "A", "payload_list": name})
    client.put(f"{API}/payloads/Beam/run7.txt", CONTENT)
    rows = [
        {"payload_url": "x", "checksum": SHA256.upper(), "major_iov": 0, "minor_iov": 0},
        {"payload_url": "x", "checksum": MD5.upper(), "major_iov": 1, "minor_iov": 0},
        {"payload_url": "elsewhere", "checksum": "e1", "major_iov": 2, "minor_iov": 0},
        {"payload_url": "elsewhere", "checksum": "e1", "major_iov": 3, "minor_iov": 0},
    ]
    client.ok("POST", "bulk_piov", [{**row, "payload_list": name} for row in rows])
    [file] = folder.glob("Beam/*/*/*")
    return file


def test_files_are_whole_and_what_is_elsewhere_is_no_error(
    database: Database, folder: Path, stored: Path
) -> None:
    assert stored.read_bytes() == CONTENT
    assert look(database, folder) == []
    [finding] = look(database, folder, files=True)
    assert (finding.check, finding.severity) == ("not-stored", Severity.INFO)
    assert finding.sentence == (
        "The payload 'elsewhere' with the checksum 'e1' is not stored here, "
        "and 2 of its payload IOVs name it."
    )
    assert look(database, folder, files=True, tag="A") == [finding]
    assert look(database, folder, files=True, tag="B") == []


def test_a_file_that_is_missing_or_shorter_is_found_without_reading(
    database: Database, folder: Path, stored: Path
) -> None:
    stored.write_bytes(CONTENT[:-1])
    [short] = look(database, folder)
    assert (short.check, short.severity) == ("files", Severity.ERROR)
    assert short.object == f"payload {stored.relative_to(folder)}"
    assert short.sentence == f"Its file has {len(CONTENT) - 1} bytes, not {len(CONTENT)}."
    stored.unlink()
    assert [each.sentence for each in look(database, folder)] == ["Its file is missing."]
    assert found_files(database, folder, tag="A") == ["Its file is missing."]
    assert found_files(database, folder, tag="B") == []


def found_files(database: Database, folder: Path | str, **wanted: Any) -> list[str]:
    """Return what is wrong with files."""
    findings = look(database, folder, files=True, **wanted)
    return [each.sentence for each in findings if each.check == "files"]


def test_a_file_with_other_bytes_is_found_by_reading_it(
    database: Database, folder: Path, stored: Path
) -> None:
    stored.write_bytes(CONTENT.swapcase())
    assert look(database, folder) == []
    md5 = hashlib.md5(CONTENT.swapcase(), usedforsecurity=False).hexdigest()
    assert found_files(database, folder) == [f"The MD5 of its file is {md5}, not {MD5}."]


def test_both_checksums_are_compared(database: Database, folder: Path, stored: Path) -> None:
    assert stored.exists()
    damage(database, "update payload set sha256 = 'other'")
    assert found_files(database, folder) == [f"The SHA-256 of its file is {SHA256}, not other."]


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_files_in_an_object_store_are_read_as_well(
    database: Database, make_client: Callable[..., Client]
) -> None:
    store = "memory://verify"
    client = make_client(payload_store=store)
    client.ok("POST", "pt", {"name": "Beam"})
    client.put(f"{API}/payloads/Beam/run7.txt", CONTENT)
    filesystem, root = url_to_fs(store)
    assert look(database, store, files=True) == []
    [path] = filesystem.find(root)
    filesystem.pipe_file(path, CONTENT.swapcase())
    assert look(database, store) == []
    [sentence] = found_files(database, store)
    assert sentence.startswith("The MD5 of its file is ")
    filesystem.rm_file(path)
    assert found_files(database, store) == ["Its file is missing."]


def test_what_cannot_be_read_does_not_end_it(
    database: Database, folder: Path, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "FILES", 1)
    damage(
        database,
        "insert into payload (id, payload_type, file_name, checksum, sha256, size, path, created, "
        "added_by) select id + 1, payload_type, file_name, checksum, sha256, size, '../x', "
        "created, added_by from payload",
    )
    assert found_files(database, folder) == ["A payload cannot be stored as '../x'."]


# --- the command ----------------------------------------------------------------------


@pytest.fixture
def ini(tmp_path: Path, database_url: str, folder: Path) -> Path:
    path = tmp_path / "service.ini"
    lines = ["[app:main]", "use = egg:hep-cdb", f"cdb.database.url = {database_url}"]
    lines += ["cdb.allow_open_writes = true", f"cdb.payload_store = {folder}"]
    path.write_text("\n".join(lines).replace("%", "%%") + "\n")
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_command_finds_nothing(small: Small, ini: Path) -> None:
    done = run(ini)
    assert (done.exit_code, done.stderr) == (0, "")
    checks = 21 if small.database.is_postgresql else 22
    assert done.stdout == (
        f"Verified change {small.change()} by {checks} checks: 0 error, 0 warning, 0 info.\n"
    )
    assert run(ini, "--history", "--files", "--tag", "F").exit_code == 0


def test_command_tells_what_it_finds_and_how_much_more_there_is(small: Small, ini: Path) -> None:
    damage(small.database, MERGED, "insert into series (id) values (77), (78), (79)")
    done = run(ini, "--limit", "2")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [
        ["unused-series", "warning"],
        ["unused-series", "warning"],
        ["overlaps", "error"],
    ]
    assert lines[0].split()[2:4] == ["series", "77"]
    assert lines[0].endswith("  No payload list has ever had its 0 rows.")
    assert lines[3] == "unused-series: 2 of 3 findings are shown."
    assert lines[4].endswith(": 1 error, 3 warning, 0 info.")


def test_command_succeeds_where_nothing_is_an_error(small: Small, ini: Path) -> None:
    damage(small.database, "insert into series (id) values (77)")
    assert run(ini).exit_code == 0


def test_command_prints_json(small: Small, ini: Path) -> None:
    damage(small.database, MERGED)
    done = run(ini, "--format", "json")
    assert done.exit_code == 1
    printed = json.loads(done.stdout)
    assert printed["change"] == small.change()
    [finding] = printed["findings"]
    assert finding["check"] == "overlaps"
    assert finding["severity"] == "error"
    assert finding["object"] == f"series 1 of {small.types[0]}_1"
    counts = {each["check"]: each["found"] for each in printed["checks"]}
    assert {name: count for name, count in counts.items() if count} == {"overlaps": 1}


def test_command_shows_on_a_terminal_how_far_it_is(small: Small, ini: Path) -> None:
    assert small.change()
    terminal, side = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", "from cdb.commands.verify import verify; verify()", str(ini)],
        stdout=subprocess.PIPE,
        stderr=side,
        env={**os.environ, "TERM": "xterm"},
        text=True,
    ) as process:
        os.close(side)
        # A terminal takes a few kilobytes that nobody reads, and then keeps who writes waiting.
        shown = b"".join(iter(partial(_read_terminal, terminal), b""))
        said = process.stdout.read() if process.stdout else ""
    os.close(terminal)
    assert process.returncode == 0
    assert b"changes" in shown
    assert said.endswith(": 0 error, 0 warning, 0 info.\n")


def _read_terminal(terminal: int) -> bytes:
    """Return what is shown next; nothing once nobody writes to it any more."""
    with suppress(OSError):
        return os.read(terminal, 4096)
    return b""


def test_every_check_is_documented_and_no_other(
    database: Database, folder: Path, stored: Path
) -> None:
    assert stored.exists()
    wanted = Wanted(files=True, history=True)
    events = verify.verify(database, RULES, open_files(str(folder)), wanted).events
    checks = [(each.check, str(each.severity)) for each in events if isinstance(each, Checked)]
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    _, _, section = page.partition("## Verifying a database")
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \|", section, re.MULTILINE)
    assert rows == [("storage", "error")] * database.is_postgresql + checks


def test_command_reads_files(stored: Path, ini: Path) -> None:
    stored.write_bytes(CONTENT.swapcase())
    assert run(ini).exit_code == 0
    done = run(ini, "--files")
    assert done.exit_code == 1
    assert "The MD5 of its file is " in done.stdout


def test_command_says_why_it_cannot_look(small: Small, ini: Path) -> None:
    unknown = run(ini, "--tag", "Missing")
    assert (unknown.exit_code, unknown.stdout) == (2, "")
    assert unknown.stderr == "Error: Global tag 'Missing' does not exist.\n"
    assert run(ini, "--limit", "0").exit_code == 2
    kept = ini.read_text()
    ini.write_text("\n".join(line for line in kept.splitlines() if "payload_store" not in line))
    assert run(ini, "--files").stderr == "Error: service.ini: --files needs cdb.payload_store\n"
    damage(small.database, "update alembic_version set version_num = '0002'")
    older = run(ini)
    assert older.exit_code == 2
    assert "run `cdb db upgrade` first" in older.stderr
