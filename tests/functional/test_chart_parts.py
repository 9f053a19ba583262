"""What the chart puts into containers, run here: the ini, PgBouncer and the dump."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import requests
from charts import (
    EXPERIMENTS,
    GIVEN,
    ROOT,
    SWITCHES,
    container,
    files,
    ini_lines,
    ini_of,
    one,
    rendered,
    values_of,
    variables,
)
from cluster import BIN
from forging import SECRET
from nginx import free_port, wait_for
from processes import served
from sqlalchemy.engine import make_url
from support import Client, program

from cdb.settings import loader_of

# --- the ini ----------------------------------------------------------------------------


@pytest.fixture
def public_key(tmp_path: Path) -> str:
    key, public = tmp_path / "issuer.key", tmp_path / "issuer.pem"
    made = ["openssl", "genrsa", "-out", str(key), "2048"]
    subprocess.run(made, check=True, capture_output=True)
    shown = ["openssl", "rsa", "-in", str(key), "-pubout", "-out", str(public)]
    subprocess.run(shown, check=True, capture_output=True)
    return str(public)


@pytest.mark.parametrize("switches", ["least", *EXPERIMENTS, "all", "none"])
def test_a_service_starts_with_the_ini(
    databases: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    switches: str,
) -> None:
    options = SWITCHES[switches]
    if switches == "belle2":
        key = request.getfixturevalue("public_key")
        options = (*values_of("belle2")[:2], "--set-file", f"files.belle2-issuer\\.pem={key}")
    objects = rendered(*options)
    ini = ini_of(objects, tmp_path)
    for name, value in variables(container(objects, "Deployment", "cdb")).items():
        monkeypatch.setenv(name, value)
    with databases("sqlite") as url:
        monkeypatch.setenv("CDB_DATABASE_URL", url)
        monkeypatch.delenv("CDB_DATABASE_REPLICAS", raising=False)
        app = loader_of(ini).get_wsgi_app()
        answer = Client(app).ok("GET", "/health/live")
        app.registry.cdb.database.dispose()
    assert answer["status"] == "ok"


def test_the_command_of_the_pod_serves(databases: Any, tmp_path: Path) -> None:
    objects = rendered(*GIVEN, "--set", "server.workers=1")
    ini = ini_of(objects, tmp_path)
    pod = container(objects, "Deployment", "cdb")
    command, given = pod["command"], variables(pod)
    assert command[:3] == ["cdb", "serve", "/etc/cdb/cdb.ini"]
    with databases("sqlite") as url:
        given |= {"CDB_DATABASE_URL": url}
        with served(ini, *command[3:], **given) as (root, _):
            probes = {pod[f"{kind}Probe"]["httpGet"]["path"] for kind in ("readiness", "liveness")}
            assert probes == {"/health/ready", "/health/live"}
            for path in probes:
                assert requests.get(f"{root}{path}", timeout=120).status_code == 200


OWN = {"cdb.payload_store", "cdb.payload_accel", "cdb.payload_store_options"}
"""Settings that the values of an experiment say by themselves, as its cluster is."""

CHANGED = {"cdb.plugin.trusted-proxy.proxies"}
"""Settings that are others in a cluster."""


@pytest.mark.parametrize(
    ("switches", "ini"),
    [("least", "production.ini"), *((each, f"deploy/ini/{each}.ini") for each in EXPERIMENTS)],
)
def test_the_settings_are_those_of_the_shipped_ini(switches: str, ini: str) -> None:
    def settings(text: str) -> dict[str, str]:
        lines = ini_lines(text.partition("[server:main]")[0])
        left_out = OWN | CHANGED | {"cdb.database.url", "cdb.compiled", "cdb.compiled_mb"}
        return {key: value for key, value in lines.items() if key not in left_out}

    data = one(rendered(*SWITCHES[switches]), "ConfigMap", "cdb")["data"]
    shipped = settings((ROOT / ini).read_text())
    assert "cdb.authenticators" in shipped
    assert settings(data["cdb.ini"]) == shipped


def test_passwords_go_past_the_url() -> None:
    env = variables(container(rendered(*SWITCHES["all"]), "Job", "cdb-migration"))
    assert env["PGPASSWORD"] == env["PGUSER"] == SECRET
    url = make_url(env["CDB_DATABASE_URL"])
    assert (url.username, url.password, url.host) == (None, None, "db.example.org")
    assert url.query["sslmode"] == "verify-full"
    pooled = variables(container(rendered(*SWITCHES["all"]), "Deployment", "cdb"))
    assert pooled["CDB_DATABASE_URL"].endswith("@cdb-pgbouncer:6432/primary".lstrip("@"))
    assert [make_url(each).database for each in pooled["CDB_DATABASE_REPLICAS"].split()] == [
        "replica1",
        "replica2",
    ]


def test_tables_can_belong_to_another_user_than_that_of_the_service() -> None:
    said = "migration.user=owner,migration.passwordKey=owner-password"
    objects = rendered(*SWITCHES["all"], "--set", said)

    def secrets(kind: str, name: str) -> dict[str, str]:
        env = container(objects, kind, name)["env"]
        return {
            each["name"]: each["valueFrom"]["secretKeyRef"]["key"]
            for each in env
            if each["name"].startswith("PG") and "valueFrom" in each
        }

    assert secrets("Job", "cdb-migration") == {"PGPASSWORD": "owner-password"}
    assert variables(container(objects, "Job", "cdb-migration"))["PGUSER"] == "owner"
    of_service = {"PGUSER": "username", "PGPASSWORD": "password"}
    assert secrets("Deployment", "cdb") == secrets("CronJob", "cdb-backup") == of_service


# --- PgBouncer --------------------------------------------------------------------------

USER = "cdb_of_chart"

PASSWORD = 'a "quoted" b\\c $HOME %s'  # noqa: S105 - of a role that lives for a test
"""A password with what shells, files and URLs would take for their own."""


@contextmanager
def pgbouncer(folder: Path, port: int, database: str) -> Iterator[None]:
    """Run the PgBouncer of the chart in a folder, in front of the server of a database."""
    program("pgbouncer")
    url = make_url(database)
    host = str(url.normalized_query.get("host", (url.host,))[0])
    here = {
        "host=db.example.org port=5432 dbname=cdb": f"host={host} dbname={url.database}",
        "listen_port = 6432": f"listen_port = {port}",
        "listen_addr = *": "listen_addr = 127.0.0.1",
        "/etc/pgbouncer/": f"{folder}/",
        "/run/pgbouncer/": f"{folder}/",
    }
    objects = rendered(*GIVEN, "--set", "pgbouncer.enabled=true")
    files(objects, "cdb-pgbouncer", folder, here)
    pod = container(objects, "Deployment", "cdb-pgbouncer")
    assert pod["command"] == ["sh", "/etc/pgbouncer/start.sh"]
    assert variables(pod) == {"PGUSER": "cdb", "PGPASSWORD": SECRET}
    # PgBouncer does not run as root; whoever owns the server's socket can reach it.
    owner = Path(host).stat().st_uid if os.geteuid() == 0 and host.startswith("/") else None
    if owner is not None:
        os.chown(folder, owner, -1)
    path = f"{os.environ['PATH']}:/usr/sbin"
    given = {"PATH": path, "PGUSER": USER, "PGPASSWORD": PASSWORD}
    with subprocess.Popen(["sh", folder / "start.sh"], env=given, user=owner) as process:
        try:
            wait_for(port)
            yield
        finally:
            process.terminate()


def test_pgbouncer_takes_the_password_of_the_secret_and_no_other(databases: Any) -> None:
    port = free_port()
    here = {"host": "127.0.0.1", "port": port, "dbname": "primary", "user": USER}
    with (
        databases("postgresql") as url,
        role(url),
        # Not below pytest's folder, which is root's alone.
        tempfile.TemporaryDirectory(prefix="cdb-pooler-") as name,
        pgbouncer(Path(name), port, url),
    ):
        connection = psycopg2.connect(**here, password=PASSWORD)
        with closing(connection), connection.cursor() as cursor:
            cursor.execute("select current_user")
            assert cursor.fetchone() == (USER,)
        with pytest.raises(psycopg2.OperationalError, match="SASL authentication failed"):
            psycopg2.connect(**here, password=SECRET)


@contextmanager
def role(url: str) -> Iterator[None]:
    """Let a user be there, who may log in."""
    connection = psycopg2.connect(url.replace("postgresql+psycopg2://", "postgresql://"))
    connection.autocommit = True
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(f"create role {USER} login")
        try:
            yield
        finally:
            cursor.execute(f"drop role {USER}")


# --- the dump ---------------------------------------------------------------------------


def test_the_dump_is_whole_and_old_ones_go(databases: Any, tmp_path: Path) -> None:
    objects = rendered(*GIVEN, "--set", "backup.enabled=true,backup.existingClaim=dumps")
    pod = container(objects, "CronJob", "cdb-backup")
    [script] = pod["args"]
    old, recent = tmp_path / "cdb-20200101T000000Z.dump", tmp_path / "cdb-20200102T000000Z.dump"
    for file, days in ((old, 14), (recent, 13)):
        file.write_bytes(b"")
        before = time.time() - days * 86_400 - 3600
        os.utime(file, (before, before))
    shell = shutil.which("sh")
    assert shell
    with databases("postgresql") as url:
        done = subprocess.run(
            [shell, *pod["command"][1:], script.replace("/backup", str(tmp_path))],
            check=False,
            capture_output=True,
            text=True,
            env={"PATH": f"{BIN}:{os.environ['PATH']}", "CDB_DATABASE_URL": url},
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    assert not old.exists()
    [made] = set(tmp_path.iterdir()) - {recent}
    listed = subprocess.run(
        [BIN / "pg_restore", "--list", made], check=True, capture_output=True, text=True
    )
    assert "TABLE DATA public change" in listed.stdout
