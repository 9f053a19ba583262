"""What is noted of requests: each of them, whoever answers it, and what came of it."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest
from support import API, Client

from cdb.observed import Observed

POINT = "payloadiovs/?gtName=A&majorIOV={}&minorIOV=0"


def observing(client: Client) -> list[Observed]:
    """Note from now on what a service tells of its requests."""
    seen: list[Observed] = []
    registry = client.app.registry
    registry.cdb = replace(registry.cdb, listeners=(seen.append,))
    return seen


def fill(client: Client, count: int = 3) -> None:
    client.ok("POST", "pt", {"name": "T"})
    client.ok("POST", "gt", {"name": "A"})
    made = client.ok("POST", "pl", {"payload_type": "T"})["name"]
    client.ok("PUT", "pl_attach", {"global_tag": "A", "payload_list": made})
    rows = [
        {
            "payload_list": made,
            "payload_url": f"url {n}",
            "checksum": "c",
            "major_iov": n,
            "minor_iov": 0,
        }
        for n in range(count)
    ]
    client.ok("POST", "bulk_piov", rows)


@pytest.fixture
def seen(client: Client) -> list[Observed]:
    """What is told of the requests to a service that has a tag."""
    fill(client)
    return observing(client)


def routes(seen: list[Observed]) -> list[tuple[str, str | None, int]]:
    return [(each.method, each.route, each.status) for each in seen]


# --- which requests, and where they went --------------------------------------------


def test_each_request_has_its_route(client: Client, seen: list[Observed]) -> None:
    client.ok("GET", POINT.format(1))
    client.ok("GET", "globalTag/A")
    client.ok("GET", "globalTag/A/")
    client.api("HEAD", "globalTag/A")
    client.api("GET", "globalTag/B")
    client.api("DELETE", "globalTags")
    client.api("GET", "no/such/path")
    client.api("GET", "/ui/tags/A")
    client.api("GET", "/static/no-such-file")
    client.api("GET", "/health/live")
    client.api("GET", "payloadiovs/?gtName=A&majorIOV=x")
    assert routes(seen) == [
        ("GET", f"{API}/payloadiovs", 200),
        ("GET", f"{API}/globalTag/{{name}}", 200),
        ("GET", f"{API}/globalTag/{{name}}", 200),
        ("HEAD", f"{API}/globalTag/{{name}}", 200),
        ("GET", f"{API}/globalTag/{{name}}", 404),
        ("DELETE", f"{API}/globalTags", 405),
        ("GET", None, 404),
        ("GET", "/ui/*path", 200),
        ("GET", "/static/*path", 404),
        ("GET", "/health/live", 200),
        ("GET", f"{API}/payloadiovs", 400),
    ]
    assert [each.path for each in seen[:3]] == [
        f"{API}/payloadiovs/",
        f"{API}/globalTag/A",
        f"{API}/globalTag/A/",
    ]
    assert all(each.seconds > 0 for each in seen)


def test_file_that_the_browser_has_is_seen_as_304(client: Client, seen: list[Observed]) -> None:
    page = client.api("GET", "/ui/").text
    path = "/" + re.findall(r'"(?:\.\./)*(static/[^"]+/app\.js)"', page)[0]
    etag = client.api("GET", path).headers["ETag"]
    client.api("GET", path, headers={"If-None-Match": etag})
    assert [each.status for each in seen] == [200, 200, 304]


# --- where answers come from ----------------------------------------------------------


def test_source_of_an_answer(client: Client, seen: list[Observed]) -> None:
    for path in (POINT.format(1), "globalTag/A"):
        etag = client.api("GET", path).headers["ETag"]
        client.ok("GET", path)
        client.api("GET", path, headers={"If-None-Match": etag}, status=304)
    client.ok("GET", "pt")
    client.ok("GET", "whoami")
    client.ok("GET", "/health/live")
    client.api("GET", "globalTag/B", status=404)
    assert [each.source for each in seen] == [
        *("database", "kept", "not-modified"),
        *("database", "kept", "not-modified"),
        *("database", None, None, None),
    ]
    assert {each.server for each in seen if each.source} == {"primary"}


def test_source_compiled(make_client: Callable[..., Client], tmp_path: Path) -> None:
    client = make_client(answers_mb="0", compiled=str(tmp_path))
    fill(client)
    seen = observing(client)
    deadline = monotonic() + 120
    while "compiled" not in {each.source for each in seen} and monotonic() < deadline:
        client.ok("GET", POINT.format(1))
    assert (seen[0].source, seen[-1].source) == ("database", "compiled")


# --- who, and what they did -----------------------------------------------------------


def test_write_has_its_change_and_who_made_it(client: Client, seen: list[Observed]) -> None:
    change = client.api("POST", "pt", {"name": "U"}).headers["CDB-Change"]
    client.api("POST", "pt", {"name": "U"})
    client.api("POST", "pt?dry_run=1", {"name": "V"}, status=200)
    client.ok("GET", "pt")
    told = [(each.subject, each.change, each.code) for each in seen]
    assert told == [
        ("anonymous", int(change), None),
        ("anonymous", None, "name-taken"),
        ("anonymous", None, None),
        (None, None, None),
    ]


def test_exception_that_nobody_foresaw_is_a_500(
    client: Client, seen: list[Observed], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("cdb.rest.lane.Lane._answer", fail)
    answer = client.api("GET", POINT.format(1))
    assert (answer.status_int, answer.json["code"]) == (500, "internal")
    assert [(each.status, each.code) for each in seen] == [(500, "internal")]


def test_listener_that_fails_changes_no_answer(
    client: Client, seen: list[Observed], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_observed: Observed) -> None:
        raise RuntimeError("no room")

    registry = client.app.registry
    registry.cdb = replace(registry.cdb, listeners=(fail, seen.append))
    client.ok("GET", POINT.format(1))
    assert len(seen) == 1
    assert "no room" in caplog.text


# --- answers of any length --------------------------------------------------------------


def test_long_answer_is_told_of_when_it_ends(client: Client) -> None:
    fill(client, 5000)
    seen = observing(client)
    path = f"{API}/payload-iovs"
    whole = client.get(path)
    assert [(each.status, each.sent, each.is_cut) for each in seen] == [
        (200, len(whole.body), False)
    ]
    client.head(path)
    assert [(each.sent, each.is_cut) for each in seen[1:]] == [(0, False)]


# --- the name of a request ----------------------------------------------------------------


def test_name_of_a_request_is_given_back_with_every_answer(
    client: Client, seen: list[Observed]
) -> None:
    named = {"X-Request-ID": "job-17.part_3"}
    paths = [POINT.format(1)] * 2 + ["globalTag/A"] * 2 + ["globalTag/B", "no/such", "/ui/"]
    answers = [client.api("GET", path, headers=named) for path in paths]
    answers.append(client.api("POST", "pt", {"name": "T"}, headers=named))
    etag = answers[0].headers["ETag"]
    answers.append(client.api("GET", paths[0], headers={**named, "If-None-Match": etag}))
    assert answers[-1].status_int == 304
    assert {each.headers["X-Request-ID"] for each in answers} == {"job-17.part_3"}
    assert {each.request_id for each in seen} == {"job-17.part_3"}


@pytest.mark.parametrize(
    "given",
    [None, "", "short", "x" * 65, "two words", "a;b=cdefgh", '"quoted-name"', "cdb_" + "x" * 43],
)
def test_name_that_is_not_sound_is_replaced(client: Client, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-ID": given}
    name = client.api("GET", "/health/live", headers=headers).headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", name)
