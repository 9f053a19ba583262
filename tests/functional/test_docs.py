"""The documentation says what the service does: its commands are run, its tables compared."""

import dataclasses
import inspect
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pages import ROOT, differences, same, sample_service
from support import API

import cdb_client
from cdb import errors
from cdb.commands.demo import demo
from cdb.rest import openapi, views
from cdb.settings import Settings, key_of, variable_of
from cdb_client import profiles
from cdb_client.commands import failures

DOCS = ROOT / "docs"
PAGE = DOCS / "http-api.md"
README = (ROOT / "README.md").read_text()


@pytest.fixture
def demo_url(databases: Any, tmp_path: Path) -> Iterator[str]:
    """The root of a real server with the sample data."""
    with sample_service(databases, tmp_path) as root:
        yield root


@pytest.mark.parametrize(
    "page",
    [
        "docs/getting-started.md",
        "docs/http-api.md",
        "docs/command-data.md",
        "docs/python-writing.md",
        "docs/history.md",
        "docs/merge.md",
        "docs/command.md",
        "docs/pictures.md",
        "README.md",
    ],
    ids=str,
)
def test_commands_print_what_the_page_says(demo_url: str, tmp_path: Path, page: str) -> None:
    # `cdb query` asks the default URL where none is given.
    assert differences(page, demo_url, tmp_path, CDB_URL=demo_url + API) == []


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


@pytest.fixture
def settings_page(tmp_path: Path) -> str:
    """The page of the settings, built by itself: `make test` builds all of them already."""
    shutil.copy(DOCS / "settings.md", tmp_path)
    built = tmp_path / "built"
    sphinx = Path(sys.executable).with_name("sphinx-build")
    alone = ["-Q", "-c", DOCS, "-D", "root_doc=settings"]
    subprocess.run([sphinx, *alone, tmp_path, built], check=True)
    return (built / "settings.html").read_text()


def test_every_setting_is_in_the_reference(settings_page: str) -> None:
    shown = set(re.findall(r">(cdb\.[a-z_.]+)<", settings_page))
    assert {key_of(field) for field in Settings.model_fields} <= shown
    assert [v for v in map(variable_of, shown) if v not in settings_page] == []


OUTSIDE = [
    *ROOT.glob("*.md"),
    *(each for each in ROOT.glob("*/README.md") if each.parent.name != "plugins"),
    *ROOT.glob("deploy/*/README.md"),
]
"""Pages that Sphinx does not see; those of the plugins have a test of their own."""


def test_every_local_link_leads_somewhere() -> None:
    """Sphinx warns about its own references, not about the files that a page names."""
    broken = [
        (page.name, target + anchor)
        for page in OUTSIDE
        for target, anchor in re.findall(
            r"\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)", page.read_text()
        )
        if not leads(page.parent / target if target else page, anchor.removeprefix("#"))
    ]
    assert broken == []


def leads(page: Path, anchor: str) -> bool:
    """Tell whether there is a file, and a heading in it that an anchor means."""
    if not anchor:
        return page.exists()
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return anchor in {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def test_the_readme_has_the_figures_that_were_measured() -> None:
    measured = (ROOT / "benchmarks" / "RESULTS.md").read_text().partition("## 10x10")[0]
    rows = [line.split(" | ") for line in measured.splitlines()]
    shown = re.findall(r"^\| (\d+x\d+) \| (.+) \| (.+) \| (.+) \|$", README, re.MULTILINE)
    assert shown
    for scenario, work, other, own in shown:
        [row] = [row for row in rows if row[0] == f"| {scenario}" and row[1] == work and row[2]]
        assert row[2] == other
        assert row[4].strip("*").startswith(own)


def test_the_reference_of_python_has_all_that_the_client_promises() -> None:
    shown = re.findall(r"auto\w+:: cdb_client\.(\w+)", (DOCS / "python-reference.md").read_text())
    assert set(cdb_client.__all__) <= set(shown)


def test_the_page_of_the_command_has_every_key_variable_and_exit_status() -> None:
    page = (DOCS / "command.md").read_text()
    keys = {field.name for field in dataclasses.fields(profiles.Profile)}
    own = {"CDB_PROFILE", "CDB_CONFIG", "CDB_TOKEN", "CDB_PATIENCE"}
    for name in keys | profiles.VARIABLES.keys() | own:
        assert f"`{name}`" in page
    statuses = re.findall(r"^(\d+)  ", inspect.getdoc(failures) or "", re.MULTILINE)
    assert re.findall(r"^\| (\d+) \|", page, re.MULTILINE) == statuses
