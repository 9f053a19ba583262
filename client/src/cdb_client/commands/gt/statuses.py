"""What may be written to global tags: their statuses."""

from typing import TYPE_CHECKING, Literal

import click

from cdb_client.commands.options import (
    STATUS,
    TAG,
    confirm,
    connected,
    reads,
    removes,
    shown,
    told,
    writes,
)
from cdb_client.commands.output import COLOURS, Coloured, Columns, Row, show, show_one, text

if TYPE_CHECKING:
    from cdb_client.client import Client
    from cdb_client.http import Writing

FINAL = "Give global tag {tag} the status {status}? It is final: it cannot be left."


def _name(row: Row) -> str:
    name = str(row["name"])
    return Coloured(name, COLOURS[name]) if name in COLOURS else text(name)


COLUMNS: Columns = {
    "status": _name,
    "may be written": "mode",
    "final": "final",
    "description": "description",
}
FIELDS = ("id", "name", "mode", "final", "description", "created")


def _set(client: "Client", tag: str, status: str, writing: "Writing", form: str) -> None:
    done = client.global_tags.set_status(tag, status, **writing)
    told(done, f"Global tag {tag} is {status}", form)


@click.command()
@click.argument("tag", type=TAG)
@writes
@shown
@connected
def lock(client: "Client", tag: str, writing: "Writing", form: str) -> None:
    """Lock global tag TAG: what has an answer keeps it, what has none can get one.

    \b
    Examples:
      cdb gt lock Prod2026 --reason "processing begins"
    """
    _set(client, tag, "locked", writing, form)


@click.command()
@click.argument("tag", type=TAG)
@writes
@shown
@connected
def unlock(client: "Client", tag: str, writing: "Writing", form: str) -> None:
    """Unlock global tag TAG: anything can be written to it.

    \b
    Examples:
      cdb gt unlock Prod2026 --reason "wrong alignment in run 299400"
    """
    _set(client, tag, "unlocked", writing, form)


@click.command()
@click.argument("tag", type=TAG)
@writes
@removes("Freeze global tag {tag}? Nothing can be written to it, for ever.")
@shown
@connected
def freeze(client: "Client", tag: str, writing: "Writing", form: str) -> None:
    """Freeze global tag TAG: it stays as it is, for ever.

    \b
    Examples:
      cdb gt freeze Prod2026 --reason "published"
      cdb gt freeze Prod2026 --yes
    """
    _set(client, tag, "frozen", writing, form)


@click.command()
@click.argument("tag", type=TAG, required=False)
@click.argument("new", metavar="[STATUS]", type=STATUS, required=False)
@click.option("--create", metavar="NAME", help="Declare a status instead.")
@click.option(
    "--mode",
    type=click.Choice(["open", "append", "closed"]),
    help="With --create: what may be written to tags that have it: anything (as without it), "
    "additions, nothing.",
)
@click.option("--final", is_flag=True, help="With --create: it cannot be left.")
@click.option("--description", metavar="TEXT", help="With --create: what it is for.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before a status that is final.")
@writes
@reads
@shown
@connected
def status(
    client: "Client",
    tag: str | None,
    new: str | None,
    create: str | None,
    mode: Literal["open", "append", "closed"] | None,
    final: bool,
    description: str | None,
    yes: bool,
    writing: "Writing",
    as_of: str | None,
    form: str,
) -> None:
    """Give global tag TAG another status, show the one that it has, or list all statuses.

    \b
    Examples:
      cdb gt status
      cdb gt status Prod2026
      cdb gt status Prod2026 validated --reason "DQ of week 12"
      cdb gt status --create validated --mode append
    """
    if create and tag:
        raise click.UsageError("--create declares a status, and takes no tag.")
    if not create and (mode or final or description):
        raise click.UsageError("--mode, --final and --description are for --create.")
    if as_of and (create or new):
        raise click.UsageError("--as-of is for what is only read.")
    if create:
        made = client.global_tags.declare_status(
            create, mode=mode or "open", final=final, description=description, **writing
        )
        told(made, f"Status {create} is declared", form)
    elif tag is None:
        show(client.global_tags.statuses(as_of=as_of), COLUMNS, form, FIELDS)
    elif new is None:
        _show(client.global_tags.show(tag, as_of=as_of), form)
    else:
        if not yes and not writing["dry_run"] and _is_final(client, new):
            confirm(FINAL.format(tag=tag, status=new))
        _set(client, tag, new, writing, form)


def _show(tag: Row, form: str) -> None:
    if form == "table":
        click.echo(text(tag["status"]))
    else:
        show_one({"name": tag["name"], "status": tag["status"]}, form)


def _is_final(client: "Client", status: str) -> bool:
    return any(each["final"] for each in client.global_tags.statuses() if each["name"] == status)
