"""`cdb query`: which payloads are valid at a point of a global tag."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import click

from cdb_client.commands.options import COORDINATE, TAG, TYPE, connected, reads, shown
from cdb_client.commands.output import SPAN, Columns, Row, end, point, show, start
from cdb_client.conditions import COLUMNS as FIELDS
from cdb_client.points import OPEN, Point

if TYPE_CHECKING:
    from cdb_client.client import Client

MORE_FIELDS = ("global_tag", "dimension", "begin", "end")
"""What bundles, and services of other projects, may leave out."""

_PAIR = re.compile(r"(\d+),(\d+)")


class Place(NamedTuple):
    """Where is asked: two numbers, a notation for all types, or one for each dimension."""

    numbers: Point | None
    notation: str | None
    dimensions: Sequence[str]


class Found(NamedTuple):
    """What is valid; and where just this is, as pairs of points by dimension."""

    rows: Sequence[Row]
    holds: Mapping[str, tuple[Point, Point]]


@click.command()
@click.argument("tag", type=TAG)
@click.argument("place", metavar="MAJOR MINOR | POINT", nargs=-1)
@click.option(
    "--at",
    "dimensions",
    multiple=True,
    metavar="DIM:POINT",
    help="The point for the types of a dimension; once for each.",
)
@click.option(
    "--layer",
    "layers",
    multiple=True,
    type=TAG,
    help="A tag that fills in the types of which those before it have no payload.",
)
@click.option("--type", "types", multiple=True, type=TYPE, help="Only this payload type.")
@click.option("--complete", is_flag=True, help="Fail where a type has no payload at the point.")
@click.option(
    "--expired",
    is_flag=True,
    help="Also show the last payload of a type whose interval has ended before the point.",
)
@click.option(
    "--bundle",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read this bundle, without any service; as --url does with a path.",
)
@reads
@shown
@connected
def query(
    client: "Client",
    tag: str,
    place: Sequence[str],
    dimensions: Sequence[str],
    layers: Sequence[str],
    bundle: Path | None,
    form: str,
    **asked: Any,
) -> None:
    """Show the payloads of global tag TAG that are valid at a point.

    The point is two numbers, or a POINT in the notation of the payload types' dimension.

    \b
    Examples:
      cdb query CMS_2017 302635 1200
      cdb query CMS_2017 302635:1200 --type LumiCertification
      cdb query CMS_2017@22 302635:1200 --format json
      cdb query MyFixes 302635:1200 --layer CMS_2017
      cdb query Mixed --at run-lumi:302635:1200 --at utc-time:2017-09-01T12:00:00Z
      cdb query CMS_2017 302635 1200 --url cms2017.cdb
    """
    tags = (tag, *layers)
    where = place_of(place, dimensions)
    opened = bundle or client.bundle_path
    found = (
        _of_bundle(opened, tags, where, asked)
        if opened
        else of_service(client, tags, where, asked)
    )
    more = [name for name in MORE_FIELDS if found.rows and name in found.rows[0]]
    show(found.rows, _columns(where, layered=len(tags) > 1), form, [*FIELDS, *more])
    if form == "table" and sys.stdout.isatty() and found.holds:
        click.echo(f"The same {_spans(found.holds)}.")


def place_of(given: Sequence[str], dimensions: Sequence[str]) -> Place:
    """Return where is asked, by what stands on the command line.

    Raises:
        click.UsageError: that is no point, or more than one.

    """
    if len(given) == 2:
        major, minor = (COORDINATE.convert(each, None, None) for each in given)
        return Place((major, minor), None, dimensions)
    if len(given) == 1 and not dimensions:
        return Place(None, given[0], ())
    if given or not dimensions:
        raise click.UsageError("Give the point as two numbers, as one notation, or by --at.")
    return Place(None, None, dimensions)


def of_service(
    client: "Client", tags: Sequence[str], where: Place, asked: Mapping[str, Any]
) -> Found:
    """Ask a service.

    Args:
        client: of the service.
        tags: the global tag, and its layers.
        where: the point.
        asked: the options `types`, `complete`, `expired` and `as_of`.

    """
    # One request, and no copy of an answer: a command says how it is now.
    major, minor = where.numbers or (None, None)
    params = {
        "gtName": tags,
        "majorIOV": major,
        "minorIOV": minor,
        "at": [where.notation] if where.notation else where.dimensions,
        "shape": "dict",
        "types": asked["types"],
        "complete": asked["complete"],
        "expired": "include" if asked["expired"] else None,
        "asOf": asked["as_of"],
    }
    answer = client.service.ask("GET", "payloadiovs/", params)
    if not _are_rows(answer.body):
        raise click.ClickException("The service's answer is not a list of payloads.")
    ends = [answer.headers.get(f"cdb-valid-{name}", "") for name in ("from", "until")]
    return Found(answer.body, _held(*ends))


def _of_bundle(path: Path, tags: Sequence[str], where: Place, asked: Mapping[str, Any]) -> Found:
    from cdb_client.client import Client

    by_name = dict(each.split(":", 1) for each in where.dimensions if ":" in each)
    point: tuple[Any, ...] = where.numbers or (where.notation or by_name,)
    with Client(path) as client:
        found = client.at(
            tags,
            *point,
            as_of=asked["as_of"],
            types=asked["types"] or None,
            expired=asked["expired"],
            complete=asked["complete"],
        )
        return Found([client.bundle.row(each) for each in found.values()], found.answer.holds)


def _are_rows(answer: Any) -> TypeGuard[Sequence[Row]]:
    return isinstance(answer, list) and all(
        isinstance(row, dict)
        and all(field in row for field in FIELDS)
        and all(isinstance(row[number], int) for number in SPAN)
        for row in answer
    )


def _held(first: str, until: str) -> dict[str, tuple[Point, Point]]:
    """Read where an answer holds; nothing where a service does not say."""
    starts, ends = _by_dimension(first), _by_dimension(until)
    return {name: (starts[name], ends[name]) for name in starts if name in ends}


def _by_dimension(header: str) -> dict[str, Point]:
    found = {}
    for part in header.split("; "):
        name, _, pair = part.rpartition(":")
        if numbers := _PAIR.fullmatch(pair):
            found[name] = (int(numbers[1]), int(numbers[2]))
    return found


def _spans(holds: Mapping[str, tuple[Point, Point]]) -> str:
    return ", and ".join(
        f"from {point(*first)} until {point(*until)}{f' by {name}' if name else ''}"
        for name, (first, until) in holds.items()
    )


def _columns(where: Place, *, layered: bool) -> Columns:
    """Return the columns: who asks in a notation is answered in it."""
    by_notation = where.numbers is None
    return {
        "type": "payload_type_name",
        "payload": "payload_url",
        **({"global tag": "global_tag"} if layered else {}),
        "valid from": _begin if by_notation else start,
        "valid until": _until if by_notation else end,
    }


def _begin(row: Row) -> str:
    return row.get("begin") or start(row)


def _until(row: Row) -> str:
    is_open = end(row) == point(*OPEN)
    return end(row) if is_open else row.get("end") or end(row)
