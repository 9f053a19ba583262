"""`cdb db`: the database of a deployment."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cdb.commands.deployment import INI, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdb.store.engine import Database


@click.group()
def db() -> None:
    """Look after the database of a service."""


@db.command()
@INI
@click.option("--revision", default="head", show_default=True, help="Where to go.")
def upgrade(ini: Path, revision: str) -> None:
    r"""Bring the database of INI to this version of cdb.

    \b
    cdb db upgrade production.ini
    """
    from cdb.store import migrate

    _run(_database(ini), lambda database: migrate.upgrade(database, revision))


@db.command()
@INI
@click.argument("revision")
@click.confirmation_option(prompt="This removes tables and what is in them. Go on?")
def downgrade(ini: Path, revision: str) -> None:
    r"""Take the database of INI back to an earlier REVISION, or to `base`.

    \b
    cdb db downgrade development.ini base
    """
    from cdb.store import migrate

    _run(_database(ini), lambda database: migrate.downgrade(database, revision))


def _database(ini: Path) -> "Database":
    from cdb.store.engine import Database

    settings = settings_of(ini)
    database = Database(settings.database_url)
    if not database.is_postgresql and database.url.database:
        Path(database.url.database).parent.mkdir(parents=True, exist_ok=True)
    return database


def _run(database: "Database", verb: "Callable[[Database], None]") -> None:
    from alembic.util import CommandError
    from sqlalchemy.exc import OperationalError

    from cdb.store import migrate

    try:
        verb(database)
        with database.snapshot() as reader:
            click.echo(f"The database is at {migrate.current(reader) or 'base'}.")
    except OperationalError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise click.ClickException(f"the database cannot be used: {reason}") from None
    except CommandError as error:
        raise click.ClickException(str(error)) from None
    finally:
        database.dispose()
