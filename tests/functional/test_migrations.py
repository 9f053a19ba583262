"""The migrations make the tables that the models describe, on both databases."""

import json
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from click.testing import CliRunner
from sqlalchemy import create_engine, inspect, select, text
from support import Client

from cdb.builtin.standard import Standard
from cdb.commands.db import db
from cdb.plugin import NoOptions
from cdb.store import log, migrate, reads, schema
from cdb.store.engine import Database
from cdb.store.models import Base, TagChange, TypeChange

INDEXES = {
    "sqlite": "select name, sql from sqlite_master where type = 'index' and sql is not null",
    "postgresql": "select indexname, indexdef from pg_indexes where schemaname = 'public'",
}


@pytest.fixture
def unmigrated(database: Database) -> Database:
    """A database that every migration was taken back from."""
    migrate.downgrade(database, "base")
    return database


def indexes(database: Database, kind: str) -> dict[str, str]:
    with database.snapshot() as reader:
        return {
            row[0]: " ".join(row[1].replace('"', "").lower().split())
            for row in reader.execute(text(INDEXES[kind]))
            if "alembic" not in row[0]
        }


def test_there_is_one_head() -> None:
    scripts = ScriptDirectory.from_config(migrate.config())
    assert scripts.get_heads() == [schema.head()]


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based")
def test_upgrade_from_nothing_makes_what_the_models_describe(database: Database) -> None:
    # Alembic cannot compare indexes on expressions on SQLite; the next test compares all.
    options = {"compare_type": True, "include_object": lambda *item: item[2] != "index"}
    with create_engine(database.url).connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_indexes_are_those_of_the_models(unmigrated: Database, database_kind: str) -> None:
    Base.metadata.create_all(unmigrated.engine)
    by_models = indexes(unmigrated, database_kind)
    Base.metadata.drop_all(unmigrated.engine)
    migrate.upgrade(unmigrated)
    by_migrations = indexes(unmigrated, database_kind)
    assert len(by_models) > 15
    assert by_migrations == by_models


def test_downgrade_leaves_nothing(unmigrated: Database, database_kind: str) -> None:
    found = inspect(unmigrated.engine)
    assert found.get_table_names() == ["alembic_version"]
    assert database_kind == "sqlite" or found.get_sequence_names() == []


def test_upgrade_again_changes_nothing(database: Database) -> None:
    migrate.upgrade(database)
    with database.snapshot() as reader:
        assert schema.current(reader) == schema.head()


def test_the_statuses_that_every_service_has_are_declared(database: Database) -> None:
    with database.snapshot() as reader:
        declared = [(r.name, r.mode, bool(r.final)) for r in reads.statuses(reader)]
    standard = Standard("standard", NoOptions()).statuses
    assert declared == [(status.name, status.mode, status.final) for status in standard]


def test_a_migration_that_fails_leaves_the_database_as_it_was(unmigrated: Database) -> None:
    with unmigrated.engine.begin() as connection:
        connection.execute(text("create table tag_status (id integer)"))
    with pytest.raises(Exception, match="tag_status"):
        migrate.upgrade(unmigrated)
    names: Any = inspect(unmigrated.engine).get_table_names()
    assert sorted(names) == ["alembic_version", "tag_status"]


# --- cdb db check ------------------------------------------------------------------------


def checked(url: str, folder: Path) -> tuple[int, str]:
    """Return the exit status of `cdb db check` of a database, and what it says."""
    ini = folder / "service.ini"
    written = url.replace("%", "%%")
    ini.write_text(f"[app:main]\nuse = egg:hep-cdb\ncdb.database.url = {written}\n")
    result = CliRunner().invoke(db, ["check", str(ini)])
    return result.exit_code, result.output.strip()


def test_a_database_of_this_version_is_as_it_has_to_be(database_url: str, tmp_path: Path) -> None:
    said = f"The database is at {schema.head()}, and its tables are as they have to be."
    assert checked(database_url, tmp_path) == (0, said)


