"""`cdb bulk`: many payload IOVs from a file, in one request."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from cdb_client.commands.insert import keyed, told_of
from cdb_client.commands.options import LIST, TAG, connected, shown, writes
from cdb_client.commands.output import say
from cdb_client.commands.progress import progress
from cdb_client.commands.rows import BadRows, Rows, read
from cdb_client.errors import ServiceError

if TYPE_CHECKING:
    from cdb_client.client import Client
    from cdb_client.http import Answer, Writing

_PROBLEMS_SHOWN = 20

_PLACES = frozenset({"payload_list", "payload_type"})
_ROWS = re.compile(r"\brow (\d+)(?=: )|\bRows (\d+) and (\d+)\b")
"""What the service calls rows by: their numbers, counted from 0."""


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--tag", type=TAG, help="Into the lists of this tag, by the field payload_type.")
@click.option("--list", "payload_list", type=LIST, help="Into this payload list.")
@click.option("--create-lists", is_flag=True, help="Make the lists that --tag lacks.")
@writes
@keyed
@shown
@connected
def bulk(
    client: "Client",
    file: IO[bytes],
    tag: str | None,
    payload_list: str | None,
    create_lists: bool,
    writing: "Writing",
    form: str,
) -> None:
    """Insert the payload IOVs of FILE (- for stdin): all of them, or none.

    FILE is CSV with a heading, JSON lines, or a JSON array. Its fields are those that
    `--format csv` and `--format json` print: payload_type (or payload_list), payload_url,
    checksum, size, revision; major_iov and minor_iov, or begin; major_iov_end and
    minor_iov_end, or end. Without --tag and --list each row names its payload_list, and
    holds until the next start where it has no end; with them the payload list says what
    that means.

    \b
    Examples:
      cdb bulk beam.csv --tag CMS_2017 --reason "new fit"
      cdb bulk beam.csv --tag CMS_2017 --dry-run
      cdb bulk alignment.jsonl --list Alignment_17
      cdb iov ls CMS_2017 Beam --format csv | cdb bulk - --tag CMS_2018

    A file that is too large for one request of the service is refused as a whole. Split
    it then: each part is done whole or not at all, and a key for each lets you send again
    what may have been done.
    """
    if tag is not None and payload_list is not None:
        raise click.UsageError("--tag and --list exclude each other.")
    if create_lists and tag is None:
        raise click.UsageError("--create-lists needs --tag.")
    place = "payload_type" if tag else None if payload_list else "payload_list"
    # Only where a list is named by each row can a payload be without a checksum.
    needed = [place, "payload_url"] if place else ["payload_url"]
    needed += ["checksum"] if tag or payload_list else []
    given = _read(file, needed)
    if not given.rows:
        say("The file has no rows: nothing is inserted.")
        return
    rows = [_placed(row, place) for row in given.rows]
    count = f"{len(rows):,} payload IOV{'s' if len(rows) > 1 else ''}"
    with progress(f"inserting {count}"):
        if place == "payload_list":
            created: list[str] = []
            answer: Answer | None
            with _in_lines(lambda: given.places):
                answer = client.payload_iovs.bulk(rows, **writing)
        else:
            batch = client.inserting(
                tag, payload_list=payload_list, create_lists=create_lists, **writing
            )
            with _in_lines(lambda: [given.places[number] for number in batch.sent]), batch:
                batch.add_rows(rows)
            created, answer = batch.created_lists, batch.answer
    target = tag or payload_list or "their lists"
    told_of(created, answer, f"{count} inserted into {target}", form)


def _read(file: IO[bytes], needed: Sequence[str]) -> Rows:
    try:
        with progress("reading rows") as read_more:
            return read(file, needed, read_more)
    except BadRows as error:
        # A single one is what the error itself says.
        for problem in error.problems[:_PROBLEMS_SHOWN] if len(error.problems) > 1 else ():
            say(problem)
        raise


def _placed(row: Mapping[str, Any], place: str | None) -> dict[str, Any]:
    """Return a row without the names of what it goes to, but for the one that is asked for."""
    return {name: row[name] for name in row if name == place or name not in _PLACES}


@contextmanager
def _in_lines(sent: Callable[[], Sequence[str]]) -> Iterator[None]:
    """Let errors of the service name the lines of the file, where they count its rows.

    Args:
        sent: returns what people call the rows of the request.

    """

    def place(found: re.Match[str]) -> str:
        places = sent()
        numbers = [int(number) for number in found.groups() if number]
        if max(numbers) >= len(places):
            return found[0]
        return " and ".join(places[number] for number in numbers)

    try:
        yield
    except ServiceError as error:
        detail = _ROWS.sub(place, str(error))
        if _ROWS.match(str(error)):
            detail = detail[0].upper() + detail[1:]
        raise type(error)(error.status, error.code, detail, error.body) from error
