"""The command `cdb`: its own verbs, and those that other distributions register.

A distribution adds a verb by an entry point in the group `cdb.commands`: its
name is the verb, its object a click command. It is imported only when the verb
is invoked or listed, so that `cdb query` never pays for a server.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NoReturn

import click

from cdb_client.commands.bulk import bulk
from cdb_client.commands.changes import log
from cdb_client.commands.completion import completion
from cdb_client.commands.doctor import doctor
from cdb_client.commands.gt import gt
from cdb_client.commands.insert import insert
from cdb_client.commands.iov import iov
from cdb_client.commands.output import printable
from cdb_client.commands.payload import payload
from cdb_client.commands.pl import pl
from cdb_client.commands.profile import profile
from cdb_client.commands.pt import pt
from cdb_client.commands.query import query
from cdb_client.commands.timeline import timeline
from cdb_client.commands.whoami import whoami

GROUP = "cdb.commands"
DISTRIBUTION = "hep-cdb-client"


class BrokenCommand(click.Command):
    """Stands in for a registered command that cannot be loaded.

    Takes any arguments, and always fails with the reason: status 1.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            name,
            add_help_option=False,
            context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        )
        self.reason = " ".join(reason.split())

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the whole reason, marked; `limit` would cut it short."""
        return f"[broken] {self.reason}"

    def invoke(self, ctx: click.Context) -> NoReturn:
        """Fail with the reason."""
        raise click.ClickException(f"{ctx.command_path!r} cannot be loaded: {self.reason}")


class CommandGroup(click.Group):
    """The client's own commands and the registered ones. An own name wins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted; loads none of them."""
        return sorted({*super().list_commands(ctx), *_registered(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, loaded, or a `BrokenCommand`; None for an unknown name."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        entries = _registered(ctx).get(cmd_name)
        return _loaded(cmd_name, entries) if entries else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run what was asked for; a file that cannot be used, or a name that is no text, ends it.

        Raises:
            click.ClickException: with the reason, status 1.

        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # who reads wants no more, which click knows
        except OSError as error:
            raise click.ClickException(printable(str(error))) from error
        except UnicodeEncodeError as error:
            # What the locale cannot decode arrives so.
            raise click.ClickException(f"{error.object!r} is no text.") from error


def _registered(ctx: click.Context) -> Mapping[str, Sequence[EntryPoint]]:
    # One scan of what is installed takes milliseconds, and click asks once a command.
    if GROUP not in ctx.meta:
        by_name = defaultdict(list)
        for entry in entry_points(group=GROUP):
            by_name[entry.name].append(entry)
        ctx.meta[GROUP] = dict(by_name)
    registered: Mapping[str, Sequence[EntryPoint]] = ctx.meta[GROUP]
    return registered


def _loaded(name: str, entries: Sequence[EntryPoint]) -> click.Command:
    if len(entries) > 1:
        owners = ", ".join(sorted(map(_distribution, entries)))
        return BrokenCommand(name, f"several distributions register it: {owners}")
    (entry,) = entries
    try:
        command = entry.load()
    except Exception as error:  # noqa: BLE001 - importing runs code that is not ours
        return BrokenCommand(name, f"{_distribution(entry)}: {type(error).__name__}: {error}")
    if not isinstance(command, click.Command):
        return BrokenCommand(
            name, f"{_distribution(entry)}: {entry.value} is {type(command).__name__}, no command"
        )
    return command


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


@click.group("cdb", cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=DISTRIBUTION, message="%(prog)s %(version)s")
def main() -> None:
    """Conditions database for high-energy physics.

    \b
    Examples:
      export CDB_URL=https://conditions.example.org/api/cdb_rest
      cdb gt list
      cdb query Prod2026 299400:12
      cdb gt diff Prod2026@1234 Prod2026
      cdb gt diff --help

    \b
    Exit status:
      0  done                            4  credentials are missing, or not enough
      1  refused, or something else      5  what was named does not exist
      2  wrong command line              6  the state of a tag, or a rule, is against it
      3  unreachable, or too busy        8  --exit-code: there are differences, or gaps
    """  # noqa: D301 - click's mark has to be one character


for command in (
    bulk,
    completion,
    doctor,
    gt,
    insert,
    iov,
    log,
    payload,
    pl,
    profile,
    pt,
    query,
    timeline,
    whoami,
):
    main.add_command(command)
