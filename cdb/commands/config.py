"""`cdb config`: inis from the configuration of other services."""

import os
from pathlib import Path
from typing import Any

import click

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def config() -> None:
    """Make an ini.

    \b
    Examples:
      cdb config from-nopayloaddb --env .env -o production.ini
    """


@config.command("from-nopayloaddb")
@click.option("--values", type=_FILE, metavar="FILE", help="The values.yaml of its chart.")
@click.option("--env", "env", type=_FILE, metavar="FILE", help="Lines of NAME=value.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where the ini goes; else it is printed.",
)
def from_nopayloaddb(values: Path | None, env: Path | None, output: Path | None) -> None:
    """Turn the configuration of a nopayloaddb into an ini, and warn of what was open.

    Without a file its variables are taken from the environment. No secret comes
    into the ini.

    \b
    Examples:
      cdb config from-nopayloaddb --env .env -o production.ini
      cdb config from-nopayloaddb --values values.yaml -o production.ini
    """
    from cdb.builtin.credentials import secret_problem
    from cdb.errors import CdbError
    from cdb.services.nopayloaddb import configuration

    if values and env:
        raise click.UsageError("--values and --env exclude each other.")
    try:
        warnings: list[str] = []
        if values:
            environ, warnings = configuration.of_values(_yaml(values))
        elif env:
            environ = configuration.of_file(_text(env))
        else:
            environ = dict(os.environ)
        made = configuration.converted(environ, secret_problem, warnings)
    except CdbError as error:
        raise click.ClickException(error.detail) from None
    for warning in made.warnings:
        click.echo(f"warning: {warning}", err=True)
    if output is None:
        click.echo(made.ini, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(made.ini)
    except FileExistsError:
        raise click.ClickException(f"{output} is there already") from None
    click.echo(f"Wrote {output}.", err=True)


def _yaml(path: Path) -> Any:
    try:
        import yaml
    except ImportError:
        raise click.ClickException(
            "reading values.yaml needs PyYAML: pip install 'hep-cdb[yaml]'"
        ) from None
    try:
        return yaml.safe_load(_text(path))
    except yaml.YAMLError as error:
        raise click.ClickException(f"{path} is no YAML: {error}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise click.ClickException(f"{path} is not UTF-8") from None
