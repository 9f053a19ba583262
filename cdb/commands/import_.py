"""`cdb import`: conditions from elsewhere."""

import gzip
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from cdb.commands.bundle import print_imported
from cdb.commands.deployment import INI_OPTION, deployment_of, with_database
from cdb.commands.progress import progress

if TYPE_CHECKING:
    from cdb.store.engine import Database


@click.group("import")
def import_() -> None:
    """Bring in conditions from elsewhere."""


@import_.command()
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
)
@INI_OPTION
@click.option("--name", metavar="TAG", help="What the global tag is called here.")
@click.option("--comment", help="The reason, for the change log.")
def jsonl(file: Path, ini: Path, name: str | None, comment: str | None) -> None:
    r"""Bring in the global tag of FILE, JSON lines as `cdb export` writes them, by one change.

    `-` is standard input; a name that ends in .gz is taken for compressed. Nothing
    changes where a line is wrong, or the digest is not the one of the last line.

    \b
    cdb import jsonl prod2026.jsonl.gz --ini production.ini --name Prod2026_copy
    """
    from cdb.services import imports
    from cdb.services.json_lines import JsonLinesSource
    from cdb.services.writer import Writer

    deployment = deployment_of(ini)

    def run(database: "Database") -> None:
        with _opened(file) as stream:
            source = JsonLinesSource(stream)
            writer = Writer.operator("cdb import jsonl", comment)
            with progress("payload IOVs", source.n_iov) as told, database.writing() as session:
                imported = imports.take(session, deployment.rules, writer, source, name, told)
        print_imported(imported)

    with_database(deployment, run)


def _opened(file: Path) -> AbstractContextManager[BinaryIO]:
    if str(file) == "-":
        return nullcontext(sys.stdin.buffer)
    if file.suffix == ".gz":
        return cast("BinaryIO", gzip.open(file))
    return file.open("rb")
