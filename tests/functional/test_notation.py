"""Points in the notation of a dimension: asking, writing, showing."""

from collections.abc import Callable
from typing import Any

import pytest
from support import Client

MAX = 2**63 - 1
OPEN = (MAX, MAX)

MakeClient = Callable[..., Client]


def make_tag(client: Client, *types: tuple[str, str | None], tag: str = "GT") -> dict[str, str]:
    """Make a tag with a list for each type and its dimension; return the lists' names."""
    client.ok("POST", "gt", {"name": tag})
    lists = {}
    for name, dimension in types:
        client.ok("POST", "pt", {"name": name, "dimension": dimension})
        lists[name] = client.ok("POST", "pl", {"payload_type": name})["name"]
        client.ok("PUT", "pl_attach", {"payload_list": lists[name], "global_tag": tag})
    return lists


def put(client: Client, payload_list: str, url: str, begin: str, end: str | None = None) -> Any:
    row = {"payload_list": payload_list, "payload_url": url, "begin": begin}
    return client.api("POST", "bulk_piov", [{**row, **({"end": end} if end else {})}])


def urls(client: Client, query: str, tag: str = "GT") -> list[str]:
    return [row[1] for row in client.ok("GET", f"payloadiovs/?gtName={tag}&{query}")]


def numbers(client: Client, tag: str = "GT") -> list[tuple[int, ...]]:
    """Return what a tag's first list shows: start and end, as numbers."""
    rows = client.ok("GET", f"globalTag/{tag}")["payload_lists"][0]["payload_iov"]
    names = ("major_iov", "minor_iov", "major_iov_end", "minor_iov_end")
    return [tuple(row[name] for name in names) for row in rows]


# --- asking -----------------------------------------------------------------------


def test_a_point_in_notation_is_the_point_in_numbers(client: Client) -> None:
    lists = make_tag(client, ("Lumi", "run-lumi"))
    assert put(client, lists["Lumi"], "a", "299400:12", "299400:20").status_int == 200
    assert numbers(client) == [(299400, 12, 299400, 20)]
    for lumi, found in ((11, []), (12, ["a"]), (19, ["a"]), (20, [])):
        assert urls(client, f"at=299400:{lumi}") == found
        assert urls(client, f"at=run-lumi:299400:{lumi}") == found
        assert urls(client, f"majorIOV=299400&minorIOV={lumi}") == found


def test_a_time_is_exact_to_the_nanosecond(client: Client) -> None:
    lists = make_tag(client, ("Temperature", "utc-time"))
    begin, end = "2026-11-23T06:00:00.000000001Z", "2026-11-23T07:00:00Z"
    assert put(client, lists["Temperature"], "t", begin, end).status_int == 200
    assert urls(client, "at=2026-11-23T06:00:00Z") == []
    assert urls(client, "at=2026-11-23T06:00:00.000000001Z") == ["t"]
    assert urls(client, "at=2026-11-23T08:59:59.999999999%2B02:00") == ["t"]
    assert urls(client, "at=2026-11-23T07:00:00Z") == []


def test_a_tag_with_several_dimensions_takes_a_point_for_each(client: Client) -> None:
    lists = make_tag(client, ("Lumi", "run-lumi"), ("Temperature", "utc-time"))
    put(client, lists["Lumi"], "a", "299400:12")
    put(client, lists["Temperature"], "t", "2026-11-23")
    both = "at=run-lumi:299400:12&at=utc-time:2026-11-23T12:00:00Z"
    assert urls(client, both) == ["a", "t"]
    assert urls(client, both.replace(":12&", ":11&")) == ["t"]


def test_a_past_is_asked_in_the_notation_that_its_tag_had(client: Client) -> None:
    lists = make_tag(client, ("Lumi", "run-lumi"))
    change = put(client, lists["Lumi"], "a", "299400:12").headers["CDB-Change"]
    client.ok("DELETE", "deleteGlobalTag/GT")
    path = f"payloadiovs/?gtName=GT@{change}&at=run-lumi:299400:12"
    answer = client.api("GET", path)
    assert [row[1] for row in answer.json] == ["a"]
    known = {"If-None-Match": answer.headers["ETag"]}
    assert client.api("GET", path, headers=known).status_int == 304


