"""The rules of payload lists and global tags, as clients see them."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from support import Client

from cdb.store.engine import Database

MAX = 2**63 - 1
OPEN = (MAX, MAX)

MakeClient = Callable[..., Client]
Place = tuple[int, int]


def make_tag(client: Client, tag: str = "GT", **payload_list: str) -> str:
    """Make a global tag with a payload list of type Beam; return the list's name."""
    client.api("POST", "pt", {"name": "Beam"})
    client.ok("POST", "gt", {"name": tag})
    made = client.ok("POST", "pl", {"payload_type": "Beam", **payload_list})
    client.ok("PUT", "pl_attach", {"payload_list": made["name"], "global_tag": tag})
    return str(made["name"])


def iov(url: str, start: Place, end: Any = None, **more: Any) -> dict[str, Any]:
    """Return the body of a payload IOV; `end` may be a place, half of one, or None."""
    ends = zip(("major_iov_end", "minor_iov_end"), end or (None, None), strict=True)
    given = {name: number for name, number in ends if number is not None}
    numbers = {"major_iov": start[0], "minor_iov": start[1], **given}
    return {"payload_url": url, "checksum": "c", **numbers, **more}


def attach(client: Client, payload_list: str, *body: Any, **more: Any) -> dict[str, Any]:
    """Stage and attach a payload IOV; return what the attach answers."""
    staged = client.ok("POST", "piov", iov(*body, **more))
    sent = {"payload_list": payload_list, "piov_id": staged["id"]}
    return dict(client.ok("PUT", "piov_attach", sent))


def bulk(client: Client, payload_list: str, *rows: Any) -> Any:
    return client.api(
        "POST", "bulk_piov", [{**iov(*r), "payload_list": payload_list} for r in rows]
    )


def shown(client: Client, tag: str = "GT") -> list[tuple[str, Place, Place]]:
    """Return what a tag's list shows: URL, start, end."""
    [payload_list] = client.ok("GET", f"globalTag/{tag}")["payload_lists"]
    return [
        (
            row["payload_url"],
            (row["major_iov"], row["minor_iov"]),
            (row["major_iov_end"], row["minor_iov_end"]),
        )
        for row in payload_list["payload_iov"]
    ]


def valid(
    client: Client, major: int, minor: int = 0, tag: str = "GT", more: str = ""
) -> list[str]:
    """Return the URLs of what is valid at a point."""
    query = f"payloadiovs/?gtName={tag}&majorIOV={major}&minorIOV={minor}{more}"
    return [row[1] for row in client.ok("GET", query)]


# --- attaching ------------------------------------------------------------------


def test_new_interval_wins_in_an_open_tag(client: Client) -> None:
    beam = make_tag(client)
    attach(client, beam, "a", (0, 0), (100, 0))
    attach(client, beam, "b", (40, 0), (60, 0))
    assert shown(client) == [
        ("a", (0, 0), (40, 0)),
        ("b", (40, 0), (60, 0)),
        ("a", (60, 0), (100, 0)),
    ]


def test_attach_answers_with_the_id_that_staging_gave(client: Client) -> None:
    beam = make_tag(client)
    staged = client.ok("POST", "piov", iov("a", (7, 1), (9, 0), size=5, revision="r"))
    sent = {"payload_list": beam, "piov_id": staged["id"]}
    attached = client.ok("PUT", "piov_attach", sent)
    assert staged["payload_list"] is None
    assert attached == {**staged, "payload_list": beam}
    assert client.ok("GET", f"piov/{staged['id']}") == attached


def test_what_waits_keeps_its_id_whatever_is_stored_before_it_is_attached(client: Client) -> None:
    beam = make_tag(client)
    staged = [client.ok("POST", "piov", iov("a", (start, 0), (start + 1, 0))) for start in (1, 2)]
    assert bulk(client, beam, ("b", (3, 0), (4, 0)), ("b", (4, 0), (5, 0))).status_int == 200
    for each in staged:
        sent = {"payload_list": beam, "piov_id": each["id"]}
        assert client.ok("PUT", "piov_attach", sent) == {**each, "payload_list": beam}
    assert [start for _, (start, _), _ in shown(client)] == [1, 2, 3, 4]


