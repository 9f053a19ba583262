"""`cdb query`: which payloads are valid at a point of a global tag."""

import csv
import io
import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import click

MAX = 2**63 - 1
DEFAULT_URL = "http://127.0.0.1:8000/api/cdb_rest"
COLUMNS = (
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
HEADINGS = ("type", "payload", "valid from", "valid until")
POINTS = ("major_iov", "minor_iov", "major_iov_end", "minor_iov_end")
CONNECT_SECONDS = 5

Row = Mapping[str, Any]


def _coordinate(_ctx: click.Context, _param: click.Parameter, value: str) -> int:
    # int() alone would take signs, blanks, underscores and other scripts' digits.
    number = int(value) if re.fullmatch(r"[0-9]{1,19}", value) else None
    if number is None or number > MAX:
        raise click.BadParameter(f"{value!r} is not an integer from 0 to {MAX}.")
    return number


def _tag(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    # Bytes that the locale cannot decode arrive as lone surrogates, which no URL can hold.
    if not value or _safe(value, "utf-8") != value:
        raise click.BadParameter(f"{value!r} is not a name.")
    return value


class NoAnswer(click.ClickException):
    """Ends the command because the service cannot be reached."""

    exit_code = 3


@click.command()
@click.argument("tag", callback=_tag)
@click.argument("major", callback=_coordinate)
@click.argument("minor", callback=_coordinate)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="json and csv carry every field, with plain numbers.",
)
@click.option(
    "--expired",
    is_flag=True,
    help="Also show the last payload of a type whose interval has ended before the point.",
)
@click.option(
    "--url",
    envvar="CDB_URL",
    default=DEFAULT_URL,
    show_default=True,
    show_envvar=True,
    help="Base URL of the service's API.",
)
@click.option(
    "--bundle",
    type=click.Path(exists=True, dir_okay=False),
    help="Read this bundle, without any service.",
)
@click.option(
    "--timeout",
    type=click.IntRange(1, 86_400),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the answer; for the connection never more than 5 s.",
)
def query(
    tag: str,
    major: int,
    minor: int,
    form: str,
    expired: bool,
    url: str,
    bundle: str | None,
    timeout: int,
) -> None:
    """Show the payloads of global tag TAG valid at MAJOR, MINOR.

    \b
    Exit status:
      0  the service answered
      1  the service refused, or answered something else than payloads
      2  the command line is wrong
      3  the service cannot be reached
    """  # noqa: D301 - click's mark for 'keep these lines' is the character itself
    if bundle is None:
        params: dict[str, str | int] = {
            "gtName": tag,
            "majorIOV": major,
            "minorIOV": minor,
            "shape": "dict",
        }
        if expired:
            params["expired"] = "include"
        rows = _ask(url, timeout, params)
    else:
        rows = _read(bundle, tag, major, minor, expired)
    match form:
        case "json":
            _write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        case "csv":
            _write(_csv(rows))
        case _:
            _print_table(rows)


def _ask(url: str, timeout: int, params: Mapping[str, str | int]) -> Sequence[Row]:
    # Half of the time that `cdb --help` takes, were it imported above.
    from cdb_client.http import Service, ServiceError, Unreachable  # noqa: PLC0415

    try:
        service = Service(url, connect=min(CONNECT_SECONDS, timeout), read=timeout)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--url' or CDB_URL") from error
    try:
        with service:
            answer = service.get("payloadiovs/", params)
    except Unreachable as error:
        raise NoAnswer(_safe(str(error), "utf-8")) from error
    except ServiceError as error:
        code = f" [{error.code}]" if error.code else ""
        raise click.ClickException(_safe(f"{error.detail}{code}", "utf-8")) from error
    if not _is_rows(answer):
        raise click.ClickException("The service's answer is not a list of payloads.")
    return answer


def _read(path: str, tag: str, major: int, minor: int, expired: bool) -> Sequence[Row]:
    from cdb_client.bundle import Bundle, BundleError  # noqa: PLC0415

    try:
        with Bundle(path) as bundle:
            return bundle.valid_at(tag, major, minor, expired=expired)
    except BundleError as error:
        raise click.ClickException(_safe(str(error), "utf-8")) from error


def _is_rows(answer: Any) -> TypeGuard[list[Row]]:
    return isinstance(answer, list) and all(
        isinstance(row, dict)
        and all(column in row for column in COLUMNS)
        and all(isinstance(row[point], int) for point in POINTS)
        for row in answer
    )


def _write(text: str) -> None:
    # What programs read is UTF-8 in every locale. A lone surrogate, which UTF-8
    # lacks, leaves as the JSON escape that it came in as.
    click.echo(text.encode(errors="backslashreplace"), nl=False)


def _csv(rows: Sequence[Row]) -> str:
    lines = io.StringIO()
    writer = csv.DictWriter(lines, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return lines.getvalue()


def _print_table(rows: Sequence[Row]) -> None:
    encoding = sys.stdout.encoding or "ascii"
    cells = [_cells(row, encoding) for row in rows]
    if sys.stdout.isatty():
        _print_rich(cells)
    else:
        _print_plain(cells)


def _cells(row: Row, encoding: str) -> tuple[str, ...]:
    return (
        _safe(str(row["payload_type_name"]), encoding),
        _safe(str(row["payload_url"]), encoding),
        _point(row["major_iov"], row["minor_iov"], encoding),
        _point(row["major_iov_end"], row["minor_iov_end"], encoding),
    )


def _point(major: int, minor: int, encoding: str) -> str:
    without_end = _infinity(encoding)
    if (major, minor) == (MAX, MAX):
        return without_end
    return ", ".join(without_end if number == MAX else str(number) for number in (major, minor))


def _infinity(encoding: str) -> str:
    try:
        "∞".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return "open"
    return "∞"


def _safe(text: str, encoding: str) -> str:
    # Text from the network must neither steer the terminal nor break a row.
    printable = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
    return printable.encode(encoding, "backslashreplace").decode(encoding)


def _print_plain(cells: Sequence[Sequence[str]]) -> None:
    lines = [HEADINGS, *cells]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def _print_rich(cells: Sequence[Sequence[str]]) -> None:
    # Slow to import, and of no use to a pipe.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table()
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold")
    for line in cells:
        # As text, because a plain string is read as markup.
        table.add_row(*map(Text, line))
    Console().print(table)
