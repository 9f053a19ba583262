"""What a command prints: a table for people, JSON and CSV for programs.

On a terminal a table has frames and colours; in a pipe it is plain text, whose columns
are as wide as what stands in them. JSON and CSV are UTF-8 in every locale, and carry
every field with plain numbers.
"""

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import click

from cdb_client.points import MAX

Row = Mapping[str, Any]
Columns = Mapping[str, str | Callable[[Row], object]]
"""Of a table: its headings, and for each the field that stands there, or what makes it."""

_ROWS_OF_A_TABLE = 1000

SPAN = ("major_iov", "minor_iov", "major_iov_end", "minor_iov_end")
"""The fields of an interval."""

COLOURS = {"unlocked": "green", "locked": "yellow", "frozen": "cyan"}
"""Of the statuses that every service has, on a terminal."""


class Coloured(str):
    """A text with a colour, for a terminal that has some."""

    colour: str

    def __new__(cls, content: object, colour: str) -> "Coloured":
        """Return the text as it can be printed."""
        made = super().__new__(cls, text(content))
        made.colour = colour
        return made


def show(rows: Iterable[Row], columns: Columns, form: str, fields: Sequence[str] = ()) -> None:
    """Print a list of things.

    JSON is written item by item as they come in, and so is CSV where its fields are named.

    Args:
        rows: what the service says of each.
        columns: of the table.
        form: `table`, `json` or `csv`; only the table leaves fields out.
        fields: the columns of CSV, also where there are no rows; without them all that
            any of the rows has.

    """
    match form:
        case "json":
            _write_all(_json_array(rows))
        case "csv" if fields:
            _write_all(_csv_lines(rows, fields))
        case "csv":
            write(as_csv(list(rows)))
        case _:
            # A list of any length is a table after the other, each with its headings.
            for block in _blocks(rows):
                table(list(columns), [[cell(row, of) for of in columns.values()] for row in block])


def show_one(thing: Row, form: str, *, hidden: Sequence[str] = ()) -> None:
    """Print one thing: a line for each field.

    Args:
        thing: what the service says of it.
        form: `table`, `json` or `csv`.
        hidden: fields that the table leaves out.

    """
    match form:
        case "json":
            write(json.dumps(thing, indent=2, ensure_ascii=False) + "\n")
        case "csv":
            write(as_csv([thing]))
        case _:
            shown = {name: value for name, value in thing.items() if name not in hidden}
            width = max(map(len, shown), default=0)
            for name, value in shown.items():
                label = name.replace("_", " ").replace("iov", "IOV")
                label = click.style(f"{label:{width}}", bold=True)
                told = status(thing) if name == "status" else text(value)
                click.echo(f"{label}  {_styled(told)}")


def say(sentence: str) -> None:
    """Tell a person what was done, on stderr: stdout is for what was asked."""
    click.echo(printable(sentence, sys.stderr.encoding), err=True)


def cell(row: Row, source: str | Callable[[Row], object]) -> str:
    """Return what stands in a cell of a table."""
    return text(row.get(source) if isinstance(source, str) else source(row))


def status(row: Row) -> str:
    """Return the status of a global tag, in its colour."""
    name = row.get("status")
    colour = COLOURS.get(str(name))
    return Coloured(name, colour) if colour else text(name)


def text(value: object) -> str:
    """Return a value for a table: nothing for None, and what is nested as JSON."""
    if value is None:
        return ""
    if isinstance(value, Coloured):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return printable(json.dumps(value, ensure_ascii=False))
    return printable(str(value))


def point(major: int, minor: int) -> str:
    """Return a point for a table; `∞` where there is no end."""
    without_end = _infinity(sys.stdout.encoding or "ascii")
    if (major, minor) == (MAX, MAX):
        return without_end
    return ", ".join(without_end if number == MAX else str(number) for number in (major, minor))


def start(row: Row) -> str:
    """Return where the interval of a payload IOV begins."""
    return point(row["major_iov"], row["minor_iov"])


def end(row: Row) -> str:
    """Return where the interval of a payload IOV ends."""
    return point(row["major_iov_end"], row["minor_iov_end"])


def table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print lines of cells under their headings."""
    if sys.stdout.isatty():
        _print_rich(headings, lines)
    else:
        _print_plain(headings, lines)


def write(content: str) -> None:
    """Write what programs read: UTF-8 in every locale.

    A lone surrogate, which UTF-8 lacks, leaves as the JSON escape that it came in as.
    """
    if sys.stdout.isatty():
        # Nobody's texts may steer it; and what a program reads does not come through one.
        content = "\n".join(printable(line, "utf-8") for line in content.split("\n"))
    click.echo(content.encode(errors="backslashreplace"), nl=False)


def _write_all(pieces: Iterator[str]) -> None:
    # One by one they would be one call of the system each.
    while some := "".join(islice(pieces, 500)):
        write(some)


def as_csv(rows: Sequence[Row], columns: Sequence[str] | None = None) -> str:
    """Return things as CSV; where no columns are named, with all fields that any of them has."""
    names = columns or list(dict.fromkeys(chain.from_iterable(rows)))
    return "".join(_csv_lines(rows, names)) if names else ""


def _csv_lines(rows: Iterable[Row], names: Sequence[str]) -> Iterator[str]:
    line = io.StringIO()
    writer = csv.DictWriter(line, names, extrasaction="ignore", lineterminator="\n")
    # What refuses comes with the first row, and then there is no header either.
    left = iter(rows)
    first = list(islice(left, 1))
    writer.writeheader()
    for row in chain(first, left):
        writer.writerow({name: _plain(value) for name, value in row.items()})
        yield line.getvalue()
        line.seek(0)
        line.truncate()
    yield line.getvalue()


def _blocks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    block = list(islice(left, _ROWS_OF_A_TABLE))
    yield block
    while block := list(islice(left, _ROWS_OF_A_TABLE)):
        yield block


def _json_array(rows: Iterable[Row]) -> Iterator[str]:
    before = "[\n"
    for row in rows:
        item = json.dumps(row, indent=2, ensure_ascii=False)
        yield before + "  " + item.replace("\n", "\n  ")
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _plain(value: object) -> object:
    """Return a value for CSV: what is nested, true and false as in JSON."""
    if isinstance(value, dict | list | bool):
        return json.dumps(value, ensure_ascii=False)
    return value


def printable(content: str, encoding: str | None = None) -> str:
    """Return text from the network so that it can neither steer a terminal nor break a line."""
    safe = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in content
    )
    chosen = encoding or sys.stdout.encoding or "ascii"
    return safe.encode(chosen, "backslashreplace").decode(chosen)


def _styled(content: str) -> str:
    # click takes the colours out where no terminal is, and rich knows the variable itself.
    if isinstance(content, Coloured) and not os.environ.get("NO_COLOR"):
        return click.style(content, fg=content.colour)
    return content


def _infinity(encoding: str) -> str:
    try:
        "∞".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return "open"
    return "∞"


def _print_plain(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    printed = [headings, *lines]
    widths = [max(map(len, column)) for column in zip(*printed, strict=True)]
    for line in printed:
        padded = (part.ljust(width) for part, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def _print_rich(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    # Slow to import, and of no use to a pipe.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    framed = Table()
    for heading in headings:
        framed.add_column(heading, overflow="fold")
    for line in lines:
        # As text, because a plain string is read as markup.
        framed.add_row(*(Text(part, style=getattr(part, "colour", "")) for part in line))
    Console().print(framed)