@pytest.mark.parametrize("odd", ["a\\tb", "a\\", "\\N"])
def test_many_payloads_are_called_as_they_were_sent(client: Client, odd: str) -> None:
    beam = make_tag(client)
    rows = [iov(f"{odd}{start}", (start, 0), (start + 1, 0), revision=odd) for start in range(30)]
    sent = [{**row, "payload_list": beam} for row in rows]
    assert client.api("POST", "bulk_piov", sent).status_int == 200
    assert [url for url, *_ in shown(client)] == [row["payload_url"] for row in rows]


def test_iov_without_an_end_is_open_in_an_explicit_list(client: Client) -> None:
    beam = make_tag(client)
    attach(client, beam, "a", (10, 0), (20, 0))
    attach(client, beam, "b", (5, 0))
    assert shown(client) == [("b", (5, 0), OPEN)]


@pytest.mark.parametrize(
    ("end", "expected"),
    [((7, None), (7, MAX)), ((None, 3), (MAX, 3)), ((None, None), OPEN), ((7, 3), (7, 3))],
)
def test_half_an_end_is_open_in_the_other_half(client: Client, end: Any, expected: Place) -> None:
    beam = make_tag(client)
    attach(client, beam, "a", (5, 0), end)
    assert shown(client) == [("a", (5, 0), expected)]


def test_attaching_again_changes_nothing(client: Client, database: Database) -> None:
    beam = make_tag(client)
    first = attach(client, beam, "a", (0, 0))
    before = changes(database)
    sent = {"payload_list": beam, "piov_id": first["id"]}
    assert client.ok("PUT", "piov_attach", sent) == first
    assert changes(database) == before


def test_attaching_again_through_a_clone_copies_nothing(
    client: Client, database: Database
) -> None:
    beam = make_tag(client)
    first = attach(client, beam, "a", (0, 0))
    client.ok("POST", "cloneGlobalTag/GT/Copy")
    before = (changes(database), count(database, "iov"), count(database, "series"))
    sent = {"payload_list": "Beam_2", "piov_id": first["id"]}
    assert client.ok("PUT", "piov_attach", sent)["payload_list"] == "Beam_2"
    assert (changes(database), count(database, "iov"), count(database, "series")) == before


def test_bulk_row_without_an_end_holds_until_the_next_start(client: Client) -> None:
    beam = make_tag(client)
    attach(client, beam, "later", (50, 0), (60, 0))
    assert bulk(client, beam, ("b", (10, 0)), ("a", (0, 0)), ("c", (55, 0))).json == {"count": 3}
    assert shown(client) == [
        ("a", (0, 0), (10, 0)),
        ("b", (10, 0), (50, 0)),
        ("later", (50, 0), (55, 0)),
        ("c", (55, 0), OPEN),
    ]


def test_size_revision_and_extra_are_kept(client: Client) -> None:
    beam = make_tag(client)
    attach(client, beam, "a", (0, 0), (1, 0), size=MAX, revision="17")
    attach(client, beam, "b", (1, 0), (2, 0), size=0, extra="18")
    attach(client, beam, "c", (2, 0), (3, 0), revision="19", extra="19")
    row = {"payload_list": beam, "size": 4, "revision": "20", "checksum": "sum"}
    client.ok("POST", "bulk_piov", [{**iov("d", (3, 0)), **row}])
    client.ok("POST", "bulk_piov", [{**iov("e", (4, 0)), "payload_list": beam, "extra": "21"}])
    rows = [client.ok("GET", f"payloadiovs/?gtName=GT&majorIOV={n}&minorIOV=0") for n in range(5)]
    assert [(row[3], row[8]) for [row] in rows] == [
        (MAX, "17"),
        (0, "18"),
        (None, "19"),
        (4, "20"),
        (None, "21"),
    ]


def test_expired_payloads_are_answered_where_asked_for(client: Client) -> None:
    beam = make_tag(client)
    attach(client, beam, "a", (0, 0), (10, 0))
    attach(client, beam, "b", (20, 0), (30, 0))
    assert (valid(client, 15), valid(client, 30)) == ([], [])
    assert valid(client, 15, more="&expired=include") == ["a"]
    assert valid(client, 30, more="&expired=include") == ["b"]
    assert valid(client, 25, more="&expired=include") == ["b"]


