"""`cdb log`, and how changes are shown."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from cdb_client.commands.options import TAG, TYPE, Command, connected, shown
from cdb_client.commands.output import Columns, Row, say, show, show_one

if TYPE_CHECKING:
    from cdb_client.client import Client

FIELDS = (
    "change",
    "at",
    "actor",
    "action",
    "object_type",
    "object_name",
    "comment",
    "global_tags",
    "payload_lists",
    "payload_types",
    "before",
    "after",
)

_NAMES = {"payload_iov": "payload IOV"}
_COUNT = "payload_iovs_count"


def narrowed(command: Command) -> Command:
    """Add what leaves changes out, and how many are shown; arrive under the names of the API."""
    for option in (
        click.option("--oldest-first", is_flag=True, help="In the order in which they were made."),
        click.option(
            "--limit",
            type=click.IntRange(0),
            default=50,
            show_default=True,
            help="How many at most; 0 for all.",
        ),
        click.option("--type", "payload_type", type=TYPE, help="Only changes of this type."),
        click.option("--action", metavar="VERB", help="Only this verb, as bulk or status."),
        click.option("--actor", metavar="NAME", help="Only what this one did."),
        click.option("--since", metavar="TIME", help="Only since then; ISO 8601."),
    ):
        command = option(command)
    return command


@click.command("log")
@click.argument("change", type=click.IntRange(1), required=False)
@click.option("--tag", "global_tag", type=TAG, help="Only changes of tags of this name.")
@click.option("--after", type=click.IntRange(0), metavar="CHANGE", help="Only later ones.")
@narrowed
@shown
@connected
def log(
    client: "Client",
    change: int | None,
    limit: int,
    oldest_first: bool,
    form: str,
    **wanted: Any,
) -> None:
    """Show the change log of the whole service, the newest change first, or one CHANGE.

    \b
    Examples:
      cdb log
      cdb log 1234
      cdb log --since 2026-11-26T18:00:00Z --action status
      cdb log --after 1234 --oldest-first --limit 0 --format json
    """
    if change is not None:
        show_one(client.changes.show(change), form)
        return
    show_changes(
        client.changes.list(newest_first=not oldest_first, limit=one_more(limit), **wanted),
        form,
        limit,
    )


def one_more(limit: int) -> int | None:
    """Return how many changes to ask for, to know whether there are more than are shown."""
    return limit + 1 if limit else None


def show_changes(changes: Iterator[Mapping[str, Any]], form: str, limit: int) -> None:
    """Print changes, and say so where there are more of them."""
    show(islice(changes, limit or None), COLUMNS, form, FIELDS)
    if limit and next(changes, None) is not None:
        say(f"These are {limit}, and there are more: --limit says how many.")


def what(change: Row) -> str:
    """Return what a change did, in a few words."""
    thing = _NAMES.get(change["object_type"], change["object_type"].replace("_", " "))
    told = f"{change['action']} {thing} {change['object_name']}"
    before, after = change["before"] or {}, change["after"] or {}
    if details := _details(change["action"], before, after):
        told = f"{told}: {details}"
    return told


def _details(action: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    details = ""
    match action:
        case "revert":
            details = f"to {after.get('as_of')}"
        case "merge":
            details = f"{after.get('mode')} {', '.join(after.get('sources', ()))}"
        case "clone":
            details = f"of {after.get('source')}"
        case "status":
            details = f"from {before.get('status')} to {after.get('status')}"
        case "describe":
            details = ", ".join(sorted(after))
        case "attach" if "global_tag" in after:
            details = f"to {after['global_tag']}"
        case _:
            counts = (after.get(_COUNT, 0), before.get(_COUNT, 0))
            pairs = zip("+-", counts, strict=True)
            details = ", ".join(f"{sign}{count}" for sign, count in pairs if count)
    return details


def when(change: Row) -> str:
    """Return when a change was made, to the second, in UTC."""
    return str(change["at"])[:19].replace("T", " ")


COLUMNS: Columns = {
    "change": "change",
    "when (UTC)": when,
    "who": "actor",
    "what": what,
    "why": "comment",
}
