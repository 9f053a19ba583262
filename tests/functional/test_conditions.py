"""Writes on the condition that a tag is at the head that a client has seen."""

import pytest
from conditions import (
    CALLERS,
    POINT,
    READS,
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
from guarded import dump
from support import Client


@pytest.fixture
def filled(client: Client) -> Client:
    fill(client)
    return client


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