def test_a_database_that_was_not_migrated_is_told(
    unmigrated: Database, database_url: str, tmp_path: Path
) -> None:
    reason = f"the database has no tables, and {schema.head()} is needed"
    said = f"Error: {reason}: run `cdb db upgrade` first"
    assert checked(database_url, tmp_path) == (1, said)
    migrate.upgrade(unmigrated, "0002")
    assert "the database is at 0002, and" in checked(database_url, tmp_path)[1]
    with unmigrated.engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '0999'"))
    assert "at 0999, of another version of cdb" in checked(database_url, tmp_path)[1]


def test_tables_that_somebody_changed_are_told(
    database: Database, database_url: str, database_kind: str, tmp_path: Path
) -> None:
    changes = {
        "create table of_others (id integer primary key)": None,
        "drop index ix_iov_checksum": "the index ix_iov_checksum is missing",
        "drop table token": "the table token is missing",
        "alter table staged_iov drop column size": "the column staged_iov.size is missing",
        "alter table iov add column mine text": "the column iov.mine is there, and should not be",
    }
    if database_kind == "postgresql":
        changes |= {
            "alter table iov alter column extra type varchar(7)": (
                "the column iov.extra has another type"
            ),
            "alter table iov alter column checksum drop not null": (
                "the column iov.checksum has another nullable"
            ),
            "alter table tag_status drop constraint uq_tag_status_name": (
                "the constraint uq_tag_status_name of tag_status is missing"
            ),
            "alter table iov add constraint mine unique (id, size)": (
                "the constraint mine of iov is there, and should not be"
            ),
            "drop function cdb_iovs_around": "the function cdb_iovs_around is missing",
        }
    with database.engine.begin() as connection:
        for change in changes:
            connection.execute(text(change))
    status, said = checked(database_url, tmp_path)
    assert status == 1
    told = said.removeprefix("Error: ").split("; ")
    assert sorted(told) == sorted(reason for reason in changes.values() if reason)


def test_a_check_makes_no_file(tmp_path: Path) -> None:
    missing = tmp_path / "var" / "cdb.sqlite"
    said = f"Error: there is no file {missing}: run `cdb db upgrade` first"
    assert checked(f"sqlite:///{missing}", tmp_path) == (1, said)
    assert not missing.parent.exists()


# --- 0003: heads that can be asked as of a change ---------------------------------------


def write_history(client: Client) -> None:
    """Write to tags in every way, and give names again that others had before."""
    ok = client.ok

    def make_list(payload_type: str, tag: str) -> str:
        name: str = ok("POST", "pl", {"payload_type": payload_type})["name"]
        ok("PUT", "pl_attach", {"global_tag": tag, "payload_list": name})
        return name

    def row(payload_list: str, major: int) -> dict[str, Any]:
        start = {"major_iov": major, "minor_iov": 0}
        return {"payload_list": payload_list, "payload_url": "p", "checksum": "c", **start}

    for name in ("T", "U", "T again"):
        ok("POST", "pt", {"name": name})
    for tag in ("A", "B", "untouched"):
        ok("POST", "gt", {"name": tag})
    first, second, other = make_list("T", "A"), make_list("T", "B"), make_list("U", "A")
    ok("POST", "bulk_piov", [row(name, 1) for name in (first, second, other)])
    staged = ok("POST", "piov", {**row("", 5), "payload_list": None})["id"]
    ok("PUT", "piov_attach", {"payload_list": first, "piov_id": staged})
    ok("PATCH", f"payload-lists/by-name/{first}", {"description": "of a list"})
    ok("PATCH", "global-tags/B", {"description": "of a tag"})
    ok("PATCH", "payload-types/U", {"description": "of a type"})
    ok("POST", "cloneGlobalTag/A/C")
    ok("PUT", "pl_attach", {"global_tag": "B", "payload_list": first})
    ok("PUT", "gt_change_status/C/locked")
    ok("PUT", "gt_change_status/C/frozen")
    ok("DELETE", "deletePayloadIOV/A/U/1/0")
    ok("DELETE", f"deletePayloadList/{other}")
    for tag in ("A", "B"):
        ok("DELETE", f"deleteGlobalTag/{tag}")
        ok("POST", "gt", {"name": tag, "author": "another"})
    ok("PATCH", "global-tags/B", {"name": "D"})
    ok("POST", "gt", {"name": "B", "author": "a third"})
    ok("POST", "bulk_piov", [row(make_list("T", "A"), 2)])
    ok("DELETE", "deletePayloadType/T again")
    ok("POST", "pt", {"name": "T again"})
    ok("POST", "gtstatus", {"name": "draft"})


