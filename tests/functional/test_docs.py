"""The documentation says what the service does: its commands are run, its tables compared."""

import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from support import serving

from cdb import errors
from cdb.app import make_app
from cdb.commands.demo import demo
from cdb.demo.load import load as load_demo
from cdb.rest import openapi, views
from cdb.settings import Settings, key_of, variable_of
from cdb.settings import load as load_settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = DOCS / "http-api.md"
DOCUMENTED_URL = "http://127.0.0.1:8000"
CURL = ROOT / "tests" / "bin" / "curl"
"""What runs the documented commands on a machine without curl."""

MARK = "=== command {} ==="


class Example(NamedTuple):
    """A command of a page, and what the page says that it prints."""

    line: int
    command: str
    printed: str


def examples(page: Path) -> list[Example]:
    """Return the commands of all console blocks, in order."""
    found: list[Example] = []
    in_block = False
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        if line.startswith("```"):
            in_block = line == "```console"
        elif in_block and line.startswith("$ "):
            found.append(Example(number, line[2:], ""))
        elif in_block and goes_on(found[-1].command):
            found[-1] = found[-1]._replace(command=f"{found[-1].command}\n{line}")
        elif in_block:
            found[-1] = found[-1]._replace(printed=f"{found[-1].printed}{line}\n")
    return found


def goes_on(command: str) -> bool:
    """Tell whether a command needs a further line: it ends in a backslash, or inside quotes."""
    try:
        shlex.split(command)
    except ValueError:
        return True
    return False


def run(commands: list[str], folder: Path) -> list[str]:
    """Run commands in one bash, one after the other, and return what each printed."""
    assert shutil.which("bash"), "bash is needed to run the documented commands"
    script = "\n".join(f"{command}\necho '{MARK.format(n)}'" for n, command in enumerate(commands))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CDB_")}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}:{CURL.parent}"
    environ["NO_PROXY"] = environ["no_proxy"] = "127.0.0.1"
    environ["LC_ALL"] = "C.UTF-8"
    done = subprocess.run(
        ["bash"],
        input=script,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder,
        env=environ,
        timeout=120,
        check=False,
    )
    printed = re.split(r"=== command \d+ ===\n", done.stdout)
    assert len(printed) == len(commands) + 1, done.stderr
    return printed[:-1]


def same(documented: str, printed: str) -> bool:
    """Compare without regard to line breaks and spaces; an ellipsis stands for anything."""
    parts = ["".join(part.split()) for part in documented.split("…")]
    pattern = ".*?".join(map(re.escape, parts))
    return re.fullmatch(pattern, "".join(printed.split()), re.DOTALL) is not None


@pytest.fixture
def demo_url(databases: Any, tmp_path: Path) -> Iterator[str]:
    """The root of a real server with the sample data."""
    with databases("sqlite") as url:
        ini = {"cdb.database.url": url, "cdb.allow_open_writes": "true"}
        ini["cdb.payload_store"] = str(tmp_path / "payloads")
        app = make_app(load_settings(ini, {}))
        context = app.registry.cdb
        load_demo(context.database, context.rules)
        with serving(app) as root:
            yield root
        context.database.dispose()


@pytest.mark.parametrize(
    "page",
    [
        "docs/getting-started.md",
        "docs/http-api.md",
        "docs/history.md",
        "docs/merge.md",
        "README.md",
    ],
    ids=str,
)
def test_commands_print_what_the_page_says(demo_url: str, tmp_path: Path, page: str) -> None:
    documented = examples(ROOT / page)
    assert documented
    commands = [example.command.replace(DOCUMENTED_URL, demo_url) for example in documented]
    # `cdb query` asks the default URL where none is given.
    commands[0] = f"export CDB_URL={demo_url}/api/cdb_rest\n{commands[0]}"
    printed = [text.replace(demo_url, DOCUMENTED_URL) for text in run(commands, tmp_path)]
    wrong = [
        f"{page}:{example.line}\n$ {example.command}\n{text}"
        for example, text in zip(documented, printed, strict=True)
        if not same(example.printed, text)
    ]
    assert not wrong, "\n".join(wrong)


def test_an_answer_that_differs_is_noticed() -> None:
    assert same('[{"id": …, "name": "a"}]', '[{"id":7,"name":"a"}]\n')
    assert not same('[{"id": …, "name": "a"}]', '[{"id":7,"name":"b"}]\n')
    assert not same("", "[]")
    assert not same('{"a": 1', '{"a": 12')


@pytest.mark.parametrize("page", ["docs/getting-started.md", "README.md"])
def test_what_make_run_prints_is_what_the_page_says(
    databases: Any, tmp_path: Path, page: str
) -> None:
    ini = tmp_path / "development.ini"
    with databases("sqlite") as url:
        ini.write_text(f"[app:main]\nuse = egg:hep-cdb\ncdb.database.url = {url}\n")
        loaded = CliRunner().invoke(demo, ["load", str(ini)])
    # `make run` calls the command by its path.
    printed = re.sub(r"^  \S+ query", "  .venv/bin/cdb query", loaded.stdout, flags=re.MULTILINE)
    assert printed.endswith("query CMS_2017 302635 1200\n")
    assert printed in (ROOT / page).read_text()


def test_every_error_is_in_the_table_and_no_other() -> None:
    table = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", PAGE.read_text(), re.MULTILINE)
    defined = {
        (error.code, str(error.status))
        for _, error in inspect.getmembers(errors, inspect.isclass)
        if issubclass(error, errors.CdbError) and error is not errors.CdbError
    }
    assert len(table) == len(set(table))
    assert set(table) == defined


def test_every_endpoint_is_in_the_tables_and_no_other() -> None:
    documented = set()
    for row in re.findall(
        r"^\| `([A-Z]+) ([^`]+)` \|(?: `([^`]+)`)? +\|", PAGE.read_text(), re.MULTILINE
    ):
        documented |= {(row[0], path.lstrip("/")) for path in row[1:] if path}
    query = re.search(r"^`GET (\S+)` = `(\S+)`$", PAGE.read_text(), re.MULTILINE)
    assert query
    documented |= {("GET", path) for path in query.groups()}
    served = {
        (operation.method, path)
        for resource in (*views.RESOURCES, openapi.resource)
        for operation in resource.operations
        for path in resource.paths
    }
    assert documented == served


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built documentation; a warning of Sphinx is a failure."""
    folder = tmp_path_factory.mktemp("html")
    done = subprocess.run(
        [Path(sys.executable).with_name("sphinx-build"), "-q", "-W", "--keep-going", DOCS, folder],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_setting_is_in_the_reference(html: Path) -> None:
    page = (html / "settings.html").read_text()
    shown = set(re.findall(r">(cdb\.[a-z_.]+)<", page))
    assert {key_of(field) for field in Settings.model_fields} <= shown
    assert [v for v in map(variable_of, shown) if v not in page] == []


def test_every_local_link_leads_somewhere(html: Path) -> None:
    """Sphinx warns about its own references, not about the files that a page names."""
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md"]
    broken = [
        (page.name, target)
        for page in pages
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
        if not (ROOT / target).exists()
    ]
    assert broken == []
    assert (html / "index.html").exists()
