"""What the doctor of an ini finds in deployments that are well, and in broken ones."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from guarded import service
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text, update
from sqlalchemy.engine import make_url

from cdb.commands.doctor import check
from cdb.services import condition
from cdb.store import migrate, schema
from cdb.store.engine import Database
from cdb.store.models import Change

ROOT = Path(__file__).parents[2]

CHECKS = [
    *("ini", "server", "settings", "plugins", "open-writes", "secrets", "payload-store"),
    *("compiled", "replicas", "database", "migrations", "writes", "clock", "statuses"),
    *("payload-types", "connections"),
]

ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"])
ON_POSTGRESQL = pytest.mark.parametrize("database_kind", ["postgresql"])

KEY = "Kx7-q2Vb9zLm4Rt6Wy8Np1Cs3Df5Gh0J"
PASSWORD = "sesame-4711"  # noqa: S105 - of nobody

JWT = {
    "cdb.authenticators": "jwt",
    "cdb.plugin.jwt.secret": "env:SIGNING_KEY",
    "cdb.authorization_policies": "scopes",
}

Found = dict[str, list[tuple[str, str]]]
"""What the checks found, by their names."""

Diagnose = Callable[..., Found]


def found_in(ini: Path) -> Found:
    found: Found = {}
    for name, state, sentence in check(ini):
        assert state in ("ok", "warning", "failed")
        assert re.fullmatch(r"[^\n]+\.", sentence), sentence
        found.setdefault(name, []).append((state, sentence))
    return found


def failed(found: Found) -> dict[str, str]:
    """Return what failed, and why."""
    return {
        name: " ".join(sentence for state, sentence in each if state == "failed")
        for name, each in found.items()
        if any(state == "failed" for state, _ in each)
    }


def warned(found: Found) -> dict[str, str]:
    return {
        name: sentence
        for name, each in found.items()
        for state, sentence in each
        if state == "warning"
    }


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING_KEY", KEY)


@pytest.fixture
def diagnose(tmp_path: Path) -> Diagnose:
    """Write an ini with some settings, and return what the doctor finds in it."""

    def run(url: str, given: Mapping[str, str] = {}, **server: str) -> Found:
        keys = {"cdb.database.url": url, **given}
        at = {"listen": "127.0.0.1:8000", "threads": "8", **server}
        lines = ["[app:main]", "use = egg:hep-cdb"]
        lines += [f"{key} = {value.replace('%', '%%')}" for key, value in keys.items()]
        lines += ["[server:main]", "use = egg:waitress#main"]
        lines += [f"{key} = {value}" for key, value in at.items()]
        ini = tmp_path / "service.ini"
        ini.write_text("\n".join(lines))
        ini.chmod(0o600)
        return found_in(ini)

    return run


# --- deployments that are well --------------------------------------------------------


def test_a_deployment_that_is_well(diagnose: Diagnose, database_url: str) -> None:
    found = diagnose(database_url)
    assert list(found) == CHECKS
    assert (failed(found), warned(found)) == ({}, {})


def test_the_ini_of_the_developers_is_well(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDB_DATABASE_URL", database_url)
    monkeypatch.setenv("CDB_PAYLOAD_STORE", str(tmp_path))
    found = found_in(ROOT / "development.ini")
    assert list(found) == CHECKS
    assert failed(found) == {}
    assert found["payload-store"][0] == ("ok", f"A file was written to {tmp_path}, and removed.")
    assert list(tmp_path.iterdir()) == []


def test_the_client_finds_it() -> None:
    [entry] = entry_points(group="cdb.doctor")
    assert (entry.name, entry.load()) == ("doctor", check)


# --- the ini ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ini", "name", "reason"),
    [
        ("cdb.iov_mode = discrete", "ini", "Line 1 stands in no section."),
        ("[app:main]\nuse = egg:hep-cdb\nnonsense", "ini", "What stands in line 3 is no section"),
        ("[app:main]\nuse = egg:hep-cdb\ncdb.a = 50%", "ini", "[app:main] cdb.a: a percent sign"),
        (
            "[app:main]\nuse = egg:hep-cdb\ncdb.a = b",
            "settings",
            "cdb.a: no setting has this name",
        ),
        ("[app:main]\nuse = egg:hep-cdb", "settings", "cdb.database.url: missing; set it in the"),
        ("[app:main]\nuse = egg:hep-cdb\n[server:main]\nthread = 4", "server", "'thread'"),
        ("[app:main]\nuse = egg:hep-cdb\n[loggers]\nkeys = all", "ini", "KeyError: "),
    ],
)
def test_an_ini_that_cannot_be_used(tmp_path: Path, ini: str, name: str, reason: str) -> None:
    (tmp_path / "a.ini").write_text(ini)
    assert reason in failed(found_in(tmp_path / "a.ini"))[name]


@given(ini=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@settings(max_examples=20)
def test_nothing_is_raised_whatever_the_ini_is(
    tmp_path_factory: pytest.TempPathFactory, ini: bytes
) -> None:
    path = tmp_path_factory.mktemp("ini") / "a.ini"
    path.write_bytes(ini)
    assert failed(found_in(path))


def test_no_password_is_told(tmp_path: Path, diagnose: Diagnose) -> None:
    ini = tmp_path / "a.ini"
    ini.write_text(f"[app:main]\ncdb.database.url = postgresql+psycopg2://u:%{PASSWORD}@h/d")
    assert PASSWORD not in str(found_in(ini))
    ini.write_text(f"[app:main]\n{PASSWORD}")
    assert PASSWORD not in str(found_in(ini))
    # Of the database's name, libpq says that it does not exist.
    found = diagnose(
        f"postgresql+psycopg2://u:{PASSWORD}@/{PASSWORD}?host={tmp_path}",
        {
            **JWT,
            "cdb.database.replicas": f"postgresql+psycopg2://u:{PASSWORD}@127.0.0.1:1/d",
            "cdb.database.max_lag": "PT0.1S",
        },
    )
    assert set(failed(found)) == {"database", "replicas"}
    assert PASSWORD not in str(found)
    assert KEY not in str(found)


@ON_SQLITE
def test_a_variable_that_is_no_setting_is_told(
    diagnose: Diagnose, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDB_DATABSE_URL", database_url)
    said = warned(diagnose(database_url))
    assert said == {"settings": "CDB_DATABSE_URL is no setting of cdb and is ignored."}


@ON_SQLITE
def test_more_long_answers_than_threads(diagnose: Diagnose, database_url: str) -> None:
    said = warned(diagnose(database_url, threads="3"))
    assert "cdb.max_streams is 3, and there are 3 threads" in said["settings"]


# --- plugins, secrets, who may write ------------------------------------------------------


@ON_SQLITE
def test_a_plugin_that_is_missing_is_told_and_the_rest_is_looked_at(
    diagnose: Diagnose, database_url: str
) -> None:
    found = diagnose(database_url, {"cdb.event_listeners": "telegraph"})
    assert list(failed(found)) == ["plugins"]
    assert "cdb.event_listeners: 'telegraph': no event_listener" in failed(found)["plugins"]
    assert "(line 4)" in failed(found)["plugins"]
    assert found["migrations"][0][0] == "ok"


@ON_SQLITE
@pytest.mark.parametrize("secret", ["", "q7x9", "changeme" * 5])
def test_a_secret_that_is_weak_or_missing(
    diagnose: Diagnose, database_url: str, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("SIGNING_KEY", secret)
    found = diagnose(database_url, JWT)
    assert list(failed(found)) == ["plugins"]
    assert not secret or secret not in str(found)


@ON_SQLITE
def test_what_everybody_can_read(diagnose: Diagnose, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    given = {**JWT, "cdb.plugin.jwt.secret": f"file:{file}"}
    file.chmod(0o640)
    assert warned(diagnose(database_url, given)) == {}
    file.chmod(0o644)
    said = f"cdb.plugin.jwt.secret: everybody on this machine can read {file}."
    assert warned(diagnose(database_url, given)) == {"secrets": said}


def test_an_ini_with_a_password_that_everybody_can_read(
    diagnose: Diagnose, tmp_path: Path
) -> None:
    url = f"postgresql+psycopg2://u:{PASSWORD}@127.0.0.1:1/d"
    assert "secrets" not in warned(diagnose(url, JWT))
    (tmp_path / "service.ini").chmod(0o644)
    said = warned(found_in(tmp_path / "service.ini"))["secrets"]
    assert said.startswith("service.ini has a password, and everybody on this machine can read it")


@ON_SQLITE
def test_writes_that_are_open_to_everybody(diagnose: Diagnose, database_url: str) -> None:
    refused = failed(diagnose(database_url, listen="127.0.0.2:8000 192.0.2.1:8000"))
    assert "cdb.allow_open_writes: the authorization policy" in refused["open-writes"]
    meant = diagnose(
        database_url,
        {"cdb.allow_open_writes": "true"},
        trusted_proxy="127.0.0.1",
        trusted_proxy_headers="x-forwarded-for",
    )
    assert "lets everybody write" in warned(meant)["open-writes"]
    assert failed(meant) == {}


# --- the database -------------------------------------------------------------------------


def test_a_database_that_is_not_there(diagnose: Diagnose, tmp_path: Path) -> None:
    missing = tmp_path / "var" / "cdb.sqlite"
    found = diagnose(f"sqlite:///{missing}")
    said = f"There is no file {missing}: `cdb db upgrade` makes it."
    assert failed(found) == {"database": said}
    assert not missing.parent.exists()
    found = diagnose("postgresql+psycopg2://u@127.0.0.1:1/d")
    assert list(failed(found)) == ["database"]
    assert "Connection refused" in failed(found)["database"]


def test_a_database_that_was_not_migrated(
    diagnose: Diagnose, database: Database, database_url: str
) -> None:
    migrate.downgrade(database, "base")
    found = diagnose(database_url)
    said = f"The database has no tables, and {schema.head()} is needed: run `cdb db upgrade`."
    assert failed(found) == {"migrations": said}
    assert found["writes"][0][0] == "ok"
    assert "statuses" not in found


def test_tables_and_statuses_that_are_missing(
    diagnose: Diagnose, database: Database, database_url: str
) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("delete from tag_status where name = 'frozen'"))
    said = {"statuses": "`cdb db upgrade` has to declare frozen."}
    assert failed(diagnose(database_url)) == said
    with database.engine.begin() as connection:
        connection.execute(text("drop index ix_iov_checksum"))
    said = {"migrations": "The index ix_iov_checksum is missing."}
    assert failed(diagnose(database_url)) == said


@ON_SQLITE
def test_a_file_that_can_only_be_read(diagnose: Diagnose, database_url: str) -> None:
    file = make_url(database_url).database
    found = failed(diagnose(f"sqlite:///file:{file}?mode=ro&uri=true"))
    assert found == {"writes": "Attempt to write a readonly database."}


@ON_POSTGRESQL
def test_a_user_that_can_only_read(diagnose: Diagnose, database_url: str) -> None:
    url = make_url(database_url)
    options = {"options": "-c default_transaction_read_only=on"}
    read_only = url.update_query_dict(options).render_as_string(hide_password=False)
    found = failed(diagnose(read_only))
    assert found == {"writes": "Its user can only read: transactions begin read-only."}


@pytest.fixture
def reader(database: Database) -> Iterator[str]:
    """The name of a role that may read all tables, and nothing else."""
    name = f"reader_of_{database.url.database}"
    grant = f'grant select on all tables in schema public to "{name}"'
    for statement in (f'create role "{name}"', grant):
        run(database, statement)
    yield name
    for statement in (f'drop owned by "{name}"', f'drop role "{name}"'):
        run(database, statement)


def run(database: Database, statement: str) -> None:
    with database.engine.begin() as connection:
        connection.execute(text(statement))


@ON_POSTGRESQL
def test_a_user_that_lacks_privileges(
    diagnose: Diagnose, database_url: str, database: Database, reader: str
) -> None:
    url = make_url(database_url).update_query_dict({"options": f"-c role={reader}"})
    as_reader = url.render_as_string(hide_password=False)
    said = failed(diagnose(as_reader))["writes"]
    assert said.startswith("Its user may not read from and write to change, global_tag, iov")
    assert "iov_id" in said
    run(database, f'grant insert, update, delete on all tables in schema public to "{reader}"')
    run(database, f'grant usage on sequence iov_id to "{reader}"')
    may_write = diagnose(as_reader)
    assert failed(may_write) == {}
    assert warned(may_write)["writes"].startswith("Its user may make no tables")


@ON_POSTGRESQL
def test_a_database_of_another_encoding(diagnose: Diagnose, database: Database) -> None:
    name = f"ascii_of_{database.url.database}"
    made = f'"{name}" encoding sql_ascii locale "C" template template0'
    with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as admin:
        admin.execute(text(f"create database {made}"))
        url = database.url.set(database=name).render_as_string(hide_password=False)
        found = failed(diagnose(url))
        admin.execute(text(f'drop database "{name}"'))
    said = "Its encoding is SQL_ASCII; make it anew with the encoding UTF8."
    assert found == {"database": said}


@ON_POSTGRESQL
def test_more_connections_than_there_are(
    diagnose: Diagnose, database: Database, database_url: str
) -> None:
    said = warned(diagnose(database_url, threads="100", workers="50"))["connections"]
    with database.statement() as reader:
        most, reserved = (
            int(reader.scalar(text(f"show {name}")))
            for name in ("max_connections", "superuser_reserved_connections")
        )
    assert said.startswith(f"The service can want 1650, and {most - reserved} are let in")


# --- the clock ------------------------------------------------------------------------------


def test_a_change_of_the_future(diagnose: Diagnose, database: Database, database_url: str) -> None:
    with service(database_url, allow_open_writes="true") as client:
        client.ok("POST", "gt", {"name": "A"})
    assert failed(diagnose(database_url)) == {}
    with database.engine.begin() as connection:
        later = condition.now() + timedelta(hours=1)
        connection.execute(update(Change).values(at=later))
    assert failed(diagnose(database_url))["clock"].startswith("Change 1 was made at ")


@ON_POSTGRESQL
def test_a_clock_that_is_wrong(
    diagnose: Diagnose, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(condition, "now", lambda: datetime.now(UTC) + timedelta(minutes=1))
    said = warned(diagnose(database_url))["clock"]
    assert said == "The clock of the database is 60 s behind the one of this machine."


# --- what the content needs -----------------------------------------------------------------


def test_payload_types_whose_plugins_are_not_enabled(
    diagnose: Diagnose, database_url: str
) -> None:
    choices: list[dict[str, Any]] = [
        {"name": "A", "dimension": "utc-time"},
        {"name": "B", "validator": "checksum"},
        {"name": "C"},
    ]
    with service(database_url, allow_open_writes="true") as client:
        for each in choices:
            client.ok("POST", "pt", each)
    assert failed(diagnose(database_url)) == {}
    fewer = {"cdb.iov_dimensions": "major-minor", "cdb.payload_validators": "any"}
    said = failed(diagnose(database_url, fewer))
    assert list(said) == ["payload-types"]
    assert "Payload type 'A': its dimension 'utc-time' is none of cdb." in said["payload-types"]
    assert "'B': This service has not enabled its validator" in said["payload-types"]
    assert "'C'" not in said["payload-types"]


# --- files ------------------------------------------------------------------------------------


@ON_SQLITE
def test_payload_stores(diagnose: Diagnose, database_url: str, tmp_path: Path) -> None:
    def of(url: str) -> tuple[str, str]:
        return diagnose(database_url, {"cdb.payload_store": url})["payload-store"][0]

    assert of("memory://store") == ("ok", "A file was written to memory://store, and removed.")
    later = tmp_path / "later"
    assert of(str(later)) == ("warning", f"{later} is not there yet; the service makes it.")
    assert not later.exists()
    state, said = of("/proc")  # where nobody can make a folder, whoever runs the tests
    assert (state, said.split(":")[0]) == (
        "failed",
        "The payload store cannot be written to at the moment",
    )
    (tmp_path / "file").touch()
    assert of(str(tmp_path / "file"))[0] == "failed"
    assert of("gopher://store")[0] == "failed"


@ON_SQLITE
def test_a_store_keeps_what_it_receives_at_the_time(
    diagnose: Diagnose, database_url: str, tmp_path: Path
) -> None:
    incoming = tmp_path / ".incoming" / "1"
    incoming.parent.mkdir()
    incoming.touch()
    found = diagnose(database_url, {"cdb.payload_store": str(tmp_path)})
    assert failed(found) == {}
    assert list(incoming.parent.iterdir()) == [incoming]


@ON_SQLITE
def test_a_disk_without_room(diagnose: Diagnose, database_url: str, tmp_path: Path) -> None:
    given = {"cdb.payload_store": str(tmp_path), "cdb.max_payload_mb": str(2**30)}
    assert "no room for the largest file" in warned(diagnose(database_url, given))["payload-store"]


@ON_SQLITE
def test_compiled_lists(diagnose: Diagnose, database_url: str, tmp_path: Path) -> None:
    def of(folder: Path) -> tuple[str, str]:
        return diagnose(database_url, {"cdb.compiled": str(folder)})["compiled"][0]

    folder = tmp_path / "compiled"
    assert of(folder) == ("warning", f"{folder} is not there yet; the service makes it.")
    folder.mkdir()
    assert of(folder) == ("ok", f"{folder} can be written to.")
    assert of(Path("/proc"))[0] == "failed"


# --- replicas -----------------------------------------------------------------------------------


@ON_POSTGRESQL
def test_replicas_that_are_none(diagnose: Diagnose, database_url: str) -> None:
    replicas = f"{database_url} postgresql+psycopg2://u@127.0.0.1:1/d"
    given = {"cdb.database.replicas": replicas, "cdb.database.max_lag": "PT0.1S"}
    said = failed(diagnose(database_url, given))
    assert list(said) == ["replicas"]
    assert "Replica 1 is no standby, or no longer." in said["replicas"]
    assert "Replica 2 cannot be reached (OperationalError)." in said["replicas"]
