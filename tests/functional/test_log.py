"""The change log over HTTP: a feed to follow, the history of a tag, what was before and after."""

from collections.abc import Iterator
from typing import Any

import pytest
from support import WRITER, Client, rules

from cdb.services import tokens


def row(payload_list: str, url: str, start: int, end: int | None = None) -> dict[str, Any]:
    fields = {"payload_list": payload_list, "payload_url": url, "checksum": f"sum of {url}"}
    bounds = {} if end is None else {"major_iov_end": end, "minor_iov_end": 0}
    return {**fields, "major_iov": start, "minor_iov": 0, **bounds}


@pytest.fixture
def filled(client: Client) -> Client:
    """Tag A with two lists, changed in many ways."""
    for name in ("T", "U"):
        client.ok("POST", "pt", {"name": name})
    client.ok("POST", "gt", {"name": "A"})
    for name in ("T", "U"):
        made = client.ok("POST", "pl", {"payload_type": name})["name"]
        client.ok("PUT", "pl_attach", {"global_tag": "A", "payload_list": made})
    client.ok("POST", "bulk_piov", [row("T_1", "t", 0, 9), row("U_2", "u", 0)])
    client.ok("POST", "cloneGlobalTag/A/B")
    client.ok("POST", "bulk_piov", [row("T_1", "cut", 3, 5)], headers={"CDB-Comment": "too hot"})
    client.ok("PATCH", "global-tags/A", {"description": "new"})
    client.ok("PUT", "gt_change_status/A/locked")
    client.ok("DELETE", "deleteGlobalTag/B")
    client.ok("POST", "gt", {"name": "B"})
    return client


def followed(client: Client, query: str = "", limit: int = 3) -> Iterator[dict[str, Any]]:
    """What a consumer gets who asks again and again, from the beginning."""
    after = 0
    while True:
        page = client.ok("GET", f"changes?after={after}&limit={limit}&{query}")
        yield from page["changes"]
        if page["next_after"] == after:
            return
        after = page["next_after"]


def numbers(changes: Any) -> list[int]:
    return [each["change"] for each in changes]


def test_who_follows_the_feed_misses_nothing_and_sees_nothing_twice(filled: Client) -> None:
    found = list(followed(filled))
    assert numbers(found) == list(range(1, 15))
    assert found[0]["action"] == "create"
    assert found[0]["object_type"] == "payload_type"
    assert found[0]["actor"] == "anonymous"
    filled.ok("POST", "pt", {"name": "V"})
    page = filled.ok("GET", "changes?after=14")
    assert numbers(page["changes"]) == [15]
    assert (page["latest"], page["next_after"]) == (15, 15)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("global_tag=A", [3, 5, 7, 8, 10, 11, 12]),
        ("global_tag=B", [9, 13, 14]),
        ("payload_type=U", [2, 6, 7, 8, 9, 13]),
        ("payload_type=T&global_tag=A", [5, 8, 10]),
        ("action=bulk", [8, 10]),
        ("actor=anonymous&action=status", [12]),
        ("actor=nobody", []),
        ("global_tag=NoSuch", []),
        ("since=2000-01-01", list(range(1, 15))),
        ("before=3", [1, 2]),
    ],
)
def test_filters(filled: Client, query: str, expected: list[int]) -> None:
    assert numbers(followed(filled, query)) == expected


def test_since_is_the_time_of_a_change(filled: Client) -> None:
    eighth = filled.ok("GET", "changes/8")
    assert numbers(filled.ok("GET", f"changes?since={eighth['at']}")["changes"])[0] == 8


def test_a_filtered_consumer_does_not_read_the_same_part_again(filled: Client) -> None:
    page = filled.ok("GET", "changes?actor=nobody")
    assert page == {"changes": [], "latest": 14, "next_after": 14}


def test_newest_first(filled: Client) -> None:
    page = filled.ok("GET", "changes?order=desc&limit=3")
    assert numbers(page["changes"]) == [14, 13, 12]
    page = filled.ok("GET", "changes?order=desc&limit=3&before=12")
    assert numbers(page["changes"]) == [11, 10, 9]


