"""`cdb compile`: global tags made ready to be asked, before jobs ask."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cdb.commands.deployment import (
    INI,
    deployment_of,
    quieten,
    require_migrated,
    with_database,
)

if TYPE_CHECKING:
    from cdb.store.engine import Database


@click.command("compile")
@INI
@click.argument("tags", metavar="TAG[@CHANGE]...", nargs=-1, required=True)
@click.option(
    "--shape",
    "shapes",
    type=click.Choice(["list", "dict"]),
    multiple=True,
    default=["list"],
    show_default=True,
    help="How clients ask for payloads; can be given twice.",
)
def compile_(ini: Path, tags: tuple[str, ...], shapes: tuple[str, ...]) -> None:
    """Compile payload lists into the directory `cdb.compiled` of INI.

    The service does it by itself once a tag is asked often. Before a campaign it can
    be done beforehand, also while the service runs.

    \b
    Examples:
      cdb compile production.ini Prod2026 Prod2026@4711
      cdb compile belle2.ini main_2026 --shape dict
    """
    quieten()
    from lmdb import Error

    from cdb.rest.compiled import Compiled
    from cdb.rest.context import format_of
    from cdb.services import moments, resolve
    from cdb.settings import SettingsError
    from cdb.store.compiled import Full

    deployment = deployment_of(ini)
    settings, rules = deployment.settings, deployment.rules

    def run(database: "Database") -> None:
        require_migrated(database)
        try:
            compiled = Compiled.of(settings, database, rules, format_of(settings, rules))
        except SettingsError as error:
            raise click.ClickException(f"{ini.name}: {error}") from None
        if compiled is None:
            raise click.ClickException(f"{ini.name}: cdb.compiled names no directory")
        for name in tags:
            with database.snapshot() as reader:
                plain, moment = moments.of_tag(reader, name, None)
                head = resolve.head(reader, (plain, moment.change))
            for shape in shapes:
                try:
                    iovs = compiled.compiler.compile(compiled.tag(head, shape))
                except (Full, Error) as error:
                    raise click.ClickException(f"{settings.compiled}: {error}") from None
                click.echo(f"{name}: {iovs} payload IOVs as {shape}")

    with_database(deployment, run)
