"""What the chart puts into containers, run here: the ini, nginx, PgBouncer, the dump, the test."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psycopg2
import pytest
import requests
from charts import EXPERIMENTS, GIVEN, ROOT, SWITCHES, Object, ini_lines, one, rendered, values_of
from cluster import BIN
from forging import SECRET
from nginx import AS_TESTER, free_port, running, wait_for
from processes import CDB, environ, served
from sqlalchemy.engine import make_url
from support import API, Client, program, serving

from cdb.settings import loader_of


def files(
    objects: tuple[Object, ...], name: str, folder: Path, changes: Mapping[str, str]
) -> Path:
    """Write the files of a ConfigMap into a folder, with paths and addresses of this machine."""
    folder.mkdir(exist_ok=True)
    for file, text in one(objects, "ConfigMap", name)["data"].items():
        for in_cluster, here in changes.items():
            text = text.replace(in_cluster, here)  # noqa: PLW2901 - one after the other
        (folder / file).write_text(text)
    return folder


def container(objects: tuple[Object, ...], kind: str, name: str) -> Object:
    spec = one(objects, kind, name)["spec"]
    spec = spec["jobTemplate"]["spec"] if kind == "CronJob" else spec
    spec = spec if kind == "Pod" else spec["template"]["spec"]
    found: Object = spec["containers"][0]
    return found


def variables(container: Object) -> dict[str, str]:
    """Return the environment of a container."""
    return {each["name"]: each.get("value", SECRET) for each in container["env"]}


# --- the ini ----------------------------------------------------------------------------


def ini_of(objects: tuple[Object, ...], folder: Path) -> Path:
    here = {
        "/etc/cdb/": f"{folder}/etc/",
        "/var/lib/cdb/payloads": f"{folder}/payloads",
        "/var/cache/cdb": f"{folder}/compiled",
    }
    for each in ("payloads", "compiled"):
        (folder / each).mkdir()
    return files(objects, "cdb", folder / "etc", here) / "cdb.ini"


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
                assert requests.get(f"{root}{path}", timeout=30).status_code == 200


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


# --- nginx ------------------------------------------------------------------------------


class Behind(NamedTuple):
    """A service behind the nginx of the chart, with the folder of its payload files."""

    url: str
    payloads: Path
    seen: list[dict[str, Any]]

    def get(self, path: str, **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.get(f"{self.url}{path}", headers=named, timeout=30)


@contextmanager
def nginx(options: tuple[str, ...], folder: Path, service: str) -> Iterator[str]:
    """Run the nginx of the chart in front of a service; gives its URL."""
    port = free_port()
    here = {
        "/tmp/": f"{folder}/",  # noqa: S108 - of the container
        "/etc/cdb-nginx/": f"{folder}/",
        "server cdb:8000;": f"server {urlsplit(service).netloc};",
        "listen 8080;": f"listen 127.0.0.1:{port};",
        "/var/cache/nginx-cdb": f"{folder}/cache",
        "/var/lib/cdb/payloads/": f"{folder}/payloads/",
        "/dev/stderr": f"{folder}/error.log",
        "/dev/stdout": f"{folder}/access.log",
    }
    main = files(rendered(*options), "cdb-nginx", folder, here) / "nginx.conf"
    main.write_text(f"daemon off; {AS_TESTER}\n{main.read_text()}")
    with running(main, port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def behind(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    folder = tmp_path_factory.mktemp("chart-nginx")
    objects = rendered(*GIVEN)
    options = (*SWITCHES["all"], "--set", "nginx.trustedNetworks={127.0.0.0/8}")
    seen: list[dict[str, Any]] = []
    ini = ini_of(objects, folder)
    with databases("sqlite") as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CDB_DATABASE_URL", url)
        patch.setenv("CDB_JWT_SECRET", SECRET)
        app = loader_of(ini).get_wsgi_app()

        def noted(environ: dict[str, Any], start_response: Any) -> Any:
            seen.append(environ)
            return app(environ, start_response)

        trusted = {
            "trusted_proxy": "*",
            "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"},
            "clear_untrusted_proxy_headers": True,
        }
        with serving(noted, **trusted) as service, nginx(options, folder, service) as front:
            yield Behind(front, folder / "payloads", seen)
        app.registry.cdb.database.dispose()


def test_answers_come_from_the_cache(behind: Behind) -> None:
    places = [behind.get(f"{API}/gtstatus").headers["CDB-Cache"] for _ in range(2)]
    assert places == ["MISS", "REVALIDATED"]


def test_credentials_need_tls_before_nginx(behind: Behind) -> None:
    path, token = f"{API}/gtstatus", {"Authorization": "Bearer x"}
    assert behind.get(path, **token).json()["code"] == "forbidden"
    assert behind.get(path, X_Forwarded_Proto="http", **token).status_code == 403
    assert behind.get(path, X_Forwarded_Proto="https", **token).status_code == 200
    assert behind.get(f"{API}/whoami", X_Forwarded_Proto="https", **token).status_code == 401


def test_the_service_knows_from_where_a_request_came(behind: Behind) -> None:
    came = {"X_Forwarded_For": "192.0.2.7", "X_Forwarded_Proto": "https"}
    assert behind.get(f"{API}/user_settings/CDB_PAYLOAD_BASE_URL", **came).status_code == 200
    environ = behind.seen[-1]
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("192.0.2.7", "https")


def test_metrics_stay_inside(behind: Behind) -> None:
    assert behind.get("/metrics").json()["code"] == "not-found"
    assert behind.get("/health/ready").status_code == 200


def test_files_are_given_to_everybody_and_taken_from_nobody(behind: Behind) -> None:
    (behind.payloads / "a.root").write_bytes(b"constants")
    (behind.payloads / ".incoming").mkdir()
    (behind.payloads / ".incoming/b").write_bytes(b"half")
    assert behind.get("/dbstore/a.root").content == b"constants"
    assert behind.get("/dbstore/.incoming/b").status_code == 404
    assert requests.put(f"{behind.url}/dbstore/c", data=b"x", timeout=30).status_code == 403


def test_the_test_of_the_chart_finds_nothing_wrong(behind: Behind) -> None:
    objects = rendered(*GIVEN)
    pod = container(objects, "Pod", "cdb-test")
    *command, url = pod["command"]
    assert (command, url) == (["cdb", "doctor"], f"http://cdb-nginx:8080{API}")
    here = url.replace("http://cdb-nginx:8080", behind.url)
    done = subprocess.run(
        [CDB, "doctor", here],
        check=False,
        capture_output=True,
        text=True,
        env=environ(**variables(pod)),
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("experiment", "status"), [("sphenix", 504), ("cms", 503)])
def test_a_service_that_is_away_is_told_as_clients_expect(
    tmp_path: Path, experiment: str, status: int
) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    with nginx(values_of(experiment), tmp_path, gone) as url:
        answer = requests.get(f"{url}{API}/globalTags", timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (status, "unavailable")


def test_sizes_follow_the_settings() -> None:
    config = "config=cdb.max_body_mb = 8\ncdb.max_payload_mb = 4096\ncdb.api_base = /conditions"
    objects = rendered(*GIVEN, "--set", config)
    site = one(objects, "ConfigMap", "cdb-nginx")["data"]["cdb.conf"]
    assert re.findall(r"client_max_body_size (\w+);", site) == ["8m", "4096m"]
    assert "/api/cdb_rest" not in site
    assert r"~^/conditions/(payloadiovs|" in site


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
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert not old.exists()
    [made] = set(tmp_path.iterdir()) - {recent}
    listed = subprocess.run(
        [BIN / "pg_restore", "--list", made], check=True, capture_output=True, text=True
    )
    assert "TABLE DATA public change" in listed.stdout
