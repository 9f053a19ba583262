"""Pictures on stdout, and in files; what is slow to import comes with the first one."""

import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from cdb_client.commands.options import Command
from cdb_client.commands.output import say

if TYPE_CHECKING:
    from cdb_client.pictures.lanes import Picture


def draws(command: Command) -> Command:
    """Add `--output` and `--width`; they arrive as `output` and `width`."""
    for option in (
        click.option(
            "--width",
            type=click.IntRange(40, 1000),
            metavar="COLUMNS",
            help="Of the picture, instead of the terminal's.",
        ),
        click.option(
            "-o",
            "--output",
            type=click.Path(dir_okay=False, writable=True),
            metavar="FILE",
            help="Draw into an SVG, PNG or PDF instead; needs hep-cdb-client[plot].",
        ),
    ):
        command = option(command)
    return command


def columns(width: int | None) -> int:
    """Return how many columns a picture has: those that are asked for, or the terminal's."""
    return width or shutil.get_terminal_size((100, 24)).columns


def draw(picture: "Picture", width: int | None, *, is_diff: bool = False) -> None:
    """Draw a picture on stdout, in colours where it shows them."""
    from cdb_client.pictures import terminal

    style = terminal.style_for(sys.stdout.encoding or "ascii", coloured=_is_coloured())
    for line in terminal.draw(picture, columns(width), style, is_diff=is_diff):
        click.echo(line, color=style.coloured)


def save(picture: "Picture", path: str, *, is_diff: bool = False) -> None:
    """Draw a picture into a file, and say so."""
    from cdb_client.pictures import figure

    figure.save(picture, path, is_diff=is_diff)
    say(f"{path} is drawn.")


def _is_coloured() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return sys.stdout.isatty() and os.environ.get("TERM") not in {"dumb", None}
