"""`cdb db`: the database of a deployment."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cdb.commands.deployment import INI, deployment_of, require_migrated, with_database

if TYPE_CHECKING:
    from cdb.store.engine import Database


@click.group()
def db() -> None:
    """Look after the database of a service.

    \b
    Examples:
      cdb db upgrade production.ini
      cdb db check production.ini
    """


@db.command()
@INI
@click.option("--revision", default="head", show_default=True, help="Where to go.")
def upgrade(ini: Path, revision: str) -> None:
    """Bring the database of INI to this version of cdb, with the statuses of its tag policy.

    \b
    Examples:
      cdb db upgrade production.ini
      cdb db upgrade production.ini --revision 0003
    """
    from cdb.services import statuses
    from cdb.services.writer import Writer
    from cdb.store import migrate

    deployment = deployment_of(ini)

    def run(database: "Database") -> None:
        migrate.upgrade(database, revision)
        _print_revision(database)
        if revision != "head":
            return
        with database.writing() as session:
            writer = Writer.operator("cdb db upgrade")
            declared = statuses.declare_those_of_policy(session, deployment.rules, writer)
        if declared:
            click.echo(f"Declared the statuses {', '.join(declared)}.")

    with_database(deployment, run)


@db.command()
@INI
def check(ini: Path) -> None:
    """Tell whether the database of INI is as this version of cdb needs it; exit 1 if not.

    It only reads, and makes nothing: the revision, and the tables with their columns
    and indexes, are compared with those that `upgrade` makes.

    \b
    Examples:
      cdb db check production.ini
      cdb db check production.ini && cdb serve production.ini
    """
    from cdb.store import migrate

    deployment = deployment_of(ini)
    deployment.require_file()

    def run(database: "Database") -> None:
        require_migrated(database)
        with database.snapshot() as reader:
            found = migrate.differences(reader)
        if found:
            raise click.ClickException("; ".join(found))
        click.echo(f"The database is at {migrate.head()}, and its tables are as they have to be.")

    with_database(deployment, run)


@db.command()
@INI
@click.argument("revision")
@click.confirmation_option(prompt="This removes tables and what is in them. Go on?")
def downgrade(ini: Path, revision: str) -> None:
    """Take the database of INI back to an earlier REVISION, or to `base`.

    \b
    Examples:
      cdb db downgrade production.ini 0003
      cdb db downgrade development.ini base --yes
    """
    from cdb.store import migrate

    def run(database: "Database") -> None:
        migrate.downgrade(database, revision)
        _print_revision(database)

    with_database(deployment_of(ini), run)


def _print_revision(database: "Database") -> None:
    from cdb.store import migrate

    with database.snapshot() as reader:
        click.echo(f"The database is at {migrate.current(reader) or 'base'}.")
