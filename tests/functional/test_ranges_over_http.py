"""Parts of the axis, many points, layers, digests and pictures, as clients ask for them."""

import gzip
import json
from typing import Any

import pytest
from support import API, Client
from webob import Request

OPEN = 2**63 - 1
LINES = {"Accept": "application/x-ndjson"}


def row(payload_list: str, url: str, start: int, end: int | None = None) -> dict[str, Any]:
    fields = {"payload_list": payload_list, "payload_url": url, "checksum": f"sum of {url}"}
    bounds = {} if end is None else {"major_iov_end": end, "minor_iov_end": 0}
    return {**fields, "major_iov": start, "minor_iov": 0, **bounds}


def fill(client: Client) -> Client:
    """Make the tag A with two lists, and its clone B, of which one list was written to."""
    client.ok("POST", "gt", {"name": "A"})
    for name in ("T", "U"):
        client.ok("POST", "pt", {"name": name})
        made = client.ok("POST", "pl", {"payload_type": name})["name"]
        client.ok("PUT", "pl_attach", {"global_tag": "A", "payload_list": made})
    client.ok(
        "POST", "bulk_piov", [row("T_1", "a", 5, 9), row("T_1", "b", 20), row("U_2", "u", 0)]
    )
    client.ok("POST", "cloneGlobalTag/A/B")
    client.ok("POST", "bulk_piov", [row("T_3", "x", 6, 8)])
    return client


@pytest.fixture
def filled(client: Client) -> Client:
    return fill(client)


@pytest.fixture(scope="module")
def asked(shared: Client) -> Client:
    """The same, for questions alone."""
    return fill(shared)


def lines(answer: Any) -> tuple[list[Any], Any]:
    """The items of an answer in lines, and what its last line says."""
    assert answer.content_type == "application/x-ndjson"
    *items, last = map(json.loads, answer.text.splitlines())
    return items, last


def brief(items: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (i["payload_type"], i["payload_url"], i["major_iov"], i["major_iov_end"]) for i in items
    ]


# --- ranges, gaps, usage ------------------------------------------------------


def test_iovs_that_overlap_a_window_come_whole(filled: Client) -> None:
    found = filled.ok("GET", "global-tags/A/iovs?from=7&to=20,1")
    assert brief(found) == [("T", "a", 5, 9), ("T", "b", 20, OPEN), ("U", "u", 0, OPEN)]
    assert brief(filled.ok("GET", "global-tags/A/iovs?to=5,0")) == [("U", "u", 0, OPEN)]
    assert brief(filled.ok("GET", "global-tags/A@5/iovs")) == []


def test_lines_end_with_a_count_and_the_change(filled: Client) -> None:
    answer = filled.api("GET", "global-tags/B/iovs?payload_type=T", headers=LINES)
    items, last = lines(answer)
    assert brief(items) == [
        ("T", "a", 5, 6), ("T", "x", 6, 8), ("T", "a", 8, 9), ("T", "b", 20, OPEN)
    ]  # fmt: skip
    assert last == {"count": 4, "change": 10}
    assert "Accept" in answer.headers["Vary"]
    nothing, last = lines(filled.api("GET", "global-tags/B/diff/B", headers=LINES))
    assert (nothing, last) == ([], {"count": 0, "change": 10})


def test_an_array_and_lines_have_different_etags(filled: Client) -> None:
    one = filled.api("GET", "global-tags/A/iovs")
    other = filled.api("GET", "global-tags/A/iovs", headers=LINES)
    assert one.headers["ETag"] != other.headers["ETag"]
    again = filled.api("GET", "global-tags/A/iovs", headers={"If-None-Match": one.headers["ETag"]})
    assert (again.status_int, again.body) == (304, b"")


def test_gaps(filled: Client) -> None:
    found = filled.ok("GET", "global-tags/A/gaps")
    assert [(g["payload_type"], g["major_iov"], g["major_iov_end"]) for g in found] == [
        ("T", 0, 5),
        ("T", 9, 20),
    ]
    assert filled.ok("GET", "global-tags/A/gaps?from=5&to=9,0") == []
    [gap] = filled.ok("GET", "global-tags/A/gaps?from=9,1&to=12,0&payload_type=T")
    assert (gap["major_iov"], gap["minor_iov"], gap["major_iov_end"]) == (9, 1, 12)


