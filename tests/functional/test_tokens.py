"""API tokens: made, listed and revoked by the command, and what they can do."""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import processes
import pytest
import requests
from click.testing import CliRunner, Result
from forging import SECRET
from guarded import JWT, KEY, bearer, dump, key_is_set, service
from sqlalchemy import update
from support import API, Client, rules

from cdb.commands.token import token as command
from cdb.services import tokens
from cdb.services.writer import Writer
from cdb.store.engine import Database
from cdb.store.models import Change, Token
from cdb.store.tokens import USED_EVERY, by_id, used

POLICIES = {
    "authorization_policies": "roles scopes",
    "plugin.roles.members": "boss: admin",
    "plugin.roles.grants": "admin: admin",
}
SETTINGS = {**JWT, **POLICIES, "read_access": "authenticated"}

ON_POSTGRESQL = pytest.mark.parametrize("database_kind", ["postgresql"])
ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"])

Make = Callable[..., str]


@pytest.fixture
def ini(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ini of a service that asks who reads and writes."""
    key_is_set(monkeypatch)
    path = tmp_path / "service.ini"
    settings = {"database.url": database_url.replace("%", "%%"), **SETTINGS}
    lines = [f"cdb.{name} = {value}" for name, value in settings.items()]
    path.write_text("\n".join(["[app:main]", "use = egg:hep-cdb", *lines]) + "\n")
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def running(ini: Path, database_url: str) -> Iterator[Client]:
    """A client of the service, which runs before any token is made."""
    assert ini.exists()
    with service(database_url, **SETTINGS) as client:
        yield client


@pytest.fixture
def make(ini: Path) -> Make:
    """Make a token with the command: `make("cdb.write", owner="bot")` returns it."""

    def make(*scopes: str, owner: str = "bot", **options: str) -> str:
        given = [part for scope in scopes for part in ("--scope", scope)]
        more = [part for name, value in options.items() for part in (f"--{name}", value)]
        done = run("create", ini, "--owner", owner, *given, *more)
        assert done.exit_code == 0, done.output
        return done.stdout.strip()

    return make


def status(client: Client, token: str, name: str = "Dev1") -> int:
    """Return the status of the answer to making a tag with a token."""
    answer = client.api("POST", "gt", {"name": name}, headers=bearer(token))
    return int(answer.status_int)


def reason(client: Client, token: str) -> str:
    """Return why a token is refused."""
    refused = client.api("GET", "whoami", headers=bearer(token), status=401)
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert token not in f"{refused} {refused.headers}"
    return str(refused.json["detail"])


def listed(ini: Path) -> list[dict[str, Any]]:
    return list(json.loads(run("list", ini, "--format", "json").stdout))


# --- making -------------------------------------------------------------------------


def test_token_works_at_once_in_a_running_service(running: Client, make: Make) -> None:
    token = make("cdb.write")
    found = running.ok("GET", "whoami", headers=bearer(token))
    assert (found["subject"], found["method"]) == ("bot", "api-token")
    assert found["scopes"] == ["cdb.write"]
    assert {"tag.create", "read"} <= set(found["permissions"])
    assert "admin" not in found["permissions"]
    assert status(running, token) == 200


def test_only_the_hash_of_a_token_is_kept(
    running: Client, make: Make, ini: Path, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    token = make("cdb.write")
    assert status(running, token) == 200
    everything = str(dump(database_url))
    assert hashlib.sha256(token.encode()).hexdigest() in everything
    assert token not in everything
    assert token.removeprefix("cdb_") not in everything
    assert token not in run("list", ini).output + run("list", ini, "--format", "json").output
    assert token not in caplog.text


@ON_SQLITE
def test_tokens_are_long_random_and_marked(make: Make) -> None:
    made = {make("cdb.read") for _ in range(3)}
    assert len(made) == 3
    assert {(token[:4], len(token)) for token in made} == {("cdb_", 47)}


@ON_SQLITE
def test_the_token_alone_is_on_the_standard_output(ini: Path) -> None:
    done = run("create", ini, "--owner", "bot", "--scope", "cdb.read", "--days", "1")
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr.startswith("API token 1 of bot, valid until ")


@ON_SQLITE
@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--owner", "", "--scope", "cdb.read"], "the name is empty"),
        (["--owner", " ", "--scope", "cdb.read"], "the name has white space at its ends"),
        (["--owner", "bot ", "--scope", "cdb.read"], "the name has white space at its ends"),
        (["--owner", "a\nb", "--scope", "cdb.read"], "a character that cannot be seen"),
        (["--owner", "b\u202eto", "--scope", "cdb.read"], "a character that cannot be seen"),
        (["--owner", "x" * 256, "--scope", "cdb.read"], "more than 255 characters"),
        (["--owner", "anonymous", "--scope", "cdb.read"], "whoever sends no credentials"),
        (["--owner", "bot"], "Missing option '--scope'"),
        (["--owner", "bot", "--scope", ""], "'' is none"),
        (["--owner", "bot", "--scope", "write"], "'write' is none"),
        (["--owner", "bot", "--scope", "cdb.everything"], "'cdb.everything' is none"),
        (["--owner", "bot", "--scope", "cdb.write:Prod"], "'cdb.write:Prod' is none"),
        (["--owner", "bot", "--scope", "cdb.write:/"], "'cdb.write:/' is none"),
        (["--owner", "bot", "--scope", "cdb.read", "--days", "0"], "0 is not in the range"),
        (["--owner", "bot", "--scope", "cdb.read", "--days", "9999"], "9999 is not in the range"),
    ],
)
def test_wrong_token_is_not_made(
    ini: Path, database_url: str, arguments: list[str], why: str
) -> None:
    before = dump(database_url)
    done = run("create", ini, *arguments)
    assert done.exit_code == 2
    assert why in " ".join(done.stderr.replace("│", " ").split())
    assert dump(database_url) == before


# --- what a token can do ------------------------------------------------------------


@ON_SQLITE
@pytest.mark.parametrize(
    ("scope", "dev", "prod", "type_"),
    [
        ("cdb.admin", 200, 200, 200),
        ("cdb.write", 200, 200, 200),
        ("cdb.write:/Dev*", 200, 403, 403),
        ("cdb.tag.create:/Dev*", 200, 403, 403),
        ("cdb.tag.*", 200, 200, 403),
        ("cdb.type.create", 403, 403, 200),
        ("cdb.iov.attach", 403, 403, 403),
        ("cdb.read", 403, 403, 403),
    ],
)
def test_scopes_limit_a_token_whatever_its_owner_may(
    running: Client, make: Make, scope: str, dev: int, prod: int, type_: int
) -> None:
    for owner in ("boss", "bot"):
        token = make(scope, owner=owner)
        made = running.api("POST", "pt", {"name": f"Beam {owner}"}, headers=bearer(token))
        tags = [status(running, token, f"{name} {owner}") for name in ("Dev", "Prod")]
        assert (tags, made.status_int) == ([dev, prod], type_)
        assert running.api("GET", "globalTags", headers=bearer(token)).status_int == 200


@ON_SQLITE
def test_scopes_alone_permit_nothing(ini: Path, database_url: str, make: Make) -> None:
    token = make("cdb.admin")
    settings = {**SETTINGS, "authorization_policies": "roles"}
    assert ini.exists()
    with service(database_url, **settings) as client:
        assert status(client, token) == 403


@ON_SQLITE
def test_several_scopes_add_up(running: Client, make: Make) -> None:
    token = make("cdb.tag.create:/Dev*", "cdb.tag.create:/Test*")
    tags = {name: status(running, token, name) for name in ("Dev1", "Test1", "Prod1")}
    assert tags == {"Dev1": 200, "Test1": 200, "Prod1": 403}


def test_the_change_log_has_the_owner_and_the_command(
    running: Client, make: Make, ini: Path, database: Database, database_url: str
) -> None:
    token = make("cdb.write", owner="calibration-bot")
    assert status(running, token) == 200
    assert run("revoke", ini, "1").exit_code == 0
    log = [
        tuple(change[name] for name in ("actor", "action", "object_type", "object_name"))
        for change in dump(database_url)["change"]
    ]
    assert log == [
        ("cdb token", "create", "token", "1"),
        ("calibration-bot", "create", "global_tag", "Dev1"),
        ("cdb token", "revoke", "token", "1"),
    ]
    with database.snapshot() as reader:
        first = reader.execute(Change.__table__.select().where(Change.change == 1)).one()
    assert first.detail == {"owner": "calibration-bot", "scopes": ["cdb.write"]}


# --- the end of a token -------------------------------------------------------------


def test_revoked_token_is_refused_at_once(running: Client, make: Make, ini: Path) -> None:
    token = make("cdb.write")
    assert status(running, token, "Dev1") == 200
    assert run("revoke", ini, "1").output == "API token 1 of bot is revoked.\n"
    assert status(running, token, "Dev2") == 401
    assert reason(running, token) == "The API token was revoked."
    assert [each["state"] for each in listed(ini)] == ["revoked"]


@ON_SQLITE
def test_revoking_again_changes_nothing(make: Make, ini: Path, database_url: str) -> None:
    make("cdb.write")
    run("revoke", ini, "1")
    before = dump(database_url)
    assert run("revoke", ini, "1").exit_code == 0
    assert dump(database_url) == before


@ON_SQLITE
def test_token_that_is_not_there_cannot_be_revoked(ini: Path, database_url: str) -> None:
    before = dump(database_url)
    done = run("revoke", ini, "7")
    assert (done.exit_code, done.stderr) == (1, "Error: API token 7 does not exist.\n")
    assert dump(database_url) == before


def test_expired_token_is_refused(running: Client, ini: Path, database: Database) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    writer = Writer.operator("tester")
    with database.writing() as session:
        token, _ = tokens.create(session, rules(), writer, "bot", ["cdb.admin"], past)
    assert status(running, token) == 401
    assert reason(running, token) == "The API token has expired."
    assert [each["state"] for each in listed(ini)] == ["expired"]


@ON_POSTGRESQL
def test_revoking_reaches_another_process(ini: Path, make: Make) -> None:
    token = make("cdb.write")
    with processes.served(ini, **{KEY: SECRET}) as (root, _):
        url = f"{root}{API}/whoami"
        before = requests.get(url, headers=bearer(token), timeout=120)
        assert processes.run("token", "revoke", ini, "1", **{KEY: SECRET}).returncode == 0
        after = requests.get(url, headers=bearer(token), timeout=120)
    assert (before.status_code, after.status_code) == (200, 401)
    assert after.json()["detail"] == "The API token was revoked."


# --- wrong tokens -------------------------------------------------------------------


def wrong(token: str) -> list[str]:
    """Return what is nearly a token."""
    hashed = hashlib.sha256(token.encode()).hexdigest()
    return [
        "cdb_",
        token[:-1],
        f"{token}A",
        f"{token}=",
        token.swapcase().replace("CDB_", "cdb_"),
        f"cdb_{'A' * 43}",
        f"cdb_{'%' * 43}",
        f"cdb_{hashed}",
        f"cdb_{hashed[:43]}",
        f"{token} {token}",
        "cdb_' or '1'='1' --",
    ]


def test_wrong_token_is_refused(running: Client, make: Make) -> None:
    reasons = [reason(running, token) for token in wrong(make("cdb.admin"))]
    assert reasons == ["The API token is not known."] * len(reasons)


@ON_SQLITE
def test_prefix_of_a_token_is_a_part_of_it(running: Client, make: Make) -> None:
    random = make("cdb.admin").removeprefix("cdb_")
    reasons = {reason(running, prefix + random) for prefix in ("CDB_", "Cdb_", "")}
    assert reasons == {"The token is damaged, or is no JSON Web Token."}


# --- when a token was used ----------------------------------------------------------


def last_used(ini: Path) -> str | None:
    [token] = listed(ini)
    return token["last_used"]


@ON_SQLITE
def test_those_that_use_it_at_once_note_it_once(make: Make, database: Database) -> None:
    make("cdb.write")
    first = datetime(2026, 1, 2, tzinfo=UTC)
    for since in (USED_EVERY * 0, USED_EVERY / 2):
        with database.writing() as session:
            used(session, 1, first + since)
    with database.snapshot() as reader:
        noted = by_id(reader, 1)
    assert noted
    assert noted.last_used == first


def used_before(database: Database, ago: timedelta) -> None:
    """Have the last noted use of the token be some time ago."""
    with database.writing() as session:
        moment = datetime.now(UTC) - ago
        session.connection().execute(update(Token).values(last_used=moment))


def test_use_is_noted_once_a_minute(
    running: Client, make: Make, ini: Path, database: Database
) -> None:
    token = make("cdb.write")
    assert last_used(ini) is None
    assert running.ok("GET", "globalTags", headers=bearer(token)) == []
    first = last_used(ini)
    assert first is not None
    assert status(running, token) == 200
    assert last_used(ini) == first
    used_before(database, USED_EVERY / 2)
    recent = last_used(ini)
    assert running.api("GET", "whoami", headers=bearer(token)).status_int == 200
    assert last_used(ini) == recent
    used_before(database, USED_EVERY * 1.1)
    old = last_used(ini)
    assert running.api("GET", "whoami", headers=bearer(token)).status_int == 200
    assert last_used(ini) != old


@ON_SQLITE
def test_use_of_a_refused_token_is_not_noted(running: Client, make: Make, ini: Path) -> None:
    token = make("cdb.write")
    run("revoke", ini, "1")
    assert status(running, token) == 401
    assert last_used(ini) is None


@ON_SQLITE
def test_read_goes_on_where_the_use_cannot_be_noted(
    ini: Path, database_url: str, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    token = make("cdb.read")
    other = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("begin immediate")
    assert ini.exists()
    with service(database_url, **{**SETTINGS, "database.timeout": "PT0.3S"}) as client:
        assert client.ok("GET", "globalTags", headers=bearer(token)) == []
    other.close()
    assert "the use of API token 1 was not noted: database is locked" in caplog.text
    assert token not in caplog.text
    assert last_used(ini) is None


# --- the list -----------------------------------------------------------------------


@ON_SQLITE
def test_list_shows_all_but_the_token(make: Make, ini: Path) -> None:
    make("cdb.write:/Dev*", "cdb.read", owner="bot", description="for nights", days="30")
    make("cdb.admin", owner="boss")
    run("revoke", ini, "2")
    first, second = listed(ini)
    assert set(first) == {
        "id", "owner", "description", "scopes", "created", "expires", "revoked", "last_used",
        "state",
    }  # fmt: skip
    assert (first["owner"], first["state"], first["description"]) == ("bot", "valid", "for nights")
    assert first["scopes"] == ["cdb.write:/Dev*", "cdb.read"]
    assert (second["owner"], second["state"]) == ("boss", "revoked")
    table = run("list", ini).stdout.splitlines()
    assert [line.split()[:3] for line in table] == [
        ["1", "valid", "bot"],
        ["2", "revoked", "boss"],
    ]
