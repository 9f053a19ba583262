"""The site of nginx that cdb ships: what it keeps and for how long, and what it lets through."""

import http.client
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from conditions import QUERY, fill, last_change
from guarded import JWT, ROLES, as_role, key_is_set, service
from nginx import SITE, Front, free_port, nginx, seen_errors
from support import API, Client, serving

from cdb.app import make_app
from cdb.rest import views
from cdb.settings import load

KEPT = "CDB-Cache"
"""The header in which nginx says where an answer came from."""

CALLERS = 8

MEETING = f"{API}/user_settings/CDB_PAYLOAD_BASE_URL"
"""A path that clients ask for first of all, and whose answer nobody keeps."""


class Behind:
    """The service behind nginx, and what reached it."""

    def __init__(self, app: Any, front: Front) -> None:
        self.client = Client(app)
        self.front = front
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(front.certificate)

    def get(self, path: str, *, tls: bool = False, **headers: str) -> requests.Response:
        root = self.front.tls if tls else self.front.url
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.session.get(f"{root}{API}/{path}", headers=named, timeout=120)


@pytest.fixture(scope="module")
def reached() -> list[str]:
    """The requests that reach the service."""
    return []


@pytest.fixture(scope="module")
def meeting() -> threading.Barrier:
    """Where requests for what is not kept wait until all callers are there."""
    return threading.Barrier(CALLERS, timeout=120)


@pytest.fixture(scope="module")
def behind(
    databases: Any,
    reached: list[str],
    meeting: threading.Barrier,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Behind]:
    folder, files = tmp_path_factory.mktemp("nginx"), tmp_path_factory.mktemp("files")
    with databases("sqlite") as database:
        ini = {"cdb.database.url": database, "cdb.allow_open_writes": "true"}
        store = {"cdb.payload_store": str(files), "cdb.payload_accel": "/protected/"}
        app = make_app(load({**ini, **store}, {}))

        def noted(environ: Any, start_response: Any) -> Any:
            reached.append(environ["PATH_INFO"])
            if environ["PATH_INFO"] == MEETING:
                meeting.wait()
            return app(environ, start_response)

        with serving(noted) as url, nginx(folder, url, files) as front:
            made = Behind(app, front)
            fill(made.client)
            yield made
            made.session.close()
        complaints = [line for line in seen_errors(folder) if "too large body" not in line]
        assert complaints == []
        app.registry.cdb.database.dispose()


@pytest.fixture
def count(reached: list[str]) -> Callable[[], int]:
    """How many requests reached the service since the test began."""
    before = len(reached)
    return lambda: len(reached) - before


def as_of(behind: Behind, more: str = "") -> str:
    """Return the path of an answer that nobody asked for yet, and that never changes."""
    behind.client.ok("PATCH", "global-tags/A", {"description": str(time.monotonic_ns())})
    behind.client.ok("PATCH", "global-tags/B", {"description": str(time.monotonic_ns())})
    return f"{QUERY}&asOf={last_change(behind.client) - 1}{more}"


# --- what is kept ---------------------------------------------------------------


def test_an_answer_as_of_a_change_reaches_the_service_once(
    behind: Behind, count: Callable[[], int]
) -> None:
    path = as_of(behind)
    before = count()
    first, second = behind.get(path), behind.get(path, tls=True)
    assert [answer.headers[KEPT] for answer in (first, second)] == ["MISS", "HIT"]
    assert second.content == first.content
    assert count() - before == 1
    # Those behind nginx count from when the service answered.
    assert second.headers["Date"] == first.headers["Date"]
    assert second.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "X-Accel-Expires" not in second.headers
    assert behind.get(path, If_None_Match=first.headers["ETag"]).status_code == 304


def test_an_answer_that_is_kept_has_the_name_of_its_own_request(behind: Behind) -> None:
    path = as_of(behind)
    first = behind.get(path, X_Request_ID="the-first-one")
    second = behind.get(path, X_Request_ID="the-second-one")
    unsound = behind.get(path, X_Request_ID="no")
    missing = behind.get("globalTag/NoSuch", X_Request_ID="of-what-is-not")
    assert [each.headers[KEPT] for each in (first, second, unsound)] == ["MISS", "HIT", "HIT"]
    names = [each.headers["X-Request-ID"] for each in (first, second, unsound, missing)]
    assert (names[:2], names[3]) == (["the-first-one", "the-second-one"], "of-what-is-not")
    assert re.fullmatch("[0-9a-f]{32}", names[2])