def test_usage_names_clones_and_what_was_cut(filled: Client) -> None:
    found = filled.ok("GET", "payloads/sum of a/usage")
    assert [(u["global_tag"], u["payload_list"], u["major_iov"]) for u in found] == [
        ("A", "T_1", 5),
        ("B", "T_3", 5),
        ("B", "T_3", 8),
    ]
    before = filled.ok("GET", "payloads/sum of a/usage?asOf=9")
    assert [(u["global_tag"], u["major_iov"]) for u in before] == [("A", 5), ("B", 5)]
    assert filled.api("GET", "payloads/never/usage").status_int == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("iovs?from=x", 400), ("iovs?from=9&to=5,0", 400), ("iovs?payload_type=V", 404),
        ("gaps?to=x", 400), ("gaps?payload_type=V", 404), ("gaps?asOf=999", 400),
        ("diff/B?at=x", 400), ("diff/B?at=1&from=1", 400), ("diff/B?level=all", 400),
        ("diff/B?limit=0", 400), ("diff/B?limit=x", 400),
        ("diff/NoSuch", 404), ("diff/B?payload_type=V", 404), ("diff/B?b_as_of=999", 400),
        ("diff/B/timeline?buckets=1501", 400), ("diff/B/timeline?types=V", 404),
        ("diff/B/timeline?b_as_of=999", 400), ("diff/NoSuch/timeline", 404),
        ("diff/B@9?b_as_of=9", 400), ("timeline?buckets=1501", 400), ("timeline?buckets=x", 400),
        ("timeline?lanes_limit=0", 400), ("timeline?from=9&to=5,0", 400), ("digest?asOf=x", 400),
    ],
)  # fmt: skip
def test_wrong_questions(asked: Client, path: str, status: int) -> None:
    assert asked.api("GET", f"global-tags/A/{path}").status_int == status
    unknown = asked.api("GET", f"global-tags/NoSuch/{path}")
    assert unknown.status_int in (400, 404)


# --- diff -----------------------------------------------------------------------


def test_diff_of_two_tags(filled: Client) -> None:
    [found] = filled.ok("GET", "global-tags/A/diff/B")
    assert found == {
        "payload_type": "T",
        "major_iov": 6,
        "minor_iov": 0,
        "major_iov_end": 8,
        "minor_iov_end": 0,
        "a": {"payload_url": "a", "checksum": "sum of a", "revision": None},
        "b": {"payload_url": "x", "checksum": "sum of x", "revision": None},
        "dimension": "major-minor",
        "begin": "6,0",
        "end": "8,0",
    }
    [level] = filled.ok("GET", "global-tags/A/diff/B?level=lists")
    assert level == {
        "payload_type": "T",
        "a": "T_1",
        "b": "T_3",
        "first": [6, 0],
        "dimension": "major-minor",
        "begin": "6,0",
    }
    assert filled.ok("GET", "global-tags/A/diff/B?payload_type=U") == []


def test_the_first_differences_of_many(filled: Client) -> None:
    empty = "Empty"
    filled.ok("POST", "gt", {"name": empty})
    path = f"global-tags/A/diff/{empty}"
    for level in ("iovs", "lists"):
        whole = filled.ok("GET", f"{path}?level={level}")
        assert len(whole) > 1
        some = len(whole) - 1
        assert filled.ok("GET", f"{path}?level={level}&limit={some}") == whole[:some]
        assert filled.ok("GET", f"{path}?level={level}&limit=10000") == whole
    found, last = lines(filled.api("GET", f"{path}?limit=1", headers=LINES))
    assert (len(found), last["count"]) == (1, 1)


def test_diff_of_a_window_and_of_a_point(filled: Client) -> None:
    [found] = filled.ok("GET", "global-tags/A/diff/B?from=7&to=30,0")
    assert (found["major_iov"], found["major_iov_end"]) == (7, 8)
    assert len(filled.ok("GET", "global-tags/A/diff/B?at=7,99")) == 1
    assert filled.ok("GET", "global-tags/A/diff/B?at=8") == []


def test_diff_of_a_tag_with_itself_as_of_then(filled: Client) -> None:
    for path in ("B/diff/B?a_as_of=9", "B@9/diff/B", "B@9/diff/B@10"):
        [found] = filled.ok("GET", f"global-tags/{path}")
        assert (found["a"]["payload_url"], found["b"]["payload_url"]) == ("a", "x")
    assert filled.ok("GET", "global-tags/A/diff/B?asOf=9") == []
    assert filled.ok("GET", "global-tags/A/diff/B?b_as_of=9") == []


def test_diff_as_a_picture(filled: Client) -> None:
    found = filled.ok("GET", "global-tags/A/diff/B/timeline?from=0&to=10,0&buckets=2&types=T")
    assert (found["change_a"], found["change_b"], found["types"]) == (8, 10, 1)
    assert found["edges"] == ["0,0", "5,0", "10,0"]
    [both] = found["lanes"]
    assert (both["payload_type"], both["a"]["iovs"], both["b"]["iovs"]) == ("T", 1, 3)
    assert both["intervals"] == [
        {
            "start": "6,0",
            "end": "8,0",
            "a": {"payload_url": "a", "checksum": "sum of a", "revision": None},
            "b": {"payload_url": "x", "checksum": "sum of x", "revision": None},
        }
    ]
    past = filled.ok("GET", "global-tags/B/diff/B/timeline?a_as_of=9")
    assert [len(each["intervals"]) for each in past["lanes"]] == [1, 0]


