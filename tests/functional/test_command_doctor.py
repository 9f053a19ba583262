"""`cdb doctor` of services with and without what proxies do to them, and of bundles."""

import base64
import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from click.testing import CliRunner, Result
from conditions import fill
from nginx import nginx
from support import API, Client, serving

from cdb.app import make_app
from cdb.settings import load
from cdb_client.cli import main


@dataclass
class Service:
    """A service, and its settings."""

    client: Client
    root: str

    @property
    def url(self) -> str:
        return self.root + API


@contextmanager
def made(databases: Any, **settings: str) -> Iterator[Service]:
    with databases("sqlite") as database:
        ini = {"cdb.database.url": database, "cdb.allow_open_writes": "true", **settings}
        app = make_app(load(ini, {}))
        fill(Client(app))
        with serving(app) as root:
            yield Service(Client(app), root)
        app.registry.cdb.database.dispose()


@pytest.fixture(scope="module")
def service(databases: Any) -> Iterator[Service]:
    with made(databases) as one:
        yield one


def doctor(*arguments: object, **environ: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *map(str, arguments)], env=environ)


def found(*arguments: object, **environ: str) -> dict[str, tuple[str, str]]:
    """Return state and sentence of each check, by its name."""
    told = json.loads(doctor(*arguments, "--format", "json", **environ).output)
    return {each["name"]: (each["state"], each["sentence"]) for each in told}


# --- a proxy that is in the way --------------------------------------------------------


@dataclass
class Proxy:
    """A forward proxy, and what it does to what goes through it."""

    url: str = ""
    drops_from_requests: set[str] = field(default_factory=set)
    drops_from_answers: set[str] = field(default_factory=set)
    adds_to_answers: list[tuple[str, str]] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    longest_url: int = 10**6
    largest_body: int = 10**9
    decodes_paths: bool = False
    kept: dict[str, tuple[int, list[tuple[str, str]], bytes]] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    """Handles a request of any method as its proxy does."""

    proxy: Proxy

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        refusals = {
            405: self.command in self.proxy.refuses,
            414: len(self.path) > self.proxy.longest_url,
            413: len(body) > self.proxy.largest_body,
        }
        for status in (status for status, refuses in refusals.items() if refuses):
            self.answer(status, [("Content-Length", "2")], b"no")
            return
        asks_anew = "no-cache" in self.headers.get("Cache-Control", "")
        if self.command == "GET" and self.path in self.proxy.kept and not asks_anew:
            self.answer(*self.proxy.kept[self.path])
            return
        self.answer(*self.asked(body))

    def asked(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        parts = urlsplit(self.path)
        path = parts.path
        if self.proxy.decodes_paths:
            path = unquote(path).encode("ascii", "replace").decode().replace(" ", "+")
        connection = http.client.HTTPConnection(parts.netloc, timeout=120)
        connection.putrequest(
            self.command, f"{path}?{parts.query}", skip_host=True, skip_accept_encoding=True
        )
        for name, value in self.headers.items():
            if name not in self.proxy.drops_from_requests:
                connection.putheader(name, value.encode("latin-1"))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.getheaders() + self.proxy.adds_to_answers, content

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in self.proxy.drops_from_answers:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Its", (Handler,), {"proxy": proxy})
    ) as server:
        proxy.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield proxy
        server.shutdown()
        thread.join()


def states(told: dict[str, tuple[str, str]], *besides: str) -> set[str]:
    return {name for name, (state, _) in told.items() if state != "ok" and name not in besides}


# --- services --------------------------------------------------------------------------


def test_healthy_service_is_well_and_nothing_is_written(service: Service) -> None:
    before = service.client.ok("GET", "changes")["latest"]

    done = doctor(service.url)

    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert {line.split()[0] for line in lines} == {"ok"}
    assert [line.split()[1] for line in lines][:5] == [
        "reachable", "service", "health", "clock", "whoami",
    ]  # fmt: skip
    assert service.client.ok("GET", "changes")["latest"] == before


