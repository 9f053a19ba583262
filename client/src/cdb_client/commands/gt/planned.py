"""Writes that show first what they would do: merges and reverts."""

import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, Literal

import click

from cdb_client.commands.gt import comparing
from cdb_client.commands.options import (
    TAG,
    TYPE,
    Command,
    can_ask,
    confirm,
    connected,
    shown,
    told,
    writes,
)
from cdb_client.commands.output import Columns, Row, say, show, show_one

if TYPE_CHECKING:
    from cdb_client.client import Client
    from cdb_client.http import Answer, Writing

MERGE_COLUMNS: Columns = {
    "payload type": "payload_type",
    "what": "action",
    "payload list": "payload_list",
    "payload IOVs": "iovs_before",
    "added": "iovs_added",
    "retired": "iovs_retired",
}
REVERT_COLUMNS: Columns = {
    "payload type": "payload_type",
    "what": "action",
    "payload list": "payload_list",
    "payload IOVs": "iovs_before",
    "then": "iovs_after",
}

Send = Callable[..., "Answer"]
"""Sends the write; takes what `Writing` has."""


def agreed(command: Command) -> Command:
    """Add what says yes to a plan: `--yes`, and `--if-match` for one that was seen."""
    command = click.option("--yes", "-y", is_flag=True, help="Do not show the plan and ask.")(
        command
    )
    return click.option(
        "--if-match",
        metavar="ETAG",
        help="What a dry run has said: just that is done, or nothing where it has changed since.",
    )(command)


def carry_out(
    send: Send,
    columns: Columns,
    sentence: str,
    writing: "Writing",
    *,
    form: str,
    yes: bool,
    if_match: str | None,
) -> None:
    """Show the plan of a write, ask, and do just that; or only one of them, as is said.

    Args:
        send: the write.
        columns: of the plan's steps.
        sentence: what is done, as a question without its mark.
        writing: reason and dry run.
        form: how the plan, or what was done, is printed.
        yes: whether nobody is asked.
        if_match: the ETag of a plan that somebody has seen already.

    """
    seen = _quoted(if_match)
    if writing.get("dry_run"):
        plan = send(**writing, if_match=seen)
        _show(plan.body, columns, form)
        told(plan, sentence)
        say(f"To do just this: --if-match {_bare(plan.etag or '')}")
        return
    asks = not yes and seen is None
    if asks:
        plan = _plan(send, columns, sentence, writing)
        if not plan.body["payload_lists"]:
            say("There is nothing to do.")
            return
        confirm(f"{sentence}?")
        seen = plan.etag
    done = send(**writing, if_match=seen)
    if form == "table" and not asks:
        show(done.body["payload_lists"], columns, form)
    told(done, sentence, form)


def _plan(send: Send, columns: Columns, sentence: str, writing: "Writing") -> "Answer":
    """Show somebody what would be done, where they are asked about it, too."""
    can_ask(f"{sentence}?")
    plan = send(**{**writing, "dry_run": True})
    with redirect_stdout(sys.stderr):
        _show(plan.body, columns, "table")
    return plan


def _show(plan: Row, columns: Columns, form: str) -> None:
    if form != "table":
        show_one(plan, form)
        return
    show(plan["payload_lists"], columns, form)
    if differences := plan.get("differences"):
        click.echo()
        show(differences, comparing.columns("is", "would be"), form)
    hidden = (plan.get("differences_count") or 0) - len(differences or ())
    if hidden > 0:
        say(f"... and {hidden} differences more.")


def _quoted(etag: str | None) -> str | None:
    # A shell takes the quotes off that belong to it.
    return None if etag is None else f'"{_bare(etag)}"'


def _bare(etag: str) -> str:
    # A proxy that packs the answer calls it weak; it is the same plan.
    return etag.removeprefix("W/").strip('"')


@click.command()
@click.argument("tag", type=TAG)
@click.argument("sources", metavar="SOURCE...", type=TAG, nargs=-1, required=True)
@click.option(
    "--mode",
    type=click.Choice(["fill", "override", "append"]),
    required=True,
    help="What TAG answers stays, and its gaps are filled; the sources win where they have a "
    "payload; the sources go on where TAG ends.",
)
@click.option("--from", "begin", metavar="POINT", help="The first point; append needs it.")
@click.option("--to", "end", metavar="POINT", help="The point after the last one.")
@click.option("--type", "types", type=TYPE, multiple=True, help="Only this type. Several times.")
@click.option(
    "--closed",
    type=click.Choice(["refuse", "allow", "fix"]),
    help="With append: what becomes of intervals that end before the next one begins.",
)
@click.option("--full", is_flag=True, help="With append: end types that no source has.")
@writes
@agreed
@shown
@connected
def merge(
    client: "Client",
    tag: str,
    sources: Sequence[str],
    mode: Literal["fill", "override", "append"],
    types: Sequence[str],
    writing: "Writing",
    if_match: str | None,
    yes: bool,
    form: str,
    **wanted: Any,
) -> None:
    """Bring into global tag TAG what the tags SOURCE hold, as one change.

    On a terminal the plan is shown first; what is done is that, or nothing where somebody
    has written in the meantime.

    \b
    Examples:
      cdb gt merge Prod2026 Fixes2026 --mode override --dry-run
      cdb gt merge Prod2026 Good Rough --mode fill --reason "no gaps"
      cdb gt merge Running Staging --mode append --from 299500,0 --yes
      cdb gt merge Prod2026 Prod2026@1234 --mode fill --type Beam
    """

    def send(**writing: Any) -> "Answer":
        return client.global_tags.merge(tag, sources, mode, types=types, **wanted, **writing)

    sentence = f"Merge {', '.join(sources)} into global tag {tag} ({mode})"
    carry_out(send, MERGE_COLUMNS, sentence, writing, form=form, yes=yes, if_match=if_match)


@click.command()
@click.argument("tag", type=TAG)
@click.option("--to", required=True, metavar="CHANGE|TIME", help="What it is to answer as.")
@click.option("--type", "payload_type", type=TYPE, help="Only this payload type.")
@writes
@agreed
@shown
@connected
def revert(
    client: "Client",
    tag: str,
    to: str,
    payload_type: str | None,
    writing: "Writing",
    if_match: str | None,
    yes: bool,
    form: str,
) -> None:
    """Make global tag TAG answer as it did; its status and its texts stay.

    One new change, which can be reverted itself. On a terminal the plan is shown first;
    what is done is that, or nothing where somebody has written in the meantime.

    \b
    Examples:
      cdb gt revert Prod2026 --to 1234 --dry-run
      cdb gt revert Prod2026 --to 1234 --type Beam --reason "version 3 breaks the jets"
      cdb gt revert Prod2026 --to 2026-11-26T18:00:00Z --yes
    """

    def send(**writing: Any) -> "Answer":
        return client.global_tags.revert(tag, to, payload_type=payload_type, **writing)

    sentence = f"Revert global tag {tag} to {to}"
    carry_out(send, REVERT_COLUMNS, sentence, writing, form=form, yes=yes, if_match=if_match)
