"""A client made of libcurl, as nopayloadclient is, and the ways that it goes."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pycurl
import pytest
from doorkeeper import Doorkeeper, doorkeeper
from support import API, serving

from cdb.app import make_app
from cdb.settings import load

NOTHING = object()
"""No body at all, which is something else than `null`."""

Place = tuple[int, int]


class Refused(Exception):
    """The service answered with another status than 200."""


class Curl:
    """Requests as nopayloadclient sends them, each over a connection of its own.

    The body is parsed before the status is looked at. Every status but 200 is an error, whose
    text is the first `name`, or the `detail`. Only 504 is tried again, after a wait.
    """

    def __init__(self, url: str, tries: int = 1, wait: Callable[[], None] = lambda: None) -> None:
        self.url, self.tries, self.wait = url, tries, wait

    def get(self, path: str) -> Any:
        return self._send("GET", path)

    def put(self, path: str, body: Any = NOTHING) -> Any:
        return self._send("PUT", path, body)

    def post(self, path: str, body: Any = None) -> Any:
        return self._send("POST", path, body)

    def delete(self, path: str) -> Any:
        return self._send("DELETE", path)

    def _send(self, method: str, path: str, body: Any = NOTHING) -> Any:
        status, answer = self._once(method, path, body)
        for _ in range(1, self.tries):
            if status != 504:
                break
            self.wait()
            status, answer = self._once(method, path, body)
        if status == 200:
            return answer
        raise Refused(answer["name"][0] if "name" in answer else answer["detail"])

    def _once(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        handle, received = pycurl.Curl(), BytesIO()
        handle.setopt(pycurl.URL, f"{self.url}/{path}")
        handle.setopt(pycurl.WRITEDATA, received)
        handle.setopt(pycurl.NOPROXY, "*")
        if method != "GET":
            handle.setopt(pycurl.CUSTOMREQUEST, method)
        headers = ["Accept:"]
        if body is not NOTHING:
            headers.append("Content-Type: application/json")
            handle.setopt(pycurl.POSTFIELDS, json.dumps(body))
        handle.setopt(pycurl.HTTPHEADER, headers)
        handle.perform()
        status = handle.getinfo(pycurl.RESPONSE_CODE)
        handle.close()
        return status, json.loads(received.getvalue())


def make_tag(curl: Curl, tag: str) -> None:
    if "unlocked" not in [status["name"] for status in curl.get("gtstatus")]:
        curl.post("gtstatus", {"name": "unlocked"})
    curl.post("gt", {"name": tag, "status": "unlocked", "author": "chris"})


def insert(
    curl: Curl, tag: str, kind: str, url: str, start: Place, end: Place | None = None
) -> None:
    """Insert a payload as nopayloadclient does: look, make a list if there is none, attach."""
    assert tag in [each["name"] for each in curl.get("globalTags")]
    assert kind in [each["name"] for each in curl.get("pt")]
    if kind not in curl.get(f"gtPayloadLists/{tag}"):
        made = curl.post("pl", {"payload_type": kind})["name"]
        curl.put("pl_attach", {"payload_list": made, "global_tag": tag})
    payload_list = curl.get(f"gtPayloadLists/{tag}")[kind]
    iov = {"payload_url": url, "major_iov": start[0], "minor_iov": start[1], "checksum": "c0ffee"}
    if end:
        iov |= {"major_iov_end": end[0], "minor_iov_end": end[1]}
    staged = curl.post("piov", iov)["id"]
    curl.put("piov_attach", {"payload_list": payload_list, "piov_id": staged})


def urls(curl: Curl, tag: str, major: int, minor: int) -> dict[str, str]:
    rows = curl.get(f"payloadiovs/?gtName={tag}&majorIOV={major}&minorIOV={minor}")
    assert {len(row) for row in rows} <= {9}
    return {row[0]: row[1] for row in rows}


def test_global_tag_lives_as_nopayloadclient_tests_it(server: str) -> None:
    curl = Curl(server)
    make_tag(curl, "my_gt")
    curl.post("pt", {"name": "my_pt"})
    insert(curl, "my_gt", "my_pt", "a.dat", (5, 0), (90, 7))
    assert urls(curl, "my_gt", 50, 3) == {"my_pt": "a.dat"}
    curl.post("cloneGlobalTag/my_gt/cloned_gt")
    assert urls(curl, "cloned_gt", 50, 3) == {"my_pt": "a.dat"}
    curl.delete("deleteGlobalTag/cloned_gt")
    insert(curl, "my_gt", "my_pt", "b.dat", (50, 3), (90, 7))
    curl.put("gt_change_status/my_gt/locked")
    with pytest.raises(Refused, match="overlaps"):
        insert(curl, "my_gt", "my_pt", "c.dat", (50, 3))
    insert(curl, "my_gt", "my_pt", "c.dat", (90, 7))
    with pytest.raises(Refused, match="only takes additions"):
        curl.delete("deleteGlobalTag/my_gt")
    assert [urls(curl, "my_gt", *at)["my_pt"] for at in ((50, 2), (50, 3), (90, 7))] == [
        "a.dat", "b.dat", "c.dat",
    ]  # fmt: skip
    curl.put("gt_change_status/my_gt/unlocked", None)
    insert(curl, "my_gt", "my_pt", "d.dat", (50, 3))
    assert urls(curl, "my_gt", 10**6, 0) == {"my_pt": "d.dat"}
    curl.delete("deleteGlobalTag/my_gt")
    with pytest.raises(Refused, match="does not exist"):
        urls(curl, "my_gt", 50, 3)


def test_payload_type_comes_and_goes_as_nopayloadclient_tests_it(server: str) -> None:
    curl = Curl(server)
    make_tag(curl, "my_gt")
    for name in ("my_pt", "to_delete"):
        curl.post("pt", {"name": name})
    insert(curl, "my_gt", "my_pt", "a.dat", (0, 0))
    before = urls(curl, "my_gt", 10, 0)
    insert(curl, "my_gt", "to_delete", "b.dat", (7, 0), (42, 69))
    assert urls(curl, "my_gt", 10, 0) == {**before, "to_delete": "b.dat"}
    with pytest.raises(Refused, match="to_delete"):
        curl.delete("deletePayloadType/to_delete")
    curl.delete("deletePayloadIOV/my_gt/to_delete/7/0/42/69")
    assert urls(curl, "my_gt", 10, 0) == before
    insert(curl, "my_gt", "to_delete", "c.dat", (8, 0))
    curl.delete("deletePayloadIOV/my_gt/to_delete/8/0")
    assert urls(curl, "my_gt", 10, 0) == before


def test_name_that_is_taken_is_a_text_that_nopayloadclient_finds(server: str) -> None:
    curl = Curl(server)
    make_tag(curl, "my_gt")
    with pytest.raises(Refused, match="my_gt"):
        make_tag(curl, "my_gt")


# --- a database that is away ------------------------------------------------------


@contextmanager
def unreliable(databases: Any, **settings: str) -> Iterator[tuple[str, Doorkeeper]]:
    """Give the URL of a service whose database can be cut off, and what cuts it off."""
    with databases("postgresql") as url, doorkeeper(url) as cut:
        ini = {"cdb.database.url": url, "cdb.allow_open_writes": "true", **settings}
        app = make_app(load(ini, {}))
        with serving(app) as root:
            yield root + API, cut
        app.registry.cdb.database.dispose()


def test_client_that_tries_504_again_gets_through_once_the_database_is_back(
    databases: Any,
) -> None:
    with unreliable(databases, **{"cdb.unavailable_status": "504"}) as (url, cut):
        waits: list[str] = []

        def wait() -> None:
            waits.append("waited")
            if len(waits) == 2:
                cut("true")

        curl = Curl(url, 5, wait)
        cut("false")
        curl.post("pt", {"name": "Beam"})
        assert waits == ["waited"] * 2
        cut("false")
        waits.clear()
        assert [each["name"] for each in curl.get("pt")] == ["Beam"]
        assert waits == ["waited"] * 2


def test_client_that_tries_504_again_gives_up_at_any_other_status(databases: Any) -> None:
    with unreliable(databases) as (url, cut):
        waits: list[str] = []
        curl = Curl(url, 5, lambda: waits.append("waited"))
        cut("false")
        with pytest.raises(Refused, match="database"):
            curl.get("globalTags")
        assert waits == []
        cut("true")
        assert curl.get("globalTags") == []
