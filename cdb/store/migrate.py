"""The migrations of the database, from a checkout and from an installed wheel alike.

They run while services use the database: one upgrade at a time, whose migrations wait for
no lock for long. Each says which versions of cdb live with what it leaves behind, and that
is kept in the database: a version knows nothing of the migrations of later ones.
"""

import logging
import re
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.metadata import version
from typing import Any, NamedTuple

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, delete, event, insert, inspect, text
from sqlalchemy.exc import DBAPIError

from cdb.errors import Unavailable
from cdb.store import schema
from cdb.store.changes import now
from cdb.store.engine import Database, is_postgresql
from cdb.store.models import Base, SchemaRevision

log = logging.getLogger(__name__)

# On SQLite alembic says at each comparison that it cannot compare indexes on expressions.
logging.getLogger("alembic.ddl.impl").setLevel(logging.ERROR)

PATIENCE = timedelta(minutes=5)
"""How long an upgrade waits for others: another upgrade, or who holds the lock of a table."""

_LOCK = 4_027_431_002
"""The advisory lock of who upgrades; the one of who writes is another one."""

_LOCK_S = 3
"""Seconds that a migration waits for the lock of a table: all others wait behind it."""

_PAUSE_S = 2
"""Seconds until the next attempt, in which those who waited have their turn."""

_IS_LOCKED = frozenset({"40P01", "55P03"})
"""What PostgreSQL says where a lock was not to be had in time, or not without a deadlock.

A migration locks table after table, and requests do so in an order of their own.
"""

_LIMIT = text("select set_config('lock_timeout', :limit, true)")
_ALONE = text("""
    select pg_try_advisory_xact_lock(:lock)
    from set_config('idle_in_transaction_session_timeout', '0', true)
""")

_REVISION = re.compile(r"[\w+-]+")
"""What can be one, or one relative to another; alembic asserts what it makes of the rest."""

_FUNCTIONS = frozenset({"cdb_iovs_around", "cdb_list_to_write"})
"""What the migrations make on PostgreSQL beside tables, of which the models know."""

_INDEXES_ON_SQLITE = text("select name from sqlite_master where type = 'index'")
_INDEXES = text("select indexname from pg_indexes where schemaname = current_schema()")
_FUNCTIONS_THERE = text(
    "select proname from pg_proc where pronamespace = current_schema()::regnamespace"
)