def test_nothing_before_the_first_start_is_ever_answered(client: Client) -> None:
    beam = make_tag(client)
    attach(client, beam, "a", (10, 0), (20, 0))
    assert valid(client, 9, MAX, more="&expired=include") == []


# --- until the next start ---------------------------------------------------------


def test_list_until_the_next_start_retires_nothing_later(client: Client) -> None:
    beam = make_tag(client, ends="next-start")
    attach(client, beam, "b", (10, 0))
    attach(client, beam, "a", (0, 0))
    assert shown(client) == [("a", (0, 0), (10, 0)), ("b", (10, 0), OPEN)]


def test_default_of_the_ends_is_a_setting(make_client: MakeClient) -> None:
    client = make_client(default_ends="next-start")
    client.ok("POST", "pt", {"name": "Beam"})
    assert client.ok("POST", "pl", {"payload_type": "Beam"})["ends"] == "next-start"
    explicit = {"payload_type": "Beam", "ends": "explicit"}
    assert client.ok("POST", "pl", explicit)["ends"] == "explicit"


def test_deleting_the_last_gives_its_time_back(client: Client) -> None:
    beam = make_tag(client, ends="next-start")
    for number in range(3):
        attach(client, beam, f"run{number}", (number, 0))
    client.ok("DELETE", "deletePayloadIOV/GT/Beam/2/0")
    assert shown(client) == [("run0", (0, 0), (1, 0)), ("run1", (1, 0), OPEN)]


def test_deleting_gives_time_back_up_to_the_next_start(client: Client) -> None:
    beam = make_tag(client, ends="next-start")
    for number in range(3):
        attach(client, beam, f"run{number}", (number, 0))
    client.ok("DELETE", "deletePayloadIOV/GT/Beam/1/0")
    assert shown(client) == [("run0", (0, 0), (2, 0)), ("run2", (2, 0), OPEN)]


def test_deleting_gives_time_back_up_to_the_declared_end(client: Client) -> None:
    beam = make_tag(client, ends="next-start")
    attach(client, beam, "a", (0, 0), (10, 0))
    attach(client, beam, "b", (5, 0))
    assert shown(client) == [("a", (0, 0), (5, 0)), ("b", (5, 0), OPEN)]
    client.ok("DELETE", "deletePayloadIOV/GT/Beam/5/0")
    assert shown(client) == [("a", (0, 0), (10, 0))]


def test_deleting_what_was_cut_in_gives_nothing_back(client: Client) -> None:
    beam = make_tag(client)
    attach(client, beam, "a", (0, 0))
    attach(client, beam, "b", (5, 0), (6, 0))
    client.ok("DELETE", "deletePayloadIOV/GT/Beam/5/0/6/0")
    assert shown(client) == [("a", (0, 0), (5, 0)), ("a", (6, 0), OPEN)]


# --- locked tags ------------------------------------------------------------------


def test_online_append_closes_the_last_open_interval(client: Client) -> None:
    beam = make_tag(client)
    attach(client, beam, "a", (0, 0))
    client.ok("PUT", "gt_change_status/GT/locked")
    attach(client, beam, "b", (10, 0))
    bulk(client, beam, ("c", (20, 0)))
    assert shown(client) == [
        ("a", (0, 0), (10, 0)),
        ("b", (10, 0), (20, 0)),
        ("c", (20, 0), OPEN),
    ]


def test_locked_tag_takes_what_covers_nothing(client: Client) -> None:
    beam = make_tag(client)
    attach(client, beam, "a", (0, 0), (10, 0))
    attach(client, beam, "b", (20, 0), (30, 0))
    client.ok("PUT", "gt_change_status/GT/locked")
    attach(client, beam, "gap", (10, 0), (20, 0))
    assert [url for url, *_ in shown(client)] == ["a", "gap", "b"]


