"""Bring a scenario into a service, by bulk requests."""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import orjson

from harness.client import Client
from harness.figures import Figure, of_times, timed
from harness.scenarios import Row, Scenario


def load(client: Client, scenario: Scenario, rows: int) -> Figure | None:
    """Bring a scenario in, with at most so many rows a request; nothing where it is there.

    The time counts from the first byte of each request to its answer: the service does not wait
    for bodies to be made, and nothing else works beside it.

    Raises:
        SystemExit: only a part of it is there.

    """
    counts = {tag["name"]: tag["payload_iov_count"] for tag in client("GET", "globalTags")}
    if there := [counts[tag] for tag in scenario.tags if tag in counts]:
        if sum(there) < scenario.iovs:
            raise SystemExit(f"{scenario.name}: only a part of it is there, of a load that failed")
        print(f"{scenario.name}: it is there already")
        return None
    lists = make(client, scenario)
    seconds, sent, told = [], 0, time.monotonic()
    for batch in scenario.batches(lists, rows):
        content = body(batch)
        seconds.append(timed(partial(client.raw, "POST", "bulk_piov", content)))
        sent += len(batch)
        if time.monotonic() > told + 5:
            told = time.monotonic()
            print(f"  {sent:,} of {scenario.iovs:,} payload IOVs", flush=True)
    note = f"{sent:,} in {len(seconds)} requests"
    figure = of_times("bulk", seconds)
    return replace(figure, unit="rows", count=sent, rate=sent / sum(seconds), note=note)


def make(client: Client, scenario: Scenario) -> dict[str, list[str]]:
    """Make the tags of a scenario with empty payload lists; return the names of these."""
    statuses = {status["name"] for status in client("GET", "gtstatus")}
    for status in {"unlocked", "frozen"} - statuses:
        client("POST", "gtstatus", {"name": status})
    types = [scenario.payload_type(index) for index in range(scenario.types)]
    for payload_type in types:
        client("POST", "pt", {"name": payload_type})
    lists: dict[str, list[str]] = {}
    for tag in scenario.tags:
        client("POST", "gt", {"name": tag, "status": "unlocked"})
        lists[tag] = [_list(client, tag, payload_type) for payload_type in types]
    return lists


def _list(client: Client, tag: str, payload_type: str) -> str:
    name = str(client("POST", "pl", {"payload_type": payload_type})["name"])
    client("PUT", "pl_attach", {"global_tag": tag, "payload_list": name})
    return name


def body(rows: Sequence[Row]) -> bytes:
    """Return a bulk request: payload IOVs that hold until the next start."""
    return orjson.dumps([fields(*row) for row in rows])


def fields(name: str, major: int, minor: int) -> dict[str, Any]:
    """Return a payload IOV of a list, for a bulk request."""
    return {
        "payload_list": name,
        "payload_url": f"{name}/{major:08x}/{name}_{major}_{minor}.root",
        "checksum": f"{major << 31 | minor:032x}",
        "size": minor,
        "revision": "1",
        "major_iov": major,
        "minor_iov": minor,
    }
