"""The help of every verb teaches by examples, which the commands take as they stand."""

import re
import shlex
from collections.abc import Iterator
from inspect import cleandoc
from io import StringIO
from pathlib import Path

import click
import pytest
from typed import VERBS, parse

FILES = (
    *("production.ini", "development.ini", "belle2.ini", "other.ini"),
    *("prod2026.cdb", "prod2026.jsonl.gz", "values.yaml", ".env"),
    *("beam.csv", "beam.txt", "beam/*.txt", "alignment.jsonl", "store/8.txt"),
)
"""What the examples name, and has to be there."""


def commands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Yield a command with its full name, and those below it."""
    yield name, command
    if isinstance(command, click.Group):
        for below, each in command.commands.items():
            yield from commands(f"{name} {below}", each)


COMMANDS = [each for name, verb in VERBS.items() for each in commands(name, verb)]


def examples(command: click.Command) -> list[str]:
    """Return the lines below `Examples:`, which are kept as they are."""
    [kept] = re.findall("\b\nExamples:\n(.*?)(?:\n\n|$)", cleandoc(command.help or ""), re.DOTALL)
    lines = kept.replace("\\\n", " ").splitlines()
    # What is kept in a variable, or evaluated, is a command itself.
    return [re.sub(r'^(\w+=|eval ")\$\((.*)\)"?$', r"\2", line.strip()) for line in lines]


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_the_examples_of_a_command_can_be_typed(
    name: str, command: click.Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", StringIO("y\n"))  # for what asks whether to go on
    for file in FILES:
        Path(file).parent.mkdir(exist_ok=True)
        Path(file).touch()
    lines = examples(command)
    assert any(f"{line} ".startswith(f"cdb {name} ") for line in lines)
    for line in lines:
        if line.startswith("export "):
            variable, _, value = line.removeprefix("export ").partition("=")
            monkeypatch.setenv(variable, value)
        else:
            parse(shlex.split(line, comments=True))
