"""The ini files, and the command `cdb` as an operator uses it."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CDB = Path(sys.executable).parent / "cdb"
SECRET = "hunter2"  # noqa: S105 - what must not be printed


def environ(**variables: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("CDB_")}
    return {**own, "NO_PROXY": "127.0.0.1", **variables}


def run(*command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CDB, *command],
        check=False,
        capture_output=True,
        text=True,
        env=environ(**variables),
        timeout=60,
    )


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that says why a command failed."""
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("Error: ")
    return line


@contextmanager
def served(ini: Path, **variables: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve an ini on a free port; gives the URL, once it says that it serves, and the process."""
    with subprocess.Popen(
        [CDB, "serve", ini, "--listen", "127.0.0.1:0"],
        stderr=subprocess.PIPE,
        text=True,
        env=environ(**variables),
    ) as process:
        try:
            assert process.stderr
            said = process.stderr.readline()
            found = re.search(r"cdb serves (http://127\.0\.0\.1:\d+)", said)
            assert found, said
            yield found[1], process
        finally:
            process.kill()


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/var/cdb.sqlite"
    done = run("db", "upgrade", ROOT / "development.ini", CDB_DATABASE_URL=url)
    assert done.stdout == "The database is at 0002.\n"
    return url


def test_development_serves_and_answers(sqlite: str) -> None:
    development = ROOT / "development.ini"
    run("demo", "load", development, CDB_DATABASE_URL=sqlite)
    with served(development, CDB_DATABASE_URL=sqlite) as (url, _):
        query = "gtName=CMS_2017&majorIOV=302635&minorIOV=1200"
        with urllib.request.urlopen(f"{url}/api/cdb_rest/payloadiovs/?{query}") as answer:  # noqa: S310
            found = json.load(answer)
        asked = run(
            "query",
            "CMS_2017",
            "302635",
            "1200",
            "--format",
            "json",
            CDB_URL=f"{url}/api/cdb_rest",
        )
    assert [row[0] for row in found][-1] == "LumiCertification"
    assert [row["payload_type_name"] for row in json.loads(asked.stdout)] == [r[0] for r in found]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let children be interrupted: what runs in the background of a script cannot be."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_service_stops_when_told(sqlite: str, stop: signal.Signals) -> None:
    with served(ROOT / "development.ini", CDB_DATABASE_URL=sqlite) as (_, process):
        process.send_signal(stop)
        _, said = process.communicate(timeout=20)
    assert said == ""
    assert process.returncode == 0


def test_production_refuses_to_serve_without_authentication() -> None:
    said = refusal(run("serve", ROOT / "production.ini"))
    assert "production.ini: cdb.allow_open_writes" in said
    assert "no authentication" in said


def test_production_serves_where_open_writes_are_allowed_knowingly(postgresql_server: str) -> None:
    allowed = {"CDB_ALLOW_OPEN_WRITES": "true", "CDB_DATABASE_URL": postgresql_server}
    with (
        served(ROOT / "production.ini", **allowed) as (url, _),
        urllib.request.urlopen(f"{url}/health/live") as answer,  # noqa: S310
    ):
        assert answer.status == 200


def test_a_wrong_key_stops_the_boot(tmp_path: Path, sqlite: str) -> None:
    ini = tmp_path / "mine.ini"
    text = (ROOT / "development.ini").read_text()
    ini.write_text(text.replace("cdb.allow_open", "cdb.max_bodies = 5\ncdb.allow_open"))
    said = refusal(run("serve", ini, CDB_DATABASE_URL=sqlite))
    assert said == "Error: mine.ini: cdb.max_bodies: no setting has this name"


def test_a_wrong_variable_stops_the_boot(sqlite: str) -> None:
    said = refusal(
        run("serve", ROOT / "development.ini", CDB_DATABASE_URL=sqlite, CDB_MAX_STREAMS="none")
    )
    assert "cdb.max_streams" in said
    assert "(from CDB_MAX_STREAMS)" in said


def test_an_address_that_cannot_be_listened_on_is_named(sqlite: str) -> None:
    with served(ROOT / "development.ini", CDB_DATABASE_URL=sqlite) as (url, _):
        taken = url.removeprefix("http://")
        development = ROOT / "development.ini"
        said = refusal(run("serve", development, "--listen", taken, CDB_DATABASE_URL=sqlite))
    assert f"cannot listen on {taken}" in said


@pytest.mark.parametrize("verb", [("db", "upgrade"), ("demo", "load")])
def test_a_database_that_cannot_be_reached_is_one_line(
    tmp_path: Path, verb: tuple[str, str]
) -> None:
    url = f"postgresql+psycopg2://cdb:{SECRET}@/cdb?host={tmp_path}"
    said = refusal(run(*verb, ROOT / "production.ini", CDB_DATABASE_URL=url))
    assert "the database cannot be used" in said
    assert SECRET not in said


def test_an_unknown_revision_is_one_line(sqlite: str) -> None:
    development = ROOT / "development.ini"
    done = run("db", "upgrade", development, "--revision", "9999", CDB_DATABASE_URL=sqlite)
    assert "9999" in refusal(done)


def test_downgrade_asks_first(sqlite: str) -> None:
    development = ROOT / "development.ini"
    done = run("db", "downgrade", development, "base", CDB_DATABASE_URL=sqlite)
    assert done.returncode == 1
    assert "This removes tables" in done.stdout
    done = run("db", "downgrade", development, "base", "--yes", CDB_DATABASE_URL=sqlite)
    assert done.stdout == "The database is at base.\n"


def test_an_ini_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    done = run("serve", tmp_path / "nothing.ini")
    assert done.returncode == 2
    assert "does not exist" in done.stderr