# --- many points ------------------------------------------------------------------


def test_many_points_have_the_answers_of_the_query(filled: Client) -> None:
    points = [[7, 0], [0, 0], [30, 5], [8, 3], [7, 1], [OPEN, OPEN], [6, 0], [5, OPEN]]
    found = filled.ok("POST", "payload-iovs/query/batch", {"gtName": "B", "points": points})
    assert found["change"] == 10
    assert len(found["answers"]) == len({*found["points"]}) == 5
    for (major, minor), number in zip(points, found["points"], strict=True):
        place = f"payloadiovs/?gtName=B&majorIOV={major}&minorIOV={minor}"
        answer = filled.api("GET", place)
        part = found["answers"][number]
        assert part["payloads"] == answer.json
        bounds = ["{},{}".format(*part[name]) for name in ("valid_from", "valid_until")]
        assert bounds == [answer.headers[f"CDB-Valid-{name}"] for name in ("From", "Until")]


def test_many_points_of_no_type_have_no_payloads(filled: Client) -> None:
    body = {"gtName": "B", "points": [[7, 0]], "types": []}
    found = filled.ok("POST", "payload-iovs/query/batch", body)
    assert [part["payloads"] for part in found["answers"]] == [[]]


def test_many_points_as_of_a_change_in_notation_and_of_some_types(filled: Client) -> None:
    body = {"gtName": ["B"], "points": ["7,0"], "types": ["T"], "asOf": "9"}
    found = filled.ok("POST", "payload-iovs/query/batch", body)
    assert [[row[1] for row in part["payloads"]] for part in found["answers"]] == [["a"]]
    assert found["change"] == 9


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"gtName": "A", "points": []}, 400), ({"gtName": "A", "points": [[1, 2]] * 10_001}, 400),
        ({"gtName": "A", "points": [[1]]}, 400), ({"gtName": "A", "points": [[1, -1]]}, 400),
        ({"gtName": "A", "points": ["x"]}, 400), ({"gtName": [], "points": [[1, 2]]}, 400),
        ({"gtName": "A", "points": [[1, 2]], "asOf": "x"}, 400), ({"points": [[1, 2]]}, 400),
        ({"gtName": "N", "points": [[1, 2]]}, 404),
        ({"gtName": "A", "points": [[1, 2]], "types": ["V"]}, 404),
    ],
)  # fmt: skip
def test_wrong_batches(asked: Client, body: dict[str, Any], status: int) -> None:
    assert asked.api("POST", "payload-iovs/query/batch", body).status_int == status


# --- layers, types, completeness -----------------------------------------------------


def test_the_first_layer_that_covers_the_point_wins(filled: Client) -> None:
    filled.ok("POST", "gt", {"name": "Over"})
    made = filled.ok("POST", "pl", {"payload_type": "T"})["name"]
    filled.ok("PUT", "pl_attach", {"global_tag": "Over", "payload_list": made})
    filled.ok("POST", "bulk_piov", [row(made, "over", 8, 25)])

    def asked(major: int) -> tuple[list[tuple[str, str]], str, str]:
        path = f"payloadiovs/?gtName=Over&gtName=A&majorIOV={major}&minorIOV=0&shape=dict"
        answer = filled.api("GET", path, status=200)
        found = [(each["payload_url"], each["global_tag"]) for each in answer.json]
        return found, answer.headers["CDB-Valid-From"], answer.headers["CDB-Valid-Until"]

    assert asked(6) == ([("a", "A"), ("u", "A")], "5,0", "8,0")
    assert asked(8) == ([("over", "Over"), ("u", "A")], "8,0", "25,0")
    assert asked(30) == ([("b", "A"), ("u", "A")], "25,0", f"{OPEN},{OPEN}")
    assert asked(2) == ([("u", "A")], "0,0", "5,0")


def test_some_types_only(filled: Client) -> None:
    path = "payloadiovs/?gtName=A&majorIOV=6&minorIOV=0"
    answer = filled.api("GET", f"{path}&types=U")
    assert [row[0] for row in answer.json] == ["U"]
    assert answer.headers["CDB-Valid-Until"] == f"{OPEN},{OPEN}"
    assert [row[0] for row in filled.ok("GET", f"{path}&types=U&types=T")] == ["T", "U"]
    filled.ok("POST", "pt", {"name": "V"})
    assert filled.ok("GET", f"{path}&types=V") == []
    assert filled.api("GET", f"{path}&types=NoSuch").status_int == 404


