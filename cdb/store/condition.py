"""What a database server says of itself: for who looks whether a deployment is well."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from cdb.store.engine import Database, Reader, connection_of
from cdb.store.models import IOV_ID, Base


class PostgreSql(NamedTuple):
    """A PostgreSQL server, as the user of the service sees it.

    Attributes:
        version: as it writes it.
        number: of the version, 150004 for 15.4.
        encoding: of the database.
        is_standby: whether it follows another server.
        is_read_only: whether transactions of this user begin as ones that cannot write.
        connections: how many users like this one can have at a time.
        at: the time of its clock.

    """

    version: str
    number: int
    encoding: str
    is_standby: bool
    is_read_only: bool
    connections: int
    at: datetime


_POSTGRESQL = text("""
    select current_setting('server_version'), current_setting('server_version_num')::int,
        current_setting('server_encoding'), pg_is_in_recovery(),
        current_setting('default_transaction_read_only') = 'on',
        current_setting('max_connections')::int
            - current_setting('superuser_reserved_connections')::int,
        clock_timestamp()
""")
_MISSING = text("""
    select distinct name from unnest(cast(:tables as text[])) as name
    cross join unnest(array['select', 'insert', 'update', 'delete']) as privilege
    where not has_table_privilege(name, privilege)
    union all
    select :sequence where not has_sequence_privilege(:sequence, 'usage')
    order by 1
""")
_MAY_CREATE = text("select has_schema_privilege(current_schema(), 'create')")
_SQLITE = text("select sqlite_version()")
_PROBE = text("create table cdb_can_be_written_to (id integer)")


def postgresql(database: Database) -> PostgreSql:
    """Return what a PostgreSQL server says."""
    with database.statement() as reader:
        return PostgreSql._make(reader.execute(_POSTGRESQL).one())


def sqlite_version(reader: Reader) -> str:
    """Return the version of SQLite."""
    return str(connection_of(reader).execute(_SQLITE).scalar_one())


def try_to_write(database: Database) -> None:
    """Write to an embedded database, and take it back.

    Raises:
        DBAPIError: it cannot be written to, or somebody else writes for long.

    """
    with database.engine.connect() as connection:
        # One that can only be read lets a transaction begin.
        connection.execute(_PROBE)
        connection.rollback()


def not_permitted(reader: Reader) -> list[str]:
    """Return the tables and sequences that the user of a PostgreSQL database may not write to."""
    names = {"tables": sorted(Base.metadata.tables), "sequence": IOV_ID.name}
    return list(connection_of(reader).execute(_MISSING, names).scalars())


def may_create(reader: Reader) -> bool:
    """Tell whether the user of a PostgreSQL database may make tables, as migrations do."""
    return bool(connection_of(reader).execute(_MAY_CREATE).scalar_one())