def test_deleting_in_a_locked_tag_can_be_allowed(make_client: MakeClient) -> None:
    client = make_client(locked_delete="allow")
    beam = make_tag(client)
    attach(client, beam, "a", (0, 0))
    client.ok("PUT", "gt_change_status/GT/locked")
    attach(client, beam, "b", (10, 0))
    client.ok("DELETE", "deletePayloadIOV/GT/Beam/10/0")
    assert shown(client) == [("a", (0, 0), OPEN)]


def test_deleting_in_a_frozen_tag_is_never_allowed(make_client: MakeClient) -> None:
    client = make_client(locked_delete="allow")
    attach(client, make_tag(client), "a", (0, 0))
    client.ok("PUT", "gt_change_status/GT/frozen")
    refused = client.api("DELETE", "deletePayloadIOV/GT/Beam/0/0", status=409)
    assert refused.json["code"] == "closed"


def test_unlocking_makes_a_tag_writable_again(client: Client) -> None:
    beam = make_tag(client)
    attach(client, beam, "a", (0, 0), (10, 0))
    client.ok("PUT", "gt_change_status/GT/locked")
    assert bulk(client, beam, ("b", (5, 0), (6, 0))).status_int == 409
    client.ok("PUT", "gt_change_status/GT/unlocked")
    assert bulk(client, beam, ("b", (5, 0), (6, 0))).status_int == 200


@pytest.mark.parametrize(("mode", "status"), [("open", 200), ("append", 409), ("closed", 409)])
def test_declared_status_has_the_mode_it_says(client: Client, mode: str, status: int) -> None:
    client.ok("POST", "gtstatus", {"name": "review", "mode": mode})
    beam = make_tag(client)
    attach(client, beam, "a", (0, 0), (10, 0))
    client.ok("PUT", "gt_change_status/GT/review")
    assert bulk(client, beam, ("b", (5, 0), (6, 0))).status_int == status


def test_status_that_exists_stays_as_it_is(client: Client) -> None:
    first = client.ok("POST", "gtstatus", {"name": "review", "mode": "append"})
    assert client.ok("POST", "gtstatus", {"name": "review", "mode": "open"}) == first


# --- discrete mode ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ((5, 0), (9, 0)),
        ((5, 3), (5, 3)),
        ((0, 0), (0, 0)),
        ((5, 0), (5, MAX)),
        ((5, 0), (5, MAX - 1)),
        ((5, 0), (MAX, 0)),
        ((5, 0), (MAX - 1, MAX)),
        ((MAX, 0), (MAX, MAX - 2)),
        ((5, 0), OPEN),
    ],
)
def test_inclusive_end_is_shown_as_it_was_given(
    make_client: MakeClient, start: Place, end: Place
) -> None:
    client = make_client(iov_mode="discrete")
    attached = attach(client, make_tag(client), "a", start, end)
    assert (attached["major_iov_end"], attached["minor_iov_end"]) == end
    assert shown(client) == [("a", start, end)]


def test_inclusive_end_still_belongs_to_the_interval(make_client: MakeClient) -> None:
    client = make_client(iov_mode="discrete")
    attach(client, make_tag(client), "a", (5, 0), (9, 3))
    assert (valid(client, 9, 3), valid(client, 9, 4)) == (["a"], [])
    found = client.ok("GET", "payloadiovs/?gtName=GT&majorIOV=9&minorIOV=3&shape=dict")
    assert (found[0]["major_iov_end"], found[0]["minor_iov_end"]) == (9, 3)


def test_inclusive_end_within_a_major_reaches_to_the_next_one(make_client: MakeClient) -> None:
    client = make_client(iov_mode="discrete")
    beam = make_tag(client)
    attach(client, beam, "a", (5, 0), (5, MAX))
    attach(client, beam, "b", (6, 0), (6, MAX))
    assert (valid(client, 5, MAX), valid(client, 6, 0)) == (["a"], ["b"])


@pytest.mark.parametrize("end", [OPEN, (MAX, MAX - 1)])
def test_last_inclusive_end_is_open(make_client: MakeClient, end: Place) -> None:
    client = make_client(iov_mode="discrete")
    attach(client, make_tag(client), "a", (5, 0), end)
    assert shown(client) == [("a", (5, 0), OPEN)]
    assert valid(client, MAX, MAX) == ["a"]


