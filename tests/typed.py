"""Lines of a shell that call `cdb`, read by the command's own parser, and not run."""

from importlib.metadata import entry_points

import click

from cdb_client.cli import main

VERBS = main.commands | {
    entry.name: entry.load()
    for entry in entry_points(group="cdb.commands")
    if entry.dist and entry.dist.name == "hep-cdb"
}
"""What stands behind `cdb`: the verbs of the client and of the server."""


def parse(words: list[str]) -> None:
    """Read the words of a line as a shell gives them to the command, and do nothing.

    Raises:
        click.UsageError: the command does not take them.

    """
    for end in ("|", "||", "&&", ">", "<"):
        words = words[: words.index(end)] if end in words else words
    assert words.pop(0) == "cdb"
    found: click.Command = VERBS[words.pop(0)]
    while isinstance(found, click.Group):
        found = found.commands[words.pop(0)]
    found.make_context(found.name, words).close()  # what it has opened