def test_a_change_of_intervals_tells_both_sides_and_the_reason(filled: Client) -> None:
    found = filled.ok("GET", "changes/10")
    assert found["comment"] == "too hot"
    assert (found["global_tags"], found["payload_lists"]) == (["A"], ["T_1"])

    def shown(side: str) -> list[tuple[str, int, int]]:
        told = found[side]["payload_iovs"]
        assert found[side]["payload_iovs_count"] == len(told)
        return [(iov["payload_url"], iov["major_iov"], iov["major_iov_end"]) for iov in told]

    assert shown("before") == [("t", 0, 9)]
    assert shown("after") == [("t", 0, 3), ("cut", 3, 5), ("t", 5, 9)]


def test_other_changes_tell_both_sides(filled: Client) -> None:
    def sides(change: int) -> tuple[object, object]:
        found = filled.ok("GET", f"changes/{change}")
        return found["before"], found["after"]

    assert sides(11) == ({"description": None}, {"description": "new"})
    assert sides(12) == ({"status": "unlocked"}, {"status": "locked"})
    lists = {"T": "T_3", "U": "U_4"}
    made = {"status": "unlocked", "source": "A", "payload_lists": lists}
    assert sides(9) == (None, made)
    assert sides(13) == ({"status": "unlocked", "payload_lists": lists}, None)


def test_a_large_change_is_told_in_part_and_counted_whole(filled: Client) -> None:
    filled.ok("POST", "bulk_piov", [row("U_2", f"u{n}", n + 1) for n in range(250)])
    found = filled.ok("GET", "changes/15")
    assert found["after"]["payload_iovs_count"] == 251
    assert len(found["after"]["payload_iovs"]) == 100


def test_of_a_large_change_of_several_lists_as_much_is_told(client: Client) -> None:
    client.ok("POST", "pt", {"name": "T"})
    made = [client.ok("POST", "pl", {"payload_type": "T"})["name"] for _ in range(2)]
    rows = [row(name, "t", n, n + 1) for name in made for n in range(60)]
    change = client.api("POST", "bulk_piov", rows).headers["CDB-Change"]
    after = client.ok("GET", f"changes/{change}")["after"]
    assert after["payload_iovs_count"] == 120
    told = [(iov["payload_list"], iov["major_iov"]) for iov in after["payload_iovs"]]
    assert told == [(each["payload_list"], each["major_iov"]) for each in rows[:100]]


def test_history_is_of_the_very_tag(filled: Client) -> None:
    assert numbers(filled.ok("GET", "global-tags/B/history")["changes"]) == [14]
    assert numbers(filled.ok("GET", "global-tags/B@12/history")["changes"]) == [9]
    assert numbers(filled.ok("GET", "global-tags/A/history?asOf=8")["changes"]) == [3, 5, 7, 8]
    newest = filled.ok("GET", "global-tags/A/history?order=desc&limit=2")["changes"]
    assert numbers(newest) == [12, 11]
    assert filled.api("GET", "global-tags/NoSuch/history").status_int == 404


def test_unknown_change_is_404(filled: Client) -> None:
    for number in ("0", "15", str(2**63 - 1)):
        assert filled.api("GET", f"changes/{number}").status_int == 404


@pytest.mark.parametrize(
    "query", ["after=x", "limit=0", "since=yesterday", "since=", "order=up", "after=-1"]
)
def test_wrong_questions_are_400(client: Client, query: str) -> None:
    assert client.api("GET", f"changes?{query}").status_int == 400


def test_a_new_name_keeps_the_tag(filled: Client) -> None:
    filled.ok("PATCH", "global-tags/B", {"name": "C"})
    assert filled.api("GET", "globalTag/B").status_int == 404
    assert numbers(filled.ok("GET", "global-tags/C/history")["changes"]) == [14, 15]
    assert filled.ok("GET", "globalTag/B@14")["id"] == filled.ok("GET", "globalTag/C")["id"]
    taken = filled.api("PATCH", "global-tags/C", {"name": "A"})
    assert (taken.status_int, taken.json["code"]) == (400, "name-taken")
    locked = filled.api("PATCH", "global-tags/A", {"name": "D"})
    assert (locked.status_int, locked.json["code"]) == (409, "append-only")
    assert filled.api("PATCH", "global-tags/C", {"name": None}).status_int == 400


def test_of_api_tokens_nothing_is_told_but_that_they_are(client: Client) -> None:
    database = client.app.registry.cdb.database
    with database.writing() as session:
        tokens.create(session, rules(), WRITER, "calibration-bot", ["cdb.write:/Prod*"])
    [change] = client.ok("GET", "changes")["changes"]
    assert (change["object_type"], change["action"]) == ("token", "create")
    assert "calibration-bot" not in str(change)
    assert "Prod" not in str(change)
