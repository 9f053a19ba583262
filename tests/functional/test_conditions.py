"""What clients set conditions on: copies that still hold, heads of tags, and repeats."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from guarded import JWT, ROLES, as_role, bearer, dump, key_is_set, service
from sqlalchemy import Engine, event, select, text, update
from support import API, Client

from cdb.store.changes import latest, now
from cdb.store.engine import Database
from cdb.store.models import RecordedAnswer

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


@pytest.fixture
def filled(client: Client) -> Client:
    fill(client)
    return client


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


@contextmanager
def statements() -> Iterator[list[str]]:
    """Note the statements that go to a database."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


# --- copies that still hold ---------------------------------------------------------


def test_a_copy_holds_while_other_tags_are_written_to(filled: Client) -> None:
    known = {path: etag(filled, path) for path in READS if "diff" not in path}
    describe(filled, tag="B")
    filled.ok("POST", "gt", {"name": "C"})
    filled.ok("POST", "cloneGlobalTag/A/D")
    filled.ok("POST", "pt", {"name": "V"})
    filled.ok("PATCH", "payload-types/T", {"description": "of a type"})
    filled.ok("POST", "piov", iov("waits", 7))
    make_list(filled, None, "T")
    for path, tag in known.items():
        assert again(filled, path, tag) == 304, path


def writes_to_the_tag(client: Client) -> list[Callable[[], Any]]:
    extra = make_list(client, None, "U")
    ok = client.ok
    return [
        lambda: ok("PATCH", "global-tags/A", {"description": "changed"}),
        lambda: ok("PATCH", "payload-lists/by-name/T_1", {"description": "changed"}),
        lambda: ok("POST", "bulk_piov", [row("T_1", "more", 5)]),
        lambda: ok("DELETE", "deletePayloadIOV/A/T/5/0"),
        lambda: ok("PUT", "pl_attach", {"global_tag": "A", "payload_list": extra}),
        lambda: ok("PUT", "pl_attach", {"global_tag": "B", "payload_list": extra}),
        lambda: ok("PUT", "gt_change_status/A/locked"),
    ]


def test_a_copy_does_not_outlive_a_write_to_its_tag(filled: Client) -> None:
    for write in writes_to_the_tag(filled):
        known = {path: etag(filled, path) for path in READS}
        write()
        for path, tag in known.items():
            got = filled.api("GET", path, headers={"If-None-Match": tag}, status=200)
            assert got.headers["ETag"] != tag


def test_a_copy_of_two_tags_holds_while_both_do(filled: Client) -> None:
    for path in (f"payloadiovs/?gtName=A&gtName=B&{POINT}", "global-tags/B/diff/A"):
        for tag in ("A", "B"):
            known = etag(filled, path)
            filled.ok("POST", "gt", {"name": f"{tag} of {path[:5]}"})
            assert again(filled, path, known) == 304
            describe(filled, tag=tag)
            assert again(filled, path, known) == 200


def test_nothing_comes_with_a_copy_that_holds_but_how_long_it_does(filled: Client) -> None:
    for path in READS:
        whole = filled.api("GET", path, status=200)
        got = filled.api("GET", path, headers={"If-None-Match": whole.headers["ETag"]})
        assert (got.status_int, got.body) == (304, b"")
        for name in ("ETag", "Cache-Control", "CDB-Change", "Vary"):
            assert got.headers[name] == whole.headers[name]
        assert "Content-Type" not in got.headers


def test_a_copy_that_holds_costs_one_look_at_the_head(filled: Client) -> None:
    known = etag(filled, QUERY)
    with statements() as sent:
        assert again(filled, QUERY, known) == 304
    assert len([each for each in sent if each.lstrip().startswith(("with", "select"))]) == 1
    assert not any("from iov" in each for each in sent)


def test_etags_differ_by_all_that_decides_the_bytes(filled: Client) -> None:
    filled.ok("POST", "cloneGlobalTag/A/C")
    paths = [
        QUERY,
        QUERY.replace("gtName=A", "gtName=C"),
        QUERY.replace("majorIOV=1", "majorIOV=2"),
        f"{QUERY}&shape=dict",
        f"{QUERY}&expired=include",
        f"{QUERY}&types=T",
        f"{QUERY}&asOf={last_change(filled)}",
        f"payloadiovs/?gtName=A&gtName=C&{POINT}",
        f"payloadiovs/?gtName=C&gtName=A&{POINT}",
        *READS[2:],
    ]
    tags = [etag(filled, path) for path in paths]
    lines = {"Accept": "application/x-ndjson"}
    tags.append(filled.api("GET", "global-tags/A/iovs", headers=lines).headers["ETag"])
    assert len(set(tags)) == len(tags)


