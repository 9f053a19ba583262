"""Upgrades without downtime: of what was released, while services read and write.

What a release has left in a database is recorded: `released` says how. Of the next version
there is only a migration or two, which are made up here, and run by a process of their own.
"""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import additive
import processes
import pytest
import released
import requests
from click.testing import CliRunner
from released import Release
from sqlalchemy import text
from support import API, Client

from cdb.commands.db import db
from cdb.commands.verify import verify
from cdb.errors import Unavailable
from cdb.store import migrate, schema
from cdb.store.engine import Database

LAST = released.releases()[-1]

ON_POSTGRESQL = pytest.mark.parametrize("database_kind", ["postgresql"])
"""For what SQLite, with its one writer, has no part in."""

ADDS = '''
"""Only adds."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, lives_with = "{new}", "{head}", "{head}"


def upgrade():
    op.add_column("iov", sa.Column("quality", sa.Integer(), nullable=True))
    op.add_column("global_tag", sa.Column("kind", sa.Text(), server_default="", nullable=False))
    op.create_table("added", sa.Column("id", sa.Integer(), primary_key=True))
    op.create_index("ix_added", "added", ["id"])
    if op.get_context().dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            op.create_index("ix_quality", "iov", ["quality"], postgresql_concurrently=True)


def downgrade():
    op.drop_table("added")
'''

CROSSES = '''
"""Locks two tables, the second one once somebody who holds that one waits for the first."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, lives_with = "{new}", "{head}", "{head}"


def upgrade():
    op.add_column("iov", sa.Column("quality", sa.Integer(), nullable=True))
    op.execute("""
        do $$ begin
            while exists (select 1 from pg_locks where relation = 'global_tag'::regclass)
                and not exists (
                    select 1 from pg_locks where relation = 'iov'::regclass and not granted
                )
            loop perform pg_sleep(0.01);
            end loop;
        end $$
    """)
    op.add_column("global_tag", sa.Column("kind", sa.Text(), nullable=True))


def downgrade():
    pass
'''

TAKES_AWAY = '''
"""Takes away and refuses."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, lives_with = "{new}", "{head}", "{new}"


def upgrade():
    with op.batch_alter_table("payload_type") as batch:
        batch.alter_column("description", new_column_name="told")
    with op.batch_alter_table("payload_list") as batch:
        batch.alter_column("ends", type_=sa.Text(), existing_type=sa.String(20))
        batch.alter_column("contact", nullable=False, existing_type=sa.String(255))
        batch.create_unique_constraint("uq_contact", ["contact"])
    op.add_column("token", sa.Column("kind", sa.Integer(), nullable=True))
    with op.batch_alter_table("token") as batch:
        batch.alter_column("kind", nullable=False, existing_type=sa.Integer())
    op.drop_table("type_change")
    op.create_index("ix_slow", "iov", ["size"])


def downgrade():
    pass
'''

NEXT = """
import sys
from pathlib import Path
from cdb.store import migrate, schema
from cdb.store.engine import Database

schema.scripts = lambda: Path(sys.argv[1])
migrate.upgrade(Database(sys.argv[2]))
"""
"""The `cdb db upgrade` of the next version."""


@pytest.fixture
def later(tmp_path: Path) -> Callable[[str], Path]:
    """Write the migrations of the next version: those of this one, and one that is given."""

    def write(source: str) -> Path:
        folder = tmp_path / f"alembic-{time.monotonic_ns()}"
        shutil.copytree(schema.scripts(), folder, ignore=shutil.ignore_patterns("__pycache__"))
        new = f"{int(schema.head()) + 1:04}"
        made = source.format(new=new, head=schema.head())
        (folder / "versions" / f"{new}_next.py").write_text(made)
        return folder

    return write


