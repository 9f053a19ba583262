"""The migrations make the tables that the models describe, on both databases."""

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from cdb.builtin.standard import Standard
from cdb.plugin import NoOptions
from cdb.store import migrate, reads
from cdb.store.engine import Database
from cdb.store.models import Base

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
    assert scripts.get_heads() == [migrate.head()]


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
        assert migrate.current(reader) == migrate.head()


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
