"""A database that goes back under a service: nothing that the service keeps outlives it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from backups import Backup, backup_of
from conditions import QUERY, READS, MakeClient, fill, iov, last_change
from support import API, Client
from webob import Request

from cdb.errors import Unavailable
from cdb.rest import streams
from cdb.services import contents, digest


@pytest.fixture
def backup(database_url: str, tmp_path: Path) -> Iterator[Backup]:
    with backup_of(database_url, tmp_path / "backup") as made:
        yield made


def let_go(client: Client) -> None:
    """Close its connections, since it is not about lost ones here."""
    client.app.registry.cdb.database.dispose()


def said(client: Client, path: str) -> tuple[int, str | None, bytes]:
    answer = client.api("GET", path)
    return answer.status_int, answer.headers.get("ETag"), answer.body


def agrees(old: Client, new: Client, path: str) -> bool:
    """Tell whether a service says what one says that has just begun; soon, if not at once."""
    deadline = time.monotonic() + 120
    while said(old, path) != said(new, path):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def write(client: Client, url: str) -> None:
    client.ok("POST", "payload-lists/T_1/iovs", [iov(url, 1)])


def test_what_is_kept_is_not_given_after_the_database_went_back(
    make_client: MakeClient, backup: Backup
) -> None:
    client = make_client()
    fill(client)
    end = last_change(client)
    let_go(client)
    backup.make()
    write(client, "lost")
    client.ok("POST", "cloneGlobalTag/A/Lost")
    client.ok("PUT", "gt_change_status/Lost/frozen")
    client.ok("PATCH", "global-tags/B", {"description": "lost"})
    lost = last_change(client)
    of_b = QUERY.replace("gtName=A", "gtName=B")
    paths = [
        *READS,
        QUERY.replace("gtName=A", "gtName=Lost"),
        *(f"{QUERY}&asOf={change}" for change in (end, end + 1, lost)),
        f"{of_b}&asOf={end + 1}",
        "globalTags",
        "gtstatus",
    ]
    known = {path: [client.api("GET", path, status=200) for _ in range(2)][-1] for path in paths}

    let_go(client)
    backup.restore()
    fresh = make_client()
    assert [path for path in paths if not agrees(client, fresh, path)] == []
    # Not even where the tag was not touched by it: what will be as of it is open again.
    assert client.api("GET", f"{of_b}&asOf={end + 1}").status_int == 400

    # The numbers of the changes that were lost are given again.
    write(client, "again")
    client.ok("PATCH", "global-tags/B", {"description": "again"})
    for number in range(lost - last_change(client)):
        client.ok("PATCH", "global-tags/B", {"description": f"again {number}"})
    assert last_change(client) == lost
    assert [path for path in paths if not agrees(client, fresh, path)] == []
    for path in (QUERY, f"{QUERY}&asOf={lost}"):
        copied = {"If-None-Match": known[path].headers["ETag"]}
        assert client.api("GET", path, headers=copied).status_int == 200


def test_what_was_seen_after_the_look_is_not_given_after_the_database_went_back(
    make_client: MakeClient, backup: Backup
) -> None:
    client = make_client(freshness_ms="60000")
    fill(client)
    client.ok("GET", QUERY)
    client.ok("GET", QUERY)  # from now on a look is at hand, which is as old as it may be
    let_go(client)
    backup.make()
    write(client, "lost")
    path = "globalTag/A"
    lost = [client.api("GET", path, status=200) for _ in range(2)][-1]
    assert b"lost" in lost.body

    let_go(client)
    backup.restore()
    anew = {"Cache-Control": "no-cache"}
    found = client.api("GET", path, headers=anew, status=200)
    assert b"lost" not in found.body
    copied = {**anew, "If-None-Match": lost.headers["ETag"]}
    assert client.api("GET", path, headers=copied).status_int == 200


STREAMED = (
    "gt",
    "gt/1",
    "pl",
    "piov",
    "globalTag/A",
    "global-tags/A/iovs",
    "global-tags/A/gaps",
    "global-tags/A/diff/B",
    "payload-lists/by-name/T_1/iovs",
)


def test_long_answer_that_the_database_goes_back_under_is_never_ended(
    make_client: MakeClient, backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "PAGE", 1)
    monkeypatch.setattr(streams, "_SHORT", 0)
    client = make_client(max_streams="20")
    fill(client)
    write_closed(client, [2, 4, 6])
    let_go(client)
    backup.make()
    write_closed(client, [8, 10, 12])
    begun = [Request.blank(f"{API}/{path}").call_application(client.app) for path in STREAMED]
    assert {status for status, _, _ in begun} == {"200 OK"}

    let_go(client)
    backup.restore()
    write_closed(client, [7, 9, 11])
    for _, _, pieces in begun:
        with pytest.raises(Unavailable, match="went back"):
            list(pieces)
        pieces.close()


def write_closed(client: Client, majors: list[int]) -> None:
    rows = [
        {**iov(f"at {each}", each), "major_iov_end": each, "minor_iov_end": 5} for each in majors
    ]
    client.ok("POST", "payload-lists/T_1/iovs", rows)


def test_answer_that_is_read_in_parts_is_of_one_history(
    make_client: MakeClient, backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client()
    fill(client)
    let_go(client)
    backup.make()
    write(client, "lost")
    read = digest.of_tag

    def read_later(*asked: Any) -> digest.TagDigest:
        let_go(client)
        backup.restore()
        write(client, "again")
        return read(*asked)

    with monkeypatch.context() as patched:
        patched.setattr(digest, "of_tag", read_later)
        refused = client.api("GET", "global-tags/A/digest", status=503)
    assert refused.json["code"] == "unavailable"
    assert agrees(client, make_client(), "global-tags/A/digest")
