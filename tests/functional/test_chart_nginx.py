"""The nginx of the chart, run here: the shipped site behind something that speaks TLS."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import requests
from charts import GIVEN, SWITCHES, container, files, ini_of, one, rendered, values_of, variables
from forging import SECRET
from nginx import AS_TESTER, free_port, running
from processes import CDB, environ
from support import API, serving

from cdb.settings import loader_of


class Behind(NamedTuple):
    """A service behind the nginx of the chart, with the folder of its payload files."""

    url: str
    payloads: Path
    seen: list[dict[str, Any]]

    def get(self, path: str, **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.get(f"{self.url}{path}", headers=named, timeout=120)


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
    assert requests.put(f"{behind.url}/dbstore/c", data=b"x", timeout=120).status_code == 403


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
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("experiment", "status"), [("sphenix", 504), ("cms", 503)])
def test_a_service_that_is_away_is_told_as_clients_expect(
    tmp_path: Path, experiment: str, status: int
) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    with nginx(values_of(experiment), tmp_path, gone) as url:
        answer = requests.get(f"{url}{API}/globalTags", timeout=120)
    assert (answer.status_code, answer.json()["code"]) == (status, "unavailable")


def test_sizes_follow_the_settings() -> None:
    config = "config=cdb.max_body_mb = 8\ncdb.max_payload_mb = 4096\ncdb.api_base = /conditions"
    objects = rendered(*GIVEN, "--set", config)
    site = one(objects, "ConfigMap", "cdb-nginx")["data"]["cdb.conf"]
    assert re.findall(r"client_max_body_size (\w+);", site) == ["8m", "4096m"]
    assert "/api/cdb_rest" not in site
    assert r"~^/conditions/(payloadiovs|" in site
