"""`cdb export` and `cdb import jsonl`: a global tag as JSON lines."""

import gzip
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from cdb.commands.bringing import DRY_RUN, NAME, REASON, bring_in
from cdb.commands.deployment import INI_OPTION, deployment_of, with_database
from cdb.commands.progress import progress

if TYPE_CHECKING:
    from cdb.store.engine import Database


@click.command()
@click.argument("tag", metavar="TAG[@CHANGE]")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@INI_OPTION
def export(tag: str, file: Path, ini: Path) -> None:
    """Write the global tag TAG, as it is or as of a change, to FILE as JSON lines.

    `-` is standard output; a name that ends in .gz is compressed.

    \b
    Examples:
      cdb export Prod2026 prod2026.jsonl.gz --ini production.ini
      cdb export Prod2026@4711 - --ini production.ini | head
    """
    from cdb.services import json_lines
    from cdb.services.exports import DatabaseSource
    from cdb.services.garbage import uncollected

    deployment = deployment_of(ini)

    def run(database: "Database") -> None:
        source = DatabaseSource(database, deployment.rules, tag)
        with (
            progress("payload IOVs", source.n_iov) as told,
            uncollected(),
            _written(file) as stream,
        ):
            digest = json_lines.write(source, stream, told)
        click.echo(f"{source.n_iov:,} payload IOVs, digest {digest}", err=True)

    with_database(deployment, run)


@click.command()
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
)
@INI_OPTION
@NAME
@REASON
@DRY_RUN
def jsonl(file: Path, ini: Path, name: str | None, reason: str | None, dry_run: bool) -> None:
    """Bring in the global tag of FILE, JSON lines as `cdb export` writes them, by one change.

    `-` is standard input; a name that ends in .gz is taken for compressed. Nothing
    changes where a line is wrong, or the digest is not the one of the last line.

    \b
    Examples:
      cdb import jsonl prod2026.jsonl.gz --ini production.ini
      cdb import jsonl prod2026.jsonl.gz --name Prod2026_copy --ini production.ini
    """
    from cdb.services.json_lines import JsonLinesSource

    deployment = deployment_of(ini)

    def run(database: "Database") -> None:
        with _opened(file) as stream:
            source = JsonLinesSource(stream)
            bring_in(
                database, deployment, source, name, "cdb import jsonl", reason, dry_run=dry_run
            )

    with_database(deployment, run)


@contextmanager
def _written(file: Path) -> Iterator[BinaryIO]:
    """Give a file to write, which is there whole at the end, or not at all."""
    if str(file) == "-":
        yield sys.stdout.buffer
        return
    if file.exists() and not file.is_file():  # a device or a pipe, which is to stay one
        with file.open("wb") as plain, _compressed(plain, file) as stream:
            yield stream
        return
    from cdb.store.partial import becoming

    with (
        becoming(file) as partial,
        partial.open("wb") as plain,
        _compressed(plain, file) as stream,
    ):
        yield stream


def _compressed(plain: BinaryIO, file: Path) -> AbstractContextManager[BinaryIO]:
    if file.suffix != ".gz":
        return nullcontext(plain)
    return cast("BinaryIO", gzip.GzipFile(fileobj=plain, mode="wb"))


def _opened(file: Path) -> AbstractContextManager[BinaryIO]:
    if str(file) == "-":
        return nullcontext(sys.stdin.buffer)
    if file.suffix == ".gz":
        return cast("BinaryIO", gzip.open(file))
    return file.open("rb")
