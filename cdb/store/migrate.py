"""The migrations of the database, from a checkout and from an installed wheel alike."""

import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from cdb.store.engine import Database, is_postgresql
from cdb.store.models import Base

_FUNCTIONS = frozenset({"cdb_iovs_around", "cdb_list_to_write"})
"""What the migrations make on PostgreSQL beside tables, of which the models know."""

_INDEXES_ON_SQLITE = text("select name from sqlite_master where type = 'index'")
_INDEXES = text("select indexname from pg_indexes where schemaname = current_schema()")
_FUNCTIONS_THERE = text(
    "select proname from pg_proc where pronamespace = current_schema()::regnamespace"
)


def _scripts() -> Path:
    """Return the folder of the migrations: in the wheel, or beside the package in a checkout.

    It cannot be found by its package name, since an editable install knows no
    package without an `__init__.py`, and with one it would shadow the library.
    """
    package = Path(__file__).parent.parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "alembic"


def config() -> Config:
    """Return how alembic finds the migrations of cdb."""
    made = Config()
    # A percent sign of a path would be taken for an interpolation.
    made.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


@cache
def head() -> str:
    """Return the revision that this version of cdb works with."""
    return str(ScriptDirectory.from_config(config()).get_current_head())


def current(connection: Connection) -> str | None:
    """Return the revision that a database has, or None where it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def problem(connection: Connection) -> str | None:
    """Return why a database is not at the revision that this version needs; None where it is.

    It is half a sentence, as in 'the database has no tables, and 0004 is needed'.
    """
    found = current(connection)
    if found == head():
        return None
    if found is None:
        return f"the database has no tables, and {head()} is needed"
    known = {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}
    where = found if found in known else f"{found}, of another version of cdb"
    return f"the database is at {where}, and {head()} is needed"


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring a database to a revision; nothing happens where it has it already."""
    _run(database, command.upgrade, revision)


def downgrade(database: Database, revision: str) -> None:
    """Take a database back to an earlier revision, `base` for an empty one."""
    _run(database, command.downgrade, revision)


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


def _run(database: Database, verb: Callable[[Config, str], None], revision: str) -> None:
    configured = config()
    with database.engine.begin() as connection:
        configured.attributes["connection"] = connection
        verb(configured, revision)