def touched(database: Database) -> list[list[Any]]:
    """Which tags and which types each change touched."""
    with database.snapshot() as reader:
        tables = TagChange.__table__, TypeChange.__table__
        return [sorted(tuple(row) for row in reader.execute(select(table))) for table in tables]


def heads(database: Database) -> list[list[Any]]:
    """The tags with their heads as of every change, and live."""
    with database.snapshot() as reader:
        last = len(log.page(reader, log.Wanted(limit=1000)))
        return [
            [tag._replace(digest=None) for tag in reads.tags(reader, at)]
            for at in (*range(last + 1), reads.CURRENT)
        ]


def test_heads_are_worked_out_from_the_log(client: Client, database: Database) -> None:
    write_history(client)
    before = touched(database), heads(database)
    assert len(before[0][0]) > 25
    assert len(before[0][1]) > 15
    migrate.downgrade(database, "0002")
    migrate.upgrade(database)
    assert (touched(database), heads(database)) == before
    names = [tag.name for tag in before[1][-1]]
    assert sorted(names) == ["A", "B", "C", "D", "untouched"]


def test_heads_go_back_to_where_they_were_overwritten(client: Client, database: Database) -> None:
    write_history(client)
    [live] = heads(database)[-1:]
    migrate.downgrade(database, "0002")
    kept = text(
        "select tag, head, updated from tag_state where retired_by = 9223372036854775807"
        " order by tag"
    ).columns(updated=log.Change.at.type)
    with database.snapshot() as reader:
        found = [tuple(row) for row in reader.execute(kept)]
    assert found == [(tag.id, tag.head, tag.updated) for tag in live]


def test_tags_of_one_name_do_not_get_the_changes_of_each_other(
    client: Client, database: Database
) -> None:
    for _ in range(2):
        client.ok("POST", "gt", {"name": "A"})
        client.ok("PATCH", "global-tags/A", {"description": "changed"})
        client.ok("DELETE", "deleteGlobalTag/A")
    client.ok("POST", "gt", {"name": "A"})
    migrate.downgrade(database, "0002")
    migrate.upgrade(database)
    by_tag, _ = touched(database)
    assert by_tag == [(1, 1), (1, 2), (1, 3), (2, 4), (2, 5), (2, 6), (3, 7)]


def test_the_log_tells_changes_of_status_as_it_does_now(
    client: Client, database: Database
) -> None:
    client.ok("POST", "gt", {"name": "A"})
    client.ok("PUT", "gt_change_status/A/locked")
    now = client.ok("GET", "changes/2")
    migrate.downgrade(database, "0002")
    then = {"global_tags": ["A"], "before": "unlocked", "after": "locked"}
    with database.engine.begin() as connection:
        told = text("update change set detail = :detail where change = 2")
        connection.execute(told, {"detail": json.dumps(then)})
    migrate.upgrade(database)
    assert client.ok("GET", "changes/2") == now


def test_a_service_goes_on_after_both_ways(client: Client, database: Database) -> None:
    write_history(client)
    migrate.downgrade(database, "0002")
    migrate.upgrade(database)
    known = client.api("GET", "gtPayloadLists/A").headers["ETag"]
    headers = {"If-Match": known, "Idempotency-Key": "key"}
    done = client.api("PATCH", "global-tags/A", {"contact": "me"}, 200, headers)
    assert client.ok("GET", "global-tags/A/history?order=desc")["changes"][0]["change"] == int(
        done.headers["CDB-Change"]
    )
