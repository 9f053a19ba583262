"""`cdb bundle`: a global tag in one file, which is served and read without a database server."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cdb.commands.bringing import DRY_RUN, NAME, REASON, bring_in, summary
from cdb.commands.deployment import INI_OPTION, deployment_of, with_database
from cdb.commands.progress import progress

if TYPE_CHECKING:
    from cdb.store.engine import Database

_FILE = click.Path(dir_okay=False, path_type=Path)
_BUNDLE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def bundle() -> None:
    """Put a global tag into one file, and read it from there.

    \b
    Examples:
      cdb bundle create Prod2026 prod2026.cdb --ini production.ini
      cdb bundle show prod2026.cdb
      cdb bundle import prod2026.cdb --ini other.ini
    """


@bundle.command()
@click.argument("tag", metavar="TAG[@CHANGE]")
@click.argument("file", type=_FILE)
@INI_OPTION
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option(
    "--files", is_flag=True, help="Copy the payload files that are stored into FILE.payloads."
)
def create(tag: str, file: Path, ini: Path, force: bool, files: bool) -> None:
    """Write the global tag TAG, as it is or as of a change, into the new bundle FILE.

    A bundle is an SQLite file that is a cdb database: `cdb serve --bundle` serves
    it, and `cdb bundle import` brings it into another database.

    \b
    Examples:
      cdb bundle create Prod2026 prod2026.cdb --ini production.ini
      cdb bundle create Prod2026@4711 prod2026.cdb --ini production.ini
      cdb bundle create Prod2026 prod2026.cdb --files --force --ini production.ini
    """
    from cdb.services import bundles
    from cdb.services.exports import DatabaseSource
    from cdb.services.garbage import uncollected

    if file.exists() and not force:
        raise click.ClickException(f"{file} is there already; --force replaces it")
    if not file.absolute().parent.is_dir():
        raise click.ClickException(f"there is no folder {file.absolute().parent}")
    deployment = deployment_of(ini)
    stored = deployment.payload_files() if files else None
    if files and stored is None:
        raise click.ClickException(f"{ini.name}: --files needs cdb.payload_store")

    def run(database: "Database") -> None:
        source = DatabaseSource(database, deployment.rules, tag)
        beside = bundles.Files(database, stored) if stored else None
        with progress("payload IOVs", source.n_iov) as told, uncollected():
            made = bundles.create(source, deployment.rules, file, told, beside)
        click.echo(f"{file}: {summary(made.imported)}")
        if stored:
            click.echo(f"{bundles.folder_of(file)}: {made.n_files} payload files")

    with_database(deployment, run)


@bundle.command("import")
@click.argument("file", type=_BUNDLE)
@INI_OPTION
@NAME
@REASON
@DRY_RUN
def import_(file: Path, ini: Path, name: str | None, reason: str | None, dry_run: bool) -> None:
    """Bring the global tag of the bundle FILE into the database, by one change.

    Nothing changes where its content does not have the digest that it says.

    \b
    Examples:
      cdb bundle import prod2026.cdb --ini production.ini
      cdb bundle import prod2026.cdb --name Prod2026_copy --ini production.ini
    """
    from cdb.services.bundles import BundleSource
    from cdb.store import bundles

    deployment = deployment_of(ini)

    def run(database: "Database") -> None:
        with bundles.opened(file) as bundled:
            source = BundleSource(bundled, deployment.rules)
            bring_in(
                database, deployment, source, name, "cdb bundle import", reason, dry_run=dry_run
            )

    with_database(deployment, run)


@bundle.command()
@click.argument("file", type=_BUNDLE)
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def show(file: Path, format_: str) -> None:
    """Say what the bundle FILE holds, and where that comes from.

    \b
    Examples:
      cdb bundle show prod2026.cdb
      cdb bundle show prod2026.cdb --format json
    """
    import json
    from dataclasses import asdict

    from cdb.errors import CdbError
    from cdb.services.bundles import Label
    from cdb.store import bundles

    try:
        with bundles.opened(file, whole=False) as database:
            label = Label.of(database)
    except CdbError as error:
        raise click.ClickException(error.detail) from None
    if format_ == "json":
        click.echo(json.dumps(asdict(label), indent=2, default=str))
        return
    origin = label.provenance
    click.echo(f"global tag   {label.global_tag}")
    click.echo(f"digest       {label.digest}")
    click.echo(f"taken from   {origin.global_tag}@{origin.change} ({origin.changed:%Y-%m-%d})")
    click.echo(f"taken        {origin.taken:%Y-%m-%d %H:%M} UTC")
