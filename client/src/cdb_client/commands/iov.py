"""`cdb iov`: payload IOVs, listed, shown and deleted."""

import re
from typing import TYPE_CHECKING, Any

import click

from cdb_client.commands.options import (
    COORDINATE,
    LIST,
    TAG,
    TYPE,
    connected,
    reads,
    removes,
    shown,
    told,
    writes,
)
from cdb_client.commands.output import Columns, end, show, show_one, start
from cdb_client.errors import NotFound
from cdb_client.points import Point, number_of

if TYPE_CHECKING:
    from cdb_client.client import Client
    from cdb_client.http import Writing

COLUMNS: Columns = {
    "id": "id",
    "type": "payload_type",
    "payload": "payload_url",
    "valid from": start,
    "valid until": end,
    "revision": "revision",
}

FIELDS = (
    "payload_type",
    "id",
    "payload_url",
    "checksum",
    "size",
    "revision",
    "major_iov",
    "minor_iov",
    "major_iov_end",
    "minor_iov_end",
    "payload_list",
    "inserted",
)

_NUMBERS = re.compile(r"\s*(\d+)\s*,\s*(\d+)\s*")


@click.group()
def iov() -> None:
    """Payload IOVs: list, show and delete; `cdb insert` and `cdb bulk` make them.

    \b
    Examples:
      cdb iov ls CMS_2017 LumiCertification --from 302635:0 --to 302636:0
      cdb iov delete CMS_2017 LumiCertification 302635:1132 --dry-run
    """


@iov.command()
@click.argument("tag", type=TAG, required=False)
@click.argument("payload_type", metavar="[TYPE]", type=TYPE, required=False)
@click.option(
    "--list", "payload_list", type=LIST, help="Those of a payload list, also without tag."
)
@click.option("--from", "begin", metavar="POINT", help="Only what overlaps the axis from here on.")
@click.option("--to", "until", metavar="POINT", help="Only what overlaps the axis before here.")
@reads
@shown
@connected
def ls(
    client: "Client",
    tag: str | None,
    payload_type: str | None,
    payload_list: str | None,
    begin: str | None,
    until: str | None,
    as_of: str | None,
    form: str,
) -> None:
    """List the payload IOVs of global tag TAG by type and start, or those of --list.

    They are printed as they come in, however many they are. `cdb bulk` reads what
    --format csv and json print.

    \b
    Examples:
      cdb iov ls CMS_2017
      cdb iov ls CMS_2017 LumiCertification --from 302635:0 --to 302636:0
      cdb iov ls --list Alignment_17 --from 297046:0 --format json
      cdb iov ls CMS_2017 --as-of 22 --format csv > then.csv
    """
    if (tag is None) == (payload_list is None):
        raise click.UsageError("Name a global tag, or a payload list by --list.")
    if payload_list is None:
        rows = client.payload_iovs.of_tag(
            str(tag), payload_type, begin=begin, end=until, as_of=as_of
        )
    else:
        rows = client.payload_iovs.of_list(payload_list, begin=begin, end=until, as_of=as_of)
    show(rows, COLUMNS, form, FIELDS)


@iov.command("show")
@click.argument("iov_id", metavar="ID", type=COORDINATE)
@reads
@shown
@connected
def show_(client: "Client", iov_id: int, as_of: str | None, form: str) -> None:
    """Show the payload IOV with the number ID.

    \b
    Examples:
      cdb iov show 557
    """
    show_one(client.payload_iovs.show(iov_id, as_of=as_of), form, hidden=["comb_iov"])


@iov.command()
@click.argument("tag", type=TAG)
@click.argument("payload_type", metavar="TYPE", type=TYPE)
@click.argument("start", metavar="START")
@click.argument("end", metavar="[END]", required=False)
@writes
@removes("Delete the payload IOV of {payload_type} that starts at {start} in {tag}?")
@connected
def delete(
    client: "Client",
    tag: str,
    payload_type: str,
    start: str,
    end: str | None,
    writing: "Writing",
) -> None:
    """Delete the payload IOV of TYPE in global tag TAG that starts at START.

    Its time goes back to the one before it. START and END are written as the service
    shows them, or as MAJOR,MINOR; with END it is deleted only if it ends there, too.

    \b
    Examples:
      cdb iov delete CMS_2017 LumiCertification 302635:1132 --dry-run
      cdb iov delete CMS_2017 LumiCertification 302635,1132 --yes --reason "wrong file"
    """
    first, last = _numbers(start), _numbers(end) if end else None
    if first is None or (end and last is None):
        row = _starting_at(client, tag, payload_type, start)
        first = row["major_iov"], row["minor_iov"]
        if end and last is None:
            last = row["major_iov_end"], row["minor_iov_end"]
            if row["end"] != end:
                raise NotFound(404, None, f"It ends at {row['end']}, not at {end}.")
    done = client.payload_iovs.delete(tag, payload_type, first, last, **writing)
    told(done, f"The payload IOV of {payload_type} that starts at {start} is deleted from {tag}")


def _numbers(text: str) -> Point | None:
    found = _NUMBERS.fullmatch(text)
    numbers = [number_of(digits) for digits in found.groups()] if found else []
    match numbers:
        case [int(major), int(minor)]:
            return major, minor
    return None


def _starting_at(client: "Client", tag: str, payload_type: str, start: str) -> dict[str, Any]:
    """Return the payload IOV that starts at a point, in the notation of its dimension.

    Only the service can read it: so it is asked what holds there, and what it calls the start.
    """
    params = {"gtName": tag, "types": payload_type, "at": start, "shape": "dict"}
    rows = client.service.get("payload-iovs/query", params)
    if not rows:
        raise NotFound(404, None, f"Nothing of {payload_type} holds at {start} in {tag}.")
    row: dict[str, Any] = rows[0]
    if row["begin"] != start:
        raise NotFound(
            404, None, f"What holds at {start} starts at {row['begin']}; nothing is deleted."
        )
    return row