def test_a_type_without_its_point_is_named(client: Client) -> None:
    make_tag(client, ("Lumi", "run-lumi"), ("Temperature", "utc-time"))
    refused = client.api("GET", "payloadiovs/?gtName=GT&at=run-lumi:299400:12", status=400)
    assert refused.json["code"] == "invalid"
    [message] = refused.json["at"]
    assert "'Temperature'" in message
    assert "at=utc-time:" in message
    assert "'Lumi'" not in message


def test_numbers_answer_for_the_types_that_no_notation_is_for(client: Client) -> None:
    lists = make_tag(client, ("Beam", None), ("Temperature", "utc-time"))
    put(client, lists["Beam"], "b", "5,0")
    put(client, lists["Temperature"], "t", "2026-11-23")
    query = "majorIOV=5&minorIOV=1&at=utc-time:2026-11-23T12:00:00Z"
    assert urls(client, query) == ["b", "t"]


def test_a_notation_without_a_name_is_for_the_service_where_a_tag_has_several(
    make_client: MakeClient,
) -> None:
    client = make_client(default_dimension="run-lumi")
    lists = make_tag(client, ("Lumi", None), ("Temperature", "utc-time"))
    put(client, lists["Lumi"], "a", "299400:12")
    assert urls(client, "at=299400:12&at=utc-time:2026-11-23") == ["a"]


@pytest.mark.parametrize(
    "query",
    [
        "at=",
        "at=x",
        "at=299400:12:1",
        "at=-1:5",
        "at=299400:9223372036854775808",
        "at=299400%3A%D9%A3",
        "at=utc-time:2026-13-01",
        "at=utc-time:2026-01-01T00:00:60Z",
        "at=299400:12&at=run-lumi:299400:12",
        "majorIOV=5",
        "minorIOV=5",
        "majorIOV=5&at=299400:12",
        "&".join(f"at=run-lumi:1:{number}" for number in range(30)),
    ],
)
def test_a_wrong_point_is_400(client: Client, query: str) -> None:
    make_tag(client, ("Lumi", "run-lumi"))
    refused = client.api("GET", f"payloadiovs/?gtName=GT&{query}", status=400)
    assert refused.json["code"] == "invalid"


def test_an_unknown_tag_is_404_whatever_the_notation(client: Client) -> None:
    client.api("GET", "payloadiovs/?gtName=None&at=299400:12", status=404)


def test_expired_is_for_notations_too(client: Client) -> None:
    lists = make_tag(client, ("Lumi", "run-lumi"))
    put(client, lists["Lumi"], "a", "299400:12", "299400:20")
    assert urls(client, "at=299400:30&expired=include") == ["a"]


# --- showing ----------------------------------------------------------------------


def test_objects_carry_both(client: Client) -> None:
    lists = make_tag(client, ("Lumi", "run-lumi"), ("Temperature", "utc-time"))
    put(client, lists["Lumi"], "a", "299400:12", "299400:20")
    put(client, lists["Temperature"], "t", "2026-11-23T06:00:00Z")
    at = "at=run-lumi:299400:12&at=utc-time:2026-11-24"
    found = client.ok("GET", f"payloadiovs/?gtName=GT&shape=dict&{at}")
    shown = [(row["dimension"], row["begin"], row["end"], row["major_iov"]) for row in found]
    assert shown == [
        ("run-lumi", "299400:12", "299400:20", 299400),
        ("utc-time", "2026-11-23T06:00:00Z", "open", 1_795_413_600_000_000_000),
    ]


