"""`cdb pt`: payload types."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from cdb_client.commands.options import (
    TYPE,
    Command,
    connected,
    describes,
    reads,
    redescribes,
    removes,
    shown,
    told,
    writes,
)
from cdb_client.commands.output import Columns, show, show_one

if TYPE_CHECKING:
    from cdb_client.client import Client
    from cdb_client.http import Writing

COLUMNS: Columns = {
    "payload type": "name",
    "dimension": "dimension",
    "validator": "validator",
    "contact": "contact",
    "description": "description",
}
FIELDS = (
    "id",
    "name",
    "description",
    "contact",
    "created",
    "dimension",
    "validator",
    "validator_options",
)


@click.group()
def pt() -> None:
    """Payload types: list, make, change, delete.

    \b
    Examples:
      cdb pt list
      cdb pt create Beam --description "Beam spot" --dimension run-lumi
    """


@pt.command("list")
@click.option("--search", metavar="TEXT", help="A part of a name.")
@reads
@shown
@connected
def list_(client: "Client", search: str | None, as_of: str | None, form: str) -> None:
    """List payload types by name.

    \b
    Examples:
      cdb pt list --search beam
      cdb pt list --format json
    """
    show(client.payload_types.list(search=search, as_of=as_of), COLUMNS, form, FIELDS)


@pt.command("show")
@click.argument("name", metavar="TYPE", type=TYPE)
@reads
@shown
@connected
def show_(client: "Client", name: str, as_of: str | None, form: str) -> None:
    """Show payload type TYPE: how its points are written, and what its payloads have to be.

    \b
    Examples:
      cdb pt show Beam
      cdb pt show Beam --as-of 2026-11-01
    """
    show_one(client.payload_types.show(name, as_of=as_of), form, hidden=["id"])


def validated(command: Command) -> Command:
    """Add what validates payloads: arrives as `validator` and `validator_options`."""
    command = click.option(
        "--validator-option",
        "validator_options",
        metavar="KEY=VALUE",
        multiple=True,
        callback=_options,
        help="What the validator is told; VALUE as JSON, or else as a text. Several times.",
    )(command)
    return click.option(
        "--validator", metavar="NAME", help="What is asked about each payload of the type."
    )(command)


def _options(
    _ctx: click.Context, _param: click.Parameter, given: Sequence[str]
) -> Mapping[str, Any] | None:
    found = {}
    for each in given:
        key, separator, value = each.partition("=")
        if not key or not separator:
            raise click.BadParameter(f"{each!r} is not KEY=VALUE.")
        found[key] = _value(value)
    return found or None


def _value(written: str) -> Any:
    try:
        return json.loads(written)
    except ValueError:
        return written


@pt.command()
@click.argument("name", metavar="TYPE", type=TYPE)
@describes
@click.option(
    "--dimension",
    metavar="NAME",
    help="How its points are written; otherwise as the service says.",
)
@validated
@writes
@shown
@connected
def create(
    client: "Client",
    name: str,
    description: str | None,
    contact: str | None,
    dimension: str | None,
    validator: str | None,
    validator_options: Mapping[str, Any] | None,
    writing: "Writing",
    form: str,
) -> None:
    """Make payload type TYPE.

    \b
    Examples:
      cdb pt create Beam --description "Beam spot"
      cdb pt create Survey --dimension utc-time --validator name-pattern \\
          --validator-option pattern='survey_*.txt'
    """
    made = client.payload_types.create(
        name,
        description=description,
        contact=contact,
        dimension=dimension,
        validator=validator,
        validator_options=validator_options,
        **writing,
    )
    told(made, f"Payload type {name} is made", form)


@pt.command()
@click.argument("name", metavar="TYPE", type=TYPE)
@redescribes
@validated
@writes
@shown
@connected
def edit(
    client: "Client",
    name: str,
    description: str | None,
    contact: str | None,
    validator: str | None,
    validator_options: Mapping[str, Any] | None,
    writing: "Writing",
    form: str,
) -> None:
    """Change what is said of payload type TYPE, or what validates its payloads.

    An empty validator leaves it to the service. The dimension stays as it was made.

    \b
    Examples:
      cdb pt edit Beam --contact beam@example.org
      cdb pt edit Survey --validator json-schema --validator-option schema='{"type": "object"}'
    """
    if (description, contact, validator, validator_options) == (None, None, None, None):
        raise click.UsageError("Nothing to change: an option has to say what.")
    done = client.payload_types.edit(
        name,
        description=description,
        contact=contact,
        validator=validator,
        validator_options=validator_options,
        **writing,
    )
    told(done, f"Payload type {name} is changed", form)


@pt.command()
@click.argument("name", metavar="TYPE", type=TYPE)
@writes
@removes("Delete payload type {name}?")
@shown
@connected
def delete(client: "Client", name: str, writing: "Writing", form: str) -> None:
    """Delete payload type TYPE, of which no payload list may be left.

    \b
    Examples:
      cdb pt delete Survey
      cdb pt delete Survey --yes --reason "never used"
    """
    told(client.payload_types.delete(name, **writing), f"Payload type {name} is deleted", form)
