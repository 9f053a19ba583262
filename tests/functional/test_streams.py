"""Long answers: complete, of one change, and never more than the service can bear."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from support import API, Client, serving

MANY = 12_000
"""Enough to cross the borders of the pages that are read at a time."""


def fill(client: Client, tag: str = "GT", rows: int = MANY) -> None:
    """Make a tag with a list of many payload IOVs, and an empty list."""
    client.ok("POST", "gt", {"name": tag})
    for name in ("Beam", "Field"):
        client.ok("POST", "pt", {"name": name})
        made = client.ok("POST", "pl", {"payload_type": name})
        client.ok("PUT", "pl_attach", {"payload_list": made["name"], "global_tag": tag})
    iov = {"payload_list": "Beam_1", "checksum": "c" * 32, "minor_iov": 0}
    client.ok(
        "POST",
        "bulk_piov",
        [{**iov, "payload_url": f"run_{n}.root", "major_iov": n} for n in range(rows)],
    )


@pytest.fixture
def filled(client: Client) -> Client:
    """A client of a service with a long payload list."""
    fill(client)
    return client


def urls(iovs: list[dict[str, Any]]) -> list[str]:
    return [iov["payload_url"] for iov in iovs]


EXPECTED = [f"run_{n}.root" for n in range(MANY)]


# --- complete -------------------------------------------------------------------


@pytest.mark.parametrize("path", ["globalTag/GT", "global-tags/GT", "gt/1"])
def test_whole_tag_has_every_iov_once_and_in_order(filled: Client, path: str) -> None:
    tag = filled.ok("GET", path)
    assert [each["name"] for each in tag["payload_lists"]] == ["Beam_1", "Field_2"]
    assert urls(tag["payload_lists"][0]["payload_iov"]) == EXPECTED
    assert tag["payload_lists"][1]["payload_iov"] == []


def test_list_of_tags_has_every_iov_of_each(filled: Client) -> None:
    filled.ok("POST", "cloneGlobalTag/GT/Copy")
    filled.ok("POST", "gt", {"name": "Empty"})
    whole, copy, empty = filled.ok("GET", "gt")
    assert urls(whole["payload_lists"][0]["payload_iov"]) == EXPECTED
    assert urls(copy["payload_lists"][0]["payload_iov"]) == EXPECTED
    assert empty["payload_lists"] == []


def test_list_of_payload_lists_has_every_iov_of_each(filled: Client) -> None:
    beam, field = filled.ok("GET", "pl")
    assert urls(beam["payload_iov"]) == EXPECTED
    assert field["payload_iov"] == []


def test_list_of_iovs_has_attached_and_waiting_ones(filled: Client) -> None:
    waiting = {"payload_url": "waits.root", "checksum": "c", "major_iov": 0, "minor_iov": 0}
    filled.ok("POST", "piov", waiting)
    iovs = filled.ok("GET", "piov")
    assert urls(iovs) == [*EXPECTED, "waits.root"]
    assert (iovs[0]["payload_list"], iovs[-1]["payload_list"]) == ("Beam_1", None)


@pytest.mark.parametrize("rows", [4999, 5000, 5001, 10_000])
def test_border_of_a_page_loses_and_doubles_nothing(client: Client, rows: int) -> None:
    fill(client, rows=rows)
    assert urls(client.ok("GET", "piov")) == EXPECTED[:rows]


def test_short_answers_are_whole_json_too(client: Client) -> None:
    for path in ("gt", "pl", "piov"):
        assert client.ok("GET", path) == []


def test_head_of_a_long_answer_has_no_body(filled: Client) -> None:
    answer = filled.api("HEAD", "globalTag/GT", status=200)
    assert (answer.body, answer.content_type) == (b"", "application/json")


# --- at one change ----------------------------------------------------------------


class Reader:
    """A client that reads as slowly as a test wants."""

    def __init__(self, root: str, path: str) -> None:
        parts = urlsplit(root)
        self._socket = socket.socket()
        # A small window: the server cannot send ahead what nobody has read.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.settimeout(30)
        self._socket.connect((str(parts.hostname), int(parts.port or 0)))
        self._socket.sendall(f"GET {API}/{path} HTTP/1.0\r\n\r\n".encode())
        self.received = self._socket.recv(1024)

    def rest(self) -> Any:
        """Read to the end, and return the JSON."""
        while piece := self._socket.recv(2**20):
            self.received += piece
        return json.loads(self.received.partition(b"\r\n\r\n")[2])

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def reading() -> Iterator[Callable[[str, str], Reader]]:
    """Begin to read a long answer, of which only the first bytes are taken."""
    begun: list[Reader] = []

    def reading(root: str, path: str) -> Reader:
        begun.append(Reader(root, path))
        return begun[-1]

    yield reading
    for reader in begun:
        reader.close()


@pytest.mark.parametrize("path", ["globalTag/GT", "gt", "pl", "piov"])
def test_answer_stays_at_one_change_while_others_write(
    client: Client, reading: Callable[[str, str], Reader], path: str
) -> None:
    fill(client, rows=60_000)
    before = client.ok("GET", path)
    with serving(client.app) as root:
        reader = reading(root, path)
        assert reader.received.startswith(b"HTTP/1.0 200 OK")
        for start in (100, 30_000, 59_999):
            iov = {"payload_list": "Beam_1", "payload_url": "new.root", "minor_iov": 5}
            client.ok("POST", "bulk_piov", [{**iov, "major_iov": start}])
            client.ok("DELETE", f"deletePayloadIOV/GT/Beam/{start - 1}/0")
        client.ok("DELETE", "deletePayloadList/Field_2")
        after = reader.rest()
    assert after == before
    assert client.ok("GET", path) != before


# --- how many at a time -----------------------------------------------------------


@pytest.fixture
def narrow(make_client: Callable[..., Client]) -> Client:
    """A client of a service that sends one long answer at a time."""
    client = make_client(max_streams="1")
    fill(client, rows=60_000)
    return client


def test_long_answer_beyond_the_limit_is_503(
    narrow: Client, reading: Callable[[str, str], Reader]
) -> None:
    with serving(narrow.app) as root:
        reading(root, "globalTag/GT")
        refused = narrow.api("GET", "piov")
    assert (refused.status_int, refused.json["code"]) == (503, "unavailable")
    assert refused.headers["Retry-After"] == "1"


def test_short_answers_go_on_while_long_ones_stall(
    narrow: Client, reading: Callable[[str, str], Reader]
) -> None:
    with serving(narrow.app) as root:
        reading(root, "globalTag/GT")
        assert len(narrow.ok("GET", "payloadiovs/?gtName=GT&majorIOV=5&minorIOV=0")) == 1
        assert narrow.ok("GET", "globalTags")[0]["payload_iov_count"] == 60_000


def test_slot_is_free_again_when_the_answer_is_sent(
    narrow: Client, reading: Callable[[str, str], Reader]
) -> None:
    with serving(narrow.app) as root:
        reader = reading(root, "globalTag/GT")
        assert reader.rest()["name"] == "GT"
        assert requests.get(f"{root}{API}/piov", timeout=30).status_code == 200


def test_slot_is_free_again_when_the_client_goes_away(
    narrow: Client, reading: Callable[[str, str], Reader]
) -> None:
    slots = narrow.app.registry.cdb.streams
    with serving(narrow.app) as root:
        reader = reading(root, "globalTag/GT")
        reader.close()
        assert slots.acquire(timeout=20)
        slots.release()
        assert requests.get(f"{root}{API}/piov", timeout=30).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_slot_is_free_again_after_every_request(narrow: Client, method: str) -> None:
    narrow.api(method, "piov", status=200)
    narrow.api(method, "globalTag/GT", status=200)
    narrow.api(method, "pl", status=200)


def test_unavailable_can_be_504_for_clients_that_try_again_on_that_only(
    make_client: Callable[..., Client], reading: Callable[[str, str], Reader]
) -> None:
    client = make_client(max_streams="1", unavailable_status="504")
    fill(client, rows=60_000)
    with serving(client.app) as root:
        reading(root, "globalTag/GT")
        refused = client.api("GET", "globalTag/GT")
    assert (refused.status_int, refused.json["code"]) == (504, "unavailable")
    assert refused.headers["Retry-After"] == "1"