def test_etags_differ_by_the_settings_that_decide_the_bytes(make_client: MakeClient) -> None:
    services = [
        make_client(),
        make_client(iov_mode="discrete"),
        make_client(default_dimension="run-lumi"),
        make_client(global_tag_detail="no-iovs"),
    ]
    fill(services[0])
    for path in ("globalTag/A", "gt/1"):
        tags = [etag(each, path) for each in services]
        assert len(set(tags)) == len(tags), path
    assert again(make_client(), QUERY, etag(services[0], QUERY)) == 304


def test_a_number_that_comes_again_after_a_restore_has_another_etag(filled: Client) -> None:
    describe(filled, "first")
    known, number = etag(filled, QUERY), last_change(filled)
    take_back(filled.app.registry.cdb.database, number)
    assert again(filled, QUERY, known) == 200
    describe(filled, "second")
    assert last_change(filled) == number
    assert again(filled, QUERY, known) == 200
    assert etag(filled, QUERY) != known
    assert describe(filled, "third", If_Match=known).status_int == 412


def take_back(database: Database, change: int) -> None:
    """Make a description undone, as a restore from an older backup does."""
    with database.engine.begin() as connection:
        for statement in (
            "delete from change where change = :change",
            "delete from tag_change where change = :change",
            "delete from global_tag where added_by = :change",
            "update global_tag set retired_by = 9223372036854775807 where retired_by = :change",
        ):
            connection.execute(text(statement), {"change": change})


def test_etags_are_compared_as_http_says(filled: Client) -> None:
    known = etag(filled, QUERY)
    assert known.startswith('"')
    assert again(filled, QUERY, f"W/{known}") == 304  # as proxies say that compress
    assert again(filled, QUERY, '"other"', f"W/{known}", '"another"') == 304
    assert again(filled, QUERY, "*") == 304
    assert again(filled, QUERY, " * ") == 304
    for other in ('"other"', known.strip('"'), known.replace('"', "'"), "", '"*"', "W/*"):
        assert again(filled, QUERY, other) == 200, other


def test_what_is_not_there_is_not_found_whatever_the_client_has(filled: Client) -> None:
    known = etag(filled, QUERY)
    filled.ok("DELETE", "deleteGlobalTag/A")
    for given in (known, "*"):
        assert again(filled, QUERY, given) == 404
        assert again(filled, "globalTag/A", given) == 404
    filled.ok("POST", "gt", {"name": "A"})
    assert again(filled, QUERY, known) == 200


def test_head_answers_as_get_without_the_body(filled: Client) -> None:
    for path in READS:
        whole = filled.api("GET", path, status=200)
        head = filled.api("HEAD", path, status=200)
        assert head.body == b""
        for name in ("ETag", "Cache-Control", "CDB-Change", "Vary"):
            assert head.headers[name] == whole.headers[name]
        known = {"If-None-Match": whole.headers["ETag"]}
        assert filled.api("HEAD", path, headers=known).status_int == 304


# --- how long an answer may be kept ---------------------------------------------------


def age(client: Client, path: str) -> str:
    return str(client.api("GET", path, status=200).headers["Cache-Control"])


def test_only_a_frozen_tag_may_be_kept_unasked(filled: Client) -> None:
    single = [path for path in READS if "diff" not in path]
    for status, expected in (
        ("unlocked", "public, no-cache"),
        ("locked", "public, no-cache"),
        ("frozen", A_DAY),
    ):
        filled.ok("PUT", f"gt_change_status/A/{status}")
        assert {age(filled, path) for path in single} == {expected}


def test_what_is_as_of_a_change_never_changes(filled: Client) -> None:
    for status in ("unlocked", "locked", "frozen"):
        filled.ok("PUT", f"gt_change_status/A/{status}")
        change = last_change(filled)
        for path in READS:
            separator = "&" if "?" in path else "?"
            assert age(filled, f"{path}{separator}asOf={change}") == FOR_EVER


