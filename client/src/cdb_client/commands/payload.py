"""`cdb payload`: the files of payloads."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cdb_client.commands.failures import FOUND
from cdb_client.commands.finding import exits
from cdb_client.commands.iov import FIELDS
from cdb_client.commands.options import TYPE, connected, reads, shown, writes
from cdb_client.commands.output import Columns, end, say, show, start
from cdb_client.commands.progress import progress
from cdb_client.commands.query import Place, place_of
from cdb_client.errors import NotFound, ServiceError

if TYPE_CHECKING:
    from cdb_client.client import Client
    from cdb_client.http import Writing
    from cdb_client.resources.payloads import LocalFile

STDOUT = "-"
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SENT: Columns = {
    "file": "file",
    "payload": "payload_url",
    "checksum": "checksum",
    "bytes": "size",
    "stored": lambda row: "now" if row["stored"] else "before",
}
CHECKED: Columns = {
    "file": "file",
    "checksum": "checksum",
    "payload": lambda row: row["payload_url"] or "not stored",
}
USES: Columns = {
    "global tag": "global_tag",
    "type": "payload_type",
    "list": "payload_list",
    "payload": "payload_url",
    "valid from": start,
    "valid until": end,
}
OF_USES = ("global_tag", *FIELDS)
OF_STORED = ("payload_type", "file_name", "payload_url", "checksum", "sha256", "size")


@click.group()
def payload() -> None:
    """Send payload files, fetch and check them, and find where they are used.

    \b
    Examples:
      cdb payload put Beam beam.txt
      cdb payload get CMS_2017 Beam 302635:1200
      cdb payload usage e99a18c428cb38d5f260853678922e03
    """


@payload.command()
@click.argument("payload_type", metavar="TYPE", type=TYPE)
@click.argument("files", metavar="FILE...", type=FILE, nargs=-1, required=True)
@writes
@shown
@connected
def put(
    client: "Client", payload_type: str, files: Sequence[Path], writing: "Writing", form: str
) -> None:
    """Send payload files of TYPE to the service's store, and show where they lie.

    Each file is kept once; what is there already is not sent again. With --dry-run the
    service receives and validates them, and keeps none.

    \b
    Examples:
      cdb payload put Beam beam.txt
      cdb payload put Beam beam/*.txt --format csv > stored.csv
      cdb payload put Beam beam.txt --dry-run
    """
    known = _read(files)
    stored = client.payloads.check([file.md5 for file in known])
    new = [file for file in known if not _is_of(stored[file.md5], payload_type)]
    with progress("sending", sum(file.size for file in new), in_bytes=True) as sent:
        for number, file in enumerate(new):
            try:
                answer = client.payloads.put(payload_type, file, told=sent, **writing)
            except ServiceError as error:
                # Those before it are stored, and are not sent again by the same command.
                after = f" {number} before it are stored." if number else ""
                detail = f"{file.path}: {error}{after}"
                raise type(error)(error.status, error.code, detail, error.body) from error
            stored[file.md5] = answer.body
    rows = [{"file": str(file.path), **_told(stored[file.md5] or {})} for file in known]
    show(rows, SENT, form)
    if writing["dry_run"]:
        say("Dry run, nothing is kept.")


@payload.command()
@click.argument("what", metavar="CHECKSUM | TAG TYPE POINT", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FILE", help="Where it is written; - for stdout.")
@reads
@connected
def get(client: "Client", what: Sequence[str], output: str | None, as_of: str | None) -> None:
    """Fetch a payload file by its checksum, or the one that holds at a point of a tag.

    POINT is in the notation of the dimension, or two numbers. The file is taken from the
    profile's read directories, the cache or the service, and compared with its checksum:
    a damaged one is not written. Without -o it has its own name, in this folder.

    \b
    Examples:
      cdb payload get e99a18c428cb38d5f260853678922e03
      cdb payload get CMS_2017 Beam 302635:1200 -o beam.txt
      cdb payload get CMS_2017 Beam 302635 1200 -o - | head
    """
    if len(what) == 1:
        size, place = _stored(client, what[0], output)
    elif len(what) in (3, 4):
        size, place = _valid(client, what[0], what[1], place_of(what[2:], ()), as_of, output)
    else:
        raise click.UsageError("Give a checksum; or a tag, a type and a point.")
    if place:
        say(f"{place}: {size:,} bytes.")


@payload.command()
@click.argument("checksum", metavar="CHECKSUM")
@reads
@shown
@connected
def usage(client: "Client", checksum: str, as_of: str | None, form: str) -> None:
    """Show which payload lists and global tags use the payload with CHECKSUM.

    \b
    Examples:
      cdb payload usage e99a18c428cb38d5f260853678922e03
      cdb payload usage e99a18c428cb38d5f260853678922e03 --format json | jq -r '.[].global_tag'
    """
    show(client.payloads.usage(checksum, as_of=as_of), USES, form, OF_USES)


@payload.command()
@click.argument("files", metavar="FILE...", type=FILE, nargs=-1, required=True)
@exits("files that are not stored")
@shown
@connected
def check(client: "Client", files: Sequence[Path], exit_code: bool, form: str) -> None:
    """Tell which files are in the service's store, by their content; nothing is sent.

    \b
    Examples:
      cdb payload check beam/*.txt
      cdb payload check beam.txt --exit-code || cdb payload put Beam beam.txt
    """
    known = _read(files)
    stored = client.payloads.check([file.md5 for file in known])
    rows = [
        {
            "file": str(file.path),
            "checksum": file.md5,
            "payload_url": (stored[file.md5] or {}).get("payload_url"),
        }
        for file in known
    ]
    show(rows, CHECKED, form)
    if exit_code and None in stored.values():
        raise click.exceptions.Exit(FOUND)


def _read(files: Sequence[Path]) -> "list[LocalFile]":
    from cdb_client.resources.payloads import LocalFile

    size = sum(file.stat().st_size for file in files)
    with progress("reading", size, in_bytes=True) as read:
        return [LocalFile.at(file, read) for file in files]


def _is_of(stored: Mapping[str, Any] | None, payload_type: str) -> bool:
    return stored is not None and stored["payload_type"] == payload_type


def _told(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: stored[name] for name in OF_STORED}, "stored": stored.get("stored", False)}


def _stored(client: "Client", checksum: str, output: str | None) -> tuple[int, Path | None]:
    """Fetch a file of the service's store; return its size in bytes, and where it is now."""
    if output == STDOUT:
        for piece in client.payloads.pieces(checksum):
            click.echo(piece, nl=False)
        return 0, None
    found = client.payloads.check([checksum])[checksum]
    if found is None:
        raise NotFound(404, None, f"No payload with the checksum {checksum} is stored.")
    place = _place(output, found["file_name"])
    with progress("fetching", found["size"], in_bytes=True) as come:
        return client.payloads.fetch(checksum, place, told=come), place


def _valid(
    client: "Client",
    tag: str,
    payload_type: str,
    where: Place,
    as_of: str | None,
    output: str | None,
) -> tuple[int, Path | None]:
    """Take the file that holds at a point, from wherever it is; as `_stored`."""
    from cdb_client.resources.payloads import CHUNK, replacing

    point: tuple[Any, ...] = where.numbers or (where.notation,)
    conditions = client.at(tag, *point, types=payload_type, as_of=as_of)
    if payload_type not in conditions:
        raise NotFound(404, None, f"No {payload_type} holds at this point of {tag}.")
    place = None
    if output != STDOUT:
        place = _place(output, Path(conditions[payload_type].payload_url).name)
    with progress("fetching"):
        found = conditions.path(payload_type)
    with found.open("rb") as source:
        if place is None:
            while piece := source.read(CHUNK):
                click.echo(piece, nl=False)
        else:
            with replacing(place) as target:
                shutil.copyfileobj(source, target)
        return source.tell(), place


def _place(output: str | None, name: str) -> Path:
    if output is None or Path(output).is_dir():
        # The name comes from the network: it must not lead elsewhere, nor replace anything,
        # nor be one that a program looks for.
        place = Path(output or ".") / Path(name).name
        if place.name.startswith(".") or not place.name.isprintable():
            raise click.UsageError(f"It is called {place.name!r}: -o FILE gives another name.")
        if place.exists():
            raise click.UsageError(f"{place} is there already: -o FILE replaces it.")
        return place
    return Path(output)
