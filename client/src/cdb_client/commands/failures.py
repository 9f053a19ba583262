"""What a command ends with: an exit status that scripts can use, and one line on stderr.

0  it is done
1  the service refused, something else went wrong, or a question was answered with no
2  the command line or the configuration is wrong, or nobody could be asked
3  the service cannot be reached, or is too busy: the same may succeed later
4  credentials are missing, do not hold, or do not permit this
5  what was named does not exist
6  the state of a tag, or a rule, is against it; or the name is taken
8  with --exit-code: there are differences, or gaps
130  interrupted, as by Ctrl-C

A pipe that is closed early, as by `head`, ends a command without a word.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from cdb_client.commands.output import printable
from cdb_client.errors import (
    MISFITS,
    Changed,
    ClientError,
    ConfigError,
    Conflict,
    Forbidden,
    NotationError,
    NotFound,
    ServiceError,
    Unauthenticated,
    Unavailable,
    Unreachable,
    misfit,
)

FOUND = 8
"""The exit status of a comparison that found something, where --exit-code asks for it."""

_INTERRUPTED = 130
_AGAINST_IT = 6
_TAKEN = "name-taken"

_STATUSES: tuple[tuple[type[ClientError], int], ...] = (
    (ConfigError, 2),
    (NotationError, 2),
    (Unreachable, 3),
    (Unavailable, 3),
    (Unauthenticated, 4),
    (Forbidden, 4),
    (NotFound, 5),
    (Conflict, _AGAINST_IT),
    (Changed, _AGAINST_IT),
)


@contextmanager
def failures() -> Iterator[None]:
    """Turn an error of the client into the end of the command.

    Raises:
        click.exceptions.Exit: with the exit status of the error, which was shown.

    """
    try:
        yield
    except ClientError as error:
        code = error.code if isinstance(error, ServiceError) else None
        click.ClickException(printable(f"{error}{_more(error, code)}")).show()
        raise click.exceptions.Exit(_status(error, code)) from error
    except MISFITS as error:
        # Not each field of each answer is looked at before it is shown.
        place = traceback.extract_tb(error.__traceback__)[-1]
        click.ClickException(
            printable(
                f"What was answered cannot be shown ({misfit(error)}, at line {place.lineno} of "
                f"{Path(place.filename).name}): another service's answer, or a mistake of cdb."
            )
        ).show()
        raise click.exceptions.Exit(1) from error
    except KeyboardInterrupt:
        click.echo("Interrupted.", err=True)
        raise click.exceptions.Exit(_INTERRUPTED) from None


def _more(error: ClientError, code: str | None) -> str:
    """Return what is of use to who looks into it, after the sentence."""
    of_service = error.request_id and isinstance(error, (Unavailable, Unreachable))
    return (
        f"{f' [{code}]' if code else ''}{f' (request {error.request_id})' if of_service else ''}"
    )


def _status(error: ClientError, code: str | None) -> int:
    # nopayloaddb's clients know a name that is taken as a 400; it is a conflict all the same.
    if code == _TAKEN:
        return _AGAINST_IT
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 1)
