"""What a command prints: a table for people, JSON and CSV for programs.

On a terminal a table has frames and colours; in a pipe it is plain text, whose columns
are as wide as what stands in them. JSON and CSV are UTF-8 in every locale, and carry
every field with plain numbers.
"""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click

from cdb_client.points import MAX

Row = Mapping[str, Any]
Columns = Mapping[str, str | Callable[[Row], object]]
"""Of a table: its headings, and for each the field that stands there, or what makes it."""


def show(rows: Iterable[Row], columns: Columns, form: str) -> None:
    """Print a list of things.

    Args:
        rows: what the service says of each.
        columns: of the table.
        form: `table`, `json` or `csv`; only the table leaves fields out.

    """
    match form:
        case "json":
            write(json.dumps(list(rows), indent=2, ensure_ascii=False) + "\n")
        case "csv":
            write(as_csv(list(rows)))
        case _:
            table(
                list(columns), [[cell(row, source) for source in columns.values()] for row in rows]
            )


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
                label = name.replace("_", " ")
                click.echo(f"{click.style(f'{label:{width}}', bold=True)}  {text(value)}")


def say(sentence: str) -> None:
    """Tell a person what was done, on stderr: stdout is for what was asked."""
    click.echo(printable(sentence, sys.stderr.encoding), err=True)


def cell(row: Row, source: str | Callable[[Row], object]) -> str:
    """Return what stands in a cell of a table."""
    return text(row.get(source) if isinstance(source, str) else source(row))


def text(value: object) -> str:
    """Return a value for a table: nothing for None, and what is nested as JSON."""
    if value is None:
        return ""
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
    click.echo(content.encode(errors="backslashreplace"), nl=False)


def as_csv(rows: Sequence[Row], columns: Sequence[str] | None = None) -> str:
    """Return things as CSV, with the fields of the first one where no columns are named."""
    lines = io.StringIO()
    names = columns if columns is not None else list(rows[0] if rows else ())
    writer = csv.DictWriter(lines, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return lines.getvalue()


def printable(content: str, encoding: str | None = None) -> str:
    """Return text from the network so that it can neither steer a terminal nor break a line."""
    safe = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in content
    )
    chosen = encoding or sys.stdout.encoding or "ascii"
    return safe.encode(chosen, "backslashreplace").decode(chosen)


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
        framed.add_row(*map(Text, line))
    Console().print(framed)