def test_an_answer_of_two_tags_is_kept_as_long_as_both_may_be(filled: Client) -> None:
    both = f"payloadiovs/?gtName=A&gtName=B&{POINT}"
    for tag, expected in (("A", "public, no-cache"), ("B", A_DAY)):
        for status in ("locked", "frozen"):
            filled.ok("PUT", f"gt_change_status/{tag}/{status}")
        assert age(filled, both) == expected
        assert age(filled, "global-tags/A/diff/B") == expected


def test_a_final_status_that_lets_tags_be_written_to_keeps_nothing(filled: Client) -> None:
    filled.ok("POST", "gtstatus", {"name": "last", "mode": "open", "final": True})
    filled.ok("POST", "gtstatus", {"name": "shut", "mode": "closed"})
    for status in ("shut", "last"):
        filled.ok("PUT", f"gt_change_status/A/{status}")
        assert age(filled, QUERY) == "public, no-cache"


def test_what_is_not_for_everybody_is_private_and_asks_who_it_is(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_is_set(monkeypatch)
    admin = as_role("admin")
    with service(database_url, **JWT, **ROLES, read_access="authenticated") as client:
        client.ok("POST", "gt", {"name": "A"}, headers=admin)
        for path in ("gtPayloadLists/A", QUERY, "globalTag/A"):
            got = client.api("GET", path, headers=admin, status=200)
            assert got.headers["Cache-Control"] == "private, no-cache"
            assert "Authorization" in got.headers["Vary"]
            known = {"If-None-Match": got.headers["ETag"]}
            client.api("GET", path, headers={**known, **admin}, status=304)
            for given in (known, {"If-None-Match": "*"}):
                refused = client.api("GET", path, headers=given, status=401)
                assert "ETag" not in refused.headers
                client.api("GET", path, headers={**given, **bearer("forged")}, status=401)


# --- If-Match -----------------------------------------------------------------------


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
        Write("DELETE", "deletePayloadIOV/A/T/5/0"),
        Write("DELETE", "deletePayloadIOV/A/T/3/0/6/0"),
        Write("POST", f"global-tags/A/revert?to={before}"),
        Write("POST", "cloneGlobalTag/A/C"),
        Write("PUT", "gt_change_status/A/locked"),
        Write("PUT", "piov_attach", {"payload_list": "T_1", "piov_id": staged[1]}),
        Write("PUT", "gt_change_status/A/unlocked"),
        Write("PATCH", "global-tags/A", {"name": "renamed"}),
        Write("PATCH", "global-tags/renamed", {"name": "A"}),
        Write("DELETE", "deleteGlobalTag/A"),
    ]


def test_every_write_to_a_tag_can_ask_for_its_head(filled: Client, database_url: str) -> None:
    for write in writes(filled):
        tag = "renamed" if "renamed" in write.path else "A"
        stale = etag(filled, f"gtPayloadLists/{tag}")
        describe(filled, tag=tag)
        describe(filled, tag="B")
        before = dump(database_url)
        refused = write.send(filled, If_Match=stale)
        assert (refused.status_int, refused.json["code"]) == (412, "precondition"), write
        assert dump(database_url) == before
        done = write.send(filled, If_Match=etag(filled, f"gtPayloadLists/{tag}"))
        assert done.status_int == 200, (write, done.text)
        assert done.headers["CDB-Change"] == str(last_change(filled))


def test_the_etag_of_every_read_stands_for_the_head(filled: Client) -> None:
    stale = [etag(filled, path) for path in READS if "diff" not in path]
    describe(filled)
    for known in stale:
        assert describe(filled, If_Match=known).status_int == 412
    for path in READS:
        assert describe(filled, If_Match=etag(filled, path)).status_int == 200
    as_of = etag(filled, f"gtPayloadLists/A@{last_change(filled)}")
    assert describe(filled, If_Match=as_of).status_int == 200


def test_any_of_several_etags_will_do(filled: Client) -> None:
    old = etag(filled)
    describe(filled)
    for written in ("*", " * ", "{}", "W/{}", '{}, "1:0:0"', f"{old}, {{}}", f"W/{old}, W/{{}}"):
        given = written.format(etag(filled))
        assert describe(filled, If_Match=given).status_int == 200, given