def test_what_has_to_be_complete(filled: Client) -> None:
    path = "payloadiovs/?gtName=A&minorIOV=0&complete=1&majorIOV="
    assert len(filled.ok("GET", f"{path}6")) == 2
    missing = filled.api("GET", f"{path}10")
    assert (missing.status_int, missing.json) == (409, {"missing": ["T"], "code": "incomplete"})
    assert len(filled.ok("GET", f"{path}10&types=U")) == 1


# --- digest and timeline ----------------------------------------------------------------


def test_the_digest_is_that_of_the_content(filled: Client) -> None:
    a, b = (filled.ok("GET", f"global-tags/{name}/digest") for name in ("A", "B"))
    assert a["digest"] != b["digest"]
    assert filled.ok("GET", "global-tags/B@9/digest")["digest"] == a["digest"]
    assert [each["intervals"] for each in b["payload_types"]] == [4, 1]
    filled.ok("PUT", "gt_change_status/A/locked")
    filled.ok("PATCH", "global-tags/A", {"description": "no part of it"})
    assert filled.ok("GET", "global-tags/A/digest")["digest"] == a["digest"]


def test_a_frozen_tag_shows_the_digest_that_it_was_frozen_with(filled: Client) -> None:
    found = filled.ok("GET", "global-tags/A/digest")["digest"]
    assert "digest" not in filled.ok("GET", "global-tags/A?light=1")
    assert filled.ok("PUT", "gt_change_status/A/frozen")["digest"] == found
    assert filled.ok("GET", "global-tags/A?light=1")["digest"] == found
    assert filled.ok("GET", "globalTag/A")["digest"] == found
    assert filled.ok("GET", "changes/11")["after"] == {"status": "frozen", "digest": found}
    assert "digest" not in filled.ok("GET", "global-tags/A@10?light=1")
    assert "digest" not in filled.ok("POST", "cloneGlobalTag/A/C")


def test_the_picture_of_a_tag(filled: Client) -> None:
    found = filled.ok("GET", "global-tags/A/timeline?from=0&to=40,0&buckets=4")
    assert found["edges"] == ["0,0", "10,0", "20,0", "30,0", "40,0"]
    assert [(lane["payload_type"], lane["iovs"]) for lane in found["lanes"]] == [
        ("T", 2),
        ("U", 1),
    ]
    assert found["lanes"][0]["intervals"][0]["end"] == "9,0"
    one = filled.ok("GET", "global-tags/A/timeline?lanes_offset=1&lanes_limit=1")
    assert [lane["payload_type"] for lane in one["lanes"]] == ["U"]
    assert one["lists"] == 2


def test_a_picture_comes_compressed_to_who_takes_that(filled: Client) -> None:
    for path in ("global-tags/A/timeline", "payload-lists/by-name/T_1/timeline"):
        # Not by the client of the other tests, which unpacks what it gets.
        plain, packed = (
            Request.blank(f"{API}/{path}", headers={"Accept-Encoding": taken}).get_response(
                filled.app
            )
            for taken in ("gzip;q=0", "br, gzip")
        )
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in plain.headers
        assert gzip.decompress(packed.body) == plain.body
        assert packed.headers["ETag"] == f"W/{plain.headers['ETag']}"
        assert {each.headers["Vary"] for each in (plain, packed)} == {
            "Accept, Authorization, Accept-Encoding"
        }
        known = {"If-None-Match": packed.headers["ETag"], "Accept-Encoding": "gzip"}
        filled.get(f"{API}/{path}", headers=known, status=304)


# --- points in notation ------------------------------------------------------------------


def test_points_are_read_and_written_in_a_notation(filled: Client) -> None:
    big = 2**63 - 1
    found = filled.ok("GET", f"points?dimension=run-lumi&at=302635:1200&at={big},7&at=5")
    assert [(each["major"], each["minor"], each["notation"]) for each in found] == [
        (302635, 1200, "302635:1200"),
        (big, 7, f"{big}:7"),
        (5, 0, "5:0"),
    ]
    [time] = filled.ok("GET", "points?dimension=run-lumi&at=utc-time:1970-01-01T00:00:01Z")
    assert time == {
        "dimension": "utc-time",
        "major": 10**9,
        "minor": 0,
        "notation": "1970-01-01T00:00:01Z",
    }
    assert filled.ok("GET", "points?at=1,2")[0]["dimension"] == "major-minor"


@pytest.mark.parametrize(
    "query",
    ["", "at=x", "at=1,2&at=9223372036854775808", "at=1&dimension=parsecs", "at=1&dimension="],
)
def test_what_is_no_point_is_refused(asked: Client, query: str) -> None:
    assert asked.api("GET", f"points?{query}").status_int == 400