def test_cut_at_the_first_minor_is_shown_as_the_end_of_the_major_before(
    make_client: MakeClient,
) -> None:
    client = make_client(iov_mode="discrete")
    beam = make_tag(client)
    attach(client, beam, "a", (0, 0))
    attach(client, beam, "b", (8, 0), (8, MAX))
    assert shown(client) == [
        ("a", (0, 0), (7, MAX)),
        ("b", (8, 0), (8, MAX)),
        ("a", (9, 0), OPEN),
    ]


def test_cut_within_a_major_is_shown_as_the_point_before(make_client: MakeClient) -> None:
    client = make_client(iov_mode="discrete")
    beam = make_tag(client)
    attach(client, beam, "a", (0, 0), (9, 9))
    attach(client, beam, "b", (4, 4), (4, 4))
    assert shown(client) == [
        ("a", (0, 0), (4, 3)),
        ("b", (4, 4), (4, 4)),
        ("a", (4, 5), (9, 9)),
    ]


def test_exact_delete_takes_the_inclusive_end(make_client: MakeClient) -> None:
    client = make_client(iov_mode="discrete")
    attach(client, make_tag(client), "a", (5, 0), (9, 3))
    client.api("DELETE", "deletePayloadIOV/GT/Beam/5/0/9/4", status=404)
    client.ok("DELETE", "deletePayloadIOV/GT/Beam/5/0/9/3")
    assert shown(client) == []


def test_end_before_the_start_is_refused_in_discrete_mode(make_client: MakeClient) -> None:
    client = make_client(iov_mode="discrete")
    client.api("POST", "piov", iov("a", (5, 1), (5, 0)), status=400)
    client.api("POST", "piov", iov("a", (5, 1), (5, 1)), status=200)


def test_online_append_closes_within_the_major_in_discrete_mode(make_client: MakeClient) -> None:
    client = make_client(iov_mode="discrete")
    beam = make_tag(client)
    attach(client, beam, "a", (5, 0), (5, MAX))
    client.ok("PUT", "gt_change_status/GT/locked")
    attach(client, beam, "b", (5, 7), (5, MAX))
    assert shown(client) == [("a", (5, 0), (5, 6)), ("b", (5, 7), (5, MAX))]


def test_data_of_one_mode_reads_right_in_the_other(make_client: MakeClient) -> None:
    discrete, continuous = make_client(iov_mode="discrete"), make_client()
    attach(discrete, make_tag(discrete), "a", (5, 0), (9, 3))
    assert shown(continuous) == [("a", (5, 0), (9, 4))]
    assert continuous.ok("GET", "user_settings/CDB_IOV_MODE") == {"CDB_IOV_MODE": "continuous"}
    assert discrete.ok("GET", "user_settings/CDB_IOV_MODE") == {"CDB_IOV_MODE": "discrete"}


def test_all_places_that_show_an_iov_show_the_same_end(make_client: MakeClient) -> None:
    client = make_client(iov_mode="discrete")
    attached = attach(client, make_tag(client), "a", (5, 0), (9, 3))
    [listed] = client.ok("GET", "piov")
    [paged] = client.ok("GET", "piov?page=1")["results"]
    one = client.ok("GET", f"piov/{attached['id']}")
    ends = [(row["major_iov_end"], row["minor_iov_end"]) for row in (attached, listed, paged, one)]
    assert ends == [(9, 3)] * 4


# --- clones -----------------------------------------------------------------------


def test_a_clone_answers_as_its_source_did_also_when_its_lists_are_known(client: Client) -> None:
    beam = make_tag(client)
    attach(client, beam, "a", (0, 0), (10, 0))
    attach(client, beam, "b", (10, 0))
    client.ok("POST", "cloneGlobalTag/GT/Copy")
    attach(client, beam, "c", (12, 0))
    assert [valid(client, major, tag="Copy") for major in (5, 15)] == [["a"], ["b"]]
    assert [valid(client, major) for major in (5, 15)] == [["a"], ["c"]]