def config() -> Config:
    """Return how alembic finds the migrations of cdb."""
    made = Config()
    # A percent sign of a path would be taken for an interpolation.
    made.set_main_option("script_location", str(schema.scripts()).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


class Migration(NamedTuple):
    """A migration: its revision, and what it does, in half a sentence."""

    revision: str
    summary: str


def known() -> list[Migration]:
    """Return the migrations of this version of cdb, the first one first."""
    scripts = list(ScriptDirectory.from_config(config()).walk_revisions())
    return [Migration(each.revision, each.doc.rstrip(".")) for each in reversed(scripts)]


def to_come(revision: str | None) -> list[Migration]:
    """Return what an upgrade of a database at a revision would do; None for an empty one."""
    everything = known()
    if revision is not None and revision not in {each.revision for each in everything}:
        return []
    return [each for each in everything if each.revision > (revision or "")]


def note(ctx: MigrationContext, step: Any, **_: object) -> None:
    """Note that a migration was applied, or taken back, in its own transaction.

    Those before 0005 have no place for it, and nobody is left who would live with them.
    """
    connection = ctx.connection
    assert connection is not None  # noqa: S101 - it runs on a connection, never as a script
    if not inspect(connection).has_table(SchemaRevision.__tablename__):
        return
    revision = step.up_revision_id
    connection.execute(delete(SchemaRevision).where(SchemaRevision.revision == revision))
    if step.is_upgrade:
        values = {
            "revision": revision,
            "lives_with": step.up_revision.module.lives_with,
            "version": version("hep-cdb"),
            "applied": now(),
        }
        connection.execute(insert(SchemaRevision).values(values))


def upgrade(database: Database, revision: str = "head", patience: timedelta = PATIENCE) -> None:
    """Bring a database to a revision; nothing happens where it has it already.

    On PostgreSQL each migration is a transaction of its own: where one fails, those before
    it stay.

    Raises:
        Unavailable: others hold a lock for longer than the patience.
        CommandError: there is no such revision, or the database has one that is not known.

    """
    _run(database, command.upgrade, revision, patience)


def downgrade(database: Database, revision: str, patience: timedelta = PATIENCE) -> None:
    """Take a database back to an earlier revision, `base` for an empty one; see `upgrade`."""
    _run(database, command.downgrade, revision, patience)


def differences(connection: Connection) -> list[str]:
    """Return how the tables of a database differ from those of this version: none, if all is well.

    It is for a database at the head of the migrations. Each difference is half a sentence,
    as in 'the column iov.size is missing'. Tables of others in the same database are left alone.
    """
    options = {"compare_type": True, "include_object": _is_compared}
    context = MigrationContext.configure(connection, opts=options)
    with warnings.catch_warnings():
        # Of indexes on expressions, which are looked for by their names instead.
        warnings.simplefilter("ignore")
        found = compare_metadata(context, Base.metadata)
    return [*map(_described, _flat(found)), *_missing(connection)]


def _is_compared(_item: object, _name: str, kind: str, reflected: bool, other: object) -> bool:
    is_of_others = kind == "table" and reflected and other is None
    return kind != "index" and not is_of_others


def _flat(found: list[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield the differences of alembic one by one: those of a column come as a list."""
    for each in found:
        if isinstance(each, list):
            yield from each
        else:
            yield each


def _described(difference: tuple[Any, ...]) -> str:
    match difference:
        case ("add_table", table):
            return f"the table {table.name} is missing"
        case ("add_column", _, table, column):
            return f"the column {table}.{column.name} is missing"
        case ("remove_column", _, table, column):
            return f"the column {table}.{column.name} is there, and should not be"
        case (str() as kind, _, str() as table, str() as column, *_):
            what = kind.removeprefix("modify_")
            return f"the column {table}.{column} has another {what}"
        case (kind, thing, *_):
            verb, _, what = str(kind).partition("_")
            state = "missing" if verb == "add" else "there, and should not be"
            return f"the {what} {getattr(thing, 'name', None)} of {thing.table.name} is {state}"
    return str(difference[0])


def _missing(connection: Connection) -> Iterator[str]:
    """Yield which indexes and functions are not there."""
    on_postgresql = is_postgresql(connection)
    there = set(connection.scalars(_INDEXES if on_postgresql else _INDEXES_ON_SQLITE))
    needed = {str(each.name) for table in Base.metadata.tables.values() for each in table.indexes}
    yield from (f"the index {name} is missing" for name in sorted(needed - there))
    if on_postgresql:
        functions = set(connection.scalars(_FUNCTIONS_THERE))
        yield from (f"the function {name} is missing" for name in sorted(_FUNCTIONS - functions))


# --- upgrades of a database that is in use ------------------------------------------------


def _run(
    database: Database, verb: Callable[[Config, str], None], revision: str, patience: timedelta
) -> None:
    if not database.is_postgresql:
        with database.engine.connect() as connection:
            _migrate(connection, verb, revision)
        return
    deadline = time.monotonic() + patience.total_seconds()
    with _alone(database, deadline):
        while not _is_done(database, verb, revision):
            if time.monotonic() > deadline:
                raise Unavailable("A table is in use by others, and cannot be changed.")
            log.warning("A table is in use by others; it is tried again in %d s.", _PAUSE_S)
            time.sleep(_PAUSE_S)


@contextmanager
def _alone(database: Database, deadline: float) -> Iterator[None]:
    """Keep other upgrades away: on a connection of its own, since a migration can end its own.

    In a transaction, which is where a pooler keeps a connection for who has it. Who has to
    wait asks again and again: a statement that waits would be in the way of an index that
    is built concurrently, for which all statements from before have to be over.
    """
    while True:
        with database.engine.begin() as connection:
            if connection.execute(_ALONE, {"lock": _LOCK}).scalar_one():
                yield
                return
        if time.monotonic() > deadline:
            raise Unavailable("Somebody else upgrades this database.")
        time.sleep(_PAUSE_S)


def _is_done(database: Database, verb: Callable[[Config, str], None], revision: str) -> bool:
    """Migrate, and tell whether that was done; not where a lock was not to be had."""
    with database.engine.connect() as connection:
        event.listen(connection, "begin", _limit_locks)
        try:
            _migrate(connection, verb, revision)
        except DBAPIError as error:
            if _is_locked(error):
                return False
            raise
    return True


def _limit_locks(connection: Connection) -> None:
    connection.execute(_LIMIT, {"limit": f"{_LOCK_S * 1000:.0f}"})


def _migrate(connection: Connection, verb: Callable[[Config, str], None], revision: str) -> None:
    if not _REVISION.fullmatch(revision):
        raise CommandError(f"There is no revision {revision!r}.")
    configured = config()
    configured.attributes["connection"] = connection
    verb(configured, revision)


def _is_locked(error: DBAPIError) -> bool:
    return getattr(error.orig, "pgcode", None) in _IS_LOCKED
