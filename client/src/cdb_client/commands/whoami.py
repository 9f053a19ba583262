"""`cdb whoami`: who the service takes the sender for."""

from typing import TYPE_CHECKING

import click

from cdb_client.commands.options import connected, shown
from cdb_client.commands.output import show_one

if TYPE_CHECKING:
    from cdb_client.client import Client


@click.command()
@shown
@connected
def whoami(client: "Client", form: str) -> None:
    """Show who the service takes you for, and what you may do somewhere.

    \b
    Examples:
      cdb whoami
      cdb whoami --format json | jq -r .subject
    """
    found = client.whoami()
    listed = {
        name: ", ".join(value) if form == "table" and isinstance(value, list) else value
        for name, value in found.items()
    }
    show_one(listed, form)
