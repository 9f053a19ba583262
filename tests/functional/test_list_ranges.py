"""What a payload list holds, whether it is in a tag or not, as clients ask for it."""

from typing import Any
from urllib.parse import quote

import pytest
from support import Client

from cdb.domain.points import MAX

LISTS = "payload-lists/by-name"


def row(url: str, start: int, end: int | None = None) -> dict[str, Any]:
    bounds = {} if end is None else {"major_iov_end": end, "minor_iov_end": 0}
    return {
        "payload_url": url,
        "checksum": f"sum of {url}",
        "major_iov": start,
        "minor_iov": 0,
        **bounds,
    }


def fill(client: Client) -> Client:
    """Make the list T_1 in tag A, which is cut later, and the list T_2, which is in no tag."""
    client.ok("POST", "gt", {"name": "A"})
    client.ok("POST", "pt", {"name": "T"})
    for _ in range(2):
        client.ok("POST", "pl", {"payload_type": "T"})
    client.ok("PUT", "pl_attach", {"global_tag": "A", "payload_list": "T_1"})
    client.ok("POST", "payload-lists/T_1/iovs", [row("a", 5, 9), row("b", 20)])
    client.ok("POST", "payload-lists/T_2/iovs", [row("p", 1, 2), row("q", 2, 3), row("r", 7)])
    client.api(
        "POST", "payload-lists/T_1/iovs", [row("x", 6, 8)], headers={"CDB-Comment": "mended"}
    )
    return client


@pytest.fixture(scope="module")
def asked(shared: Client) -> Client:
    """What questions alone are asked of."""
    return fill(shared)


@pytest.fixture
def filled(client: Client) -> Client:
    return fill(client)


def starts(found: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(each["payload_url"], each["major_iov"]) for each in found]


# --- payload IOVs ---------------------------------------------------------------


def test_iovs_come_with_their_notation_and_who_made_them_as_they_are(asked: Client) -> None:
    found = asked.ok("GET", f"{LISTS}/T_1/iovs")
    assert starts(found) == [("a", 5), ("x", 6), ("a", 8), ("b", 20)]
    assert [each["change"] for each in found] == [8, 8, 8, 6]
    assert [each["comment"] for each in found] == ["mended", "mended", "mended", None]
    first = found[0]
    assert (first["begin"], first["end"], first["payload_list"]) == ("5,0", "6,0", "T_1")
    assert first["changed"] == asked.ok("GET", "changes/8")["at"]
    assert first["actor"] == "anonymous"


def test_a_list_without_a_tag_is_asked_alike(asked: Client) -> None:
    assert starts(asked.ok("GET", f"{LISTS}/T_2/iovs")) == [("p", 1), ("q", 2), ("r", 7)]
    assert starts(asked.ok("GET", f"{LISTS}/T_2/iovs?from=2,5&to=7,1")) == [("q", 2), ("r", 7)]
    assert asked.ok("GET", f"{LISTS}/T_2/iovs?asOf=6") == []


def test_pages_go_on_after_the_start_of_the_last_one(asked: Client) -> None:
    path = f"{LISTS}/T_1/iovs?from=7&limit=2"
    assert starts(asked.ok("GET", path)) == [("x", 6), ("a", 8)]
    assert starts(asked.ok("GET", f"{path}&after=8,0")) == [("b", 20)]
    assert asked.ok("GET", f"{path}&after=20,0") == []
    # What starts after a point before the window need not reach into it.
    assert starts(asked.ok("GET", f"{path}&after=5,0")) == [("x", 6), ("a", 8)]
    assert starts(asked.ok("GET", f"{path}&after=6,0")) == [("a", 8), ("b", 20)]
    assert starts(asked.ok("GET", f"{LISTS}/T_1/iovs?from=7&to=8,0&after=6,0")) == []


@pytest.mark.parametrize(
    ("name", "at", "url", "valid_from", "valid_until"),
    [
        ("T_1", "7,99", "x", "6,0", "8,0"),
        ("T_1", "8,0", "a", "8,0", "9,0"),
        ("T_1", "9,0", None, "9,0", "20,0"),
        ("T_1", "0,0", None, "0,0", "5,0"),
        ("T_1", f"{MAX},{MAX}", "b", "20,0", f"{MAX},{MAX}"),
        ("T_2", "2,0", "q", "2,0", "3,0"),
    ],
)
def test_what_holds_at_a_point_says_from_where_to_where(
    asked: Client, name: str, at: str, url: str | None, valid_from: str, valid_until: str
) -> None:
    answer = asked.api("GET", f"{LISTS}/{name}/iovs?at={at}", status=200)
    assert [each["payload_url"] for each in answer.json] == ([url] if url else [])
    assert answer.headers["CDB-Valid-From"] == valid_from
    assert answer.headers["CDB-Valid-Until"] == valid_until


