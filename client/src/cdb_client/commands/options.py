"""The options that commands share, as decorators; one way to say each thing.

@gt.command()
@name_argument
@writes        # --reason, --dry-run: arrives as `writing`
@shown         # --format: arrives as `form`
@connected     # --url, --profile, ...: arrives as `client`, and turns errors into exit statuses
def create(client, name, form, writing): ...
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from cdb_client.commands.failures import failures
from cdb_client.commands.output import printable, say, show_one
from cdb_client.points import MAX, number_of

if TYPE_CHECKING:
    from cdb_client.http import Answer

CONNECT_SECONDS = 5

Command = Callable[..., Any]


class Name(click.ParamType):  # type: ignore[type-arg] # generic in the latest click only
    """A name, as it stands in a URL; `kind` says of what, and completes it in a shell."""

    name = "name"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name; what the locale cannot decode cannot be one."""
        # Such bytes arrive as lone surrogates, which no URL can hold.
        if not value or printable(value, "utf-8") != value:
            self.fail(f"{value!r} is not a name.", param, ctx)
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names that begin so, as the service knows them."""
        from cdb_client.commands import completing

        return [CompletionItem(name) for name in completing.names(self.kind, ctx, incomplete)]


class ProfileName(click.ParamType):  # type: ignore[type-arg] # as above
    """A profile of the configuration file."""

    name = "name"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the profiles in the file that begin so."""
        from cdb_client.errors import ConfigError
        from cdb_client.profiles import names

        with suppress(ConfigError):
            return [CompletionItem(name) for name in names() if name.startswith(incomplete)]
        return []


class Coordinate(click.ParamType):  # type: ignore[type-arg] # as above
    """One of the two numbers of a point."""

    name = "number"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the number, from 0 to 2**63 - 1, written in the digits 0 to 9."""
        number = number_of(str(value))
        if number is None:
            self.fail(f"{value!r} is not an integer from 0 to {MAX}.", param, ctx)
        return number


TAG = Name("global tag")
TYPE = Name("payload type")
LIST = Name("payload list")
STATUS = Name("status")
COORDINATE = Coordinate()


def connected(command: Command) -> Command:
    """Give the command a `client`, and turn what goes wrong into an exit status."""

    @click.option(
        "--url",
        envvar="CDB_URL",
        show_envvar=True,
        help="Base URL of the service's API, several of them, or a bundle; otherwise the "
        "profile says, or it is http://127.0.0.1:8000/api/cdb_rest.",
    )
    @click.option(
        "--profile",
        type=ProfileName(),
        envvar="CDB_PROFILE",
        show_envvar=True,
        help="A profile of ~/.config/cdb/config.toml.",
    )
    @click.option(
        "--timeout",
        type=click.IntRange(1, 86_400),
        default=30,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for an answer; for a connection never more than 5 s.",
    )
    @click.option(
        "--patience",
        type=click.FloatRange(0, 86_400),
        envvar="CDB_PATIENCE",
        default=1,
        show_default=True,
        metavar="SECONDS",
        help="How long to try again where the service cannot be reached, or is too busy.",
    )
    @wraps(command)
    def opened(
        url: str | None, profile: str | None, timeout: int, patience: float, **rest: Any
    ) -> Any:
        # What is slow to import comes only with the first request.
        from cdb_client.client import Client

        with (
            failures(),
            Client(
                url.split() if url and "://" in url else url,
                profile=profile,
                connect=min(CONNECT_SECONDS, timeout),
                read=timeout,
                patience=patience,
                # A command says how it is now.
                max_age=0,
            ) as client,
        ):
            return command(client=client, **rest)

    return opened


def shown(command: Command) -> Command:
    """Add `--format`; it arrives as `form`."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["table", "json", "csv"]),
        default="table",
        show_default=True,
        help="json and csv carry every field, with plain numbers.",
    )(command)


def reads(command: Command) -> Command:
    """Add `--as-of`; it arrives as `as_of`."""
    return click.option(
        "--as-of",
        metavar="CHANGE|TIME",
        help="As it was then: a change, or a time in ISO 8601.",
    )(command)


def window(command: Command) -> Command:
    """Add `--from`, `--to` and `--type`; they arrive as `begin`, `end` and `payload_type`."""
    for option in (
        click.option("--type", "payload_type", type=TYPE, help="Only this payload type."),
        click.option("--to", "end", metavar="POINT", help="The point after the last one."),
        click.option(
            "--from",
            "begin",
            metavar="POINT",
            help="The first point, as 299400,12, or in the notation of the dimension.",
        ),
    ):
        command = option(command)
    return command


def describes(command: Command) -> Command:
    """Add `--description` and `--contact` of something new."""
    command = click.option("--contact", metavar="TEXT", help="Whom to ask.")(command)
    return click.option("--description", metavar="TEXT", help="What it is for.")(command)


def redescribes(command: Command) -> Command:
    """Add `--description` and `--contact` of something that is there."""
    command = click.option(
        "--contact", metavar="TEXT", help="Whom to ask; an empty text for nobody."
    )(command)
    return click.option(
        "--description", metavar="TEXT", help="What it is for; an empty text for nothing."
    )(command)


def writes(command: Command) -> Command:
    """Add `--reason` and `--dry-run`; they arrive as `writing`, for the client's methods."""

    @click.option("--reason", metavar="TEXT", help="Why; it stands in the change log.")
    @click.option("--dry-run", is_flag=True, help="Do all but keep it, and say what would be.")
    @wraps(command)
    def writing(reason: str | None, dry_run: bool, **rest: Any) -> Any:
        return command(writing={"reason": reason, "dry_run": dry_run}, **rest)

    return writing


def removes(question: str) -> Callable[[Command], Command]:
    """Ask before the command goes on, and add `--yes`; a dry run is not asked about.

    Stands below `writes`.

    Args:
        question: with the command's arguments in braces, as in `Delete {name}?`.

    """

    def decorate(command: Command) -> Command:
        @click.option("--yes", "-y", is_flag=True, help="Do not ask.")
        @wraps(command)
        def asked(yes: bool, **rest: Any) -> Any:
            if not yes and not rest["writing"]["dry_run"]:
                confirm(question.format(**rest))
            return command(**rest)

        return asked

    return decorate


def confirm(question: str) -> None:
    """Go on if somebody says yes.

    Raises:
        click.UsageError: nobody can be asked.
        click.Abort: they say no; the command ends with status 1.

    """
    can_ask(question)
    click.confirm(printable(question, sys.stderr.encoding), abort=True, err=True)


def can_ask(question: str) -> None:
    """Raise where a question that is about to be asked would reach nobody.

    Raises:
        click.UsageError: standard input is no terminal.

    """
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Nobody can be asked here: --yes says so.")


def told(answer: "Answer", sentence: str, form: str = "table") -> None:
    """Tell what a write did, and by which change.

    Args:
        answer: of the write.
        sentence: what is done, without a full stop.
        form: with `json` or `csv` the answer is printed, too, for programs.

    """
    if answer.dry_run:
        say(f"Dry run, nothing is kept: {sentence}.")
    elif answer.change is None:
        say(f"{sentence}: nothing had to change.")
    else:
        say(f"{sentence}: change {answer.change}.")
    if form != "table":
        show_one(answer.body, form)
