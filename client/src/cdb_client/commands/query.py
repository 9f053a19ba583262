"""`cdb query`: which payloads are valid at a point of a global tag."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import click

from cdb_client.bundle import Bundle
from cdb_client.commands.options import COORDINATE, TAG, connected, reads, shown
from cdb_client.commands.output import Columns, Row, as_csv, end, show, start, write

if TYPE_CHECKING:
    from cdb_client.client import Client

FIELDS = (
    "payload_type_name",
    "payload_url",
    "checksum",
    "size",
    "major_iov",
    "minor_iov",
    "major_iov_end",
    "minor_iov_end",
    "revision",
)
COLUMNS: Columns = {
    "type": "payload_type_name",
    "payload": "payload_url",
    "valid from": start,
    "valid until": end,
}
POINTS = ("major_iov", "minor_iov", "major_iov_end", "minor_iov_end")


@click.command()
@click.argument("tag", type=TAG)
@click.argument("major", type=COORDINATE)
@click.argument("minor", type=COORDINATE)
@click.option(
    "--expired",
    is_flag=True,
    help="Also show the last payload of a type whose interval has ended before the point.",
)
@click.option(
    "--bundle",
    type=click.Path(exists=True, dir_okay=False),
    help="Read this bundle, without any service.",
)
@reads
@shown
@connected
def query(
    client: "Client",
    tag: str,
    major: int,
    minor: int,
    expired: bool,
    bundle: str | None,
    as_of: str | None,
    form: str,
) -> None:
    """Show the payloads of global tag TAG valid at MAJOR, MINOR.

    \b
    Exit status:
      0  the service answered
      1  the service refused, or answered something else than payloads
      2  the command line is wrong
      3  the service cannot be reached
    """
    if bundle is None:
        params = {"gtName": tag, "majorIOV": major, "minorIOV": minor, "shape": "dict"}
        expiry = "include" if expired else None
        rows = client.service.get("payloadiovs/", {**params, "expired": expiry, "asOf": as_of})
        if not _is_rows(rows):
            raise click.ClickException("The service's answer is not a list of payloads.")
    else:
        with Bundle(bundle) as opened:
            rows = opened.valid_at(tag, major, minor, expired=expired)
    if form == "csv":
        write(as_csv(rows, FIELDS))
    else:
        show(rows, COLUMNS, form)


def _is_rows(answer: Any) -> TypeGuard[Sequence[Row]]:
    return isinstance(answer, list) and all(
        isinstance(row, dict)
        and all(field in row for field in FIELDS)
        and all(isinstance(row[point], int) for point in POINTS)
        for row in answer
    )
