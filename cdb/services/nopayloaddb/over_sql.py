"""Reading the database of nopayloaddb."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from cdb.errors import Invalid
from cdb.store.engine import Database
from cdb.store.nopayloaddb import Tables


class SqlSource:
    """A PostgreSQL database with the tables of nopayloaddb. Nothing is written to it.

    Args:
        url: a SQLAlchemy URL, `postgresql+psycopg2://user@host/name`.

    Raises:
        Invalid: it is none, or not of PostgreSQL.

    """

    def __init__(self, url: str) -> None:
        try:
            made = make_url(url)
        except ArgumentError:
            raise Invalid(
                "The source is no database URL, such as postgresql+psycopg2://…"
            ) from None
        if made.get_backend_name() != "postgresql":
            raise Invalid("nopayloaddb keeps its data in PostgreSQL: postgresql+psycopg2://…")
        self.name = _public(made)
        url = made.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
        self._database = Database(url, pool_size=1)

    @contextmanager
    def state(self) -> Iterator[Tables]:
        """Give the tables, in one snapshot that cannot write."""
        with self._database.snapshot() as connection:
            tables = Tables(connection)
            tables.check()
            yield tables

    def close(self) -> None:
        """Close the connections."""
        self._database.dispose()


def _public(url: URL) -> str:
    where = {key: url.query[key] for key in ("host", "port") if key in url.query}
    shown = URL.create("postgresql", host=url.host, port=url.port, database=url.database)
    return shown.set(query=where).render_as_string()