def test_service_of_the_environment_is_looked_at(service: Service) -> None:
    assert found(CDB_URL=service.url)["service"] == ("ok", "It is cdb 0.1.0.")


def test_harmless_proxy_changes_nothing(service: Service, proxy: Proxy) -> None:
    told = found(service.url, CDB_PROXY=proxy.url, NO_PROXY="", no_proxy="")

    assert states(told) == set()
    assert told["direct"][1].endswith("changes nothing.")


@pytest.mark.parametrize(
    ("does", "check", "word"),
    [
        ({"drops_from_answers": {"cdb-valid-until", "etag"}}, "answer-headers", "CDB-Valid-Until"),
        ({"drops_from_requests": {"If-None-Match"}}, "not-modified", "If-None-Match"),
        ({"drops_from_requests": {"If-Match"}}, "request-headers", "If-Match of writes"),
        ({"drops_from_requests": {"Idempotency-Key"}}, "request-headers", "Idempotency-Key of"),
        ({"drops_from_requests": {"CDB-Comment"}}, "request-headers", "CDB-Comment of"),
        ({"drops_from_requests": {"Accept"}}, "lines", "line by line"),
        ({"refuses": {"PUT", "DELETE"}}, "methods", "PUT (405), DELETE (405)"),
        ({"refuses": {"HEAD"}}, "head", "405"),
        ({"refuses": {"POST"}}, "batch", "405"),
        ({"longest_url": 4000}, "long-url", "414"),
        ({"largest_body": 10**6}, "large-body", "413"),
        ({"decodes_paths": True}, "names", "decode"),
    ],
)
def test_what_a_proxy_does_is_found_and_laid_at_its_door(
    service: Service, proxy: Proxy, does: dict[str, Any], check: str, word: str
) -> None:
    for name, value in does.items():
        setattr(proxy, name, value)

    told = found(service.url, CDB_PROXY=proxy.url, NO_PROXY="", no_proxy="")

    assert told[check][0] != "ok"
    assert word in told[check][1]
    assert told["direct"][0] in {told[check][0], "failed"}
    assert check in told["direct"][1]


def test_cache_that_compares_by_itself_is_well(service: Service, proxy: Proxy) -> None:
    proxy.drops_from_requests = {"If-None-Match"}
    proxy.adds_to_answers = [("Age", "0")]

    told = found(service.url, CDB_PROXY=proxy.url, NO_PROXY="", no_proxy="")

    assert told["not-modified"] == (
        "ok",
        "A cache on the way compares what it has, and sends that in full.",
    )
    assert told["direct"][0] == "ok"


def test_cache_that_gives_older_answers_is_found(service: Service, proxy: Proxy) -> None:
    path = "payload-iovs/query?gtName=A&majorIOV=0&minorIOV=0"
    headers = [("Content-Length", "2"), ("CDB-Change", "1"), ("Age", "90")]
    proxy.kept[f"{service.url}/{path}"] = (200, headers, b"[]")

    told = found(service.url, CDB_PROXY=proxy.url, NO_PROXY="", no_proxy="")

    assert told["cache"][0] == "warning"
    assert "as of change 1, 90 s old, where" in told["cache"][1]


def test_proxy_that_is_not_there_is_named(service: Service, refusing: str) -> None:
    told = found(service.url, CDB_PROXY=refusing, NO_PROXY="", no_proxy="")

    assert told["reachable"][0] == "failed"
    assert f"through the proxy {refusing}" in told["reachable"][1]


@pytest.fixture
def refusing() -> Iterator[str]:
    """A port that nobody listens at, and nobody else can take."""
    import socket  # noqa: PLC0415 - of this fixture only

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def test_wrong_base_url_is_put_right(service: Service) -> None:
    state, sentence = found(f"{service.root}/api")["service"]

    assert (state, f"as in {service.url}." in sentence) == ("failed", True)
    assert doctor(f"{service.root}/api").exit_code == 1