def test_clone_is_unlocked_and_shows_the_same(client: Client) -> None:
    attach(client, make_tag(client), "a", (0, 0), (10, 0))
    client.ok("PUT", "gt_change_status/GT/frozen")
    made = client.ok("POST", "cloneGlobalTag/GT/Copy")
    assert (made["status"], made["payload_lists_count"], made["payload_iov_count"]) == (
        "unlocked",
        1,
        1,
    )
    assert shown(client, "Copy") == shown(client)
    assert client.ok("GET", "gtPayloadLists/Copy") == {"Beam": "Beam_2"}


def test_clone_does_not_see_what_is_written_to_its_source(client: Client) -> None:
    beam = make_tag(client)
    attach(client, beam, "a", (0, 0), (10, 0))
    client.ok("POST", "cloneGlobalTag/GT/Copy")
    attach(client, beam, "b", (5, 0), (20, 0))
    client.ok("DELETE", "deletePayloadIOV/GT/Beam/0/0")
    assert shown(client, "Copy") == [("a", (0, 0), (10, 0))]
    assert (valid(client, 7, tag="Copy"), valid(client, 7)) == (["a"], ["b"])


def test_source_does_not_see_what_is_written_to_its_clone(client: Client) -> None:
    attach(client, make_tag(client), "a", (0, 0), (10, 0))
    client.ok("POST", "cloneGlobalTag/GT/Copy")
    attach(client, "Beam_2", "b", (5, 0), (20, 0))
    client.ok("DELETE", "deletePayloadIOV/Copy/Beam/0/0")
    assert shown(client) == [("a", (0, 0), (10, 0))]
    assert shown(client, "Copy") == [("b", (5, 0), (20, 0))]


def test_clone_outlives_its_source(client: Client) -> None:
    attach(client, make_tag(client), "a", (0, 0), (10, 0))
    client.ok("POST", "cloneGlobalTag/GT/Copy")
    client.ok("DELETE", "deleteGlobalTag/GT")
    assert shown(client, "Copy") == [("a", (0, 0), (10, 0))]
    attach(client, "Beam_2", "b", (5, 0), (6, 0))
    assert [url for url, *_ in shown(client, "Copy")] == ["a", "b", "a"]


def test_clone_of_a_clone_stands_alone(client: Client) -> None:
    beam = make_tag(client)
    attach(client, beam, "a", (0, 0), (10, 0))
    client.ok("POST", "cloneGlobalTag/GT/Second")
    attach(client, beam, "late", (20, 0), (30, 0))
    client.ok("POST", "cloneGlobalTag/Second/Third")
    attach(client, "Beam_2", "second", (40, 0), (50, 0))
    client.ok("POST", "cloneGlobalTag/Second/Fourth")
    client.ok("DELETE", "deleteGlobalTag/Second")
    assert [url for url, *_ in shown(client)] == ["a", "late"]
    assert [url for url, *_ in shown(client, "Third")] == ["a"]
    assert [url for url, *_ in shown(client, "Fourth")] == ["a", "second"]


def test_clone_as_of_a_change_has_what_its_source_had(client: Client) -> None:
    beam = make_tag(client)
    attach(client, beam, "a", (0, 0), (10, 0))
    then = client.ok("GET", "changes")["latest"]
    attach(client, beam, "b", (5, 0), (20, 0))
    made = client.ok("POST", f"cloneGlobalTag/GT/Old?asOf={then}")
    assert (made["payload_lists_count"], made["payload_iov_count"]) == (1, 1)
    assert shown(client, "Old") == [("a", (0, 0), (10, 0))]
    [change] = client.ok("GET", "global-tags/Old/history")["changes"]
    assert (change["after"]["source"], change["after"]["as_of"]) == ("GT", then)
    attach(client, "Beam_2", "c", (20, 0), (30, 0))
    assert [url for url, *_ in shown(client, "Old")] == ["a", "c"]
    assert [url for url, *_ in shown(client)] == ["a", "b"]


def test_clone_as_of_a_change_is_of_what_had_the_name_then(client: Client) -> None:
    attach(client, make_tag(client), "a", (0, 0), (10, 0))
    then = client.ok("GET", "changes")["latest"]
    client.ok("DELETE", "deleteGlobalTag/GT")
    client.api("POST", "cloneGlobalTag/GT/Copy", status=404)
    client.ok("POST", f"cloneGlobalTag/GT/Copy?asOf={then}")
    assert shown(client, "Copy") == [("a", (0, 0), (10, 0))]


