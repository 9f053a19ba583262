"""`cdb plugins`: what is installed, and what a deployment enables."""

import json
from pathlib import Path

import click

from cdb.commands.deployment import INI_PATH, deployment_of

_COLUMNS = ("name", "kind", "distribution", "version", "state", "error")


@click.command()
@click.argument("ini", type=INI_PATH, required=False)
@click.option("--check", is_flag=True, help="Also import what is not enabled; exit 1 if broken.")
@click.option(
    "--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True
)
def plugins(ini: Path | None, check: bool, format_: str) -> None:
    """List the installed plugins; with INI, which of them it enables.

    \b
    Examples:
      cdb plugins
      cdb plugins production.ini --check
      cdb plugins production.ini --format json
    """
    from cdb.registry import listing
    from cdb.registry.plugins import Plugins

    enabled = deployment_of(ini).plugins if ini else Plugins({}, {})
    rows = listing.rows(enabled, check=check)
    if format_ == "json":
        click.echo(json.dumps([row.as_json() for row in rows], indent=2))
    else:
        _print_table([tuple(getattr(row, each) or "" for each in _COLUMNS) for row in rows])
    if any(row.state == "broken" for row in rows):
        raise SystemExit(1)


def _print_table(rows: list[tuple[str, ...]]) -> None:
    table = [_COLUMNS, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (value.ljust(width) for value, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
