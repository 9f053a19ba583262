"""Commands that look for something, whose exit status can say whether they found any."""

from collections.abc import Callable, Iterable, Iterator

import click

from cdb_client.commands.failures import FOUND
from cdb_client.commands.options import Command
from cdb_client.commands.output import Row


def exits(found: str) -> Callable[[Command], Command]:
    """Add `--exit-code`; it arrives as `exit_code`.

    Args:
        found: what there is where the exit status is 8, as in `differences`.

    """
    return click.option(
        "--exit-code", is_flag=True, help=f"End with status {FOUND} where there are {found}."
    )


class Counted:
    """Rows that are counted as they go by."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.count += 1
            yield row

    def end(self, *, exit_code: bool) -> None:
        """End the command with the status for what was found, where somebody wants it.

        Raises:
            click.exceptions.Exit: there was something.

        """
        if exit_code and self.count:
            raise click.exceptions.Exit(FOUND)
