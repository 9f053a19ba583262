"""`cdb demo`: sample data to try the service with."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cdb.commands.deployment import INI, deployment_of, require_migrated, with_database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cdb.commands.deployment import Deployment
    from cdb.demo.load import Loaded
    from cdb.settings import Settings
    from cdb.store.engine import Database

_DEFAULT_URL = "http://127.0.0.1:8000"


@click.group()
def demo() -> None:
    """Try the service with sample data.

    \b
    Examples:
      cdb db upgrade development.ini
      cdb demo load development.ini
      cdb serve development.ini
    """


@demo.command()
@INI
@click.option(
    "--url",
    default=_DEFAULT_URL,
    show_default=True,
    metavar="URL",
    help="Where the service will be reached, for the queries that are printed.",
)
def load(ini: Path, url: str) -> None:
    """Load the sample data into the database of INI, if that has no global tags.

    The files of the payloads go into the payload store, where the service has one.

    \b
    Examples:
      cdb demo load development.ini
      cdb demo load development.ini --url http://127.0.0.1:8080
    """
    deployment = deployment_of(ini)
    loaded: list[Loaded] = []
    present: set[str] = set()

    def run(database: "Database") -> None:
        database.listener = None  # sample data is no news
        loaded.extend(_load(database, deployment))
        present.update(_present(database))

    with_database(deployment, run)
    for tag in loaded:
        click.echo(f"Loaded {tag.tag}: {tag.types} payload types, {tag.iovs} payload IOVs.")
    if not loaded:
        click.echo("The database has global tags already: no sample data was loaded.")
    _print_queries(present, deployment.settings, url.rstrip("/"))


def _load(database: "Database", deployment: "Deployment") -> "Sequence[Loaded]":
    from cdb.demo.load import load as load_into

    require_migrated(database)
    return load_into(database, deployment.rules, deployment.payload_store())


def _present(database: "Database") -> set[str]:
    from cdb.store import reads

    with database.statement() as reader:
        return {record.name for record in reads.tags(reader)}


def _print_queries(present: set[str], settings: "Settings", url: str) -> None:
    """Print how to ask for what the sample data has, as far as it is there."""
    from cdb.demo.content import tags

    shown = next((tag for tag in tags() if tag.name in present), None)
    if shown is None:
        return
    api = url + settings.api_base
    major, minor = shown.example
    where = "" if api == f"{_DEFAULT_URL}/api/cdb_rest" else f" --url {api}"
    click.echo(f"Ask, once it is served, which payloads are valid for {shown.example_reads}:")
    click.echo(
        f"  curl '{api}/payloadiovs/?gtName={shown.name}&majorIOV={major}&minorIOV={minor}'"
    )
    click.echo(f"  {_command()} query {shown.name} {major} {minor}{where}")


def _command() -> str:
    """Return how this command was called, so that what is printed can be pasted."""
    return "cdb" if shutil.which("cdb") else sys.argv[0]
