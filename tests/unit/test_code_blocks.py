"""Every block of code of every page is checked: by running it elsewhere, and here by reading it.

What is a command is read by the command's own parser, what is a setting by the service's settings,
what is an import is imported. A language that nobody has said how to check is an error.
"""

import ast
import doctest
import json
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from functools import cache
from importlib import import_module
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import click
import pytest
import yaml
from markdown_it import MarkdownIt
from pages import ROOT, commands
from support import program
from typed import VERBS, parse

from cdb.registry.installed import installed
from cdb.rest import metrics
from cdb.settings import SettingsError, load

PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "deploy/**/*.md", "*/README.md", "plugins/*/README.md")
    for page in ROOT.glob(pattern)
    if "_build" not in page.parts
)


class Block(NamedTuple):
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """Give the blocks of a page that have a language, also those of Sphinx' directive."""
    for token in MarkdownIt().parse(page.read_text()):
        if token.type != "fence" or not token.info:
            continue
        assert token.map
        language, text = token.info.split()[0], token.content
        if language == "{code-block}":
            language, text = token.info.split()[1], text.partition("\n\n")[2]
        yield Block(str(page.relative_to(ROOT)), token.map[0] + 1, language, text)


# Read by the tests, and not when they are collected, which each process does for all tests.
@cache
def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of a page that have a language of their own."""
    return [block for block in blocks(page) if not block.language.startswith("{")]


@pytest.fixture(autouse=True)
def exported() -> Iterator[None]:
    """Keep what a page exports to itself."""
    with patch.dict(os.environ):
        yield


@pytest.fixture(autouse=True)
def files_need_not_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a command take the name of any file: how it is written is what is looked at."""

    def convert(self: Any, value: Any, *_: Any) -> Any:
        return (getattr(self, "type", None) or str)(value)

    monkeypatch.setattr(click.Path, "convert", convert)
    monkeypatch.setattr(click.File, "convert", convert)


# --- shells ---------------------------------------------------------------------

OPERATORS = {";", "&", "|", "&&", "||", "(", ")", "\n"}


def check_shell(text: str) -> None:
    read = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    for words in simple_commands(text):
        if words[0] == "export":
            os.environ.update(dict(word.split("=", 1) for word in words[1:]))
        elif Path(words[0]).name == "cdb" and len(words) > 1:
            parse(["cdb", *words[1:]])


def check_console(text: str) -> None:
    check_shell("\n".join(example.command for example in commands(text)))


def simple_commands(text: str) -> Iterator[list[str]]:
    """Give the words of each command of a script, without what is set or sent elsewhere."""
    # Here documents are input, and what is put into a command is a command, too.
    text = re.sub(r"<<-?'?(\w+)'?(.*?)\n.*?\n\1$", r"\2", text, flags=re.DOTALL | re.MULTILINE)
    for inner in re.findall(r"\$\(([^()]*)\)", text):
        yield from simple_commands(inner)
    text = re.sub(r"(?<=\s)(\d(?=[<>])|#.*$)", "", text.replace("\\\n", " "), flags=re.MULTILINE)
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|()<>\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    words: list[str] = []
    skip = False
    for word in [*lexer, "\n"]:
        if set(word) <= set("<>&") and word not in OPERATORS:
            skip = True
        elif skip:
            skip = False
        elif word in OPERATORS or not word.strip("\n;&|()"):
            if words:
                yield words
            words = []
        elif words or not re.match(r"\w+=", word):
            words.append(word)


# --- Python -----------------------------------------------------------------------

MADE_BY_A_PAGE = {"cdb_muon", "run-in-name"}
"""A package that the reader of a page writes, and its plugin; the tests of the page do so, too."""


def check_python(text: str) -> None:
    if text.lstrip().startswith(">>>"):
        text = "\n".join(each.source for each in doctest.DocTestParser().get_examples(text))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for name in node.names:
                import_module(name.name)
        elif isinstance(node, ast.ImportFrom):
            assert node.module
            if node.module.partition(".")[0] in MADE_BY_A_PAGE:
                continue
            module = import_module(node.module)
            for name in node.names:
                if not hasattr(module, name.name):
                    import_module(f"{node.module}.{name.name}")


# --- what is read by a service ------------------------------------------------------

ELSEWHERE = {"cdb.database.url": "sqlite:////cdb.sqlite"}
"""What a part of an ini leaves to the rest."""


