"""`cdb verify`: whether the database of a deployment is as it must be."""

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from cdb.commands.deployment import (
    INI,
    deployment_of,
    require_migrated,
    with_database,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cdb.services.checks.check import Wanted
    from cdb.services.verify import Checked, Finding, Progress
    from cdb.store.engine import Database


class _NotVerified(click.ClickException):
    """It could not be looked at, which is another status than that something was found."""

    exit_code = 2


@click.command()
@INI
@click.option("--tag", metavar="TAG", help="Only the payload lists of this global tag.")
@click.option("--files", is_flag=True, help="Read all stored payload files.")
@click.option("--history", is_flag=True, help="Logs at every change, not only now and at pins.")
@click.option(
    "--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True
)
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=20,
    show_default=True,
    help="Findings of a check that are shown; all are counted.",
)
def verify(
    ini: Path, tag: str | None, files: bool, history: bool, format_: str, limit: int
) -> None:
    """Look for what is not as it must be in the database of INI; nothing is written.

    The status is 1 if there is an error, and 2 if it could not be looked at.

    \b
    Examples:
      cdb verify production.ini
      cdb verify production.ini --tag CMS_2017 --history
      cdb verify production.ini --files --format json
    """
    from cdb.services.checks.check import Wanted

    try:
        result = _verified(ini, Wanted(tag, files, history, limit))
    except click.ClickException as error:
        raise _NotVerified(error.message) from None
    if format_ == "json":
        click.echo(json.dumps(result.as_json(), indent=2))
    else:
        _print_table(result)
    if result.count("error"):
        raise SystemExit(1)


class _Result(NamedTuple):
    """What was found as of a change."""

    change: int
    findings: "list[Finding]"
    checks: "list[Checked]"

    def count(self, severity: str) -> int:
        """Return how many findings have a severity, shown or not."""
        return sum(each.found for each in self.checks if each.severity == severity)

    def as_json(self) -> dict[str, object]:
        """Return it as it is printed."""
        return {
            "change": self.change,
            "findings": [each._asdict() for each in self.findings],
            "checks": [each._asdict() for each in self.checks],
        }


def _verified(ini: Path, wanted: "Wanted") -> _Result:
    deployment = deployment_of(ini)
    stored = deployment.payload_files()
    if wanted.files and stored is None:
        raise click.ClickException(f"{ini.name}: --files needs cdb.payload_store")
    results: list[_Result] = []

    def run(database: "Database") -> None:
        from cdb.services.verify import Finding, Progress
        from cdb.services.verify import verify as verify_database

        require_migrated(database)
        change, events = verify_database(database, deployment.rules, stored, wanted)
        result = _Result(change, [], [])
        with _progress() as show:
            for event in events:
                if isinstance(event, Progress):
                    show(event)
                elif isinstance(event, Finding):
                    result.findings.append(event)
                else:
                    result.checks.append(event)
        results.append(result)

    with_database(deployment, run)
    return results[0]


@contextmanager
def _progress() -> "Iterator[Callable[[Progress], None]]":
    """Show on a terminal how far the checks are; elsewhere nobody looks."""
    if not sys.stderr.isatty():
        yield lambda _event: None
        return
    # Slow to import, and of no use to a pipe.
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:

        def show(event: "Progress") -> None:
            for bar in bars.task_ids:
                bars.remove_task(bar)
            bars.add_task(event.check, completed=event.done, total=event.total)

        yield show


def _print_table(result: _Result) -> None:
    from cdb_client.commands.output import printable

    # What stands in a damaged row may be anything.
    rows = [tuple(printable(str(cell)) for cell in each) for each in result.findings]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for *cells, sentence in rows:
        fixed = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        click.echo("  ".join([*fixed, sentence]))
    for check in result.checks:
        shown = sum(each.check == check.check for each in result.findings)
        if shown < check.found:
            click.echo(f"{check.check}: {shown} of {check.found} findings are shown.")
    counts = ", ".join(f"{result.count(each)} {each}" for each in ("error", "warning", "info"))
    click.echo(f"Verified change {result.change} by {len(result.checks)} checks: {counts}.")
