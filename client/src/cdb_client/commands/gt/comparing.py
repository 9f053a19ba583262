"""Where two global tags, or two states of one, answer differently."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import click

from cdb_client.commands.drawing import draw, draws, save
from cdb_client.commands.finding import Counted, exits
from cdb_client.commands.options import TAG, connected, reads, shown, window
from cdb_client.commands.output import SPAN, Columns, Row, end, point, show, start

if TYPE_CHECKING:
    from cdb_client.client import Client

CONTENT = ("payload_url", "checksum", "revision")
NOTATION = ("dimension", "begin", "end")
FIELDS = (
    "payload_type",
    *SPAN,
    *(f"{side}_{name}" for side in "ab" for name in CONTENT),
    *NOTATION,
)
LIST_FIELDS = ("payload_type", "a", "b", "first", "dimension", "begin")


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
@click.option(
    "--limit", metavar="NUMBER", type=click.IntRange(min=1), help="Only so many, the first ones."
)
@click.option("--a-as-of", metavar="CHANGE|TIME", help="Tag A as it was then.")
@click.option("--b-as-of", metavar="CHANGE|TIME", help="Tag B as it was then.")
@click.option(
    "--draw",
    "drawn",
    is_flag=True,
    help="Draw them above the table, too, as is done on a terminal.",
)
@draws
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
    drawn: bool,
    width: int | None,
    output: str | None,
    form: str,
    **wanted: Any,
) -> None:
    """Show where global tags A and B answer differently; without B, A then and now.

    A picture of them stands above the table on a terminal: + is added in B, - is removed,
    and ~ is another payload.

    \b
    Examples:
      cdb gt diff Prod2026 Test2026
      cdb gt diff Prod2026@1234
      cdb gt diff Prod2026 Test2026 --from 299400,0 --to 299500,0 --type Beam
      cdb gt diff Prod2026 Test2026 --level lists
      cdb gt diff Prod2026 Test2026 --type Beam --limit 20
      cdb gt diff Prod2026@1234 -o changes.svg
      cdb gt diff Prod2026 Test2026 --exit-code > /dev/null || echo "not the same"
    """
    other = b or a.partition("@")[0]
    found = Counted(client.global_tags.diff(a, other, level=level, **wanted))
    names = (_named(a, wanted["a_as_of"]), _named(other, wanted["b_as_of"]))
    headings = tuple(f"{side}: {name}" for side, name in zip("ab", names, strict=True))
    is_table = form == "table" and level == "iovs"
    if output or (is_table and (drawn or sys.stdout.isatty())):
        if level == "lists":
            raise click.UsageError("A picture shows intervals: it cannot have --level lists.")
        rows = list(found)
        _draw(client, names, rows, width, output)
        if not output:
            click.echo()
            show(rows, columns(*headings), form, FIELDS)
    elif level == "lists":
        show(found, list_columns(*headings), form, LIST_FIELDS)
    else:
        shown_rows = map(_flat, found) if form == "csv" else found
        show(shown_rows, columns(*headings), form, FIELDS)
    found.end(exit_code=exit_code)


def columns(a: str, b: str) -> Columns:
    """Return the columns of differences, under the names of both sides."""
    return {
        "payload type": "payload_type",
        "from": start,
        "until": end,
        a: lambda row: payload(row["a"], row["b"]),
        b: lambda row: payload(row["b"], row["a"]),
    }


def list_columns(a: str, b: str) -> Columns:
    """Return the columns of the types that differ."""
    return {"payload type": "payload_type", "first at": _first, a: "a", b: "b"}


def payload(content: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> str:
    """Return which payload one side answers, so that it differs from the other one."""
    if content is None:
        return "-"
    told = _told(content)
    same = other is not None and told == _told(other)
    return f"{told} {content['checksum']}" if same else told


def _told(content: Mapping[str, Any]) -> str:
    revision = content["revision"]
    return f"{content['payload_url']}{f' (rev. {revision})' if revision else ''}"


def _flat(row: Row) -> Row:
    sides = {f"{side}_{name}": (row[side] or {}).get(name) for side in "ab" for name in CONTENT}
    return {**row, **sides}


def _first(row: Row) -> str:
    return point(*row["first"]) if row["first"] else ""


def _named(tag: str, as_of: str | None) -> str:
    return f"{tag}{f'@{as_of}' if as_of else ''}"


def _draw(
    client: "Client",
    names: tuple[str, str],
    rows: list[Row],
    width: int | None,
    output: str | None,
) -> None:
    from cdb_client.pictures import diffs, sources

    picture = diffs.picture(*names, rows, sources.notation_of_types(client, rows))
    if output:
        save(picture, output, is_diff=True)
    elif rows:
        draw(picture, width, is_diff=True)
