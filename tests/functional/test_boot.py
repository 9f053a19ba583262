"""The ini files, and the command `cdb` as an operator uses it."""

import json
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import ROOT, run, run_forked, served

SECRET = "hunter2"  # noqa: S105 - what must not be printed


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that says why a command failed."""
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("Error: ")
    return line


@pytest.fixture
def sqlite(databases: Any) -> Iterator[str]:
    """A database that is up to date."""
    with databases("sqlite") as url:
        yield url


def test_development_serves_and_answers(tmp_path: Path) -> None:
    development = ROOT / "development.ini"
    database = f"sqlite:///{tmp_path}/var/cdb.sqlite"
    done = run_forked("db", "upgrade", development, CDB_DATABASE_URL=database)
    assert done.stdout == "The database is at 0005.\n"
    run_forked("demo", "load", development, CDB_DATABASE_URL=database)
    with served(development, CDB_DATABASE_URL=database) as (url, _):
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
        assert process.wait(timeout=120) == 0
        assert list(process.lines()) == []


# --- production ---------------------------------------------------------------

KEY = "a1f0c7-not-a-word-but-32-bytes-long"


def line_of(ini: Path, key: str) -> int:
    """Return the number of the line on which an ini has a key."""
    lines = ini.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.startswith(f"{key} ="))


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        ({"CDB_JWT_SECRET": ""}, "the environment has no CDB_JWT_SECRET"),
        ({"CDB_JWT_SECRET": "x" * 12 + "q7"}, "32"),
        ({"CDB_JWT_SECRET": "changeme" * 5}, "'jwt'"),
        ({"CDB_JWT_SECRET": "a" * 64}, "'jwt'"),
    ],
    ids=["empty", "short", "example", "repeated"],
)
def test_production_refuses_a_weak_secret(secret: dict[str, str], reason: str) -> None:
    production = ROOT / "production.ini"
    said = refusal(run_forked("serve", production, **secret))
    assert said.startswith("Error: production.ini: cdb.")
    assert reason in said
    assert not secret["CDB_JWT_SECRET"] or secret["CDB_JWT_SECRET"] not in said


def test_a_missing_secret_is_named_with_the_line_of_the_ini() -> None:
    production = ROOT / "production.ini"
    said = refusal(run("serve", production))
    place = line_of(production, "cdb.plugin.jwt.secret")
    assert said == (
        "Error: production.ini: cdb.plugin.jwt.secret: the environment has no CDB_JWT_SECRET, "
        f"or it is empty (line {place})"
    )


def test_a_secret_in_the_ini_itself_is_refused(tmp_path: Path) -> None:
    ini = tmp_path / "mine.ini"
    ini.write_text((ROOT / "production.ini").read_text().replace("env:CDB_JWT_SECRET", KEY))
    said = refusal(run_forked("serve", ini))
    assert "cdb.plugin.jwt.secret: a secret is given as env:NAME or file:PATH" in said
    assert KEY not in said


def test_production_refuses_a_policy_that_lets_everybody_write(tmp_path: Path) -> None:
    ini = tmp_path / "mine.ini"
    text = (ROOT / "production.ini").read_text()
    ini.write_text(
        re.sub(r"(?m)^cdb\.plugin\.roles.*\n(?:    .*\n)*", "", text).replace(
            "cdb.authorization_policies = roles scopes", "cdb.authorization_policies = allow-all"
        )
    )
    said = refusal(run_forked("serve", ini, CDB_JWT_SECRET=KEY))
    assert "cdb.allow_open_writes: the authorization policy 'allow-all'" in said


def test_production_serves_reads_to_all_and_writes_to_nobody_unknown(
    databases: Any,
) -> None:
    with databases("postgresql") as database:
        variables = {"CDB_JWT_SECRET": KEY, "CDB_DATABASE_URL": database}
        with served(ROOT / "production.ini", **variables) as (url, _):
            with urllib.request.urlopen(f"{url}/api/cdb_rest/globalTags") as answer:  # noqa: S310
                assert answer.status == 200
            request = urllib.request.Request(  # noqa: S310
                f"{url}/api/cdb_rest/gt", b'{"name": "GT"}', {"Content-Type": "application/json"}
            )
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request)  # noqa: S310
            with refused.value as answer:
                assert answer.code == 401
                assert answer.headers["WWW-Authenticate"] == 'Bearer realm="cdb"'


# --- open writes --------------------------------------------------------------


def open_ini(folder: Path, listen: str, more: str = "") -> Path:
    """Write an ini with an open policy that does not say that this is meant."""
    ini = folder / "open.ini"
    ini.write_text(
        f"[app:main]\nuse = egg:hep-cdb\ncdb.database.url = sqlite:///{folder}/cdb.sqlite\n"
        f"[server:main]\nuse = egg:waitress#main\nlisten = {listen}\n{more}"
    )
    return ini


@pytest.mark.parametrize(
    ("listen", "more"),
    [
        ("0.0.0.0:0", ""),
        ("*:0", ""),
        ("127.0.0.1:0 0.0.0.0:0", ""),
        ("127.0.0.1:0", "trusted_proxy = 127.0.0.1\n"),
    ],
    ids=["all addresses", "star", "one of two", "behind a proxy"],
)
def test_open_writes_do_not_start_where_others_can_connect(
    tmp_path: Path, listen: str, more: str
) -> None:
    done = run_forked("serve", open_ini(tmp_path, listen, more))
    assert "cdb.allow_open_writes" in refusal(done)


def test_open_writes_do_not_start_where_the_command_line_opens_the_service(
    tmp_path: Path,
) -> None:
    ini = open_ini(tmp_path, "127.0.0.1:0")
    assert "cdb.allow_open_writes" in refusal(run_forked("serve", ini, "--listen", "0.0.0.0:0"))


@pytest.mark.parametrize("command", [["serve"], ["plugins"]])
def test_ini_that_is_not_utf_8_is_an_error_of_one_line(tmp_path: Path, command: list[str]) -> None:
    ini = tmp_path / "odd.ini"
    ini.write_bytes(b"[app:main]\nuse = egg:hep-cdb\n# \xff\n")
    done = run_forked(*command, ini)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "can't decode byte 0xff" in done.stderr


def test_open_writes_from_this_machine_alone_need_no_setting(tmp_path: Path) -> None:
    ini = open_ini(tmp_path, "127.0.0.1:0")
    run_forked("db", "upgrade", ini)
    with served(ini) as (url, _):
        body = b'{"name": "GT"}'
        headers = {"Content-Type": "application/json"}
        local = urllib.request.Request(f"{url}/api/cdb_rest/gt", body, headers)  # noqa: S310
        with urllib.request.urlopen(local) as answer:  # noqa: S310
            assert answer.status == 200
        forwarded = urllib.request.Request(  # noqa: S310
            f"{url}/api/cdb_rest/gt", body, {**headers, "X-Forwarded-For": "192.0.2.7"}
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(forwarded)  # noqa: S310
        with refused.value as answer:
            assert answer.code == 401


# --- wrong settings -----------------------------------------------------------


def test_a_wrong_key_stops_the_boot(tmp_path: Path, sqlite: str) -> None:
    ini = tmp_path / "mine.ini"
    text = (ROOT / "development.ini").read_text()
    ini.write_text(text.replace("cdb.allow_open", "cdb.max_bodies = 5\ncdb.allow_open"))
    said = refusal(run_forked("serve", ini, CDB_DATABASE_URL=sqlite))
    place = line_of(ini, "cdb.max_bodies")
    assert said == f"Error: mine.ini: cdb.max_bodies: no setting has this name (line {place})"


def test_a_wrong_variable_stops_the_boot(sqlite: str) -> None:
    said = refusal(
        run_forked(
            "serve", ROOT / "development.ini", CDB_DATABASE_URL=sqlite, CDB_MAX_STREAMS="none"
        )
    )
    assert "cdb.max_streams" in said
    assert "(from CDB_MAX_STREAMS)" in said


def test_an_address_that_cannot_be_listened_on_is_named(sqlite: str) -> None:
    with served(ROOT / "development.ini", CDB_DATABASE_URL=sqlite) as (url, _):
        taken = url.removeprefix("http://")
        development = ROOT / "development.ini"
        said = refusal(
            run_forked("serve", development, "--listen", taken, CDB_DATABASE_URL=sqlite)
        )
    assert f"cannot listen on {taken}" in said


@pytest.mark.parametrize("verb", [("db", "upgrade"), ("demo", "load")])
def test_a_database_that_cannot_be_reached_is_one_line(
    tmp_path: Path, verb: tuple[str, str]
) -> None:
    url = f"postgresql+psycopg2://cdb:{SECRET}@/cdb?host={tmp_path}"
    variables = {"CDB_DATABASE_URL": url, "CDB_JWT_SECRET": KEY}
    said = refusal(run_forked(*verb, ROOT / "production.ini", **variables))
    assert "the database cannot be used" in said
    assert SECRET not in said


def test_an_unknown_revision_is_one_line(sqlite: str) -> None:
    development = ROOT / "development.ini"
    done = run_forked("db", "upgrade", development, "--revision", "9999", CDB_DATABASE_URL=sqlite)
    assert "9999" in refusal(done)


def test_downgrade_asks_first(sqlite: str) -> None:
    development = ROOT / "development.ini"
    done = run_forked("db", "downgrade", development, "base", CDB_DATABASE_URL=sqlite)
    assert done.returncode == 1
    assert "This removes tables" in done.stdout
    done = run_forked("db", "downgrade", development, "base", "--yes", CDB_DATABASE_URL=sqlite)
    assert done.stdout == "The database is at base.\n"


def test_an_ini_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    done = run_forked("serve", tmp_path / "nothing.ini")
    assert done.returncode == 2
    assert "does not exist" in done.stderr
