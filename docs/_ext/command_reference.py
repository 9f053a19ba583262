"""The directives `command-reference` and `command-options`: the command `cdb`, from its code."""

import re
from collections.abc import Iterator
from inspect import cleandoc, getfile, unwrap
from typing import Any, ClassVar

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from cdb_client.cli import main
from cdb_client.commands.options import connected, reads, shown, writes

NAMED = ("as_of", "form", "reason", "dry_run")
"""Of the options that many commands share, those that not all have which ask a service."""


class CommandReference(SphinxDirective):
    """Show every verb of the command: what it does, its own options, and examples."""

    has_content = False
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """Return a section for each verb."""
        found: list[nodes.Node] = []
        with click.Context(main, info_name="cdb") as context:
            verbs = {name: main.get_command(context, name) for name in main.list_commands(context)}
            for name, verb in verbs.items():
                if verb is None:
                    continue
                title = f"cdb {name}"
                section = nodes.section(ids=[nodes.make_id(title)], names=[title])
                section += nodes.title(text=title)
                for path, command in below(title, verb):
                    if command.callback:
                        # The page is built anew when the command changes.
                        self.env.note_dependency(getfile(unwrap(command.callback)))
                    section += self.parse_text_to_nodes("\n".join(described(path, command)))
                found.append(section)
        return found


class CommandOptions(SphinxDirective):
    """Show the options that many commands share."""

    has_content = False
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        return self.parse_text_to_nodes("\n".join(table(shared())))


def shared() -> list[click.Option]:
    """Return the options that are described once, for all commands."""

    @click.command()
    @shown
    @reads
    @writes
    @connected
    def command(**_: Any) -> None:
        """Do nothing."""

    return [each for each in command.params if isinstance(each, click.Option)]


def below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Give a command with its full name, and those below it."""
    yield path, command
    if isinstance(command, click.Group):
        for name, each in sorted(command.commands.items()):
            yield from below(f"{path} {name}", each)


def described(path: str, command: click.Command) -> Iterator[str]:
    """Give what a command does and its own options, in lines of MyST's Markdown."""
    with click.Context(command, info_name=path) as context:
        usage = " ".join([path, *command.collect_usage_pieces(context)])
    yield from (f"**`{usage}`**", "")
    for paragraph in re.split(r"\n\n", cleandoc(command.help or "")):
        if paragraph.startswith("\b\n"):
            yield from kept(paragraph.removeprefix("\b\n"))
        else:
            yield from (as_markdown(paragraph), "")
    common = {told(option) for option in shared()}
    options = [each for each in command.params if isinstance(each, click.Option)]
    yield from table([each for each in options if told(each) not in common])
    taken = [each for each in options if told(each) in common and each.name in NAMED]
    if taken:
        yield from (f"Also {', '.join(f'`{each.opts[0]}`' for each in taken)}.", "")


def told(option: click.Option) -> tuple[str | None, str | None]:
    """Return what makes an option the same as one of another command."""
    return option.name, option.help


def as_markdown(text: str) -> str:
    """Return a text with its options marked, of which typography would make dashes."""
    # A file that is standard input begins no list.
    text = re.sub(r"^- ", r"\\- ", text)
    return re.sub(r"(?<![\w`-])--[a-z][a-z-]*", r"`\g<0>`", text)


def kept(block: str) -> Iterator[str]:
    """Give what is printed as it is: examples, with what they are called before them."""
    title, *lines = block.splitlines()
    yield from (title, "", "```sh", cleandoc("\n".join(["", *lines])), "```", "")


def table(options: list[click.Option]) -> Iterator[str]:
    """Give a table of options."""
    if not options:
        return
    yield from ("```{list-table}", ":widths: 35 65", "")
    with click.Context(main) as context:
        for option in options:
            found = option.get_help_record(context)
            if found is not None:
                declared, meaning = found
                yield from (f"* - `{declared}`", f"  - {as_markdown(' '.join(meaning.split()))}")
    yield from ("```", "")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("command-reference", CommandReference)
    app.add_directive("command-options", CommandOptions)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
