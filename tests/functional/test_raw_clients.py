"""What basf2 and clients that speak HTTP themselves send, byte for byte, to a real server."""

import json
import socket
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from guarded import JWT, ROLES, key_is_set, service
from support import API, Client, serving

from cdb.app import make_app
from cdb.settings import load

MAX = 2**63 - 1


def populate(client: Client) -> None:
    client.ok("POST", "gt", {"name": "main_2026", "author": "alice"})
    client.ok("POST", "gt", {"name": "working"})
    client.ok("POST", "pt", {"name": "Beam"})
    client.ok("POST", "pl", {"payload_type": "Beam"})
    client.ok("PUT", "pl_attach", {"global_tag": "main_2026", "payload_list": "Beam_1"})
    row = {"payload_list": "Beam_1", "payload_url": "beam.root", "checksum": "c0ffee"}
    client.ok("POST", "bulk_piov", [{**row, "major_iov": 0, "minor_iov": 0, "revision": "42"}])


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, databases: Any) -> Iterator[tuple[str, int]]:
    """Where a real server listens that all tests of this module share."""
    with databases(request.param) as url:
        app = make_app(load({"cdb.database.url": url, "cdb.allow_open_writes": "true"}, {}))
        populate(Client(app))
        with serving(app) as root:
            parts = urlsplit(root)
            yield str(parts.hostname), int(parts.port or 0)
        app.registry.cdb.database.dispose()


@pytest.fixture
def connection(address: tuple[str, int]) -> Iterator[HTTPConnection]:
    """A connection that is kept alive, which sends no header on its own but Host."""
    made = HTTPConnection(*address, timeout=120)
    made.connect()
    yield made
    made.close()


def send(
    connection: HTTPConnection, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[Any, int]:
    """Send exactly these headers, and parse the body as JSON before looking at the status."""
    connection.putrequest(method, f"{API}/{path}", skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders(body)
    answer = connection.getresponse()
    return json.loads(answer.read()), answer.status


def raw(address: tuple[str, int], request: bytes) -> tuple[list[str], bytes]:
    """Send bytes, read until the server closes; return the header's lines and the body."""
    with socket.create_connection(address, timeout=120) as connected:
        connected.sendall(request)
        received = b"".join(iter(lambda: connected.recv(65536), b""))
    header, _, body = received.partition(b"\r\n\r\n")
    return header.decode().split("\r\n"), body


# --- basf2 --------------------------------------------------------------------


def test_basf2_reads_the_statuses(connection: HTTPConnection) -> None:
    statuses, code = send(connection, "GET", "gtstatus")
    assert code == 200
    assert [status["name"] for status in statuses] == ["unlocked", "locked", "frozen"]


def test_basf2_reads_where_payloads_are(make_client: Callable[..., Client]) -> None:
    client = make_client(payload_base_url="https://payloads.example.org/store")
    answer = client.ok("GET", "user_settings/CDB_PAYLOAD_BASE_URL")
    assert answer == {"CDB_PAYLOAD_BASE_URL": "https://payloads.example.org/store"}


def test_basf2_reads_the_status_of_a_global_tag(connection: HTTPConnection) -> None:
    tag, code = send(connection, "GET", "globalTag/main_2026")
    assert code == 200
    assert tag["status"]["name"] == "unlocked"


def test_basf2_is_told_of_an_unknown_global_tag(connection: HTTPConnection) -> None:
    error, code = send(connection, "GET", "globalTag/nosuch")
    assert code == 404
    assert error == {"detail": "Global tag 'nosuch' does not exist.", "code": "not-found"}


def test_global_tag_can_be_served_without_its_iovs(make_client: Callable[..., Client]) -> None:
    client = make_client()
    populate(client)
    whole = client.ok("GET", "globalTag/main_2026")
    short = make_client(global_tag_detail="no-iovs").ok("GET", "globalTag/main_2026")
    assert len(whole["payload_lists"][0]["payload_iov"]) == 1
    assert short["payload_lists"][0].pop("payload_iov") == []
    assert short["status"] == whole["status"]


def test_basf2_asks_for_payloads_as_objects(connection: HTTPConnection) -> None:
    query = "payloadiovs/?gtName=main_2026&majorIOV=12&minorIOV=345&shape=dict"
    payloads, code = send(connection, "GET", query)
    assert code == 200
    assert payloads == [
        {
            "payload_type_name": "Beam",
            "payload_url": "beam.root",
            "checksum": "c0ffee",
            "size": None,
            "major_iov": 0,
            "minor_iov": 0,
            "major_iov_end": MAX,
            "minor_iov_end": MAX,
            "revision": "42",
            "global_tag": "main_2026",
            "dimension": "major-minor",
            "begin": "0,0",
            "end": "open",
        }
    ]


def test_largest_number_comes_with_all_its_digits(address: tuple[str, int]) -> None:
    path = f"{API}/payloadiovs/?gtName=main_2026&majorIOV=0&minorIOV=0"
    _, body = raw(address, f"GET {path} HTTP/1.0\r\n\r\n".encode())
    assert body.count(b"9223372036854775807") == 2


# --- libcurl and its like -----------------------------------------------------


@pytest.mark.parametrize(
    ("number", "body", "headers"),
    [
        (1, None, {}),
        (2, None, {"Content_Length": "0"}),
        (3, b"null", {"Content_Length": "4", "Content_Type": "application/json"}),
        (4, b"null", {"Content_Length": "4", "Content_Type": "application/x-www-form-urlencoded"}),
        (5, b"null", {"Content_Length": "4"}),
        (6, b"{}", {"Content_Length": "2", "Content_Type": "application/json"}),
    ],
    ids=["no body", "empty", "null", "null as a form", "null as nothing", "object"],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "gt_change_status/working/locked"), ("POST", "cloneGlobalTag/main_2026/copy_{}")],
)
def test_write_without_a_body_is_taken_however_it_is_sent(
    connection: HTTPConnection,
    method: str,
    path: str,
    number: int,
    body: bytes | None,
    headers: dict[str, str],
) -> None:
    _, code = send(connection, method, path.format(number), body, **headers)
    assert code == 200


