"""Copies that clients keep: whether they still hold, and how long they may be kept."""

from collections.abc import Callable
from typing import Any

import pytest
from conditions import (
    A_DAY,
    FOR_EVER,
    POINT,
    QUERY,
    READS,
    MakeClient,
    again,
    describe,
    etag,
    fill,
    iov,
    last_change,
    make_list,
    row,
)
from guarded import JWT, ROLES, as_role, bearer, key_is_set, service
from sqlalchemy import text
from support import Client, statements

from cdb.store.engine import Database


@pytest.fixture
def filled(client: Client) -> Client:
    fill(client)
    return client


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
    assert again(filled, QUERY, known) == 304
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
        for path in ("gtPayloadLists/A", QUERY, "globalTag/A", "globalTags", "gtstatus"):
            got = client.api("GET", path, headers=admin, status=200)
            assert got.headers["Cache-Control"] == "private, no-cache"
            assert "X-Accel-Expires" not in got.headers
            assert "Authorization" in got.headers["Vary"]
            known = {"If-None-Match": got.headers["ETag"]}
            client.api("GET", path, headers={**known, **admin}, status=304)
            for given in (known, {"If-None-Match": "*"}):
                refused = client.api("GET", path, headers=given, status=401)
                assert "ETag" not in refused.headers
                client.api("GET", path, headers={**given, **bearer("forged")}, status=401)
