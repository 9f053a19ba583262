"""The harness of `make bench` measures a real service, and says what a service lacks."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support import Client, program, serving

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

WORKS = {
    "as_of.hot", "as_of.random", "bulk", "clone", "clone.first_write", "clone.second_write",
    "diff", "frozen.hot", "globalTags", "gtPayloadLists", "gtstatus", "live", "pairs",
    "query.first", "query.hot", "query.hot.half", "query.last", "query.random",
    "query.random.half", "single", "whole",
}  # fmt: skip


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The modules of the harness, which is no package that is installed."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from harness import client, generators, loading, nginx, plan, reads, scenarios, writes  # noqa: PLC0415

    return SimpleNamespace(
        client=client, generators=generators, loading=loading, nginx=nginx, plan=plan,
        reads=reads, scenarios=scenarios, writes=writes,
    )  # fmt: skip


@pytest.fixture
def database_kind() -> str:
    """One of both: nothing here is about the database."""
    return "sqlite"


@pytest.fixture
def bare(client: Client) -> Iterator[str]:
    """The root of a service without what nopayloaddb does not have."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        path = environ["PATH_INFO"]
        if "/diff/" in path or path.endswith("/iovs") or path.startswith("/health"):
            environ["PATH_INFO"] = "/nowhere"

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            kept = [(name, value) for name, value in headers if not name.startswith("CDB-")]
            return start_response(status, kept, *more)

        return client.app(environ, start)

    with serving(app) as url:
        yield url


def test_the_harness_starts_a_service_measures_it_and_reports(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / "run.py"), "--output", str(tmp_path)]
    command += ["--report", str(tmp_path / "RESULTS.md"), "--scenario", "2x5"]
    command += ["--seconds", "0.1", "--connections", "4", "--generator", "own"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    found = json.loads((tmp_path / "2x5.cdb.json").read_text())
    assert {figure["work"] for figure in found["figures"]} == WORKS
    assert [f for f in found["figures"] if f["errors"]] == []
    # On a busy machine our own generator may be too slow to come at a rate, and says so.
    missing = {f["work"] for f in found["figures"] if not f["rate"]}
    assert missing <= {"query.hot.half", "query.random.half"}
    assert found["memory"]["after queries"][0]["pss"] > 10
    assert "query.random" in printed
    report = (tmp_path / "RESULTS.md").read_text()
    assert "| query, random points | 4 |  | " in report
    assert f"PostgreSQL {found['versions']['PostgreSQL']}" in report


def test_what_a_service_does_not_offer_is_said(harness: Any, bare: str) -> None:
    scenario, pace = harness.scenarios.scenario("2x3"), harness.plan.Pace(seconds=0.1)
    asking = harness.client.Client(bare)
    harness.loading.make(asking, scenario)
    asked = {read.work: read for read in harness.reads.reads(asking, scenario, None, pace)}

    assert {work for work, read in asked.items() if not read.paths} == {
        "as_of.random", "as_of.hot", "frozen.hot", "live",
    }  # fmt: skip
    diff = harness.writes.diff(asking, scenario, scenario.tags[0], pace)
    coming = harness.writes.targets(asking, scenario, scenario.tags[0])
    single = harness.writes.single(asking, coming, pace)
    assert [diff.note, single.note] == ["not offered", "not offered"]
    assert harness.writes.pairs(asking, coming, pace, 2).count == 2
    asking.close()


def test_what_was_loaded_stays_as_it_is(harness: Any, client: Client) -> None:
    scenario, pace = harness.scenarios.scenario("2x5"), harness.plan.Pace(seconds=0.01)
    writes = harness.writes
    with serving(client.app) as url:
        asking = harness.client.Client(url)
        loaded = harness.loading.load(asking, scenario, rows=3)
        figures, clones = writes.clones(asking, scenario, pace)
        writes.pairs(asking, writes.targets(asking, scenario, clones[-1]), pace, 3)
        for clone in clones:
            writes.delete(asking, clone)
        frozen = writes.frozen(asking, scenario)

        assert loaded.note == "10 in 4 requests"
        assert {figure.p99_ms for figure in figures} == {None}
        tags = {tag["name"]: tag["payload_iov_count"] for tag in asking("GET", "globalTags")}
        assert tags == {"Bench_2x5": 10, frozen: 10}
        assert harness.loading.load(asking, scenario, rows=3) is None
        assert writes.frozen(asking, scenario) == frozen
        asking.close()


def test_wrk_asks_for_all_paths_and_counts_what_fails(harness: Any) -> None:
    paths, asked = [f"/{number}" for number in range(10)], list[str]()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        asked.append(environ["PATH_INFO"])
        missing = environ["PATH_INFO"] == "/7"
        start_response("404 Not Found" if missing else "200 OK", [("Content-Length", "2")])
        return [b"{}"]

    with serving(app) as url:
        while set(asked) != set(paths):  # its second may be over sooner on a busy machine
            asked.clear()
            found = harness.generators.Wrk(program("wrk"))(url, paths, 2, 1.0)

    # But for what its two connections wait for at the end.
    assert 0 <= len(asked) - found.count <= 2
    assert 0 <= asked.count("/7") - found.errors <= 2
    assert 0 < found.median_ms <= found.p99_ms


def test_a_request_that_waits_for_a_connection_takes_as_long_as_it_waits(harness: Any) -> None:
    def app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        never.wait(0.02)  # so there are at most 50 answers a second
        start_response("200 OK", [("Content-Length", "2")])
        return [b"{}"]

    never = threading.Event()
    with serving(app, threads=1) as url:
        found = harness.generators.at_rate(url, ["/"], 1, 100.0, 0.4)

    # More than half of those who come 100 times a second are still there when the last one
    # comes, and it waits for all of them.
    assert (found.errors, found.count) == (0, 45)
    assert found.p99_ms > 400


def test_the_site_that_is_shipped_is_put_in_front(harness: Any, client: Client) -> None:
    program("nginx")
    with serving(client.app) as url, harness.nginx.in_front(url) as front:
        asking = harness.client.Client(front.url)
        first = asking.ask("GET", f"{asking.api}/gtstatus").read()
        second = asking.ask("GET", f"{asking.api}/gtstatus")
        assert second.read() == first
        assert second.headers["CDB-Cache"] == "REVALIDATED"
        asking.close()