def test_body_may_come_in_chunks(connection: HTTPConnection) -> None:
    answer, code = send(
        connection,
        "POST",
        "pt",
        b'7\r\n{"name"\r\n8\r\n: "ZDC"}\r\n0\r\n\r\n',
        Transfer_Encoding="chunked",
        Content_Type="application/json; charset=utf-8",
    )
    assert (code, answer["name"]) == (200, "ZDC")


def test_body_may_wait_for_the_word_to_continue(address: tuple[str, int]) -> None:
    lines, body = raw(
        address,
        f"POST {API}/pt HTTP/1.1\r\nHost: cdb\r\nConnection: close\r\nExpect: 100-continue\r\n"
        'Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{"name": "BPM"}'.encode(),
    )
    assert lines == ["HTTP/1.1 100 Continue"]
    assert body.startswith(b"HTTP/1.1 200 OK\r\n")


def test_connection_is_kept_alive_over_successes_and_errors(connection: HTTPConnection) -> None:
    first_socket = connection.sock
    for _ in range(20):
        codes = [
            send(connection, "GET", "gtstatus")[1],
            send(connection, "GET", "globalTag/nosuch")[1],
            send(connection, "PUT", "gt_change_status/working/locked")[1],
            send(connection, "POST", "pt", b"{", Content_Length="1")[1],
            send(connection, "GET", "payloadiovs/?gtName=main_2026&majorIOV=1&minorIOV=0")[1],
        ]
        assert codes == [200, 404, 200, 400, 200]
    assert connection.sock is first_socket


def test_connection_without_a_token_reads_and_is_told_that_it_may_not_write(
    databases: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_is_set(monkeypatch)
    with (
        databases("sqlite") as url,
        service(url, **JWT, **ROLES) as client,
        serving(client.app) as root,
    ):
        made = HTTPConnection(str(urlsplit(root).netloc), timeout=120)
        made.connect()
        first_socket = made.sock
        read, read_code = send(made, "GET", "globalTags")
        refused, refused_code = send(made, "PUT", "gt_change_status/GT/locked")
        _, read_again = send(made, "GET", "gtstatus")
        assert made.sock is first_socket
        made.close()
    assert (read, read_code, refused_code, read_again) == ([], 200, 401, 200)
    assert isinstance(refused["detail"], str)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("gtstatus", "200 OK"),
        ("globalTag/main_2026", "200 OK"),
        ("gt", "200 OK"),
        ("piov", "200 OK"),
        ("payloadiovs", "400 Bad Request"),
    ],
)
def test_http_1_0_without_any_header_is_answered(
    address: tuple[str, int], path: str, status: str
) -> None:
    lines, body = raw(address, f"GET {API}/{path} HTTP/1.0\r\n\r\n".encode())
    assert lines[0] == f"HTTP/1.0 {status}"
    assert json.loads(body)


@pytest.mark.parametrize(
    "accept", ["application/json", "*/*", "text/html", "image/png", "application/xml;q=0.5", "x"]
)
def test_answer_is_json_whatever_is_accepted(connection: HTTPConnection, accept: str) -> None:
    _, code = send(connection, "GET", "gtstatus", Accept=accept)
    assert code == 200


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "nothing", 404),
        ("DELETE", "gtstatus", 405),
        ("GET", "payloadiovs/?gtName=main_2026", 400),
        ("GET", "payloadiovs/?gtName=nosuch&majorIOV=0&minorIOV=0", 404),
        ("DELETE", "deletePayloadType/Beam", 409),
        ("GET", "globalTag/%FF", 400),
    ],
)
def test_error_is_json_that_a_client_parses_before_the_status(
    connection: HTTPConnection, method: str, path: str, code: int
) -> None:
    error, answered = send(connection, method, path)
    assert answered == code
    assert {"code"} < set(error)
