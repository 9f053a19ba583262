"""Tutorial and cookbook: their scripts and commands give what the pages say, from nothing on."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import ROOT, differences, examples, scripts
from processes import environ, run_forked, served
from support import API

WITHOUT_NETWORK = """
import runpy, sys

def refuse(event, _):
    if event.startswith("socket."):
        raise OSError(f"{event}: there is no network")

sys.addaudithook(refuse)
runpy.run_path(sys.argv[1])
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder as that of a clone in which `make run DEMO=0` serves, and the service's root."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "var").mkdir()
    ini = shutil.copy(ROOT / "development.ini", folder)
    run_forked("db", "upgrade", ini)
    with served(ini) as (root, _):
        yield folder, root


def wrong(clone: tuple[Path, str], page: str) -> list[str]:
    """Return the commands of a page that give something else than it says, all of their output."""
    folder, root = clone
    return differences(page, root, folder, CDB_URL=root + API, with_errors=True)


@pytest.mark.parametrize("page", ["docs/tutorial.md", "docs/cookbook.md"])
def test_each_script_has_a_name_and_is_run(page: str) -> None:
    commands = "\n".join(example.command for example in examples(ROOT / page))
    assert [name for name in scripts(ROOT / page) if f"python {name}" not in commands] == []


def test_tutorial_gives_what_it_says_and_its_job_needs_no_network(
    clone: tuple[Path, str],
) -> None:
    assert wrong(clone, "docs/tutorial.md") == []
    job = subprocess.run(
        [sys.executable, "-c", WITHOUT_NETWORK, "job.py"],
        check=False,
        capture_output=True,
        text=True,
        cwd=clone[0] / "var" / "tutorial",
        env=environ(CDB_URL="testbeam.cdb"),
        timeout=120,
    )
    assert job.stdout in (ROOT / "docs" / "tutorial.md").read_text()
    assert "from lumi section 40" in job.stdout


def test_cookbook_gives_what_it_says(clone: tuple[Path, str]) -> None:
    assert wrong(clone, "docs/cookbook.md") == []