@pytest.mark.parametrize("wrong", ["999", "tomorrow", "-1"])
def test_clone_as_of_what_is_no_change_is_refused(client: Client, wrong: str) -> None:
    make_tag(client)
    answer = client.api("POST", f"cloneGlobalTag/GT/Copy?asOf={wrong}", status=400)
    assert "asOf" in answer.json
    assert client.ok("GET", "globalTags")[0]["name"] == "GT"


def test_clone_copies_nothing_and_its_first_write_one_list(
    client: Client, database: Database
) -> None:
    beam = make_tag(client)
    client.ok("POST", "pt", {"name": "Field"})
    client.ok("POST", "pl", {"payload_type": "Field"})
    client.ok("PUT", "pl_attach", {"payload_list": "Field_2", "global_tag": "GT"})
    bulk(client, beam, *((f"b{n}", (n, 0)) for n in range(20)))
    bulk(client, "Field_2", *((f"f{n}", (n, 0)) for n in range(30)))
    client.ok("POST", "cloneGlobalTag/GT/Copy")
    assert count(database, "iov") == 50
    bulk(client, "Beam_3", ("new", (100, 0)))
    # Twenty were copied, and the last of them was cut: it is there twice.
    assert (count(database, "iov"), count(database, "series")) == (72, 3)
    bulk(client, "Beam_3", ("newer", (200, 0)))
    assert (count(database, "iov"), count(database, "series")) == (74, 3)


def test_clone_keeps_when_its_iovs_were_inserted(client: Client) -> None:
    attached = attach(client, make_tag(client), "a", (0, 0), (10, 0))
    client.ok("POST", "cloneGlobalTag/GT/Copy")
    attach(client, "Beam_2", "b", (20, 0), (30, 0))
    [payload_list] = client.ok("GET", "globalTag/Copy")["payload_lists"]
    assert payload_list["payload_iov"][0]["inserted"] == attached["inserted"]


# --- lists and tags ---------------------------------------------------------------


def test_attaching_a_list_replaces_the_one_of_its_type(client: Client) -> None:
    first = make_tag(client)
    second = client.ok("POST", "pl", {"payload_type": "Beam"})["name"]
    client.ok("PUT", "pl_attach", {"payload_list": second, "global_tag": "GT"})
    assert client.ok("GET", "gtPayloadLists/GT") == {"Beam": second}
    assert client.ok("GET", f"payload-lists/by-name/{first}")["global_tag"] is None


def test_attaching_a_list_moves_it_from_the_tag_it_was_in(client: Client) -> None:
    beam = make_tag(client)
    client.ok("POST", "gt", {"name": "Other"})
    client.ok("PUT", "pl_attach", {"payload_list": beam, "global_tag": "Other"})
    assert client.ok("GET", "gtPayloadLists/GT") == {}
    assert client.ok("GET", "gtPayloadLists/Other") == {"Beam": beam}


def test_attaching_a_list_again_changes_nothing(client: Client, database: Database) -> None:
    beam = make_tag(client)
    before = changes(database)
    client.ok("PUT", "pl_attach", {"payload_list": beam, "global_tag": "GT"})
    assert changes(database) == before


def test_detached_list_is_written_to_freely(client: Client) -> None:
    client.ok("POST", "pt", {"name": "Beam"})
    client.ok("POST", "pl", {"payload_type": "Beam"})
    attach(client, "Beam_1", "a", (0, 0))
    attach(client, "Beam_1", "b", (5, 0))
    assert len(client.ok("GET", "pl")[0]["payload_iov"]) == 2


def test_names_are_free_again_after_a_delete(client: Client) -> None:
    attach(client, make_tag(client), "a", (0, 0))
    client.ok("POST", "cloneGlobalTag/GT/Copy")
    first = client.ok("GET", "globalTag/GT")["id"]
    client.ok("DELETE", "deleteGlobalTag/GT")
    assert client.ok("POST", "gt", {"name": "GT"})["id"] != first
    assert client.ok("GET", "globalTag/GT")["payload_lists"] == []
    client.ok("DELETE", "deleteGlobalTag/Copy")
    client.ok("DELETE", "deletePayloadType/Beam")
    client.ok("POST", "pt", {"name": "Beam"})
    assert client.ok("GET", "pl") == []


