"""`cdb timeline`: a tag as lanes, drawn in the terminal or into a file."""

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from cdb_client.commands.drawing import columns, draw, draws, save
from cdb_client.commands.options import TAG, TYPE, connected, reads, shown
from cdb_client.commands.output import as_csv, write

if TYPE_CHECKING:
    from cdb_client.client import Client
    from cdb_client.pictures.lanes import Picture

_GAPS = 20
_A_COLUMN = 8
"""Buckets for a column, which can be filled to so many eighths."""


@click.command()
@click.argument("tag", type=TAG)
@click.option(
    "--from", "begin", metavar="POINT", help="Where the picture begins, as in 302635:1100."
)
@click.option("--to", "end", metavar="POINT", help="Where it ends; that point is no part of it.")
@click.option(
    "--type", "types", type=TYPE, multiple=True, help="Only this payload type; repeatable."
)
@click.option("--gaps", is_flag=True, help="List below what nothing covers.")
@draws
@reads
@shown
@connected
def timeline(
    client: "Client",
    tag: str,
    begin: str | None,
    end: str | None,
    types: tuple[str, ...],
    gaps: bool,
    width: int | None,
    output: str | None,
    as_of: str | None,
    form: str,
) -> None:
    """Draw global tag TAG: a lane for each payload type, with its gaps.

    The picture shows what the tag covers, or the part from --from to --to, written as
    the payload types write their points. Neighbours in a lane have different colours;
    a low block is a column that is covered in part. CSV has a line for each interval,
    or for each part of the axis where a lane holds too many.

    \b
    Examples:
      cdb timeline Prod2026
      cdb timeline Prod2026 --from 302635:1100 --to 302635:1200 --gaps
      cdb timeline Prod2026 --type Pedestals --type Gains --as-of 2026-11-01
      cdb timeline Prod2026 -o prod2026.svg
    """
    from cdb_client.pictures import sources

    buckets = min(max(columns(width) * _A_COLUMN, 100), sources.MOST_BUCKETS)
    found, picture = sources.timeline(
        client,
        tag,
        begin=begin,
        end=end,
        types=types,
        as_of=as_of,
        buckets=sources.MOST_BUCKETS if output else buckets,
    )
    if output:
        save(picture, output)
        return
    match form:
        case "json":
            write(json.dumps(found, ensure_ascii=False) + "\n")
        case "csv":
            write(as_csv(list(_rows(found)), _FIELDS))
        case _:
            draw(picture, width)
    if gaps and form == "table":
        _list(picture, sources.gaps(client, tag, found, as_of))


def _list(picture: "Picture", found: Iterator[Mapping[str, Any]]) -> None:
    """List gaps below the picture, as many of each type as a person looks at."""
    by_type: dict[str, list[Mapping[str, Any]]] = {}
    for gap in found:
        by_type.setdefault(gap["payload_type"], []).append(gap)
    click.echo()
    if not by_type:
        click.echo("No gaps.")
    for name, those in sorted(by_type.items()):
        click.echo(f"{name}: {len(those)} gap{'s' if len(those) > 1 else ''}")
        for gap in those[:_GAPS]:
            click.echo(f"  {_place(gap, '', picture)} … {_place(gap, '_end', picture)}")
        if len(those) > _GAPS:
            click.echo(f"  and {len(those) - _GAPS} more: cdb gt gaps lists all")


def _place(row: Mapping[str, Any], side: str, picture: "Picture") -> str:
    notation = picture.notation
    return notation.write(notation.place((row[f"major_iov{side}"], row[f"minor_iov{side}"])))


_FIELDS = (
    "payload_type",
    "payload_list",
    "major_iov",
    "minor_iov",
    "major_iov_end",
    "minor_iov_end",
    "payload_url",
    "checksum",
    "revision",
    "iovs",
    "payloads",
    "covered_per_mille",
)


def _rows(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for lane in found["lanes"]:
        told = {"payload_type": lane["payload_type"], "payload_list": lane["payload_list"]}
        for each in lane.get("intervals") or ():
            yield (
                told
                | _points(each["start"], each["end"])
                | {
                    "payload_url": each["payload_url"],
                    "checksum": each["checksum"],
                    "revision": each["revision"],
                    "iovs": 1,
                    "payloads": 1,
                    "covered_per_mille": 1000,
                }
            )
        numbers = zip(
            lane.get("counts") or (),
            lane.get("payloads") or (),
            lane.get("covered") or (),
            strict=True,
        )
        for (start, end), (iovs, payloads, covered) in zip(
            pairwise(found["edges"]), numbers, strict=False
        ):
            yield (
                told
                | _points(start, end)
                | {
                    "iovs": iovs,
                    "payloads": payloads,
                    "covered_per_mille": covered,
                }
            )


def _points(start: str, end: str) -> dict[str, int]:
    from cdb_client.pictures.lanes import point_of

    (major, minor), (major_end, minor_end) = point_of(start), point_of(end)
    return {
        "major_iov": major,
        "minor_iov": minor,
        "major_iov_end": major_end,
        "minor_iov_end": minor_end,
    }
