"""`cdb insert`: one payload IOV into a global tag."""

from collections.abc import Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cdb_client.commands.options import (
    COORDINATE,
    TAG,
    TYPE,
    Command,
    connected,
    shown,
    told,
    writes,
)
from cdb_client.commands.output import say
from cdb_client.commands.progress import progress

if TYPE_CHECKING:
    from cdb_client.client import Client
    from cdb_client.http import Answer, Writing

POINT = (COORDINATE, COORDINATE)


def keyed(command: Command) -> Command:
    """Add `--key`, which arrives in `writing`; stands below `writes`."""

    @click.option("--key", metavar="TEXT", help="Names this write: sent again, it is done once.")
    @wraps(command)
    def named(key: str | None, writing: "Writing", **rest: Any) -> Any:
        return command(writing={**writing, "key": key}, **rest)

    return named


@click.command()
@click.argument("tag", type=TAG)
@click.argument("payload_type", metavar="TYPE", type=TYPE)
@click.argument("payload_url", metavar="[URL]", required=False)
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The payload on this machine; without URL it is sent to the service's store first.",
)
@click.option("--upload", is_flag=True, help="Send --file, which is meant anyway without URL.")
@click.option("--begin", metavar="POINT", help="The start, as in 302635:1200.")
@click.option("--end", metavar="POINT", help="The end; without one, the payload list decides.")
@click.option("--start", type=POINT, metavar="MAJOR MINOR", help="The start as two numbers.")
@click.option("--until", type=POINT, metavar="MAJOR MINOR", help="The end as two numbers.")
@click.option("--checksum", metavar="HEX", help="MD5 or SHA-256; --file has its own.")
@click.option("--size", type=COORDINATE, metavar="BYTES", help="Of the payload.")
@click.option("--revision", metavar="TEXT", help="The payload's own revision.")
@click.option("--create-list", is_flag=True, help="Make the payload list, where the tag has none.")
@writes
@keyed
@shown
@connected
def insert(
    client: "Client",
    tag: str,
    payload_type: str,
    payload_url: str | None,
    upload: bool,
    create_list: bool,
    writing: "Writing",
    form: str,
    **said: Any,
) -> None:
    """Insert a payload of TYPE into global tag TAG: a file, or what lies at URL.

    In an unlocked tag the new interval wins over what is there; in a locked one it may
    only cover what nothing covers.

    \b
    Examples:
      cdb insert CMS_2017 Beam --file beam.txt --begin 302635:0 --end 303435:0
      cdb insert CMS_2017 Beam beam/7.txt --checksum c4ca4238a0b923820dcc509a6f75849b \\
          --start 302635 0 --until 303435 0 --reason "new fit"
      cdb insert CMS_2017 Beam beam/8.txt --file store/8.txt --begin 303435:0
      cdb insert CMS_2017 Beam --file beam.txt --begin 302635:0 --dry-run
    """
    if upload and said["file"] is None:
        raise click.UsageError("--upload needs --file.")
    with (
        progress("inserting"),
        client.inserting(tag, create_lists=create_list, **writing) as batch,
    ):
        batch.add(payload_type, url=payload_url, upload=upload or not payload_url, **said)
    told_of(batch.created_lists, batch.answer, f"A payload of {payload_type} is in {tag}", form)


def told_of(
    created_lists: Sequence[str], answer: "Answer | None", sentence: str, form: str
) -> None:
    """Tell what became of inserts, and which payload lists had to be made for them."""
    for payload_type in created_lists:
        # Of a dry run there is no answer where all would go into lists that it has not kept.
        if answer is None or answer.dry_run:
            say(f"A payload list of {payload_type} would be made; what goes into it is not tried.")
        else:
            say(f"A payload list of {payload_type} is made.")
    if answer:
        told(answer, sentence, form)