def test_an_empty_list_has_one_gap(filled: Client) -> None:
    name = filled.ok("POST", "pl", {"payload_type": "T"})["name"]
    assert filled.ok("GET", f"{LISTS}/{name}/iovs") == []
    answer = filled.api("GET", f"{LISTS}/{name}/iovs?at=5,0", status=200)
    assert answer.headers["CDB-Valid-Until"] == f"{MAX},{MAX}"
    [gap] = filled.ok("GET", f"{LISTS}/{name}/gaps")
    assert (gap["major_iov"], gap["major_iov_end"]) == (0, MAX)
    [lane] = filled.ok("GET", f"{LISTS}/{name}/timeline")["lanes"]
    assert (lane["iovs"], lane["intervals"]) == (0, [])


def test_as_of_a_change_an_answer_holds_for_ever(filled: Client) -> None:
    path = f"{LISTS}/T_1/iovs?asOf=7"
    then = filled.api("GET", path, status=200)
    assert starts(then.json) == [("a", 5), ("b", 20)]
    assert "immutable" in then.headers["Cache-Control"]
    filled.ok("POST", "payload-lists/T_1/iovs", [row("y", 0)])
    assert filled.api("GET", path, status=200).body == then.body
    assert (
        filled.api("GET", path, headers={"If-None-Match": then.headers["ETag"]}).status_int == 304
    )


def test_a_write_changes_the_etag(filled: Client) -> None:
    before = {"If-None-Match": filled.api("GET", f"{LISTS}/T_2/iovs").headers["ETag"]}
    assert filled.api("GET", f"{LISTS}/T_2/iovs", headers=before).status_int == 304
    filled.ok("POST", "payload-lists/T_2/iovs", [row("s", 8)])
    again = filled.api("GET", f"{LISTS}/T_2/iovs", headers=before, status=200)
    assert starts(again.json)[-1] == ("s", 8)


def test_a_clone_shows_what_its_source_did_and_who_made_it(filled: Client) -> None:
    filled.ok("POST", "cloneGlobalTag/A/B")
    filled.ok("POST", "payload-lists/T_1/iovs", [row("late", 5)])
    assert starts(filled.ok("GET", f"{LISTS}/T_3/iovs")) == [
        ("a", 5),
        ("x", 6),
        ("a", 8),
        ("b", 20),
    ]
    filled.ok("POST", "payload-lists/T_3/iovs", [row("own", 25)])
    found = filled.ok("GET", f"{LISTS}/T_3/iovs")
    assert [each["change"] for each in found] == [8, 8, 8, 11, 11]


# --- gaps and pictures ----------------------------------------------------------


def test_gaps_come_in_notation_too(asked: Client) -> None:
    found = asked.ok("GET", f"{LISTS}/T_2/gaps?from=1,7")
    assert [(each["begin"], each["end"]) for each in found] == [("3,0", "7,0")]
    assert (found[0]["payload_list"], found[0]["payload_type"]) == ("T_2", "T")
    assert [each["major_iov"] for each in asked.ok("GET", f"{LISTS}/T_1/gaps")] == [0, 9]


def test_the_ends_of_a_discrete_service_are_inclusive(make_client: Any) -> None:
    client: Client = make_client(iov_mode="discrete")
    client.ok("POST", "pt", {"name": "T"})
    client.ok("POST", "pl", {"payload_type": "T"})
    client.ok("POST", "payload-lists/T_1/iovs", [row("p", 1, 2), row("q", 7)])
    answer = client.api("GET", f"{LISTS}/T_1/iovs?at=1,0", status=200)
    assert (answer.json[0]["major_iov_end"], answer.json[0]["minor_iov_end"]) == (2, 0)
    assert answer.headers["CDB-Valid-Until"] == "2,1"
    [gap] = client.ok("GET", f"{LISTS}/T_1/gaps?from=1")
    assert (gap["minor_iov"], gap["major_iov_end"], gap["minor_iov_end"]) == (1, 6, MAX)


def test_a_picture_has_one_lane_the_same_as_in_that_of_its_tag(asked: Client) -> None:
    for window in ("", "&from=7&to=21,0", "&asOf=7"):
        of_tag = asked.ok("GET", f"global-tags/A/timeline?buckets=10{window}")
        of_list = asked.ok("GET", f"{LISTS}/T_1/timeline?buckets=10{window}")
        assert (of_list["edges"], of_list["lanes"]) == (of_tag["edges"], of_tag["lanes"])
    alone = asked.ok("GET", f"{LISTS}/T_2/timeline")
    assert (alone["lists"], alone["edges"][0], alone["edges"][-1]) == (1, "1,0", "7,1")
    assert [each["start"] for each in alone["lanes"][0]["intervals"]] == ["1,0", "2,0", "7,0"]


