"""`cdb gt`: global tags."""

from typing import TYPE_CHECKING

import click

from cdb_client.commands.options import TAG, connected, reads, shown, told, writes
from cdb_client.commands.output import show, show_one

if TYPE_CHECKING:
    from cdb_client.client import Client
    from cdb_client.http import Writing

COLUMNS = {
    "global tag": "name",
    "status": "status",
    "payload types": "payload_lists_count",
    "payload IOVs": "payload_iov_count",
    "description": "description",
}


@click.group()
def gt() -> None:
    """Global tags: list, make, clone, lock, compare, and take back.

    \b
    Examples:
      cdb gt list --search 2026
      cdb gt show Prod2026
      cdb gt create Test2026 --description "Test beam"
    """


@gt.command("list")
@click.option("--search", metavar="TEXT", help="A part of a name or an author.")
@click.option("--status", metavar="STATUS", help="Only those that have this status.")
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
      cdb gt list --format json | jq '.[].name'
    """
    show(client.global_tags.list(search=search, status=status, as_of=as_of), COLUMNS, form)


@gt.command("show")
@click.argument("tag", type=TAG)
@reads
@shown
@connected
def show_(client: "Client", tag: str, as_of: str | None, form: str) -> None:
    """Show global tag TAG.

    \b
    Examples:
      cdb gt show Prod2026
      cdb gt show Prod2026 --as-of 2026-11-01
    """
    show_one(client.global_tags.show(tag, as_of=as_of), form, hidden=["id"])


@gt.command()
@click.argument("tag", type=TAG)
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option("--author", metavar="TEXT", help="Who is responsible.")
@click.option("--contact", metavar="TEXT", help="Whom to ask.")
@click.option("--status", metavar="STATUS", help="Instead of unlocked.")
@writes
@connected
def create(
    client: "Client",
    tag: str,
    description: str | None,
    author: str | None,
    contact: str | None,
    status: str | None,
    writing: "Writing",
) -> None:
    """Make the global tag TAG, empty.

    \b
    Examples:
      cdb gt create Test2026 --description "Test beam" --reason "beam week 12"
    """
    made = client.global_tags.create(
        tag, description=description, author=author, contact=contact, status=status, **writing
    )
    told(made, f"Global tag {tag} is made")