def test_a_frozen_tag_is_kept(behind: Behind) -> None:
    client = behind.client
    client.ok("POST", "cloneGlobalTag/A/Frozen")
    client.ok("PUT", "gt_change_status/Frozen/frozen")
    path = QUERY.replace("gtName=A", "gtName=Frozen")
    assert [behind.get(path).headers[KEPT] for _ in range(2)] == ["MISS", "HIT"]


def test_an_answer_that_may_change_is_compared_each_time(behind: Behind) -> None:
    first, second = behind.get(QUERY), behind.get(QUERY)
    assert second.headers[KEPT] == "REVALIDATED"
    assert second.content == first.content
    behind.client.ok("PATCH", "global-tags/A", {"description": "new"})
    third = behind.get(QUERY)
    assert third.headers[KEPT] == "EXPIRED"
    assert int(third.headers["CDB-Change"]) == last_change(behind.client)


def test_requests_for_one_answer_reach_the_service_as_one(
    behind: Behind, count: Callable[[], int]
) -> None:
    path = as_of(behind)
    before = count()
    assert len({answer.content for answer in at_once(behind, path)}) == 1
    assert count() - before == 1


def test_of_many_who_ask_for_what_is_no_longer_fresh_nobody_gets_it(
    behind: Behind, count: Callable[[], int]
) -> None:
    behind.get(QUERY)
    behind.client.ok("PATCH", "global-tags/A", {"description": str(time.monotonic_ns())})
    new = str(last_change(behind.client))
    before = count()
    assert {answer.headers["CDB-Change"] for answer in at_once(behind, QUERY)} == {new}
    # Each of them is compared, since what is out of date gives nobody an answer meanwhile.
    assert count() - before == CALLERS


def at_once(behind: Behind, path: str) -> list[requests.Response]:
    """Ask for a path from many connections, all at one time."""
    begin = threading.Barrier(CALLERS)

    def ask(_: int) -> requests.Response:
        begin.wait()
        return requests.get(f"{behind.front.url}{API}/{path}", timeout=120)

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(ask, range(CALLERS)))


# --- what is let through --------------------------------------------------------


def test_requests_for_what_is_not_kept_do_not_wait_for_one_another(behind: Behind) -> None:
    answers = at_once(behind, MEETING.removeprefix(f"{API}/"))
    assert {answer.status_code for answer in answers} == {200}


def test_what_says_how_long_it_holds_is_kept_and_nothing_else() -> None:
    kept = [
        re.compile(each) for each in re.findall(r'^ *"~(.+)" 1;$', SITE.read_text(), re.MULTILINE)
    ]
    for resource in views.RESOURCES:
        for operation in resource.operations:
            paths = [re.sub(r"{\w+}", "x", path) for path in resource.paths]
            found = [any(each.search(f"{API}/{path}") for each in kept) for path in paths]
            if operation.method == "GET" and not resource.rooted:
                assert found == [operation.says_how_long] * len(paths), paths


@pytest.mark.parametrize(
    "path", ["/metrics", "/metrics/", "//metrics", "/%6Detrics", "/x/../metrics", "/metrics?a=b"]
)
def test_metrics_are_for_the_inside(behind: Behind, count: Callable[[], int], path: str) -> None:
    before = count()
    # Not by a library that would write the path another way.
    connection = http.client.HTTPConnection(urlsplit(behind.front.url).netloc, timeout=120)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert (answer.status, json.load(answer)["code"]) == (404, "not-found")
    connection.close()
    assert count() == before


