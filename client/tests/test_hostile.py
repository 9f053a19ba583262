"""A service that means harm, or one that somebody else answers for."""

import gzip

import pytest
import requests
from scripted import Reply, scripted

from cdb_client import Client, answers
from cdb_client.cli import main
from cdb_client.errors import NotJson, Unreachable
from cdb_client.http import Service

ELSEWHERE = "127.0.0.2"
PACKED = {"Content-Encoding": "gzip"}
BOMB = gzip.compress(b" " * 20_000_000)
LINES = {"Content-Type": "application/x-ndjson"}
ROW = {
    "payload_type_name": "Beam",
    "payload_url": "b.txt",
    "checksum": "900150983cd24fb0d6963f7d28e17f72",
    "size": 3,
    "major_iov": 1,
    "minor_iov": 0,
    "major_iov_end": 2,
    "minor_iov_end": 0,
    "revision": None,
}
MODE = Reply(body={"CDB_IOV_MODE": "continuous"})


# --- how much is taken --------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 302, 400, 503])
def test_an_answer_that_unpacks_to_too_much_is_left(status):
    bomb = Reply(status, BOMB, {**PACKED, "Location": "/api/gt"})
    with (
        scripted(bomb) as server,
        Service(server.url, max_answer_mb=10, patience=60) as service,
        pytest.raises(NotJson, match="is larger than 10 MB"),
    ):
        service.get("gt")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [302, 400])
def test_so_is_one_in_place_of_a_long_answer(status):
    bomb = Reply(status, BOMB, {**PACKED, "Location": "/api/gt"})
    with (
        scripted(bomb) as server,
        Service(server.url, max_answer_mb=10) as service,
        pytest.raises(NotJson, match="is larger than 10 MB"),
    ):
        list(service.lines("iovs"))


def test_a_client_says_how_large_an_answer_may_be():
    with (
        scripted(Reply(body=BOMB, headers=PACKED)) as server,
        Client(server.url, max_answer_mb=1) as client,
        pytest.raises(NotJson, match="is larger than 1 MB"),
    ):
        client.at("GT", 1, 0)


def test_lines_that_never_end_are_left():
    with (
        scripted(Reply(body=BOMB, headers=PACKED | LINES)) as server,
        Service(server.url) as service,
        pytest.raises(NotJson, match="lines of one item each"),
    ):
        list(service.lines("iovs"))


def test_lines_of_any_number_have_no_limit():
    count = 40_000
    items = b"".join(b'{"a": %d, "b": "%s"}\n' % (each, b"x" * 30) for each in range(count))
    body = items + b'{"count": %d, "change": 1}\n' % count
    with (
        scripted(Reply(body=body, headers=LINES)) as server,
        Service(server.url, max_answer_mb=1) as service,
    ):
        assert [each["a"] for each in service.lines("iovs")] == list(range(count))


def test_pages_without_end_end_with_the_first_that_is_empty():
    page = Reply(body={"total_pages": 2**62, "results": []})
    with scripted(page) as server, Client(server.url) as client:
        assert list(client.global_tags.list()) == []


# --- where it leads -------------------------------------------------------------------------


def test_a_redirect_takes_no_password_of_netrc_along(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {ELSEWHERE}\nlogin me\npassword pw\ndefault\nlogin a\npassword b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with scripted(Reply(), host=ELSEWHERE) as target:
        there = Reply(302, headers={"Location": f"{target.url}/gt"})
        with scripted(there) as server, Service(server.url) as service:
            service.get("gt")
    assert server.sent("authorization") == target.sent("authorization") == [None]


@pytest.mark.parametrize("target", ["http://[x", "file:///etc/passwd", "gopher://127.0.0.1/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_to_what_is_not_of_http_is_not_followed(target, method):
    with (
        scripted(Reply(302, headers={"Location": target})) as server,
        Service(server.url, patience=60) as service,
        pytest.raises((Unreachable, NotJson)),
    ):
        service.write("POST", "gt") if method == "POST" else service.get("gt")
    assert len(server.requests) == 1


# --- what it says -----------------------------------------------------------------------------


@pytest.mark.parametrize("told", ["9" * 5000, "Fri, 31 Dec 99999999999999999999 23:59:59 GMT"])
def test_who_is_to_wait_for_ever_does_not(told):
    response = requests.Response()
    response.headers["Retry-After"] = told
    assert answers.wished(response) in (0, float("inf"))


def test_a_change_is_a_number_that_a_change_can_have():
    assert answers.Answer(200, None, {"cdb-change": "9" * 5000}).change is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("major_iov", "1"),
        ("major_iov", 1.5),
        ("minor_iov", True),
        ("minor_iov_end", -1),
        ("minor_iov_end", 2**63),
        ("size", "3"),
        ("checksum", None),
        ("payload_url", ["b.txt"]),
        ("revision", 3),
        ("payload_type_name", {}),
    ],
)
def test_a_payload_with_a_field_of_another_kind_is_none(name, value):
    with (
        scripted(MODE, Reply(body=[ROW | {name: value}])) as server,
        Client(server.url) as client,
        pytest.raises(NotJson, match="is not as expected"),
    ):
        client.at("GT", 1, 0)


@pytest.mark.parametrize("mode", [{}, [], {"CDB_IOV_MODE": "x"}, {"CDB_IOV_MODE": []}])
def test_a_mode_that_is_none_is_not_guessed(mode):
    with (
        scripted(Reply(body=mode)) as server,
        Client(server.url) as client,
        pytest.raises(NotJson, match="is not as expected"),
    ):
        client.at("GT", 1, 0)


@pytest.mark.parametrize("points", [[0], [0, 1], [0, 0, 0], [0, None]])
def test_a_batch_with_another_number_of_answers_is_refused(points):
    parts = [{"valid_from": [0, 0], "valid_until": [9, 0], "payloads": []}]
    batch = Reply(body={"change": 1, "answers": parts, "points": points})
    with (
        scripted(batch, MODE) as server,
        Client(server.url) as client,
        pytest.raises(NotJson, match="is not as expected"),
    ):
        client.batch("GT", [(1, 0), (2, 0)])


def test_a_command_that_meets_something_else_says_so_in_a_line(cli, service):
    service.answers({"changes": [{"change": 1}], "latest": 1})

    result = cli.invoke(main, ["log", "--url", service.url])

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: What was answered cannot be shown (KeyError: ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", [".bash_profile", "a\x1b[2J.txt", "a\0b", "..", "x/.profile"])
def test_a_file_is_not_called_what_a_program_looks_for(cli, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    known = {"file_name": name, "size": 3, "payload_type": "Beam"}
    with scripted(Reply(body={"present": {ROW["checksum"]: known}}), Reply(body=b"abc")) as server:
        result = cli.invoke(main, ["payload", "get", ROW["checksum"], "--url", server.url])

    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "-o FILE" in result.stderr
