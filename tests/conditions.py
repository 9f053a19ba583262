"""Two tags, and what clients say of them in headers."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import requests
from support import Client

from cdb.store.changes import latest

POINT = "majorIOV=1&minorIOV=0"
QUERY = f"payloadiovs/?gtName=A&{POINT}"
READS = (
    QUERY,
    f"{QUERY}&shape=dict",
    "globalTag/A",
    "globalTag/A?light=1",
    "gt/1",
    "gtPayloadLists/A",
    "global-tags/A/iovs",
    "global-tags/A/gaps",
    "global-tags/A/digest",
    "global-tags/A/timeline",
    "global-tags/A/diff/B",
)
"""Every kind of read of one tag that says how long its answer holds."""

A_DAY = "public, max-age=86400"
FOR_EVER = "public, max-age=31536000, immutable"

MakeClient = Callable[..., Client]

CALLERS = 6


def make_list(client: Client, tag: str | None, payload_type: str) -> str:
    name: str = client.ok("POST", "pl", {"payload_type": payload_type})["name"]
    if tag:
        client.ok("PUT", "pl_attach", {"global_tag": tag, "payload_list": name})
    return name


def row(payload_list: str, url: str, major: int) -> dict[str, Any]:
    return {"payload_list": payload_list, **iov(url, major)}


def iov(url: str, major: int) -> dict[str, Any]:
    return {"payload_url": url, "checksum": "sum", "major_iov": major, "minor_iov": 0}


def fill(client: Client) -> None:
    """Make the tags A and B with a payload list of the type T each; and an unused type U."""
    for name in ("T", "U"):
        client.ok("POST", "pt", {"name": name})
    for tag in ("A", "B"):
        client.ok("POST", "gt", {"name": tag})
        client.ok("POST", "bulk_piov", [row(make_list(client, tag, "T"), f"in {tag}", 0)])


def etag(client: Client, path: str = "gtPayloadLists/A") -> str:
    return str(client.api("GET", path, status=200).headers["ETag"])


def again(client: Client, path: str, *etags: str) -> int:
    """Return the status of a read by somebody who has answers with these ETags."""
    headers = {"If-None-Match": ", ".join(etags)}
    return int(client.api("GET", path, headers=headers).status_int)


def describe(client: Client, text: str = "changed", tag: str = "A", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.api("PATCH", f"global-tags/{tag}", {"description": text}, headers=named)


def last_change(client: Client) -> int:
    with client.app.registry.cdb.database.statement() as reader:
        return latest(reader)[0]


class Write(NamedTuple):
    """A request that writes to the tag A, or reads it to write another one."""

    method: str
    path: str
    body: Any = None

    def send(self, client: Client, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.api(self.method, self.path, self.body, headers=named)


def writes(client: Client) -> list[Write]:
    """Return a write of every kind to the tag A; each one can be done after those before."""
    extra, empty = make_list(client, None, "U"), make_list(client, None, "U")
    staged = [client.ok("POST", "piov", iov(f"staged {n}", n))["id"] for n in (3, 4)]
    before = last_change(client)
    return [
        Write("PATCH", "global-tags/A", {"description": "changed"}),
        Write("PATCH", "payload-lists/by-name/T_1", {"description": "changed"}),
        Write("PUT", "pl_attach", {"global_tag": "A", "payload_list": extra}),
        Write("PUT", "pl_attach", {"global_tag": "A", "payload_list": empty}),
        Write("DELETE", f"deletePayloadList/{empty}"),
        Write("PUT", "piov_attach", {"payload_list": "T_1", "piov_id": staged[0]}),
        Write("POST", "bulk_piov", [row("T_1", "more", 5), row("T_1", "more", 6)]),
        Write("POST", "payload-lists/T_1/iovs", [iov("one", 7), iov("other", 8)]),
        Write("POST", "global-tags/A/iovs", [{**iov("two", 9), "payload_type": "T"}]),
        Write("DELETE", "deletePayloadIOV/A/T/5/0"),
        Write("DELETE", "deletePayloadIOV/A/T/3/0/6/0"),
        Write("POST", f"global-tags/A/revert?to={before}"),
        Write("POST", "global-tags/A/merge", {"mode": "override", "sources": [f"B@{before}"]}),
        Write("POST", "cloneGlobalTag/A/C"),
        Write("PUT", "gt_change_status/A/locked"),
        Write("PUT", "piov_attach", {"payload_list": "T_1", "piov_id": staged[1]}),
        Write("PUT", "gt_change_status/A/unlocked"),
        Write("PATCH", "global-tags/A", {"name": "renamed"}),
        Write("PATCH", "global-tags/renamed", {"name": "A"}),
        Write("DELETE", "deleteGlobalTag/A"),
    ]


def at_once(server: str, send: Callable[[int], Mapping[str, Any]]) -> list[requests.Response]:
    """Send requests from as many clients at the same time; `send` says what is asked by each."""

    def call(number: int) -> requests.Response:
        asked = dict(send(number))
        path = f"{server}/{asked.pop('path')}"
        return requests.request(asked.pop("method"), path, timeout=120, **asked)

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(call, range(CALLERS)))
