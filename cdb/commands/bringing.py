"""What the commands that bring a global tag in have in common."""

from typing import TYPE_CHECKING

import click

from cdb.commands.progress import progress

if TYPE_CHECKING:
    from cdb.commands.deployment import Deployment
    from cdb.services.exports import Source
    from cdb.services.imports import Imported
    from cdb.store.engine import Database

NAME = click.option("--name", metavar="TAG", help="What the global tag is called here.")
REASON = click.option("--reason", metavar="TEXT", help="Why; it stands in the change log.")
DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Do all but keep it, and say what would be."
)


def bring_in(
    database: "Database",
    deployment: "Deployment",
    source: "Source",
    name: str | None,
    actor: str,
    reason: str | None,
    *,
    dry_run: bool = False,
) -> None:
    """Bring a global tag into the database of a deployment, and print what came.

    Args:
        database: of the deployment.
        deployment: whose rules hold.
        source: what comes in.
        name: what the tag is called here; None for its own name.
        actor: whom the change log names.
        reason: why, for the change log.
        dry_run: do all but keep it.

    Raises:
        CdbError: it cannot come in as it is.

    """
    from cdb.services import imports
    from cdb.services.garbage import uncollected
    from cdb.services.writer import Writer

    writer = Writer.operator(actor, reason)
    with (
        progress("payload IOVs", source.n_iov) as told,
        uncollected(),
        database.writing(dry_run=dry_run) as session,
    ):
        imported = imports.take(session, deployment.rules, writer, source, name, told)
    if dry_run:
        click.echo("Dry run, nothing is kept.", err=True)
    click.echo(summary(imported))
    if imported.renamed:
        was, now = next(iter(imported.renamed.items()))
        click.echo(
            f"{len(imported.renamed)} payload lists have other names here, since theirs are "
            f"taken: {was} is {now}."
        )
    for type_name in imported.without_validator:
        click.echo(f"Payload type {type_name} has no validator here: the service has not its own.")


def summary(imported: "Imported") -> str:
    """Return a line about a global tag that came into a database, or a bundle."""
    tag = imported.tag
    return (
        f"global tag {tag.name} ({tag.status}), {imported.n_iov:,} payload IOVs, "
        f"digest {imported.digest}"
    )