def test_rows_keep_nine_columns(client: Client) -> None:
    lists = make_tag(client, ("Lumi", "run-lumi"))
    put(client, lists["Lumi"], "a", "299400:12")
    [row] = client.ok("GET", "payloadiovs/?gtName=GT&at=299400:12")
    assert row == ["Lumi", "a", "", None, 299400, 12, MAX, MAX, None]


# --- writing ----------------------------------------------------------------------


def test_notation_says_by_itself_whether_an_end_is_inclusive(make_client: MakeClient) -> None:
    client = make_client(iov_mode="discrete", **{"plugin.run-lumi.ends": "inclusive"})
    lists = make_tag(client, ("Lumi", "run-lumi"))
    put(client, lists["Lumi"], "a", "299400:12", "299400:19")
    assert numbers(client) == [(299400, 12, 299400, 19)]
    assert urls(client, "at=299400:19") == ["a"]
    assert urls(client, "at=299400:20") == []


def test_a_staged_iov_takes_the_notation_of_the_dimension_that_it_names(client: Client) -> None:
    lists = make_tag(client, ("Lumi", "run-lumi"))
    body = {"payload_url": "a", "checksum": "c", "begin": "299400:12", "end": "open"}
    staged = client.ok("POST", "piov", {**body, "dimension": "run-lumi"})
    assert (staged["major_iov"], staged["minor_iov"]) == (299400, 12)
    sent = {"payload_list": lists["Lumi"], "piov_id": staged["id"]}
    attached = client.ok("PUT", "piov_attach", sent)
    assert (attached["major_iov_end"], attached["minor_iov_end"]) == OPEN


@pytest.mark.parametrize(
    "row",
    [
        {"begin": "299400:12", "major_iov": 1, "minor_iov": 1},
        {"begin": "299400:12", "end": "299400:13", "major_iov_end": 299401},
        {"begin": "299400:12", "end": "299400:12"},
        {"begin": "299400:12", "end": "299400:11"},
        {"begin": "299400:12", "end": "later"},
        {"begin": "open"},
        {"begin": 299400},
        {"end": "299400:13"},
        {"major_iov": None, "minor_iov": None},
    ],
)
def test_a_wrong_interval_is_400_and_changes_nothing(client: Client, row: dict[str, Any]) -> None:
    lists = make_tag(client, ("Lumi", "run-lumi"))
    body = [{"payload_list": lists["Lumi"], "payload_url": "a", **row}]
    refused = client.api("POST", "bulk_piov", body, status=400)
    assert refused.json["code"] == "invalid"
    assert numbers(client) == []


def test_a_wrong_row_of_a_bulk_is_named(client: Client) -> None:
    lists = make_tag(client, ("Lumi", "run-lumi"))
    rows = [
        {"payload_list": lists["Lumi"], "payload_url": "a", "begin": begin}
        for begin in ("299400:12", "299400:x")
    ]
    refused = client.api("POST", "bulk_piov", rows, status=400)
    assert refused.json["begin"][0].startswith("row 1: ")


def test_a_number_outside_of_the_dimension_is_refused(client: Client) -> None:
    lists = make_tag(client, ("Temperature", "utc-time"))
    row = {"payload_list": lists["Temperature"], "payload_url": "a"}
    refused = client.api(
        "POST", "bulk_piov", [{**row, "major_iov": 5, "minor_iov": 1}], status=400
    )
    assert "utc-time" in refused.json["detail"]


@pytest.mark.parametrize("dimension", ["", "nothing", 5])
def test_a_type_cannot_choose_a_dimension_that_is_not_enabled(
    client: Client, dimension: Any
) -> None:
    refused = client.api("POST", "pt", {"name": "T", "dimension": dimension}, status=400)
    assert "dimension" in refused.json
    assert client.ok("GET", "pt") == []


def test_a_type_shows_its_choice(client: Client) -> None:
    made = client.ok("POST", "pt", {"name": "T", "dimension": "utc-time", "validator": "any"})
    assert (made["dimension"], made["validator"]) == ("utc-time", "any")
    assert client.ok("GET", "payload-types/T") == made