def by_next_version(scripts: Path, url: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", NEXT, scripts, url], env=processes.environ())


@pytest.fixture
def ini(database_url: str, tmp_path: Path) -> Path:
    path = tmp_path / "service.ini"
    url = database_url.replace("%", "%%")
    path.write_text(
        "[app:main]\nuse = egg:hep-cdb\ncdb.allow_open_writes = true\n"
        f"cdb.database.url = {url}\n[server:main]\nuse = egg:hep-cdb\n"
    )
    return path


def said(command: Any, *arguments: Any) -> tuple[int, str]:
    result = CliRunner().invoke(command, [str(each) for each in arguments])
    return result.exit_code, result.output


# --- what was released ------------------------------------------------------------------


@pytest.mark.parametrize("release", released.recorded(), ids="-".join)
def test_what_a_release_left_answers_as_it_did(
    release: Release,
    database_url: str,
    database_kind: str,
    make_client: Callable[..., Client],
    ini: Path,
) -> None:
    released.empty(database_url)
    released.restore(database_url, release.sql(database_kind))
    assert said(db, "upgrade", ini)[0] == 0
    whose = release if release.name != released.OLD else released.releases()[0]
    answers = whose.answers(database_kind)
    paths = released.CONTENT if release.name == released.OLD else list(answers)
    now = released.asked(make_client(), paths)
    assert len(now) >= 30
    differing = {path: now[path] for path in paths if not still_says(answers[path], now[path])}
    assert differing == {}
    assert said(verify, ini, "--history")[0] == 0


def still_says(before: Any, now: Any) -> bool:
    return released.still_says(before, now)


def test_an_answer_that_lacks_something_is_noticed() -> None:
    before = {"rows": [{"name": "A", "head": 1}]}
    assert still_says(before, {"rows": [{"name": "A", "head": 1, "new": None}], "more": 1})
    assert not still_says(before, {"rows": [{"name": "A"}]})
    assert not still_says(before, {"rows": [{"name": "A", "head": 2}]})
    assert not still_says(before, {"rows": []})


def test_statements_of_the_last_release_run_on_the_tables_of_today(
    database_url: str, database_kind: str, database: Database
) -> None:
    released.empty(database_url)
    released.restore(database_url, LAST.sql(database_kind))
    migrate.upgrade(database)
    statements = LAST.statements(database_kind)
    assert sum(map(len, statements)) > 200
    assert released.replay(database_url, statements) == []
    with database.engine.begin() as connection:
        connection.execute(text("alter table payload_list rename column ends to until"))
    assert len(released.replay(database_url, statements)) > 20


# --- what migrations may do --------------------------------------------------------------


def test_revisions_are_numbers_in_order() -> None:
    found = [each.revision for each in migrate.known()]
    assert found == [f"{number:04}" for number in range(1, len(found) + 1)]
    assert found == [*schema.revisions()]


def test_migrations_since_the_last_release_leave_its_services_alone(database: Database) -> None:
    """One that takes something away waits for a release whose code needs it no more."""
    since = [each.revision for each in migrate.known() if each.revision > LAST.revision]
    migrate.downgrade(database, LAST.revision)
    hurts = {each: found for each in since if (found := additive.harm(database, each))}
    assert hurts == {}
    with database.snapshot() as reader:
        claimed = {each.revision: each.lives_with for each in schema.applied(reader)}
    assert {each: claimed[each] for each in since if claimed[each] > LAST.revision} == {}


def test_migration_that_adds_does_no_harm(
    database: Database, later: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = later(ADDS)
    monkeypatch.setattr(schema, "scripts", lambda: scripts)
    assert additive.harm(database, "head") == []


def test_migration_that_takes_away_does_harm(
    database: Database,
    database_kind: str,
    later: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripts = later(TAKES_AWAY)
    monkeypatch.setattr(schema, "scripts", lambda: scripts)
    found = additive.harm(database, "head")
    expected = {
        "payload_list refuses rows by the constraint uq_contact",
        "payload_list.contact takes no null any more",
        "payload_list.ends has another type",
        "payload_type.description is gone",
        "token.kind needs a value",
        "type_change is gone",
    }
    if database_kind == "postgresql":
        expected |= {
            "payload_list refuses rows by the unique index uq_contact",
            "writers to iov wait for an index",
        }
    assert set(found) == expected


# --- while services run ------------------------------------------------------------------


class Traffic:
    """Somebody who reads and somebody who writes, each as fast as the service lets them."""

    def __init__(self, root: str) -> None:
        self.statuses: list[list[int]] = [[], []]
        self._root = f"{root}{API}"
        self._is_over = False
        self._threads = [
            threading.Thread(target=self._send, args=(statuses, *request))
            for statuses, request in zip(
                self.statuses,
                [
                    ("GET", "payloadiovs/?gtName=A&majorIOV=1&minorIOV=0", lambda _: None),
                    ("POST", "payload-lists/T_1/iovs", lambda n: [released.iov(n)]),
                ],
                strict=True,
            )
        ]

    def _send(
        self, statuses: list[int], method: str, path: str, body: Callable[[int], Any]
    ) -> None:
        with requests.Session() as session:
            while not self._is_over:
                sent = session.request(
                    method, f"{self._root}/{path}", json=body(len(statuses)), timeout=120
                )
                statuses.append(sent.status_code)

    def goes_on(self) -> None:
        """Return once both have had five answers more."""
        wanted = [len(each) + 5 for each in self.statuses]
        deadline = time.monotonic() + 120
        while any(len(each) < n for each, n in zip(self.statuses, wanted, strict=True)):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        self.goes_on()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        for thread in self._threads:
            thread.join()


@pytest.fixture
def running(ini: Path) -> Iterator[str]:
    """The root of a service of this version, with two processes."""
    with processes.served(ini, "--workers", "2") as (root, _):
        for path, body in (
            ("pt", {"name": "T"}),
            ("gt", {"name": "A"}),
            ("pl", {"payload_type": "T"}),
        ):
            assert requests.post(f"{root}{API}/{path}", json=body, timeout=120).ok
        attached = {"payload_list": "T_1", "global_tag": "A"}
        assert requests.put(f"{root}{API}/pl_attach", json=attached, timeout=120).ok
        yield root


def test_each_migration_is_noted_beside_the_others(
    database: Database, later: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = later(ADDS)
    with database.snapshot() as reader:
        before = [each.revision for each in schema.applied(reader)]
    monkeypatch.setattr(schema, "scripts", lambda: scripts)
    migrate.upgrade(database)
    with database.snapshot() as reader:
        after = [each.revision for each in schema.applied(reader)]
        assert after == [*before, schema.current(reader)]


@ON_POSTGRESQL
def test_services_go_on_while_the_next_version_upgrades(
    running: str, ini: Path, database_url: str, database: Database, later: Callable[[str], Path]
) -> None:
    scripts = later(ADDS)
    with Traffic(running) as traffic:
        upgrades = [by_next_version(scripts, database_url) for _ in range(2)]
        assert [each.wait(120) for each in upgrades] == [0, 0]
        traffic.goes_on()
    assert [set(each) for each in traffic.statuses] == [{200}, {200}]
    assert requests.get(f"{running}/health/ready", timeout=120).json()["status"] == "ok"
    with database.snapshot() as reader:
        assert schema.current(reader) == f"{int(schema.head()) + 1:04}"
    # A roll-back runs the upgrade of this version again, and starts its services.
    done = "A later version of cdb has upgraded it; this version works with that."
    status, told = said(db, "upgrade", ini)
    assert (status, done in told) == (0, True)
    status, told = said(db, "check", ini)
    assert (status, done in told) == (0, True)
    status, told = said(db, "status", ini)
    assert status == 0
    assert f"works with versions of cdb from {schema.head()} on" in told


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_service_does_not_work_with_what_takes_away_what_it_needs(
    client: Client, ini: Path, database_url: str, later: Callable[[str], Path]
) -> None:
    assert by_next_version(later(TAKES_AWAY), database_url).wait(120) == 0
    told = client.api("GET", "/health/ready", status=503).json["checks"]["migrations"]
    new = f"{int(schema.head()) + 1:04}"
    assert told == (
        f"the database is at {new}, of another version of cdb, which needs a version with "
        f"{new} or later; this one has {schema.head()}"
    )
    status, said_of_it = said(db, "status", ini)
    assert (status, told in said_of_it) == (1, True)
    assert said(db, "upgrade", ini)[0] == 1


@ON_POSTGRESQL
def test_an_upgrade_is_in_nobodys_way_for_long(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate.downgrade(database, "0001")
    monkeypatch.setattr(migrate, "_LOCK_S", 0.2)
    monkeypatch.setattr(migrate, "_PAUSE_S", 0.2)
    reading = text("select count(*) from payload_type")
    patient = timedelta(minutes=2)
    with database.engine.begin() as slow:
        slow.execute(reading)
        # The migration waits for the one who reads, and others behind it for the migration.
        with pytest.raises(Unavailable, match="A table is in use by others"):
            migrate.upgrade(database, patience=timedelta(seconds=0.5))
        done = threading.Thread(target=migrate.upgrade, args=(database, "head", patient))
        done.start()
        # These come back while the one before them reads on, and the migration with it.
        for _ in range(5):
            with database.snapshot() as other:
                other.execute(reading)
        assert done.is_alive()
    done.join(120)
    assert client.ok("GET", "/health/ready")["status"] == "ok"


@ON_POSTGRESQL
def test_an_upgrade_that_ends_in_a_deadlock_is_tried_again(
    database: Database, later: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = later(CROSSES)
    monkeypatch.setattr(schema, "scripts", lambda: scripts)
    is_held = text(
        "select count(*) from pg_locks where relation = 'iov'::regclass"
        " and mode = 'AccessExclusiveLock'"
    )
    with database.engine.begin() as reader, database.engine.begin() as watching:
        # Of two that wait for each other the one gives way that looks first: after a second.
        reader.execute(text("set local deadlock_timeout = '5min'"))
        reader.execute(text("select count(*) from global_tag"))
        upgrade = threading.Thread(target=migrate.upgrade, args=(database,))
        upgrade.start()
        deadline = time.monotonic() + 120
        while not watching.execute(is_held).scalar_one():
            assert time.monotonic() < deadline
        reader.execute(text("select count(*) from iov"))
    upgrade.join(120)
    with database.snapshot() as found:
        assert schema.current(found) == f"{int(schema.head()) + 1:04}"


@ON_POSTGRESQL
def test_an_upgrade_waits_for_another_one(database: Database) -> None:
    with (
        migrate._alone(database, time.monotonic()),
        pytest.raises(Unavailable, match="Somebody else upgrades this database"),
    ):
        migrate.upgrade(database, patience=timedelta(0))


def test_status_tells_what_is_applied_and_what_is_to_come(database: Database, ini: Path) -> None:
    status, told = said(db, "status", ini)
    assert status == 0
    assert f"database  {schema.head()}\n" in told
    assert f"applied   {schema.head()} on " in told
    migrate.downgrade(database, "0003")
    status, told = said(db, "status", ini)
    assert status == 1
    assert "database  0003\n" in told
    assert "to come   0004 Functions for what each attach asks first" in told
    assert "0003 " not in told
    migrate.downgrade(database, "base")
    status, told = said(db, "status", ini)
    assert status == 1
    assert "database  empty\n" in told
    assert "to come   0001 " in told
