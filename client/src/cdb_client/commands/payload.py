"""`cdb payload`: the files of payloads."""

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
from cdb_client.commands.query import of_service, place_of
from cdb_client.errors import NotFound, PayloadError, ServiceError

if TYPE_CHECKING:
    from cdb_client.client import Client
    from cdb_client.http import Writing
    from cdb_client.resources.payloads import LocalFile

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

    POINT is in the notation of the dimension, or two numbers. What arrives is compared
    with its checksum; a damaged file is not written. Without -o the file has its own
    name, in this folder.

    \b
    Examples:
      cdb payload get e99a18c428cb38d5f260853678922e03
      cdb payload get CMS_2017 Beam 302635:1200 -o beam.txt
      cdb payload get CMS_2017 Beam 302635 1200 -o - | head
    """
    if len(what) == 1:
        checksum, name = what[0], None
    elif len(what) in (3, 4):
        checksum, name = _valid(client, what[0], what[1], what[2:], as_of)
    else:
        raise click.UsageError("Give a checksum; or a tag, a type and a point.")
    if output == "-":
        for piece in client.payloads.pieces(checksum):
            click.echo(piece, nl=False)
        return
    found = client.payloads.check([checksum])[checksum]
    if found is None:
        raise NotFound(404, None, f"No payload with the checksum {checksum} is stored.")
    place = _place(output, name or found["file_name"])
    with progress("fetching", found["size"], in_bytes=True) as come:
        size = client.payloads.fetch(checksum, place, told=come)
    say(f"{place}: {size:,} bytes, {checksum}.")


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


def _valid(
    client: "Client", tag: str, payload_type: str, point: Sequence[str], as_of: str | None
) -> tuple[str, str]:
    """Return the checksum of what holds at a point, and the name of its file."""
    asked = {"types": [payload_type], "complete": False, "expired": False, "as_of": as_of}
    rows = of_service(client, [tag], place_of(point, ()), asked).rows
    if not rows:
        raise NotFound(404, None, f"No {payload_type} holds at {' '.join(point)} in {tag}.")
    if not rows[0]["checksum"]:
        raise PayloadError(f"{rows[0]['payload_url']} has no checksum to fetch it by.")
    return rows[0]["checksum"], Path(rows[0]["payload_url"]).name


def _place(output: str | None, name: str) -> Path:
    if output is None or Path(output).is_dir():
        # The name comes from the network: it must not lead elsewhere, nor replace anything.
        place = Path(output or ".") / Path(name).name
        if place.exists():
            raise click.UsageError(f"{place} is there already: -o FILE replaces it.")
        return place
    return Path(output)
