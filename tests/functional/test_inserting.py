"""Inserts from Python: collected, sent in one request, done once or not at all."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from commanded import Commanded, commanded

from cdb_client import Client
from cdb_client.errors import (
    Changed,
    ConfigError,
    Conflict,
    Invalid,
    NotFound,
    PayloadError,
    Unreachable,
)
from cdb_client.resources.payloads import LocalFile

MAX = 2**63 - 1
ABC = "900150983cd24fb0d6963f7d28e17f72"
"""The MD5 of abc."""


@pytest.fixture(scope="module")
def world(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commanded]:
    store = str(tmp_path_factory.mktemp("store"))
    with commanded(databases, allow_open_writes="true", payload_store=store) as made:
        for name in ("Beam", "Geo"):
            made.client.ok("POST", "pt", {"name": name})
        yield made


def urls(world: Commanded, tag: str) -> list[str]:
    return [iov[0] for iov in world.iovs(tag)]


@pytest.fixture
def client(world: Commanded) -> Iterator[Client]:
    with Client(world.url, cache="") as made:
        yield made


@pytest.fixture
def beam(tmp_path: Path) -> Path:
    file = tmp_path / "beam.txt"
    file.write_bytes(b"abc")
    return file


# --- one request ---------------------------------------------------------------------


def test_all_inserts_are_one_change(world: Commanded, client: Client, beam: Path) -> None:
    tag = world.tag("Beam", "Geo")
    with client.inserting(tag, reason="both") as batch:
        batch.add("Beam", file=beam, start=(7, 0), until=(MAX, 5))
        batch.add("Geo", url="g", checksum="s", size=3, revision="2", begin="7,0")
        assert urls(world, tag) == []
    assert batch.change == world.latest()
    shown = {row["payload_url"]: row for row in batch.payload_iovs}
    assert len(shown) == len(batch) == 2
    assert (shown["g"]["size"], shown["g"]["revision"]) == (3, "2")
    [of_file] = [row for row in shown.values() if row["payload_url"] != "g"]
    assert (of_file["checksum"], of_file["size"]) == (ABC, 3)
    assert (of_file["major_iov_end"], of_file["minor_iov_end"]) == (MAX, 5)
    [change] = world.client.ok("GET", f"changes?after={world.latest() - 1}")["changes"]
    assert (change["comment"], change["payload_types"]) == ("both", ["Beam", "Geo"])


def test_an_error_in_the_block_sends_nothing(world: Commanded, client: Client, beam: Path) -> None:
    tag, before = world.tag("Beam"), world.latest()
    batch = client.inserting(tag)
    batch.add("Beam", file=beam, start=(7, 0))
    with pytest.raises(ZeroDivisionError), batch:
        batch.add("Beam", url="x", checksum="s", start=(1 // 0, 0))
    assert (world.latest(), batch.answer, batch.change) == (before, None, None)


def test_a_batch_that_is_refused_leaves_nothing(world: Commanded, client: Client) -> None:
    tag = world.tag("Beam")
    batch = client.inserting(tag)
    batch.add("Beam", url="a", checksum="s", start=(1, 0), until=(9, 0))
    with pytest.raises(Invalid, match="Rows 0 and 1 overlap"), batch:
        batch.add("Beam", url="b", checksum="s", start=(5, 0), until=(8, 0))
    assert urls(world, tag) == []


def test_an_empty_batch_asks_nothing() -> None:
    with Client("http://127.0.0.1:9/api", cache="") as client, client.inserting("Tag") as batch:
        pass
    assert (len(batch), batch.change) == (0, None)


def test_inserts_go_into_a_list(world: Commanded, client: Client, beam: Path) -> None:
    name = world.client.ok("POST", "pl", {"payload_type": "Geo", "ends": "next-start"})["name"]
    with client.inserting(payload_list=name) as batch:
        batch.add(file=beam, start=(7, 0))
        batch.add(url="g", checksum="s", start=(5, 0))
    rows = list(client.payload_iovs.of_list(name))
    assert [row["major_iov"] for row in rows] == [5, 7]
    assert rows[0]["major_iov_end"] == 7
    assert rows[1]["payload_url"].startswith("Geo/")


def test_a_dry_run_tries_all_and_keeps_nothing(
    world: Commanded, client: Client, tmp_path: Path
) -> None:
    tag, file = world.tag("Beam"), tmp_path / "new.txt"
    file.write_bytes(b"never sent before")
    before = world.latest()
    with client.inserting(tag, dry_run=True, create_lists=True) as batch:
        batch.add("Beam", file=file, start=(7, 0))
        batch.add("Geo", url="g", checksum="s", start=(7, 0))
    assert batch.answer
    assert (batch.answer.dry_run, batch.change, batch.created_lists) == (True, None, ["Geo"])
    assert world.latest() == before
    [stored] = client.payloads.check([batch.payload_iovs[0]["checksum"]]).values()
    assert stored is None


def test_lists_are_made_only_where_that_is_asked_for(world: Commanded, client: Client) -> None:
    tag = world.tag("Beam")
    with pytest.raises(NotFound, match="no payload list"), client.inserting(tag) as batch:
        batch.add("Geo", url="g", checksum="s", start=(7, 0))
    with client.inserting(tag, create_lists=True, reason="why") as batch:
        batch.add("Geo", url="g", checksum="s", start=(7, 0))
        batch.add("Beam", url="b", checksum="s", start=(7, 0))
    assert (batch.created_lists, urls(world, tag)) == (["Geo"], ["b", "g"])


def test_a_tag_that_has_changed_since_is_left(world: Commanded, client: Client) -> None:
    tag = world.tag("Beam")
    etag = client.service.ask("GET", f"global-tags/{tag}", {"light": 1}).etag
    for url in ("a", "b"):
        batch = client.inserting(tag, if_match=etag)
        batch.add("Beam", url=url, checksum="s", start=(7, 0))
        if url == "a":
            with batch:
                pass
        else:
            with pytest.raises(Changed), batch:
                pass
    assert urls(world, tag) == ["a"]


def test_a_locked_tag_keeps_what_it_has(world: Commanded, client: Client) -> None:
    tag = world.tag("Beam")
    with client.inserting(tag) as batch:
        batch.add("Beam", url="a", checksum="s", start=(7, 0), until=(9, 0))
    world.client.ok("PUT", f"gt_change_status/{tag}/locked")
    with pytest.raises(Conflict) as refusal, client.inserting(tag) as batch:
        batch.add("Beam", url="b", checksum="s", start=(8, 0), until=(9, 0))
    assert refusal.value.code == "overlap"


# --- what cannot be right ------------------------------------------------------------


URL: dict[str, Any] = {"url": "x", "checksum": "s"}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({**URL}, "starts at `begin`, or at `start`"),
        ({**URL, "begin": "1,0", "start": (1, 0)}, "starts at `begin`, or at `start`"),
        ({**URL, "start": (1, 0), "end": "2,0", "until": (2, 0)}, "ends at `end`, or at `until`"),
        ({**URL, "start": (2, 0), "until": (1, MAX)}, "before it starts"),
        ({**URL, "start": (1, -1)}, "go from 0 to"),
        ({**URL, "start": (MAX + 1, 0)}, "go from 0 to"),
        ({**URL, "start": (1.5, 0)}, "two whole numbers"),
        ({**URL, "start": 7}, "two whole numbers"),
        ({"url": "x", "start": (1, 0)}, "needs the payload's checksum"),
        ({"checksum": "s", "start": (1, 0)}, "has a url, or a file"),
        ({"file": "/no/such/file", "start": (1, 0)}, "cannot be read: No such file"),
    ],
)
def test_what_cannot_be_right_is_told_where_it_is_added(said: dict[str, Any], told: str) -> None:
    with (
        Client("http://127.0.0.1:9/api", cache="") as client,
        pytest.raises(ConfigError, match=told),
        client.inserting("Tag") as batch,
    ):
        batch.add("Beam", **said)


def test_two_inserts_of_one_type_cannot_start_at_one_point() -> None:
    with Client("http://127.0.0.1:9/api", cache="") as client:
        batch = client.inserting("Tag")
        batch.add("Beam", **URL, start=(1, 0))
        batch.add("Geo", **URL, start=(1, 0))
        with pytest.raises(ConfigError, match=r"Inserts 0 and 2 both start at \(1, 0\)"):
            batch.add("Beam", **URL, start=(1, 0), until=(2, 0))


def test_a_file_has_the_checksum_that_is_said(client: Client, beam: Path) -> None:
    batch = client.inserting("Tag")
    with pytest.raises(ConfigError, match="has not the checksum"):
        batch.add("Beam", file=beam, checksum="f" * 32, start=(1, 0))
    with pytest.raises(ConfigError, match="give no url"):
        batch.add("Beam", file=beam, url="x", start=(1, 0))
    with pytest.raises(ConfigError, match="needs the url where it lies"):
        batch.add("Beam", file=beam, upload=False, start=(1, 0))
    batch.add("Beam", file=beam, checksum=ABC.upper(), start=(1, 0))


@pytest.mark.parametrize("named", [{}, {"global_tag": "a", "payload_list": "b"}])
def test_inserts_go_into_a_tag_or_a_list(client: Client, named: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="name one"):
        client.inserting(**named)


# --- answers that are lost -----------------------------------------------------------


def test_a_batch_whose_answer_is_lost_is_done_once(world: Commanded) -> None:
    tag = world.tag("Beam")
    with (
        losing_the_first_answer(world.url) as (url, sent),
        Client(url, cache="") as client,
        client.inserting(tag) as batch,
    ):
        batch.add("Beam", url="a", checksum="s", start=(1, 0), until=(2, 0))
    assert len(sent) == 2
    assert batch.answer
    assert batch.answer.headers["idempotency-replayed"] == "true"
    assert batch.change == world.latest()
    assert urls(world, tag) == ["a"]
    changes = world.client.ok("GET", f"global-tags/{tag}/history?action=bulk")["changes"]
    assert len(changes) == 1


def test_a_batch_can_be_sent_again_by_its_key(world: Commanded) -> None:
    tag = world.tag("Beam")

    def send(url: str) -> int | None:
        with Client(url, cache="", patience=0) as client:
            with client.inserting(tag, key=f"the key of {tag}") as batch:
                batch.add("Beam", url="a", checksum="s", start=(1, 0), until=(2, 0))
            return batch.change

    with losing_the_first_answer(world.url) as (url, _), pytest.raises(Unreachable):
        send(url)
    assert urls(world, tag) == ["a"]
    assert send(world.url) == world.latest()


@contextmanager
def losing_the_first_answer(url: str) -> Iterator[tuple[str, list[bytes]]]:
    """Give the URL of a proxy that passes requests on, and hangs up at the first answer."""
    target = urlsplit(url)
    sent: list[bytes] = []

    def pass_on(near: socket.socket) -> None:
        with near, socket.create_connection((target.hostname, target.port)) as far:
            request = _whole(near)
            sent.append(request)
            far.sendall(request)
            # It is done when it is answered, and only then the connection breaks.
            answer = _whole(far)
            if len(sent) > 1:
                near.sendall(answer)

    def serve() -> None:
        while True:
            try:
                near, _ = listening.accept()
            except OSError:
                return
            pass_on(near)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        port = listening.getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}{target.path}", sent
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _whole(connection: socket.socket) -> bytes:
    """Read one message with a Content-Length."""
    message = b""
    while b"\r\n\r\n" not in message:
        message += connection.recv(65536)
    head, _, body = message.partition(b"\r\n\r\n")
    [length] = [
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length")
    ]
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


# --- payload files -------------------------------------------------------------------


def test_a_damaged_file_is_not_written(world: Commanded, client: Client, tmp_path: Path) -> None:
    file = tmp_path / "sound.txt"
    file.write_bytes(b"sound")
    stored = client.payloads.put("Beam", file).body
    files = world.client.app.registry.cdb.payload_store.files
    with files.open(stored["payload_url"]) as opened:
        place = Path(opened.name)
    place.chmod(0o644)
    place.write_bytes(b"worse")
    target = tmp_path / "target"
    target.write_bytes(b"before")
    with pytest.raises(PayloadError, match="is damaged"):
        client.payloads.fetch(stored["checksum"], target)
    assert target.read_bytes() == b"before"
    assert sorted(tmp_path.iterdir()) == [file, target]


def test_a_file_that_arrives_with_another_content_is_not_stored(
    client: Client, tmp_path: Path
) -> None:
    file = tmp_path / "changing.txt"
    file.write_bytes(b"as it was read")
    known = LocalFile.at(file)
    file.write_bytes(b"as it was sent")
    with pytest.raises(Invalid):
        client.payloads.put("Beam", known)
    assert list(client.payloads.check([known.md5]).values()) == [None]


def test_what_a_file_is_used_for_and_contains_can_be_asked(
    world: Commanded, client: Client, beam: Path
) -> None:
    tag = world.tag("Beam")
    with client.inserting(tag) as batch:
        batch.add("Beam", file=beam, start=(1, 0))
    assert tag in [use["global_tag"] for use in client.payloads.usage(ABC)]
    assert client.payloads.preview(ABC)["content"] == "abc"
    assert client.payloads.about(ABC)["stored"]["size"] == 3
    told: list[int] = []
    assert client.payloads.fetch(ABC, beam.with_name("copy"), told=told.append) == sum(told) == 3