def check_ini(text: str) -> None:
    """Check the settings of a service; of other programs' files that they can be read."""
    read = ConfigParser(interpolation=None, strict=False, delimiters="=")
    read.optionxform = str  # type: ignore[assignment,method-assign]  # as the library says to
    read.read_string(text if re.search(r"^\[", text, re.MULTILINE) else f"[app:main]\n{text}")
    if not read.has_section("app:main"):
        return
    keys = {key: value for key, value in read["app:main"].items() if "<" not in key}
    load(ELSEWHERE | keys, {})
    for key in keys:
        option = re.fullmatch(r"cdb\.plugin\.([\w-]+)\.(\w+)", key)
        if option and option[1] not in MADE_BY_A_PAGE:
            [plugin] = {each.load() for each in installed() if each.name == option[1]}
            assert option[2] in plugin.Options.__dataclass_fields__, key


def check_yaml(text: str) -> None:
    assert list(yaml.safe_load_all(text))


CHECKS: dict[str, Callable[[str], object]] = {
    "bash": check_shell,
    "console": check_console,
    "ini": check_ini,
    "json": json.loads,
    "pycon": check_python,
    "python": check_python,
    "sh": check_shell,
    "toml": tomllib.loads,
    "yaml": check_yaml,
}

METRICS = {metric.name for metric in metrics.METRICS}


@cache
def packages() -> set[str]:
    """Return the packages of cdb that are installed."""
    return {name for name in packages_distributions() if name.startswith("cdb_")}


NOT_CHECKED = {
    "text": "what is printed or drawn, and no code; the tests of their page compare what they can",
    "nginx": "read by nginx itself, in a test of its own",
}
"""Languages that are shown, and why they are not checked here."""


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in PAGES])
def test_each_block_of_a_page_can_be_used_as_it_stands(page: str) -> None:
    for block in blocks_of(ROOT / page):
        if block.language in NOT_CHECKED:
            continue
        try:
            CHECKS[block.language](block.text)
        except Exception as error:
            error.add_note(f"in {page}:{block.line}, {block.language}")
            raise


def test_nginx_takes_the_parts_of_sites(tmp_path: Path) -> None:
    """Whole sites are in deploy/nginx, and served in test_nginx.py."""
    found = chain.from_iterable(map(blocks_of, PAGES))
    parts = [block.text for block in found if block.language == "nginx"]
    # What a part includes is the reader's own, and has a secret in it.
    sites = [re.sub(r"^ *include .*$", "", part, flags=re.MULTILINE) for part in parts]
    servers = [site if site.startswith("server") else f"server {{ {site} }}" for site in sites]
    config = tmp_path / "nginx.conf"
    config.write_text(f"pid nginx.pid; events {{}} http {{ access_log off; {''.join(servers)} }}")
    command = [program("nginx"), "-t", "-q", "-p", tmp_path, "-e", "error.log", "-c", config]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr


def inline(page: Path) -> Iterator[tuple[int, str]]:
    """Give what a page has as code within its sentences, with the line of the paragraph."""
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text()):
        for child in token.children or ():
            if child.type == "code_inline":
                yield (token.map or [0])[0] + 1, child.content


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in PAGES])
def test_the_sentences_of_a_page_name_commands_and_metrics_that_there_are(page: str) -> None:
    named = [(f"{page}:{line}", text.split()) for line, text in inline(ROOT / page) if text]
    for place, words in named:
        if words[0] == "cdb" and len(words) > 1 and words[1].isalpha():
            group: click.Command | None = VERBS.get(words[1])
            assert group, (place, words)
            if isinstance(group, click.Group) and len(words) > 2 and words[2][0].islower():
                assert words[2] in group.commands, (place, words)
        if re.fullmatch(r"cdb_\w+", words[0]):
            assert words[0] in METRICS or words[0] in packages(), (place, words)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("sh", "export A=1 && cdb query --no-such-option", click.UsageError),
        ("sh", "VALUE=$(cdb no-such-verb)", KeyError),
        ("sh", "if true; then", AssertionError),
        ("console", "$ cdb global-tags\n", KeyError),
        ("python", "from cdb_client import NoSuchName", ImportError),
        ("pycon", ">>> from cdb_client import NoSuchName\n>>> 1\n1\n", ImportError),
        ("ini", "cdb.no_such_setting = 1", SettingsError),
        ("ini", "cdb.plugin.jwt.no_such_option = 1", AssertionError),
        ("yaml", "a: [", yaml.YAMLError),
    ],
)
def test_what_is_wrong_is_noticed(language: str, text: str, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        CHECKS[language](text)
