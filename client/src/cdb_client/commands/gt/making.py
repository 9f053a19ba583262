"""Making, cloning, describing and deleting global tags."""

from typing import TYPE_CHECKING

import click

from cdb_client.commands.options import (
    STATUS,
    TAG,
    connected,
    describes,
    reads,
    redescribes,
    removes,
    shown,
    told,
    writes,
)

if TYPE_CHECKING:
    from cdb_client.client import Client
    from cdb_client.http import Writing


@click.command()
@click.argument("tag", type=TAG)
@describes
@click.option("--author", metavar="TEXT", help="Who is responsible.")
@click.option("--status", type=STATUS, metavar="STATUS", help="Instead of unlocked.")
@writes
@shown
@connected
def create(
    client: "Client",
    tag: str,
    description: str | None,
    author: str | None,
    contact: str | None,
    status: str | None,
    writing: "Writing",
    form: str,
) -> None:
    """Make the global tag TAG, empty.

    \b
    Examples:
      cdb gt create Test2026 --description "Test beam" --reason "beam week 12"
    """
    made = client.global_tags.create(
        tag, description=description, author=author, contact=contact, status=status, **writing
    )
    told(made, f"Global tag {tag} is made", form)


@click.command()
@click.argument("source", type=TAG)
@click.argument("target", type=TAG)
@reads
@writes
@shown
@connected
def clone(
    client: "Client",
    source: str,
    target: str,
    as_of: str | None,
    writing: "Writing",
    form: str,
) -> None:
    """Make the unlocked global tag TARGET with all that SOURCE holds, or held.

    Nothing is copied, so it takes as long for a million payload IOVs as for one.

    \b
    Examples:
      cdb gt clone Prod2026 Test2026 --reason "new alignment"
      cdb gt clone Prod2026 AsPublished --as-of 2026-03-01T12:00:00Z
    """
    made = client.global_tags.clone(source, target, as_of=as_of, **writing)
    told(made, f"Global tag {target} is a clone of {source}", form)


@click.command()
@click.argument("tag", type=TAG)
@click.option("--name", metavar="NAME", help="Another name; for a tag that is unlocked.")
@redescribes
@writes
@shown
@connected
def edit(
    client: "Client",
    tag: str,
    name: str | None,
    description: str | None,
    contact: str | None,
    writing: "Writing",
    form: str,
) -> None:
    """Change what is said of global tag TAG, in any status, or its name.

    \b
    Examples:
      cdb gt edit Prod2026 --contact calibration@example.org
      cdb gt edit Test2026 --name Prod2026_v2 --reason "validated"
    """
    if (name, description, contact) == (None, None, None):
        raise click.UsageError("Nothing to change: --name, --description or --contact says what.")
    done = client.global_tags.edit(
        tag, new_name=name, description=description, contact=contact, **writing
    )
    told(done, f"Global tag {tag} is {f'now {name}' if name else 'changed'}", form)


@click.command()
@click.argument("tag", type=TAG)
@writes
@removes("Delete global tag {tag} with all its payload lists?")
@shown
@connected
def delete(client: "Client", tag: str, writing: "Writing", form: str) -> None:
    """Delete global tag TAG with its payload lists; clones of it stay whole.

    What it answered can be asked as of a change before, under its name.

    \b
    Examples:
      cdb gt delete Test2026
      cdb gt delete Test2026 --yes --reason "test is over"
    """
    told(client.global_tags.delete(tag, **writing), f"Global tag {tag} is deleted", form)
