"""`cdb gt`: global tags."""

import click

from cdb_client.commands.gt import comparing, history, making, planned, reading, statuses


@click.group()
def gt() -> None:
    """Global tags: list, make, clone, lock, compare, and take back.

    \b
    Examples:
      cdb gt list --search 2026
      cdb gt clone Prod2026 Test2026 --reason "new alignment"
      cdb gt diff Prod2026@1234 Prod2026
      cdb gt revert Prod2026 --to 1234
    """


for command in (
    reading.list_,
    reading.show_,
    reading.lists,
    reading.digest,
    reading.gaps,
    history.history,
    making.create,
    making.clone,
    making.edit,
    making.delete,
    statuses.lock,
    statuses.unlock,
    statuses.freeze,
    statuses.status,
    comparing.diff,
    planned.merge,
    planned.revert,
):
    gt.add_command(command)
