"""Long answers: complete, of one change, and never more than the service can bear."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from support import API, Client, serving

from cdb.app import make_app
from cdb.services import contents
from cdb.settings import load

MANY = 20_000
"""Enough to cross the borders of the pages that are read at a time, and to fill what a
server and the kernel take ahead of a client that does not read."""

EXPECTED = [f"run_{n}.root" for n in range(MANY)]


def fill(client: Client, rows: int = MANY) -> None:
    """Make a tag with a list of many payload IOVs and an empty list, and its clone."""
    client.ok("POST", "gt", {"name": "GT"})
    for name in ("Beam", "Field"):
        client.ok("POST", "pt", {"name": name})
        made = client.ok("POST", "pl", {"payload_type": name})
        client.ok("PUT", "pl_attach", {"payload_list": made["name"], "global_tag": "GT"})
    iov = {"payload_list": "Beam_1", "checksum": "c" * 32, "minor_iov": 0}
    numbered = [{**iov, "payload_url": f"run_{n}.root", "major_iov": n} for n in range(rows)]
    client.ok("POST", "bulk_piov", numbered)
    client.ok("POST", "cloneGlobalTag/GT/Copy")
    waiting = {"payload_url": "waits.root", "checksum": "c", "major_iov": 0, "minor_iov": 0}
    client.ok("POST", "piov", waiting)


MakeClient = Callable[..., Client]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def client_of(request: pytest.FixtureRequest, databases: Any) -> Iterator[MakeClient]:
    """Make a client of a service on a filled database that nothing here writes to."""
    made: list[Client] = []
    with databases(request.param) as url:

        def client_of(**settings: str) -> Client:
            ini = {f"cdb.{key}": value for key, value in settings.items()}
            ini |= {"cdb.database.url": url, "cdb.allow_open_writes": "true"}
            made.append(Client(make_app(load(ini, {}))))
            return made[-1]

        fill(client_of())
        yield client_of
        for client in made:
            client.app.registry.cdb.database.dispose()


@pytest.fixture(scope="module")
def filled(client_of: MakeClient) -> Client:
    """A client of a service with long payload lists."""
    return client_of()


@pytest.fixture(scope="module")
def narrow(client_of: MakeClient) -> Client:
    """A client of a service that sends one long answer at a time."""
    return client_of(max_streams="1")


def urls(iovs: list[dict[str, Any]]) -> list[str]:
    return [iov["payload_url"] for iov in iovs]


# --- complete -------------------------------------------------------------------


@pytest.mark.parametrize("path", ["globalTag/GT", "gt/1", "globalTag/Copy"])
def test_whole_tag_has_every_iov_once_and_in_order(filled: Client, path: str) -> None:
    beam, field = filled.ok("GET", path)["payload_lists"]
    assert (beam["payload_type"], field["payload_type"]) == ("Beam", "Field")
    assert (urls(beam["payload_iov"]), field["payload_iov"]) == (EXPECTED, [])


def test_list_of_tags_has_every_iov_of_each(filled: Client) -> None:
    source, copy = filled.ok("GET", "gt")
    assert urls(source["payload_lists"][0]["payload_iov"]) == EXPECTED
    assert urls(copy["payload_lists"][0]["payload_iov"]) == EXPECTED


def test_list_of_payload_lists_has_every_iov_of_each(filled: Client) -> None:
    beam, field, copy, _ = filled.ok("GET", "pl")
    assert (urls(beam["payload_iov"]), urls(copy["payload_iov"])) == (EXPECTED, EXPECTED)
    assert field["payload_iov"] == []


def test_list_of_iovs_has_those_of_each_list_and_waiting_ones(filled: Client) -> None:
    iovs = filled.ok("GET", "piov")
    assert urls(iovs) == [*EXPECTED, *EXPECTED, "waits.root"]
    assert [iovs[n]["payload_list"] for n in (0, MANY, -1)] == ["Beam_1", "Beam_3", None]


@pytest.mark.parametrize("rows", [2, 3, 4])
def test_what_waits_is_listed_once_page_by_page(
    client: Client, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(contents, "PAGE", 2)
    waiting = {"checksum": "c", "major_iov": 0, "minor_iov": 0}
    for name in EXPECTED[:rows]:
        client.ok("POST", "piov", {**waiting, "payload_url": name})
    assert urls(client.ok("GET", "piov")) == EXPECTED[:rows]


@pytest.mark.parametrize("rows", [5000, 5001])
def test_border_of_a_page_loses_and_doubles_nothing(client: Client, rows: int) -> None:
    fill(client, rows)
    assert (
        urls(client.ok("GET", "globalTag/GT")["payload_lists"][0]["payload_iov"])
        == (EXPECTED[:rows])
    )


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
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        self._socket.settimeout(120)
        self._socket.connect((str(parts.hostname), int(parts.port or 0)))
        self._socket.sendall(f"GET {API}/{path} HTTP/1.0\r\n\r\n".encode())
        self.received = self._socket.recv(1024)

    def rest(self) -> Any:
        """Read to the end, and return the JSON."""
        rest = b"".join(iter(lambda: self._socket.recv(2**20), b""))
        return json.loads((self.received + rest).partition(b"\r\n\r\n")[2])

    def close(self) -> None:
        self._socket.close()


def narrowly_serving(client: Client) -> AbstractContextManager[str]:
    """Serve with a buffer that holds much less than a long answer."""
    return serving(client.app, outbuf_high_watermark=2**16)


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


LONG = ["globalTag/GT", "piov"]


def test_answers_stay_at_one_change_while_others_write(
    make_client: MakeClient, reading: Callable[[str, str], Reader]
) -> None:
    client = make_client(max_streams="2")
    fill(client)
    before = [client.ok("GET", path) for path in LONG]
    with narrowly_serving(client) as root:
        readers = [reading(root, path) for path in LONG]
        for start in (100, 10_000, 19_999):
            iov = {"payload_list": "Beam_1", "payload_url": "new.root", "minor_iov": 5}
            client.ok("POST", "bulk_piov", [{**iov, "major_iov": start}])
            client.ok("DELETE", f"deletePayloadIOV/GT/Beam/{start - 1}/0")
        client.ok("DELETE", "deletePayloadList/Field_2")
        after = [reader.rest() for reader in readers]
    assert after == before
    assert [client.ok("GET", path) == old for path, old in zip(LONG, before, strict=True)] == (
        [False] * 2
    )


# --- how many at a time -----------------------------------------------------------


def test_long_answer_beyond_the_limit_is_503(
    narrow: Client, reading: Callable[[str, str], Reader]
) -> None:
    with narrowly_serving(narrow) as root:
        reading(root, "globalTag/GT")
        refused = narrow.api("GET", "piov")
    assert (refused.status_int, refused.json["code"]) == (503, "unavailable")
    assert refused.headers["Retry-After"] == "1"


def test_short_answers_go_on_while_long_ones_stall(
    narrow: Client, reading: Callable[[str, str], Reader]
) -> None:
    with narrowly_serving(narrow) as root:
        reading(root, "globalTag/GT")
        assert len(narrow.ok("GET", "payloadiovs/?gtName=GT&majorIOV=5&minorIOV=0")) == 1
        assert narrow.ok("GET", "globalTags")[0]["payload_iov_count"] == MANY


def test_slot_is_free_again_when_the_answer_is_sent(
    narrow: Client, reading: Callable[[str, str], Reader]
) -> None:
    with narrowly_serving(narrow) as root:
        reader = reading(root, "globalTag/GT")
        assert reader.rest()["name"] == "GT"
        assert requests.get(f"{root}{API}/piov", timeout=120).status_code == 200


def test_slot_is_free_again_when_the_client_goes_away(
    narrow: Client, reading: Callable[[str, str], Reader]
) -> None:
    slots = narrow.app.registry.cdb.streams
    with narrowly_serving(narrow) as root:
        reader = reading(root, "globalTag/GT")
        reader.close()
        assert slots.acquire(timeout=120)
        slots.release()
        assert requests.get(f"{root}{API}/piov", timeout=120).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_slot_is_free_again_after_every_request(narrow: Client, method: str) -> None:
    narrow.api(method, "piov", status=200)
    narrow.api(method, "globalTag/GT", status=200)
    narrow.api(method, "pl", status=200)


def test_unavailable_can_be_504_for_clients_that_try_again_on_that_only(
    client_of: MakeClient, reading: Callable[[str, str], Reader]
) -> None:
    client = client_of(max_streams="1", unavailable_status="504")
    with narrowly_serving(client) as root:
        reading(root, "globalTag/GT")
        refused = client.api("GET", "globalTag/GT")
    assert (refused.status_int, refused.json["code"]) == (504, "unavailable")
    assert refused.headers["Retry-After"] == "1"
