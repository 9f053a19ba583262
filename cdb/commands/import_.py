"""`cdb import`: what other services and formats hold."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cdb.commands.deployment import INI_OPTION, deployment_of, require_migrated, with_database
from cdb.commands.json_lines import jsonl
from cdb.commands.progress import progress

if TYPE_CHECKING:
    from cdb.services.nopayloaddb.source import Source
    from cdb.store.engine import Database


@click.group("import")
def import_() -> None:
    """Bring in what other services and formats hold.

    \b
    Examples:
      cdb import jsonl prod2026.jsonl.gz --ini production.ini
      cdb import nopayloaddb --from http://npdb/api/cdb_rest --ini production.ini
    """


import_.add_command(jsonl)


@import_.command()
@INI_OPTION
@click.option(
    "--from",
    "url",
    required=True,
    metavar="URL",
    envvar="CDB_IMPORT_FROM",
    show_envvar=True,
    help="Its database, postgresql+psycopg2://user@host/name, or its API, "
    "http://host/api/cdb_rest.",
)
@click.option(
    "--iov-mode",
    type=click.Choice(["continuous", "discrete"]),
    default="continuous",
    show_default=True,
    help="Its CDB_IOV_MODE.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what is found as JSON.",
)
@click.option(
    "--samples",
    type=click.IntRange(0, 1_000_000),
    default=200,
    show_default=True,
    help="Queries that are asked of both at the end.",
)
@click.option("--dry-run", is_flag=True, help="Only read, and tell what would be imported.")
def nopayloaddb(
    ini: Path, url: str, iov_mode: str, report: Path | None, samples: int, dry_run: bool
) -> None:
    """Import everything that a nopayloaddb holds into the database.

    Each payload list comes as one change. An import that was interrupted goes on
    where it stopped when it is run again. The status is 1 where one of the
    sampled queries has another answer here than there.

    \b
    Examples:
      export CDB_INI=production.ini
      cdb import nopayloaddb --from postgresql+psycopg2://cdb@dbhost/npdb --dry-run
      cdb import nopayloaddb --from http://npdb/api/cdb_rest --report import.json
    """
    from cdb.domain.points import IovMode
    from cdb.errors import CdbError
    from cdb.services.garbage import uncollected
    from cdb.services.nopayloaddb.importing import Import

    try:
        source = _source(url)
    except CdbError as error:
        raise click.BadParameter(error.detail, param_hint="--from") from None
    deployment = deployment_of(ini)
    differ: list[int] = []

    def run(database: "Database") -> None:
        require_migrated(database)
        database.listener = None  # an import is no news
        with ExitStack() as stack:
            stack.callback(source.close)
            out = stack.enter_context(report.open("w", encoding="utf-8")) if report else None
            importing = Import(database, deployment.rules, source, IovMode(iov_mode), progress)
            stack.enter_context(uncollected())
            summary = importing.run(samples, dry_run=dry_run, out=out)
        for line in summary.lines():
            click.echo(line)
        differ.append(summary.different)

    with_database(deployment, run)
    if any(differ):
        raise SystemExit(1)


def _source(url: str) -> "Source":
    from cdb.services.nopayloaddb.over_http import HttpSource
    from cdb.services.nopayloaddb.over_sql import SqlSource

    if url.startswith(("http://", "https://")):
        return HttpSource(url)
    return SqlSource(url)