# --- history --------------------------------------------------------------------


def actions(client: Client, name: str, query: str = "") -> list[tuple[int, str]]:
    found = client.ok("GET", f"{LISTS}/{name}/history{query}")
    return [(each["change"], each["action"]) for each in found["changes"]]


def test_the_history_of_a_list_is_its_own(filled: Client) -> None:
    first = [(3, "create"), (5, "attach"), (6, "bulk"), (8, "bulk")]
    assert actions(filled, "T_1") == first
    assert actions(filled, "T_2") == [(4, "create"), (7, "bulk")]
    assert actions(filled, "T_1", "?order=desc&limit=2") == first[:1:-1]
    assert actions(filled, "T_1", "?action=bulk&after=6") == [(8, "bulk")]
    assert actions(filled, "T_1", "?asOf=5&actor=anonymous") == first[:2]
    assert actions(filled, "T_1", "?actor=nobody") == []
    filled.ok("POST", "cloneGlobalTag/A/B")
    filled.ok("POST", "payload-lists/T_1/iovs", [row("late", 30)])
    filled.ok("POST", "payload-lists/T_3/iovs", [row("own", 25)])
    filled.ok("PATCH", f"{LISTS}/T_3", {"description": "a clone"})
    assert actions(filled, "T_1") == [*first, (10, "bulk")]
    assert actions(filled, "T_3") == [(9, "clone"), (11, "bulk"), (12, "describe")]


@pytest.mark.parametrize("path", ["changes", "global-tags/A/history", f"{LISTS}/T_1/history"])
def test_a_light_history_says_of_payload_iovs_only_how_many(asked: Client, path: str) -> None:
    [whole], [light] = (
        asked.ok("GET", f"{path}?after=7&limit=1{more}")["changes"] for more in ("", "&light=1")
    )
    assert len(whole["before"].pop("payload_iovs")) == whole["before"]["payload_iovs_count"]
    assert len(whole["after"].pop("payload_iovs")) == whole["after"]["payload_iovs_count"]
    assert light == whole


def test_a_list_that_has_the_name_of_a_deleted_one_has_its_own_history(filled: Client) -> None:
    filled.ok("POST", "pl", {"payload_type": "T"})
    filled.ok("DELETE", "deletePayloadList/T_3")
    assert filled.api("GET", f"{LISTS}/T_3/history").status_int == 404
    assert actions(filled, "T_3", "?asOf=9") == [(9, "create")]


# --- wrong questions ------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("iovs?at=x", 400), ("iovs?at=1,0&from=1", 400), ("iovs?at=1,0&after=1", 400),
        ("iovs?after=x", 400), ("iovs?limit=0", 400), ("iovs?from=9&to=5,0", 400),
        ("iovs?asOf=999", 400), ("gaps?to=x", 400), ("timeline?buckets=1501", 400),
        ("timeline?from=x", 400), ("history?since=never", 400), ("history?limit=x", 400),
    ],
)  # fmt: skip
def test_wrong_questions(asked: Client, path: str, status: int) -> None:
    assert asked.api("GET", f"{LISTS}/T_1/{path}").status_int == status
    assert asked.api("GET", f"{LISTS}/NoSuch/{path}").status_int in (400, 404)


@pytest.mark.parametrize("part", ["iovs", "gaps", "timeline", "history"])
def test_a_list_that_is_not_there_is_named(asked: Client, part: str) -> None:
    answer = asked.api("GET", f"{LISTS}/NoSuch/{part}", status=404)
    assert answer.json == {"detail": "Payload list 'NoSuch' does not exist.", "code": "not-found"}


def test_odd_names_are_asked_like_any_other(filled: Client) -> None:
    filled.ok("POST", "pt", {"name": "100 % <b>#ß?"})
    name = filled.ok("POST", "pl", {"payload_type": "100 % <b>#ß?"})["name"]
    filled.ok("POST", f"payload-lists/{quote(name)}/iovs", [row("o", 1)])
    [found] = filled.ok("GET", f"{LISTS}/{quote(name)}/iovs")
    assert found["payload_list"] == name
    assert actions(filled, quote(name))[-1][1] == "bulk"
    assert filled.ok("GET", f"{LISTS}/{quote(name)}/timeline")["lanes"][0]["payload_list"] == name
