"""`cdb db`: the database of a deployment."""

from datetime import timedelta
from importlib.metadata import version
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
      cdb db status production.ini
    """


@db.command()
@INI
@click.option("--revision", default="head", show_default=True, help="Where to go.")
@click.option(
    "--wait",
    type=click.IntRange(1, 604_800),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for others: another upgrade, or who holds the lock of a table.",
)
def upgrade(ini: Path, revision: str, wait: int) -> None:
    """Bring the database of INI to this version of cdb, with the statuses of its tag policy.

    Services of this version and of the one before go on meanwhile. Two upgrades at once
    wait for each other, and the second one finds nothing to do; nor does one of an earlier
    version, where that works with what a later one has made.

    \b
    Examples:
      cdb db upgrade production.ini
      cdb db upgrade production.ini --wait 60
      cdb db upgrade production.ini --revision 0003
    """
    from cdb.services import statuses
    from cdb.services.writer import Writer
    from cdb.store import migrate

    deployment = deployment_of(ini)

    def run(database: "Database") -> None:
        if not _is_of_later_version(database):
            migrate.upgrade(database, revision, timedelta(seconds=wait))
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
def status(ini: Path) -> None:
    """Tell at which revision the database of INI is, and whether this version works with it.

    It only reads. What is applied is told with the time and the version of cdb that did it,
    and what is not with what it does. The exit status is 0 where this version works with
    the database, and 1 where it does not.

    \b
    Examples:
      cdb db status production.ini
      cdb db status production.ini && cdb serve production.ini
    """
    from cdb.store import migrate, schema

    deployment = deployment_of(ini)
    deployment.require_file()

    def run(database: "Database") -> None:
        with database.snapshot() as reader:
            found = schema.current(reader)
            problem = schema.problem(reader)
            applied = schema.applied(reader)
        click.echo(f"database  {found or 'empty'}")
        click.echo(f"this cdb  {schema.head()} ({version('hep-cdb')})")
        if applied:
            click.echo(f"works with versions of cdb from {max(r.lives_with for r in applied)} on")
        for each in applied:
            when = f"{each.applied:%Y-%m-%d %H:%M} UTC"
            click.echo(f"applied   {each.revision} on {when} by cdb {each.version}")
        for migration in migrate.to_come(found):
            click.echo(f"to come   {migration.revision} {migration.summary}")
        if problem:
            raise click.ClickException(f"{problem}: this version does not work with it")
        click.echo("This version works with it.")

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
    from cdb.store import migrate, schema

    deployment = deployment_of(ini)
    deployment.require_file()

    def run(database: "Database") -> None:
        require_migrated(database)
        if _is_of_later_version(database):
            return
        with database.snapshot() as reader:
            found = migrate.differences(reader)
        if found:
            raise click.ClickException("; ".join(found))
        click.echo(f"The database is at {schema.head()}, and its tables are as they have to be.")

    with_database(deployment, run)


@db.command()
@INI
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(ini: Path, file: Path) -> None:
    """Copy the embedded database of INI into FILE, while services read and write.

    The copy is a database of its own, as of one moment; payload files are not in it. It is
    readable by its owner only. For PostgreSQL there are its own programs, as pg_dump.

    \b
    Examples:
      cdb db backup development.ini /backup/cdb.sqlite
      cdb db backup development.ini "/backup/cdb-$(date +%F).sqlite"
    """
    import sqlite3

    from cdb.store import backup as store

    deployment = deployment_of(ini)
    deployment.require_file()

    def run(database: "Database") -> None:
        if database.is_postgresql:
            raise click.ClickException("this is for SQLite: use pg_dump or pg_basebackup")
        try:
            store.copy(database, file)
        except (OSError, sqlite3.Error) as error:
            raise click.ClickException(f"nothing is copied: {error}") from None
        click.echo(f"Copied to {file}: {file.stat().st_size / 2**20:.1f} MiB.")

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


def _is_of_later_version(database: "Database") -> bool:
    """Tell, and say, whether a later version of cdb has made what this one works with."""
    from cdb.store import schema

    with database.snapshot() as reader:
        is_later = schema.is_later(reader)
    if is_later:
        click.echo("A later version of cdb has upgraded it; this version works with that.")
    return is_later


def _print_revision(database: "Database") -> None:
    from cdb.store import schema

    with database.snapshot() as reader:
        click.echo(f"The database is at {schema.current(reader) or 'base'}.")