def test_what_this_service_never_gave_is_no_etag(filled: Client) -> None:
    before = last_change(filled)
    plain = etag(filled).strip('"')
    for given in ('"other"', "other", "", '""', plain, '"1:2"', '"-1:ab:cd"', f'"{10**19}:ab:cd"'):
        refused = describe(filled, If_Match=given)
        assert (refused.status_int, refused.json["code"]) == (400, "invalid"), given
    assert last_change(filled) == before


def test_a_bulk_asks_for_the_heads_of_all_its_tags(filled: Client, database_url: str) -> None:
    body = [row("T_1", "to both", 5), row("T_2", "to both", 5)]
    both = f"payloadiovs/?gtName=A&gtName=B&{POINT}"
    stale = etag(filled, both)
    describe(filled, tag="B")
    before = dump(database_url)
    for given in (stale, etag(filled), etag(filled, "gtPayloadLists/B")):
        refused = filled.api("POST", "bulk_piov", body, headers={"If-Match": given})
        assert refused.status_int == 412, given
        assert dump(database_url) == before
    singles = f"{etag(filled)}, {etag(filled, 'gtPayloadLists/B')}"
    for given in (singles, None, "*"):
        headers = {"If-Match": given or etag(filled, both)}
        filled.api("POST", "bulk_piov", body, headers=headers, status=200)


def test_a_list_that_leaves_a_tag_asks_for_the_heads_of_both(filled: Client) -> None:
    extra = make_list(filled, "A", "U")
    body = {"global_tag": "B", "payload_list": extra}
    for known in (etag(filled), etag(filled, "gtPayloadLists/B")):
        filled.api("PUT", "pl_attach", body, headers={"If-Match": known}, status=412)
    both = f"{etag(filled)}, {etag(filled, 'gtPayloadLists/B')}"
    filled.api("PUT", "pl_attach", body, headers={"If-Match": both}, status=200)


def test_what_is_not_there_has_no_head(filled: Client, database_url: str) -> None:
    detached = make_list(filled, None, "U")
    staged = filled.ok("POST", "piov", iov("staged", 1))["id"]
    attach = {"payload_list": detached, "piov_id": staged}
    known, before = etag(filled), dump(database_url)
    for given in ("*", known):
        for write in (
            Write("POST", "gt", {"name": "C"}),
            Write("POST", "pt", {"name": "V"}),
            Write("POST", "pl", {"payload_type": "T"}),
            Write("POST", "gtstatus", {"name": "draft"}),
            Write("PATCH", "payload-types/U", {"description": "changed"}),
            Write("DELETE", f"deletePayloadList/{detached}"),
            Write("PUT", "piov_attach", attach),
        ):
            assert write.send(filled, If_Match=given).status_int == 412, write
    assert dump(database_url) == before


def test_what_changes_nothing_needs_no_head(filled: Client) -> None:
    stale = etag(filled)
    describe(filled)
    before = last_change(filled)
    for write in (
        Write("PUT", "gt_change_status/A/unlocked"),
        Write("PUT", "pl_attach", {"global_tag": "A", "payload_list": "T_1"}),
        Write("POST", "bulk_piov", []),
    ):
        got = write.send(filled, If_Match=stale)
        assert got.status_int == 200
        assert "CDB-Change" not in got.headers
    assert last_change(filled) == before


CALLERS = 6


def at_once(server: str, send: Callable[[int], Mapping[str, Any]]) -> list[requests.Response]:
    """Send requests from as many clients at the same time; `send` says what is asked by each."""

    def call(number: int) -> requests.Response:
        asked = dict(send(number))
        path = f"{server}/{asked.pop('path')}"
        return requests.request(asked.pop("method"), path, timeout=60, **asked)

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(call, range(CALLERS)))


def test_of_two_that_write_to_the_same_head_one_is_told(client: Client, server: str) -> None:
    fill(client)
    known, before = etag(client), last_change(client)
    answers = at_once(
        server,
        lambda number: {
            "method": "PATCH",
            "path": "global-tags/A",
            "json": {"description": f"by {number}"},
            "headers": {"If-Match": known},
        },
    )
    assert sorted(each.status_code for each in answers) == [200, *[412] * (CALLERS - 1)]
    assert last_change(client) == before + 1


# --- Idempotency-Key ------------------------------------------------------------------


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