def test_answers_of_those_who_may_read_are_given_to_nobody_else(
    databases: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_is_set(monkeypatch)
    protected = {**JWT, **ROLES, "read_access": "authenticated"}
    with (
        databases("sqlite") as database,
        service(database, **protected) as client,
        serving(client.app) as url,
        nginx(tmp_path, url) as front,
    ):
        behind = Behind(client.app, front)
        may_read = dict(as_role("nobody"))
        for path in ("globalTags", "gtstatus"):
            for _ in range(2):
                mine = behind.get(path, tls=True, **may_read)
                assert (mine.status_code, KEPT in mine.headers) == (200, False)
                assert mine.headers["Cache-Control"].startswith("private")
            assert behind.get(path).status_code == 401
        behind.session.close()


@pytest.mark.parametrize(
    "headers",
    [{"CDB_Min_Change": "1"}, {"Authorization": "Bearer x"}],
    ids=lambda h: next(iter(h)),
)
def test_what_is_asked_for_by_one_alone_is_not_kept(
    behind: Behind, count: Callable[[], int], headers: dict[str, str]
) -> None:
    path = as_of(behind)
    behind.get(path)
    before = count()
    answers = [behind.get(path, tls=True, **headers) for _ in range(2)]
    assert count() - before == 2
    assert all(KEPT not in answer.headers for answer in answers)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "attacker.example"},
        {"X-Forwarded-Host": "attacker.example", "X-Forwarded-Proto": "gopher"},
        {"X-Forwarded-Prefix": "/x", "X-Script-Name": "/x"},
        {"X-Original-URL": "/ui/", "X-Rewrite-URL": "/ui/"},
        {"X-HTTP-Method-Override": "DELETE"},
        {"Accept": "application/x-ndjson"},
        {"Accept-Encoding": "gzip;q=0, x"},
        {"Range": "bytes=0-1"},
        {"Origin": "https://attacker.example", "Cookie": "a=b"},
        {"If-None-Match": '"x"', "If-Match": "*"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_no_header_of_one_spoils_what_others_are_given(
    behind: Behind, headers: dict[str, str]
) -> None:
    path = as_of(behind)
    usual = behind.client.api("GET", path)
    behind.session.get(f"{behind.front.url}{API}/{path}", headers=headers, timeout=30)
    given = behind.get(path)
    assert (given.status_code, given.content) == (200, usual.body)
    told = ("Content-Type", "Cache-Control", "ETag", "Vary", "Location", "Content-Encoding")
    assert [given.headers.get(name) for name in told] == [usual.headers.get(name) for name in told]


def test_credentials_in_the_clear_are_refused(behind: Behind, count: Callable[[], int]) -> None:
    refused = behind.get(QUERY, Authorization="Bearer x")
    assert (refused.status_code, refused.json()["code"], count()) == (403, "forbidden", 0)


def test_an_error_is_not_kept(behind: Behind) -> None:
    path = QUERY.replace("gtName=A", "gtName=Later")
    assert behind.get(path).status_code == 404
    behind.client.ok("POST", "cloneGlobalTag/A/Later")
    assert behind.get(path).status_code == 200


def test_the_web_interface_keeps_its_policy_and_its_files_their_names(
    behind: Behind, count: Callable[[], int]
) -> None:
    url = behind.front.tls
    page = behind.session.get(f"{url}/ui/global-tags/A", timeout=120)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    script = re.findall(r'src="\.\./\.\./(static/v[^"]+/app\.js)"', page.text)
    file = behind.session.get(f"{url}/{script[0]}", timeout=120)
    assert file.headers["Content-Encoding"] == "gzip"
    assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert count() == 2


def test_a_browser_is_led_to_the_interface_at_the_port_that_it_came_by(behind: Behind) -> None:
    wanted = {"Accept": "text/html"}
    for root in (behind.front.url, behind.front.tls):
        led = behind.session.get(f"{root}/", headers=wanted, timeout=120, allow_redirects=False)
        assert urlsplit(led.headers["Location"]).netloc == urlsplit(root).netloc


# --- payload files --------------------------------------------------------------


def test_payload_files_are_sent_by_nginx(behind: Behind, count: Callable[[], int]) -> None:
    content = b"0123456789" * 10_000
    url = f"{behind.front.tls}{API}/payloads"
    stored = behind.session.put(f"{url}/T/run7.txt", content, timeout=120)
    assert stored.status_code == 200
    checksum = stored.json()["sha256"]
    whole = behind.get(f"payloads/{checksum}")
    assert whole.content == content
    part = behind.get(f"payloads/{checksum}", Range="bytes=10-19")
    assert (part.status_code, part.content) == (206, b"0123456789")
    assert count() == 3


@pytest.mark.parametrize(
    ("method", "path", "mib"), [("POST", "bulk_piov", 65), ("PUT", "payloads/T/big.root", 1025)]
)
def test_a_body_that_is_too_large_is_refused_before_it_is_sent(
    behind: Behind, count: Callable[[], int], method: str, path: str, mib: int
) -> None:
    request = requests.Request(method, f"{behind.front.url}{API}/{path}").prepare()
    request.headers["Content-Length"] = str(mib * 2**20)
    refused = behind.session.send(request, timeout=120)
    assert (refused.status_code, refused.json()["code"], count()) == (413, "too-large", 0)


def test_a_service_that_is_down_is_said_in_its_own_words(tmp_path: Path) -> None:
    with nginx(tmp_path, f"http://127.0.0.1:{free_port()}") as front:
        answer = requests.get(f"{front.url}{API}/globalTags", timeout=120)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"


def test_what_the_service_says_of_itself_goes_through(tmp_path: Path) -> None:
    def refuses(_environ: Any, start_response: Any) -> list[bytes]:
        headers = [("Retry-After", "1"), ("Content-Type", "application/json")]
        start_response("504 Gateway Timeout", headers)
        return [b'{"code":"unavailable"}']

    with serving(refuses) as url, nginx(tmp_path, url) as front:
        answer = requests.get(f"{front.url}{API}/globalTags", timeout=120)
    assert (answer.status_code, answer.json()) == (504, {"code": "unavailable"})
    assert answer.headers["Retry-After"] == "1"


# --- freshness ------------------------------------------------------------------

FRESH_FOR = 1.0
"""Seconds, as short as nginx can be told."""

LASTS = 3.2
"""Seconds of reading and writing at least: over the ends of several seconds of the clock."""


def test_no_answer_through_nginx_is_older_than_it_may_be(
    databases: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("fresh")
    with databases("sqlite") as database:
        ini = {"cdb.database.url": database, "cdb.allow_open_writes": "true"}
        app = make_app(load({**ini, "cdb.freshness_ms": str(int(FRESH_FOR * 1000))}, {}))
        with serving(app) as url, nginx(folder, url) as front:
            behind = Behind(app, front)
            fill(behind.client)
            written, read = _written_and_read(behind)
            behind.session.close()
        app.registry.cdb.database.dispose()
    for sent, head in read:
        assert head >= max(change for change, done in written if done <= sent - FRESH_FOR)


def _written_and_read(
    behind: Behind,
) -> tuple[list[tuple[int, float]], list[tuple[float, int]]]:
    """Return changes of a tag with when they were confirmed; heads with when they were asked for.

    Some of the answers at least are those that nginx has kept.
    """
    began = time.monotonic()
    path = "gtPayloadLists/A"
    is_over = threading.Event()

    def write() -> list[tuple[int, float]]:
        head = int(behind.client.api("GET", path).headers["CDB-Change"])
        written = [(head, began - 2 * FRESH_FOR)]
        while not is_over.is_set():
            changed = {"description": str(time.monotonic_ns())}
            answer = behind.client.api("PATCH", "global-tags/A", changed, status=200)
            written.append((int(answer.headers["CDB-Change"]), time.monotonic()))
        return written

    def read() -> list[tuple[float, int]]:
        found: list[tuple[float, int]] = []
        was_kept = False
        try:
            while time.monotonic() < began + LASTS or not was_kept:
                sent = time.monotonic()
                answer = behind.get(path)
                found.append((sent, int(answer.headers["CDB-Change"])))
                was_kept |= answer.headers[KEPT] == "HIT"
        finally:
            is_over.set()
        return found

    with ThreadPoolExecutor(2) as pool:
        writes, reads = pool.submit(write), pool.submit(read)
        return writes.result(), reads.result()
