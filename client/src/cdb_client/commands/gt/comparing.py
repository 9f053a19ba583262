"""Where two global tags, or two states of one, answer differently."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import click

from cdb_client.commands.finding import Counted, exits
from cdb_client.commands.options import TAG, connected, reads, shown, window
from cdb_client.commands.output import SPAN, Columns, Row, end, point, show, start

if TYPE_CHECKING:
    from cdb_client.client import Client

CONTENT = ("payload_url", "checksum", "revision")
FIELDS = ("payload_type", *SPAN, *(f"{side}_{name}" for side in "ab" for name in CONTENT))
LIST_FIELDS = ("payload_type", "a", "b", "first")


@click.command()
@click.argument("a", type=TAG)
@click.argument("b", type=TAG, required=False)
@click.option("--at", metavar="POINT", help="Only at this point, instead of --from and --to.")
@window
@click.option(
    "--level",
    type=click.Choice(["iovs", "lists"]),
    default="iovs",
    show_default=True,
    help="The intervals that differ, or only which payload types do.",
)
@click.option("--a-as-of", metavar="CHANGE|TIME", help="Tag A as it was then.")
@click.option("--b-as-of", metavar="CHANGE|TIME", help="Tag B as it was then.")
@exits("differences")
@reads
@shown
@connected
def diff(
    client: "Client",
    a: str,
    b: str | None,
    level: Literal["iovs", "lists"],
    exit_code: bool,
    form: str,
    **wanted: Any,
) -> None:
    """Show where global tags A and B answer differently; without B, A then and now.

    \b
    Examples:
      cdb gt diff Prod2026 Test2026
      cdb gt diff Prod2026@1234
      cdb gt diff Prod2026 Test2026 --from 299400,0 --to 299500,0 --type Beam
      cdb gt diff Prod2026 Test2026 --level lists
      cdb gt diff Prod2026 Test2026 --exit-code > /dev/null || echo "not the same"
    """
    other = b or a.partition("@")[0]
    found = Counted(client.global_tags.diff(a, other, level=level, **wanted))
    headings = (_side("a", a, wanted["a_as_of"]), _side("b", other, wanted["b_as_of"]))
    if level == "lists":
        show(found, list_columns(*headings), form, LIST_FIELDS)
    else:
        rows = map(_flat, found) if form == "csv" else found
        show(rows, columns(*headings), form, FIELDS)
    found.end(exit_code=exit_code)


def columns(a: str, b: str) -> Columns:
    """Return the columns of differences, under the names of both sides."""
    return {
        "payload type": "payload_type",
        "from": start,
        "until": end,
        a: lambda row: payload(row["a"]),
        b: lambda row: payload(row["b"]),
    }


def list_columns(a: str, b: str) -> Columns:
    """Return the columns of the types that differ."""
    return {"payload type": "payload_type", "first at": _first, a: "a", b: "b"}


def payload(content: Mapping[str, Any] | None) -> str:
    """Return which payload one side answers, in one word."""
    if content is None:
        return "-"
    revision = content["revision"]
    return f"{content['payload_url']}{f' (rev. {revision})' if revision else ''}"


def _flat(row: Row) -> Row:
    sides = {f"{side}_{name}": (row[side] or {}).get(name) for side in "ab" for name in CONTENT}
    return {**row, **sides}


def _first(row: Row) -> str:
    return point(*row["first"]) if row["first"] else ""


def _side(side: str, tag: str, as_of: str | None) -> str:
    return f"{side}: {tag}{f'@{as_of}' if as_of else ''}"