def test_site_of_nginx_lets_everything_through(service: Service, tmp_path: Path) -> None:
    with nginx(tmp_path, service.root) as front:
        told = found(front.tls + API, REQUESTS_CA_BUNDLE=str(front.certificate))
        assert states(told, "certificate", "health", "large-body") == set()
        assert told["certificate"] == ("warning", "It is good for another 24 hours.")


def test_urls_of_one_database_have_the_same_content(service: Service, databases: Any) -> None:
    assert found(service.url, service.url)["content"][0] == "ok"

    with made(databases) as other:
        other.client.ok("POST", "pt", {"name": "More"})
        state, sentence = found(service.url, other.url)["content"]
    assert (state, "at change" in sentence) == ("warning", True)


# --- tokens ----------------------------------------------------------------------------


def token(**claims: object) -> str:
    parts = ({"alg": "none"}, claims, {})
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )


@pytest.mark.parametrize(
    ("seconds", "state", "sentence"),
    [
        (-7200.0, "failed", "It ran out 2 hours ago: get another one."),
        (300.0, "warning", "It runs out in 5 minutes: get another one for a long job."),
        (86_400.0 * 3, "ok", "It runs out in 3 days."),
    ],
)
def test_token_says_when_it_runs_out(
    service: Service, seconds: float, state: str, sentence: str
) -> None:
    exp = int(time.time() + seconds) + (1 if seconds > 0 else 0)

    assert found(service.url, CDB_TOKEN=token(exp=exp))["token"] == (state, sentence)


def test_token_that_is_no_jwt_does_not_say(service: Service) -> None:
    told = found(service.url, CDB_TOKEN="not.a-token.at-all")  # noqa: S106 - it is none

    assert told["token"][0] == "ok"


# --- bundles and deployments -----------------------------------------------------------


@pytest.fixture
def bundle(databases: Any, tmp_path: Path) -> Path:
    """A bundle of the tag A."""
    ini, file = tmp_path / "service.ini", tmp_path / "a.cdb"
    with databases("sqlite") as database:
        app = make_app(load({"cdb.database.url": database, "cdb.allow_open_writes": "true"}, {}))
        fill(Client(app))
        app.registry.cdb.database.dispose()
        ini.write_text(f"[app:main]\nuse = egg:hep-cdb\ncdb.database.url = {database}\n")
        done = CliRunner().invoke(
            main, ["bundle", "create", "A", str(file), "--ini", str(ini)], catch_exceptions=False
        )
    assert done.exit_code == 0, done.output
    return file


def test_bundle_is_whole(bundle: Path) -> None:
    told = found(bundle)

    assert states(told) == {"files"}
    assert told["bundle"][1] == "It has the global tag A, format 1."
    folder = bundle.with_name("a.cdb.payloads")
    folder.mkdir()
    assert found(bundle)["files"][1].startswith("1 of 1 payload files are missing")
    (folder / "in A").touch()
    assert found(bundle)["files"] == ("ok", "All 1 payload files are beside it.")


def test_damaged_bundle_is_found(bundle: Path) -> None:
    content = bytearray(bundle.read_bytes())
    content[-4096:] = b"\xff" * 4096
    bundle.write_bytes(content)

    assert found(bundle)["integrity"][0] == "failed"
    assert doctor(bundle).exit_code == 1
    bundle.write_text("no database")
    assert found(bundle)["bundle"][0] == "failed"


def test_ini_is_looked_at_by_the_server(tmp_path: Path) -> None:
    ini = tmp_path / "service.ini"
    ini.write_text("[app:main]\nuse = egg:hep-cdb\ncdb.no_such = 1\n")

    assert found(ini)["ini"][0] == "ok"
    assert found(ini)["settings"][0] == "failed"


def test_target_that_is_nothing_is_a_usage_error() -> None:
    done = doctor("nothing-here")

    assert (done.exit_code, "is no file" in done.output) == (2, True)
