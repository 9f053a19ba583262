"""A database of PostgreSQL that goes away, and comes back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

Doorkeeper = Callable[[str], None]
"""Ends all connections to the database, and says whether others are let in: "true" or "false"."""


@contextmanager
def doorkeeper(url: str) -> Iterator[Doorkeeper]:
    """Give what cuts all connections to a database."""
    name = make_url(url).database
    server = make_url(url).set(database="postgres")
    admin = create_engine(server, isolation_level="AUTOCOMMIT")

    def cut(let_in: str) -> None:
        with admin.connect() as connection:
            connection.execute(text(f"alter database {name} allow_connections {let_in}"))
            others = text(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = :name"
            )
            connection.execute(others, {"name": name})

    yield cut
    admin.dispose()
