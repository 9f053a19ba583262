"""`cdb pl`: payload lists."""

from typing import TYPE_CHECKING, Literal

import click

from cdb_client.commands.options import (
    LIST,
    TAG,
    TYPE,
    connected,
    describes,
    reads,
    redescribes,
    removes,
    shown,
    told,
    writes,
)
from cdb_client.commands.output import Columns, show, show_one, text

if TYPE_CHECKING:
    from cdb_client.client import Client
    from cdb_client.http import Writing

COLUMNS: Columns = {
    "payload type": "payload_type",
    "payload list": "name",
    "global tag": "global_tag",
    "payload IOVs": "iov_count",
    "ends": "ends",
    "description": "description",
}
FIELDS = (
    "id",
    "name",
    "description",
    "contact",
    "ends",
    "global_tag",
    "payload_type",
    "created",
    "iov_count",
)


@click.group()
def pl() -> None:
    """Payload lists: list, make, attach to a global tag, delete.

    \b
    Examples:
      cdb pl list --tag Prod2026
      LIST=$(cdb pl create Beam --ends next-start)
      cdb pl attach $LIST Prod2026
    """


@pl.command("list")
@click.option("--search", metavar="TEXT", help="A part of the name of a list, its tag or type.")
@click.option("--tag", type=TAG, help="Only lists of this global tag.")
@click.option("--type", "payload_type", type=TYPE, help="Only lists of this payload type.")
@reads
@shown
@connected
def list_(
    client: "Client",
    search: str | None,
    tag: str | None,
    payload_type: str | None,
    as_of: str | None,
    form: str,
) -> None:
    """List payload lists by name.

    \b
    Examples:
      cdb pl list --tag Prod2026
      cdb pl list --type Beam --format csv
    """
    found = client.payload_lists.list(
        search=search, global_tag=tag, payload_type=payload_type, as_of=as_of
    )
    show(found, COLUMNS, form, FIELDS)


@pl.command("show")
@click.argument("name", metavar="LIST", type=LIST)
@reads
@shown
@connected
def show_(client: "Client", name: str, as_of: str | None, form: str) -> None:
    """Show payload list LIST, with the number of its payload IOVs.

    \b
    Examples:
      cdb pl show Beam_12
      cdb pl show Beam_12 --as-of 1234 --format json
    """
    show_one(client.payload_lists.show(name, as_of=as_of), form, hidden=["id"])


@pl.command()
@click.argument("payload_type", metavar="TYPE", type=TYPE)
@click.option(
    "--ends",
    type=click.Choice(["explicit", "next-start"]),
    help="What a payload IOV without an end means: open, or until the next start; "
    "otherwise the service decides.",
)
@describes
@writes
@shown
@connected
def create(
    client: "Client",
    payload_type: str,
    ends: Literal["explicit", "next-start"] | None,
    description: str | None,
    contact: str | None,
    writing: "Writing",
    form: str,
) -> None:
    """Make an empty payload list of payload type TYPE, and print its name.

    \b
    Examples:
      cdb pl create Beam
      LIST=$(cdb pl create Beam --ends next-start --reason "run 3")
    """
    made = client.payload_lists.create(
        payload_type, ends=ends, description=description, contact=contact, **writing
    )
    told(made, f"Payload list {made.body['name']} is made", form)
    if form == "table":
        click.echo(text(made.body["name"]))


@pl.command()
@click.argument("name", metavar="LIST", type=LIST)
@redescribes
@writes
@shown
@connected
def edit(
    client: "Client",
    name: str,
    description: str | None,
    contact: str | None,
    writing: "Writing",
    form: str,
) -> None:
    """Change the description or the contact of payload list LIST.

    \b
    Examples:
      cdb pl edit Beam_12 --description "Beam spot, prompt"
      cdb pl edit Beam_12 --contact "" --dry-run
    """
    if description is None and contact is None:
        raise click.UsageError("Nothing to change: --description or --contact says what.")
    done = client.payload_lists.edit(name, description=description, contact=contact, **writing)
    told(done, f"Payload list {name} is changed", form)


@pl.command()
@click.argument("name", metavar="LIST", type=LIST)
@click.argument("tag", type=TAG)
@writes
@shown
@connected
def attach(client: "Client", name: str, tag: str, writing: "Writing", form: str) -> None:
    """Put payload list LIST into global tag TAG.

    The list that the tag has of this type is detached; it stays as it is.

    \b
    Examples:
      cdb pl attach Beam_12 Test2026
      cdb pl attach Beam_12 Test2026 --dry-run
    """
    done = client.payload_lists.attach(name, tag, **writing)
    told(done, f"Payload list {name} is in global tag {tag}", form)


@pl.command()
@click.argument("name", metavar="LIST", type=LIST)
@writes
@removes("Delete payload list {name}?")
@shown
@connected
def delete(client: "Client", name: str, writing: "Writing", form: str) -> None:
    """Delete payload list LIST, which has to be empty.

    \b
    Examples:
      cdb pl delete Beam_12
      cdb pl delete Beam_12 --yes --reason "made by mistake"
    """
    told(client.payload_lists.delete(name, **writing), f"Payload list {name} is deleted", form)
