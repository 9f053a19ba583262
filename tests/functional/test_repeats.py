"""What else headers say of a request: that it is a repeat, why, and what it has to reflect."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from conditions import (
    CALLERS,
    QUERY,
    READS,
    MakeClient,
    Write,
    at_once,
    describe,
    etag,
    fill,
    iov,
    last_change,
    make_list,
    row,
    writes,
)
from guarded import JWT, ROLES, as_role, dump, key_is_set, service
from sqlalchemy import select, update
from support import API, Client

from cdb.store.changes import now
from cdb.store.models import RecordedAnswer


@pytest.fixture
def filled(client: Client) -> Client:
    fill(client)
    return client


def test_a_write_that_is_sent_again_is_not_done_again(filled: Client, database_url: str) -> None:
    for number, write in enumerate(writes(filled)):
        done = write.send(filled, Idempotency_Key=f"key {number}")
        assert done.status_int == 200, (write, done.text)
        assert "Idempotency-Replayed" not in done.headers
        before = dump(database_url)
        for _ in range(2):
            replayed = write.send(filled, Idempotency_Key=f"key {number}")
            assert (replayed.status_int, replayed.body) == (200, done.body), write
            assert replayed.headers["CDB-Change"] == done.headers["CDB-Change"]
            assert replayed.headers["Idempotency-Replayed"] == "true"
            assert replayed.content_type == done.content_type == "application/json"
        assert dump(database_url) == before


def test_what_is_no_change_is_not_done_again_either(filled: Client, database_url: str) -> None:
    for write in (
        Write("POST", "piov", iov("waits", 1)),
        Write("POST", "bulk_piov", []),
        Write("POST", "gtstatus", {"name": "locked"}),
    ):
        done = write.send(filled, Idempotency_Key=write.path)
        before = dump(database_url)
        replayed = write.send(filled, Idempotency_Key=write.path)
        assert (replayed.status_int, replayed.body) == (200, done.body)
        assert "CDB-Change" not in replayed.headers
        assert dump(database_url) == before


def test_a_repeat_says_what_was_so_then_whatever_was_written_since(filled: Client) -> None:
    known = etag(filled)
    headers = {"Idempotency_Key": "key", "If_Match": known}
    done = describe(filled, "first", **headers)
    describe(filled, "second")
    replayed = describe(filled, "first", **headers)
    assert (replayed.status_int, replayed.body) == (200, done.body)
    assert filled.ok("GET", "globalTag/A?light=1")["description"] == "second"


def test_a_key_stands_for_one_request(filled: Client, database_url: str) -> None:
    first = Write("PATCH", "global-tags/A", {"description": "first"})
    first.send(filled, Idempotency_Key="key")
    before = dump(database_url)
    for other in (
        first._replace(body={"description": "second"}),
        first._replace(path="global-tags/B"),
        first._replace(path="global-tags/A?further"),
        Write("POST", "pt", {"description": "first", "name": "V"}),
        Write("DELETE", "deleteGlobalTag/A"),
    ):
        refused = other.send(filled, Idempotency_Key="key")
        assert (refused.status_int, refused.json["code"]) == (422, "idempotency-key"), other
        assert dump(database_url) == before


def test_an_error_is_not_kept(filled: Client, database_url: str) -> None:
    before = dump(database_url)
    body = [row("U_3", "early", 1)]
    headers = {"Idempotency-Key": "key"}
    filled.api("POST", "bulk_piov", body, headers=headers, status=404)
    filled.api("POST", "bulk_piov", [{}], headers=headers, status=400)
    stale = {"If-Match": '"1:ab:cd"'}
    filled.api("PATCH", "global-tags/A", {"contact": "me"}, 412, {**headers, **stale})
    assert dump(database_url) == before
    assert make_list(filled, None, "U") == "U_3"
    done = filled.api("POST", "bulk_piov", body, headers=headers, status=200)
    assert "Idempotency-Replayed" not in done.headers
    replayed = filled.api("POST", "bulk_piov", body, headers=headers, status=200)
    assert replayed.headers["Idempotency-Replayed"] == "true"


def test_keys_of_two_users_do_not_meet(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key_is_set(monkeypatch)
    with service(database_url, **JWT, **ROLES) as client:
        for replayed in (None, "true"):
            for name in ("ann", "bob"):
                headers = {"Idempotency-Key": "key", **as_role("admin", sub=name)}
                made = client.api("POST", "gt", {"name": name}, headers=headers, status=200)
                assert made.json["name"] == name
                assert made.headers.get("Idempotency-Replayed") == replayed
        client.api("POST", "gt", {"name": "ann"}, headers={"Idempotency-Key": "key"}, status=401)


def test_the_same_write_at_the_same_time_is_done_once(client: Client, server: str) -> None:
    fill(client)
    for path, body in (("gt", {"name": "C"}), ("bulk_piov", [row("T_1", "once", 5)])):
        before = last_change(client)
        answers = at_once(
            server,
            lambda _, path=path, body=body: {
                "method": "POST",
                "path": path,
                "json": body,
                "headers": {"Idempotency-Key": "key of " + path},
            },
        )
        assert {(each.status_code, each.content) for each in answers} == {
            (200, answers[0].content)
        }
        assert {each.headers["CDB-Change"] for each in answers} == {str(before + 1)}
        replayed = [each for each in answers if "Idempotency-Replayed" in each.headers]
        assert len(replayed) == CALLERS - 1
        assert last_change(client) == before + 1


def test_keys_of_different_writes_at_the_same_time_do_not_meet(
    client: Client, server: str
) -> None:
    fill(client)
    before = last_change(client)
    answers = at_once(
        server,
        lambda number: {
            "method": "POST",
            "path": "gt",
            "json": {"name": f"tag {number}"},
            "headers": {"Idempotency-Key": f"key {number}"},
        },
    )
    assert [each.json()["name"] for each in answers] == [f"tag {n}" for n in range(CALLERS)]
    assert last_change(client) == before + CALLERS


def test_an_answer_is_kept_for_as_long_as_the_setting_says(make_client: MakeClient) -> None:
    client = make_client(idempotency_keep="PT2H")
    fill(client)
    before = last_change(client)
    headers = {"Idempotency_Key": "key"}
    describe(client, **headers)
    for minutes, change in ((119, before + 1), (121, before + 2), (0, before + 2)):
        made(client, minutes)
        describe(client, **headers)
        assert last_change(client) == change
    with client.app.registry.cdb.database.statement() as reader:
        assert len(list(reader.execute(select(RecordedAnswer.subject)))) == 1


def made(client: Client, minutes: int) -> None:
    """Let all that was kept have been made so long ago."""
    with client.app.registry.cdb.database.engine.begin() as connection:
        created = now() - timedelta(minutes=minutes)
        connection.execute(update(RecordedAnswer).values(created=created))


def test_a_key_is_a_text_of_at_most_255_characters(filled: Client) -> None:
    for wrong in ("k" * 256, "tab\there", "\x07", "\xff"):
        assert describe(filled, Idempotency_Key=wrong).status_int == 400, wrong
    before = last_change(filled)
    for key in ("k" * 255, as_header("Schlüssel 🔑")):
        for _ in range(2):
            describe(filled, Idempotency_Key=key)
    assert last_change(filled) == before + 2


def test_an_empty_key_is_none(filled: Client) -> None:
    before = last_change(filled)
    for key in ("", " "):
        describe(filled, Idempotency_Key=key)
    assert last_change(filled) == before + 2


def test_files_are_kept_once_whatever_the_key(make_client: MakeClient, tmp_path: Path) -> None:
    client = make_client(payload_store=str(tmp_path))
    client.ok("POST", "pt", {"name": "T"})
    sent = {
        content: client.put(f"{API}/payloads/T/file", content, headers={"Idempotency-Key": "key"})
        for content in (b"first", b"other", b"first")
    }
    for content, answer in sent.items():
        assert answer.json["checksum"] == hashlib.md5(content, usedforsecurity=False).hexdigest()


# --- CDB-Comment, CDB-Change, CDB-Min-Change ---------------------------------------------


def as_header(written: str) -> str:
    """Return a text as a client sends it: in UTF-8, byte by byte."""
    return written.encode().decode("latin-1")


def comment_of(client: Client, change: int) -> str | None:
    comment: str | None = client.ok("GET", f"changes/{change}")["comment"]
    return comment


def test_the_reason_of_a_write_is_in_the_log(filled: Client) -> None:
    for written, kept in (
        ("because", "because"),
        ("  spaced  ", "spaced"),
        ("Grund: Größe ≥ 10 µm 🚀", "Grund: Größe ≥ 10 µm 🚀"),
        ("é" * 10_000, "é" * 10_000),
        ("", None),
        ("   ", None),
    ):
        done = describe(filled, CDB_Comment=as_header(written))
        assert done.status_int == 200, done.text
        assert comment_of(filled, int(done.headers["CDB-Change"])) == kept


def test_every_write_takes_a_reason(filled: Client) -> None:
    for number, write in enumerate(writes(filled)):
        done = write.send(filled, CDB_Comment=f"reason {number}")
        assert comment_of(filled, int(done.headers["CDB-Change"])) == f"reason {number}"


def test_a_reason_that_nobody_could_read_is_refused(filled: Client, database_url: str) -> None:
    before = dump(database_url)
    for wrong in (
        "x" * 10_001,
        as_header("é" * 10_001),
        "a\tb",
        "a\x07b",
        as_header("a\x85b"),
        "\xff",
    ):
        refused = describe(filled, CDB_Comment=wrong)
        assert (refused.status_int, refused.json["code"]) == (400, "invalid")
    assert dump(database_url) == before


def test_an_answer_says_which_change_it_was(filled: Client) -> None:
    for write in writes(filled):
        done = write.send(filled)
        assert done.headers["CDB-Change"] == str(last_change(filled))
    staged = filled.api("POST", "piov", iov("waits", 1), status=200)
    assert "CDB-Change" not in staged.headers


def test_a_client_can_ask_for_what_it_has_seen(make_client: MakeClient) -> None:
    client = make_client(unavailable_status="504")
    fill(client)
    seen = last_change(client)
    for path in (*READS, "globalTags", "pl", "changes", "gtstatus"):
        for given in ("0", str(seen), f" {seen} ", f"000{seen}", ""):
            client.api("GET", path, headers={"CDB-Min-Change": given}, status=200)
        for given in (str(seen + 1), str(10**19 - 1)):
            late = client.api("GET", path, headers={"CDB-Min-Change": given}, status=504)
            assert late.json["code"] == "unavailable"
            assert "Retry-After" in late.headers
        for wrong in ("-1", "1.0", "latest", "٣".encode().decode("latin-1"), str(10**20)):
            refused = client.api("GET", path, headers={"CDB-Min-Change": wrong}, status=400)
            assert refused.json["code"] == "invalid"


def test_a_copy_is_not_confirmed_by_a_service_that_is_behind(filled: Client) -> None:
    known = {"If-None-Match": etag(filled, QUERY)}
    for given, status in ((0, 304), (1, 503)):
        behind = {"CDB-Min-Change": str(last_change(filled) + given)}
        filled.api("GET", QUERY, headers={**known, **behind}, status=status)
