"""What `cdb verify` finds of a database in which any column is wrong, or any row is lost.

The columns come from the models, so that a new one cannot be forgotten: either its damage is
found, or it is said here why it is not.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from histories import RULES
from planted import TABLES, Planter, Small, fill, other, planter

from cdb.services import verify
from cdb.services.checks.check import Severity, Wanted
from cdb.services.verify import Finding
from cdb.store.engine import Database
from cdb.store.models import Base
from cdb.store.payload_files import PayloadFiles, open_files

NOT_FOUND = {
    "No digest covers the change log: whoever reads it has to trust the database.": """
        change.action change.actor change.at change.comment change.detail change.nonce
        change.object_name change.object_type
    """,
    "Texts and times of objects, which decide no answer and are in no digest.": """
        global_tag.author global_tag.contact global_tag.created global_tag.description
        iov.inserted payload_list.contact payload_list.created payload_list.description
        payload_type.contact payload_type.created payload_type.description
        payload.created tag_status.created tag_status.description
    """,
    "A digest is the same whatever tags and lists are called; only two of a name are found.": """
        global_tag.name payload_list.name
    """,
    "They decide what can be written later, and no answer.": """
        payload_list.ends payload_type.validator payload_type.validator_options
        tag_status.name tag_status.final
    """,
    "A number that nothing refers to.": "iov.id payload.id staged_iov.id token.id",
    "It follows from the file, and may be unknown: no digest has it.": "iov.size",
    "What a stored file is called; the file itself is compared with its checksums.": """
        payload.file_name payload.payload_type payload.revision
    """,
    "What waits has never been part of an answer.": """
        staged_iov.checksum staged_iov.end_major staged_iov.end_minor staged_iov.extra
        staged_iov.inserted staged_iov.payload_url staged_iov.size staged_iov.start_major
        staged_iov.start_minor
    """,
    "A damaged token lets nobody in, or is listed by `cdb token list`.": """
        token.created token.description token.expires token.hash token.last_used token.owner
        token.revoked token.scopes
    """,
    "Kept for a day, for who sends the same write again.": """
        recorded_answer.body recorded_answer.created recorded_answer.fingerprint
        recorded_answer.idempotency_key recorded_answer.subject
    """,
    "What was migrated when; `cdb db check` compares the tables.": """
        schema_revision.applied schema_revision.lives_with schema_revision.revision
        schema_revision.version
    """,
}
"""Columns in which damage is not found, by the reason."""

LOST = {"payload", "recorded_answer", "schema_revision", "staged_iov", "token"}
"""Tables of which nobody misses a row, for what is forgotten of it is listed, or sent again."""


@pytest.fixture(scope="module")
def database(databases: Any) -> Iterator[Database]:
    with databases("sqlite") as url:
        made = Database(url)
        yield made
        made.dispose()


@pytest.fixture(scope="module")
def files(database: Database, tmp_path_factory: pytest.TempPathFactory) -> PayloadFiles:
    """The payload files of the database, which is filled."""
    folder = tmp_path_factory.mktemp("payloads")
    fill(Small(database), folder)
    return open_files(str(folder))


@pytest.fixture(scope="module")
def plant(database: Database, files: PayloadFiles) -> Iterator[Planter]:
    assert files.size("T/run7.txt")
    with planter(database) as made:
        yield made


def found(database: Database, files: PayloadFiles) -> set[str]:
    """Return the checks that find what should not be."""
    events = verify.verify(database, RULES, files, Wanted(files=True, history=True)).events
    findings = [each for each in events if isinstance(each, Finding)]
    return {each.check for each in findings if each.severity != Severity.INFO}


def test_damage_in_any_column_is_found(
    database: Database, files: PayloadFiles, plant: Planter
) -> None:
    assert found(database, files) == set()
    before, missed = plant.content(), set()
    for table in TABLES:
        for column in table.columns:
            statement = f"update {table.name} set {column.name} = {other(column)}"  # noqa: S608 - the names are ours
            with plant.damaged(table, statement) as is_other:
                if is_other and not found(database, files):
                    missed.add(f"{table.name}.{column.name}")
    assert missed == {name for names in NOT_FOUND.values() for name in names.split()}
    assert plant.content() == before


def test_a_row_that_is_lost_is_found(
    database: Database, files: PayloadFiles, plant: Planter
) -> None:
    missed = set()
    for table in TABLES:
        last = f"(select max(rowid) from {table.name})"  # noqa: S608 - the names are ours
        with plant.damaged(table, f"delete from {table.name} where rowid = {last}"):  # noqa: S608 - the names are ours
            if not found(database, files):
                missed.add(table.name)
    assert missed == LOST


@pytest.mark.parametrize(
    ("table", "statement", "check"),
    [
        ("tag_state", "update tag_state set digest = null", "unkept"),
        ("tag_state", "update tag_state set status = 1 where digest is not null", "kept"),
        ("tag_status", "update tag_status set mode = 'ajar'", "kept"),
        # Two versions at once, of which neither is the state of the tag.
        ("tag_state", "update tag_state set retired_by = 20 where tag = 3", "versions"),
        ("global_tag", "update global_tag set created = 'never' where id = 3", "digests"),
        ("iov", "update iov set size = 'large'", "storage"),
    ],
)
def test_what_a_check_cannot_read_is_found_too(
    database: Database, files: PayloadFiles, plant: Planter, table: str, statement: str, check: str
) -> None:
    with plant.damaged(Base.metadata.tables[table], statement) as is_other:
        assert is_other
        assert check in found(database, files)


def test_an_index_that_leads_elsewhere_is_found(
    database: Database, files: PayloadFiles, tmp_path: Path
) -> None:
    """The query goes by the index, and everything else that is looked at by the table."""
    path = tmp_path / "copy.sqlite"
    with (
        closing(sqlite3.connect(str(database.url.database))) as source,
        closing(sqlite3.connect(path, isolation_level=None)) as copy,
    ):
        source.backup(copy)
        copy.execute("pragma writable_schema = on")
        # As if the index had been written to, and the table not.
        copy.execute(
            "update sqlite_master set sql = replace(sql, 'start_minor desc', 'end_minor desc') "
            "where name = 'ix_iov_history'"
        )
    damaged = Database(f"sqlite:///{path}")
    assert "storage" in found(damaged, files)
    damaged.dispose()
