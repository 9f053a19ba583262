"""Whether a migration only adds: the version of cdb before it reads and writes while it runs.

What it does is seen on the database, not in its text. An index on a table that is there has
to be built concurrently besides, since writers wait for it otherwise.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Engine, event, inspect, text

from cdb.store import migrate
from cdb.store.engine import Database

_FUNCTIONS = text("""
    select proname || '(' || pg_get_function_arguments(oid) || ') → ' ||
        pg_get_function_result(oid)
    from pg_proc where pronamespace = current_schema()::regnamespace
""")

_INDEX = re.compile(
    r"create\s+(?:unique\s+)?index\s+(?!concurrently)\S+\s+on\s+\"?(\w+)", re.IGNORECASE
)


class Column(NamedTuple):
    """What a statement of another version relies on."""

    type: str
    takes_null: bool
    has_default: bool


class Shape(NamedTuple):
    """What a database looks like: its columns by table, what refuses rows, and functions."""

    tables: dict[str, dict[str, Column]]
    refusing: set[tuple[str, str]]
    functions: set[str]


def shape(engine: Engine) -> Shape:
    """Return what a database looks like now."""
    found = inspect(engine)
    tables = {
        table: {
            str(column["name"]): Column(
                str(column["type"]),
                bool(column["nullable"]),
                column["default"] is not None or bool(column.get("autoincrement") is True),
            )
            for column in found.get_columns(table)
        }
        for table in found.get_table_names()
    }
    refusing = {(table, name) for table in tables for name in _refusing(found, table)}
    functions: set[str] = set()
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            functions = set(connection.scalars(_FUNCTIONS))
    return Shape(tables, refusing, functions)


def _refusing(found: Any, table: str) -> Iterator[str]:
    for index in found.get_indexes(table):
        if index["unique"]:
            yield f"the unique index {index['name']}"
    for kind in ("unique_constraints", "check_constraints", "foreign_keys"):
        for each in getattr(found, f"get_{kind}")(table):
            yield f"the constraint {each['name']}"


def harm(database: Database, revision: str) -> list[str]:
    """Upgrade a database to the next revision, and return how that would hurt who uses it."""
    before = shape(database.engine)
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        migrate.upgrade(database, revision)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    found = list(_differences(before, shape(database.engine)))
    if database.is_postgresql:
        built = {match[1] for each in sent if (match := _INDEX.search(each))}
        found += [f"writers to {table} wait for an index" for table in built & {*before.tables}]
    return sorted(found)


def _differences(before: Shape, after: Shape) -> Iterator[str]:
    for table, columns in before.tables.items():
        if table not in after.tables:
            yield f"{table} is gone"
            continue
        now = after.tables[table]
        for name, column in columns.items():
            if name not in now:
                yield f"{table}.{name} is gone"
            elif now[name].type != column.type:
                yield f"{table}.{name} has another type"
            elif column.takes_null and not now[name].takes_null:
                yield f"{table}.{name} takes no null any more"
        for name in now.keys() - columns.keys():
            if not (now[name].takes_null or now[name].has_default):
                yield f"{table}.{name} needs a value"
    for table, what in after.refusing - before.refusing:
        if table in before.tables:
            yield f"{table} refuses rows by {what}"
    for function in before.functions - after.functions:
        yield f"{function} is gone"
