"""Who changed what in a global tag, and why."""

from typing import TYPE_CHECKING, Any

import click

from cdb_client.commands.changes import narrowed, one_more, show_changes
from cdb_client.commands.options import TAG, connected, reads, shown

if TYPE_CHECKING:
    from cdb_client.client import Client


@click.command()
@click.argument("tag", type=TAG)
@narrowed
@reads
@shown
@connected
def history(
    client: "Client", tag: str, limit: int, oldest_first: bool, form: str, **wanted: Any
) -> None:
    """Show who changed what in global tag TAG, when and why, the newest change first.

    \b
    Examples:
      cdb gt history Prod2026
      cdb gt history Prod2026 --since 2026-11-26 --type Beam
      cdb gt history Prod2026 --actor alice --oldest-first --limit 0
    """
    found = client.global_tags.history(
        tag, newest_first=not oldest_first, limit=one_more(limit), **wanted
    )
    show_changes(found, form, limit)
