"""What is there: tags, their payload lists, their digests, what they do not cover."""

from typing import TYPE_CHECKING

import click

from cdb_client.commands import pl
from cdb_client.commands.finding import Counted, exits
from cdb_client.commands.options import STATUS, TAG, connected, reads, shown, window
from cdb_client.commands.output import SPAN, Columns, Row, end, show, show_one, start, status

if TYPE_CHECKING:
    from cdb_client.client import Client

COLUMNS: Columns = {
    "global tag": "name",
    "status": status,
    "payload types": "payload_lists_count",
    "payload IOVs": "payload_iov_count",
    "description": "description",
}
FIELDS = (
    "id",
    "name",
    "author",
    "description",
    "contact",
    "status",
    "created",
    "updated",
    "payload_lists_count",
    "payload_iov_count",
    "digest",
)
LIST_COLUMNS: Columns = {
    name: source for name, source in pl.COLUMNS.items() if source != "global_tag"
}
DIGEST_COLUMNS: Columns = {
    "payload type": "payload_type",
    "dimension": "dimension",
    "intervals": "intervals",
    "digest": "digest",
}
DIGEST_FIELDS = ("payload_type", "dimension", "digest", "intervals")
GAP_COLUMNS: Columns = {
    "payload type": "payload_type",
    "payload list": "payload_list",
    "from": start,
    "until": end,
}


@click.command("list")
@click.option("--search", metavar="TEXT", help="A part of a name or an author.")
@click.option("--status", type=STATUS, metavar="STATUS", help="Only those that have this status.")
@reads
@shown
@connected
def list_(
    client: "Client", search: str | None, status: str | None, as_of: str | None, form: str
) -> None:
    """List global tags by name.

    \b
    Examples:
      cdb gt list
      cdb gt list --search cms --status frozen
      cdb gt list --format json | jq -r '.[].name'
    """
    show(client.global_tags.list(search=search, status=status, as_of=as_of), COLUMNS, form, FIELDS)


@click.command("show")
@click.argument("tag", type=TAG)
@reads
@shown
@connected
def show_(client: "Client", tag: str, as_of: str | None, form: str) -> None:
    """Show global tag TAG, and its payload list of each type.

    \b
    Examples:
      cdb gt show Prod2026
      cdb gt show Prod2026@1234
      cdb gt show Prod2026 --as-of 2026-11-01
    """
    found = client.global_tags.show_with_lists(tag, as_of=as_of)
    if form != "table":
        show_one(found, form)
        return
    dimensions = {"dimensions": _dimensions(found)} if found.get("dimensions") else {}
    show_one({**found, **dimensions}, form, hidden=["id", "payload_lists"])
    if found["payload_lists"]:
        click.echo()
        show(found["payload_lists"], LIST_COLUMNS, form)


def _dimensions(tag: Row) -> str:
    """Return how the points of a tag are written, as in `run-lumi (run, lumi)`."""
    named = tag["dimensions"].items()
    return "; ".join(f"{name} ({', '.join(parts)})" for name, parts in named)


@click.command()
@click.argument("tag", type=TAG)
@reads
@shown
@connected
def lists(client: "Client", tag: str, as_of: str | None, form: str) -> None:
    """List the payload lists of global tag TAG, with the numbers of their payload IOVs.

    \b
    Examples:
      cdb gt lists Prod2026
      cdb gt lists Prod2026 --format csv
    """
    found = client.global_tags.show_with_lists(tag, as_of=as_of)["payload_lists"]
    show(found, LIST_COLUMNS, form, pl.FIELDS)


@click.command()
@click.argument("tag", type=TAG)
@reads
@shown
@connected
def digest(client: "Client", tag: str, as_of: str | None, form: str) -> None:
    """Show the digest of all that global tag TAG answers: what a paper cites.

    Two tags with one digest answer the same at every point, on whatever server.

    \b
    Examples:
      cdb gt digest Prod2026@1234
      cdb gt digest Prod2026 --format json | jq -r .digest
    """
    found = client.global_tags.digest(tag, as_of=as_of)
    if form == "csv":
        show(found["payload_types"], DIGEST_COLUMNS, form, DIGEST_FIELDS)
        return
    show_one(found, form, hidden=["payload_types"])
    if form == "table" and found["payload_types"]:
        click.echo()
        show(found["payload_types"], DIGEST_COLUMNS, form)


@click.command()
@click.argument("tag", type=TAG)
@window
@exits("gaps")
@reads
@shown
@connected
def gaps(
    client: "Client",
    tag: str,
    begin: str | None,
    end: str | None,
    payload_type: str | None,
    exit_code: bool,
    as_of: str | None,
    form: str,
) -> None:
    """List the parts of the axis that global tag TAG has no payload for.

    \b
    Examples:
      cdb gt gaps Prod2026 --from 299400,0 --to 299500,0
      cdb gt gaps Prod2026 --type Beam --from 299400:1 --to 299400:900
      cdb gt gaps Prod2026 --from 299400,0 --to 299500,0 --exit-code || exit 1
    """
    found = Counted(
        client.global_tags.gaps(tag, begin=begin, end=end, payload_type=payload_type, as_of=as_of)
    )
    show(found, GAP_COLUMNS, form, ["payload_type", "payload_list", *SPAN])
    found.end(exit_code=exit_code)