def test_deleting_a_tag_deletes_its_lists(client: Client) -> None:
    beam = make_tag(client)
    attached = attach(client, beam, "a", (0, 0))
    client.ok("DELETE", "deleteGlobalTag/GT")
    client.api("GET", f"payload-lists/by-name/{beam}", status=404)
    client.api("GET", f"piov/{attached['id']}", status=404)


def test_names_of_lists_are_never_given_twice(client: Client) -> None:
    first = make_tag(client)
    client.ok("DELETE", f"deletePayloadList/{first}")
    assert client.ok("POST", "pl", {"payload_type": "Beam"})["name"] != first


# --- one change -------------------------------------------------------------------


def test_bulk_into_several_lists_is_one_change(client: Client, database: Database) -> None:
    lists = [make_tag(client, "One"), make_tag(client, "Two")]
    before = changes(database)
    body = [{**iov("a", (0, 0)), "payload_list": name} for name in lists]
    assert client.ok("POST", "bulk_piov", body) == {"count": 2}
    assert changes(database) == before + 1
    assert shown(client, "One") == shown(client, "Two") == [("a", (0, 0), OPEN)]


def test_bulk_into_several_lists_is_all_or_nothing(client: Client, database: Database) -> None:
    lists = [make_tag(client, "One"), make_tag(client, "Two")]
    client.ok("PUT", "gt_change_status/Two/frozen")
    before = changes(database)
    body = [{**iov("a", (0, 0)), "payload_list": name} for name in lists]
    assert client.api("POST", "bulk_piov", body).status_int == 409
    assert changes(database) == before
    assert shown(client, "One") == []


def test_empty_bulk_changes_nothing(client: Client, database: Database) -> None:
    assert client.ok("POST", "bulk_piov", []) == {"count": 0}
    assert changes(database) == 0


@pytest.mark.parametrize(
    ("path", "table"),
    [
        ("global-tags/GT", "global_tag"),
        ("payload-types/Beam", "payload_type"),
        ("payload-lists/by-name/Beam_1", "payload_list"),
    ],
)
def test_patch_keeps_what_was_there_before(
    client: Client, database: Database, path: str, table: str
) -> None:
    make_tag(client)
    client.ok("PATCH", path, {"description": "first", "contact": "me"})
    changed = client.ok("PATCH", path, {"description": "second"})
    assert (changed["description"], changed["contact"]) == ("second", "me")
    versions = rows(database, f"select description, contact from {table} order by added_by")  # noqa: S608
    assert versions == [(None, None), ("first", "me"), ("second", "me")]
    cleared = client.ok("PATCH", path, {"description": None})
    assert (cleared["description"], cleared["contact"]) == (None, "me")


def test_retired_iovs_stay_in_the_log(client: Client, database: Database) -> None:
    beam = make_tag(client)
    attach(client, beam, "a", (0, 0), (10, 0))
    attach(client, beam, "b", (0, 0), (10, 0))
    client.ok("DELETE", "deletePayloadIOV/GT/Beam/0/0")
    assert shown(client) == []
    assert rows(database, "select payload_url from iov order by id") == [("a",), ("b",)]


# --- what the tables hold -----------------------------------------------------------


def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with database.snapshot() as reader:
        return [tuple(row) for row in reader.execute(text(statement))]


def count(database: Database, table: str) -> int:
    return int(rows(database, f"select count(*) from {table}")[0][0])  # noqa: S608


def changes(database: Database) -> int:
    return count(database, "change")


def test_attaching_again_is_a_success_that_changes_nothing_whatever_the_status(
    client: Client,
) -> None:
    payload_list = make_tag(client)
    attached = attach(client, payload_list, "a", (1, 0))
    client.ok("PUT", "gt_change_status/GT/frozen")
    sent = {"payload_list": payload_list, "piov_id": attached["id"]}
    assert client.ok("PUT", "piov_attach", sent) == attached
