"""Global tags are merged by HTTP: each mode, what is refused, and what stays as it was."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from support import Client, rules

from cdb.services.checks.check import Wanted
from cdb.services.merges import merge, work
from cdb.services.verify import Finding, verify
from cdb.store.changes import open_change

LAST = 12
"""The majors from 0 to here are asked for; nothing begins or ends later."""


class Case:
    """Tags with payload lists; payloads are named, points are major numbers."""

    def __init__(self, client: Client) -> None:
        self.client = client
        for name in ("T", "U"):
            client.api("POST", "pt", {"name": name})

    def tag(self, name: str, **lists: list[tuple[int, int | None, str]]) -> None:
        """Make a tag with a list for each type: start, end or None, payload."""
        self.client.ok("POST", "gt", {"name": name})
        for payload_type, iovs in lists.items():
            made = self.client.ok("POST", "pl", {"payload_type": payload_type})["name"]
            self.client.ok("PUT", "pl_attach", {"global_tag": name, "payload_list": made})
            self.write(made, *iovs)

    def write(self, payload_list: str, *iovs: tuple[int, int | None, str]) -> None:
        rows = [{"payload_list": payload_list, **fields(*iov)} for iov in iovs]
        self.client.ok("POST", "bulk_piov", rows)

    def lists(self, tag: str) -> dict[str, str]:
        found: dict[str, str] = self.client.ok("GET", f"gtPayloadLists/{tag}")
        return found

    def lock(self, tag: str, status: str = "locked") -> None:
        self.client.ok("PUT", f"gt_change_status/{tag}/{status}")

    def merge(
        self, target: str, mode: str, *sources: str, headers: Mapping[str, str] = {}, **more: Any
    ) -> Any:
        """Merge, and return the answer, whatever it is."""
        body = {"mode": mode, "sources": list(sources), **more}
        if "begin" in body:
            body["from"] = body.pop("begin")
        return self.client.api("POST", f"global-tags/{target}/merge", body, headers=headers)

    def refused(self, target: str, mode: str, *sources: str, **more: Any) -> tuple[int, str]:
        """Try a merge that changes nothing, and return its status and its code."""
        before = self.latest()
        refused = self.merge(target, mode, *sources, **more)
        assert self.latest() == before
        return refused.status_int, refused.json["code"]

    def latest(self) -> int:
        found: int = self.client.ok("GET", "changes?order=desc&limit=1")["latest"]
        return found

    def iovs(self, tag: str) -> list[tuple[str, int, int | None, str]]:
        """Return what a tag holds, in order: type, start, end, payload."""
        return [
            (row["payload_type"], row["major_iov"], end_of(row), row["payload_url"])
            for row in self.client.ok("GET", f"global-tags/{tag}/iovs")
        ]

    def answers(self, tag: str) -> list[dict[str, str]]:
        path = f"payloadiovs/?gtName={tag}&minorIOV=0&majorIOV="
        return [
            {row[0]: row[1] for row in self.client.ok("GET", f"{path}{major}")}
            for major in range(LAST + 1)
        ]

    def layers(self, *tags: str) -> list[dict[str, str]]:
        """Return what a query of several tags answers, the first one winning."""
        names = "&".join(f"gtName={tag}" for tag in tags)
        path = f"payloadiovs/?{names}&minorIOV=0&majorIOV="
        return [
            {row[0]: row[1] for row in self.client.ok("GET", f"{path}{major}")}
            for major in range(LAST + 1)
        ]

    def digest(self, tag: str) -> str:
        found: str = self.client.ok("GET", f"global-tags/{tag}/digest")["digest"]
        return found


def fields(start: int, end: int | None, payload: str) -> dict[str, Any]:
    shown = {"payload_url": payload, "checksum": f"sum of {payload}", "size": 7, "revision": "1"}
    bounds = {} if end is None else {"major_iov_end": end, "minor_iov_end": 0}
    return {**shown, "major_iov": start, "minor_iov": 0, **bounds}


def end_of(row: dict[str, Any]) -> int | None:
    return None if row["major_iov_end"] > 2**60 else int(row["major_iov_end"])


def filled(client: Client) -> Case:
    made = Case(client)
    made.tag("A", T=[(2, 4, "a1"), (6, 8, "a2")])
    made.tag("B", T=[(0, 5, "b")], U=[(1, 3, "bu")])
    made.tag("C", T=[(0, None, "c")], U=[(0, None, "cu")])
    return made


@pytest.fixture
def case(client: Client) -> Case:
    return filled(client)


@pytest.fixture(scope="module")
def refusing(shared: Client) -> Case:
    """The same, for requests that change nothing, as each of them sees."""
    return filled(shared)


# --- fill ---------------------------------------------------------------------


def test_fill_answers_as_the_tags_asked_as_layers(case: Case) -> None:
    expected = case.layers("A", "B", "C")
    done = case.merge("A", "fill", "B", "C")
    assert done.status_int == 200, done.json
    assert case.answers("A") == expected
    assert case.iovs("A") == [
        ("T", 0, 2, "b"),
        ("T", 2, 4, "a1"),
        ("T", 4, 5, "b"),
        ("T", 5, 6, "c"),
        ("T", 6, 8, "a2"),
        ("T", 8, None, "c"),
        ("U", 0, 1, "cu"),
        ("U", 1, 3, "bu"),
        ("U", 3, None, "cu"),
    ]


def test_an_empty_tag_gets_the_sources_with_all_that_they_say(case: Case) -> None:
    contact = {"contact": "calibration"}
    case.client.ok("PATCH", f"payload-lists/by-name/{case.lists('B')['U']}", contact)
    case.tag("New")
    case.merge("New", "fill", "B")
    assert case.answers("New") == case.answers("B")
    assert case.digest("New") == case.digest("B")
    [row] = case.client.ok("GET", "global-tags/New/iovs?payload_type=U")
    assert (row["size"], row["revision"], row["checksum"]) == (7, "1", "sum of bu")
    made = case.client.ok("GET", f"payload-lists/by-name/{case.lists('New')['U']}")
    assert (made["contact"], made["iov_count"]) == ("calibration", 1)


def test_a_merge_is_one_change_that_says_what_it_did(case: Case) -> None:
    before = case.latest()
    done = case.merge("A", "fill", "C", "B@3", headers={"CDB-Comment": "for the run"}, types=["T"])
    assert done.status_int == 404  # B was not there at change 3
    done = case.merge("A", "fill", "C", headers={"CDB-Comment": "for the run"}, types=["T"])
    assert case.latest() == before + 1
    assert done.headers["CDB-Change"] == str(before + 1)
    head = case.client.ok("GET", f"changes/{before + 1}")
    assert (head["action"], head["object_name"], head["comment"]) == ("merge", "A", "for the run")
    assert head["global_tags"] == ["A"]
    assert head["payload_types"] == ["T"]
    assert head["after"]["sources"] == [f"C@{before}"]
    assert (head["after"]["mode"], head["after"]["types"]) == ("fill", ["T"])
    assert head["after"]["payload_iovs_count"] == 3
    assert case.client.ok("GET", "global-tags/A/history?order=desc")["changes"][0] == head


def test_what_was_asked_before_is_answered_as_before(case: Case) -> None:
    before, answers, digest = case.latest(), case.answers("A"), case.digest("A")
    case.merge("A", "override", "C")
    assert case.answers("A") != answers
    assert case.answers(f"A@{before}") == answers
    assert case.digest(f"A@{before}") == digest
    case.client.ok("POST", f"global-tags/A/revert?to={before}")
    assert case.answers("A") == answers


def test_the_digest_is_that_of_a_merge_by_hand(case: Case) -> None:
    case.client.ok("POST", "cloneGlobalTag/A/ByHand")
    case.merge("A", "fill", "B", types=["T"])
    case.write(case.lists("ByHand")["T"], (0, 2, "b"), (4, 5, "b"))
    assert case.digest("A") == case.digest("ByHand")


def test_only_a_window_is_merged(case: Case) -> None:
    expected = case.answers("A")
    layered = case.layers("A", "C")
    case.merge("A", "fill", "C", begin="3,0", to="10,0")
    assert case.answers("A") == [*expected[:3], *layered[3:10], *expected[10:]]


def test_what_changes_no_answer_makes_no_change(case: Case) -> None:
    case.merge("A", "fill", "C")
    before = case.latest()
    for mode, source in [("fill", "B"), ("override", "A"), ("override", f"A@{before}")]:
        done = case.merge("A", mode, source)
        assert done.json["payload_lists"] == []
        assert "CDB-Change" not in done.headers
    case.tag("Empty")
    assert case.merge("A", "override", "Empty").json["payload_lists"] == []
    assert case.latest() == before + 1


# --- override -----------------------------------------------------------------


def test_override_answers_as_the_sources_asked_before_the_tag(case: Case) -> None:
    expected = case.layers("B", "A")
    case.merge("C", "override", "B", "A")
    assert case.answers("C") == [
        {**row, **found} for row, found in zip([{"T": "c", "U": "cu"}] * 13, expected, strict=True)
    ]


def test_an_earlier_state_of_the_tag_itself_can_be_a_source(case: Case) -> None:
    before, answers = case.latest(), case.answers("A")
    case.client.ok("DELETE", "deletePayloadIOV/A/T/2/0")
    assert case.answers("A") != answers
    case.merge("A", "fill", f"A@{before}")
    assert case.answers("A") == answers


def test_only_the_first_write_through_a_clone_copies_its_list(case: Case) -> None:
    case.client.ok("POST", "cloneGlobalTag/C/Clone")
    case.merge("Clone", "override", "B", types=["T"])
    assert case.answers("Clone")[0]["T"] == "b"
    assert case.answers("C")[0]["T"] == "c"
    diff = case.client.ok("GET", "global-tags/C/diff/Clone?level=lists")
    assert [each["payload_type"] for each in diff] == ["T"]


@pytest.mark.parametrize("target", ["Long", "Clone"])
def test_a_list_of_which_much_is_replaced_is_written_anew(case: Case, target: str) -> None:
    """What it showed before stays in its old log, where a clone or a past state shows it."""
    case.tag("Long", T=[(0, 1, "p"), (1, 2, "q"), (2, 3, "r"), (3, 9, "s")])
    case.tag("Over", T=[(1, 2, "x"), (2, 3, "y"), (3, 4, "z")])
    case.client.ok("POST", "cloneGlobalTag/Long/Clone")
    before, was = case.latest(), case.answers("Long")
    [step] = case.merge(target, "override", "Over").json["payload_lists"]
    assert (step["iovs_before"], step["iovs_added"], step["iovs_retired"]) == (4, 4, 3)
    expected = [("p", 0, 1), ("x", 1, 2), ("y", 2, 3), ("z", 3, 4), ("s", 4, 9)]
    assert case.iovs(target) == [("T", start, end, name) for name, start, end in expected]
    assert case.answers(f"{target}@{before}") == was
    assert case.answers({"Long": "Clone", "Clone": "Long"}[target]) == was
    counts = {tag["name"]: tag["payload_iov_count"] for tag in case.client.ok("GET", "globalTags")}
    assert counts[target] == 5
    told = case.client.ok("GET", f"changes/{case.latest()}")
    assert {row["payload_url"] for row in told["before"]["payload_iovs"]} == {"q", "r", "s"}
    case.client.ok("DELETE", f"deletePayloadIOV/{target}/T/1/0")
    case.write(case.lists(target)["T"], (8, 10, "later"))
    found = verify(case.client.app.registry.cdb.database, rules(), None, Wanted(history=True))
    assert [each for each in found.events if isinstance(each, Finding)] == []


def test_a_list_that_is_written_anew_is_what_the_clone_had_whatever_its_source_has_now(
    case: Case,
) -> None:
    case.tag("Long", T=[(0, 4, "p"), (4, 9, "q")])
    case.tag("Over", T=[(2, 5, "x"), (5, 6, "y")])
    case.client.ok("POST", "cloneGlobalTag/Long/Clone")
    case.write(case.lists("Long")["T"], (1, 8, "later"))
    case.merge("Clone", "override", "Over")
    expected = [("p", 0, 2), ("x", 2, 5), ("y", 5, 6), ("q", 6, 9)]
    assert case.iovs("Clone") == [("T", start, end, name) for name, start, end in expected]


def test_few_rows_are_written_where_little_changes(case: Case) -> None:
    case.tag("Long", T=[(n, n + 1, f"p{n}") for n in range(LAST)])
    case.client.ok("POST", "cloneGlobalTag/Long/Fix")
    case.write(case.lists("Fix")["T"], (5, 6, "fixed"))
    [step] = case.merge("Long", "override", "Fix").json["payload_lists"]
    assert (step["iovs_before"], step["iovs_added"], step["iovs_retired"]) == (LAST, 1, 1)


# --- append -------------------------------------------------------------------


@pytest.fixture
def running(client: Client) -> Case:
    made = Case(client)
    made.tag("Run", T=[(0, 3, "r1"), (3, None, "r2")], U=[(0, None, "ru")])
    made.tag("Stage", T=[(0, 8, "s1"), (8, None, "s2")])
    return made


@pytest.mark.parametrize("status", ["unlocked", "locked"])
def test_append_goes_on_where_the_tag_ends(running: Case, status: str) -> None:
    running.lock("Run", status)
    done = running.merge("Run", "append", "Stage", begin="5,0")
    assert done.status_int == 200, done.json
    assert running.iovs("Run") == [
        ("T", 0, 3, "r1"),
        ("T", 3, 5, "r2"),
        ("T", 5, 8, "s1"),
        ("T", 8, None, "s2"),
        ("U", 0, None, "ru"),
    ]


def test_append_is_what_online_writes_are(running: Case) -> None:
    running.client.ok("POST", "cloneGlobalTag/Run/Online")
    running.lock("Online")
    running.write(running.lists("Online")["T"], (5, None, "s1"), (8, None, "s2"))
    running.merge("Run", "append", "Stage", begin="5,0")
    assert running.digest("Run") == running.digest("Online")


def test_a_deleted_update_gives_the_time_back(running: Case) -> None:
    running.tag("One", T=[(5, None, "s")])
    before = running.iovs("Run")
    running.merge("Run", "append", "One", begin="5,0")
    running.client.ok("DELETE", "deletePayloadIOV/Run/T/5/0")
    assert running.iovs("Run") == before


def test_a_clone_can_be_appended_to(running: Case) -> None:
    running.client.ok("POST", "cloneGlobalTag/Run/Clone")
    before = running.iovs("Run")
    running.merge("Clone", "append", "Stage", begin="5,0")
    running.merge("Run", "append", "Stage", begin="5,0")
    assert running.iovs("Clone") == running.iovs("Run") != before


@pytest.mark.parametrize(
    ("closed", "last"), [("allow", ("T", 8, 10, "s2")), ("fix", ("T", 8, None, "s2"))]
)
def test_closed_sources_are_meant(running: Case, closed: str, last: Any) -> None:
    running.tag("Ends", T=[(0, 8, "s1"), (8, 10, "s2")])
    assert running.refused("Run", "append", "Ends", begin="5,0") == (409, "not-appendable")
    assert running.merge("Run", "append", "Ends", begin="5,0", closed=closed).status_int == 200
    assert running.iovs("Run")[3] == last


def test_a_full_update_closes_what_no_source_has(running: Case) -> None:
    running.tag("Ends", T=[(0, 8, "s1")])
    assert running.merge("Run", "append", "Ends", begin="5,0", full=True).status_int == 200
    assert running.iovs("Run") == [
        ("T", 0, 3, "r1"),
        ("T", 3, 5, "r2"),
        ("T", 5, 8, "s1"),
        ("U", 0, 5, "ru"),
    ]


def test_a_full_update_of_some_types_leaves_the_others(running: Case) -> None:
    done = running.merge("Run", "append", "Stage", begin="5,0", full=True, types=["T"])
    assert [each["payload_type"] for each in done.json["payload_lists"]] == ["T"]


def test_an_update_is_refused_where_something_is_decided(running: Case) -> None:
    for begin in ("3,0", "2,0"):
        refused = running.refused("Run", "append", "Stage", begin=begin)
        assert refused == (409, "not-appendable")
    assert running.refused("Run", "append", "Run", begin="5,0") == (409, "not-appendable")


# --- what a tag takes ---------------------------------------------------------


def test_a_locked_tag_may_be_filled(case: Case) -> None:
    case.lock("A")
    expected = case.layers("A", "C")
    assert case.merge("A", "fill", "C").status_int == 200
    assert case.answers("A") == expected


def test_a_locked_tag_keeps_its_answers(case: Case) -> None:
    case.lock("A")
    assert case.refused("A", "override", "C") == (409, "append-only")
    refused = case.merge("A", "override", "C").json["detail"]
    assert refused.endswith("'T' would have another answer in [(2, 0), (4, 0)).")
    assert case.merge("A", "override", "C", begin="8,0").status_int == 200


@pytest.mark.parametrize("more", [{"closed": "allow"}, {"full": True}])
def test_a_locked_tag_never_loses_an_answer(running: Case, more: Any) -> None:
    running.tag("Ends", T=[(0, 8, "s1")])
    running.lock("Run")
    assert running.refused("Run", "append", "Ends", begin="5,0", **more) == (409, "append-only")
    assert running.refused("Run", "append", "Stage", begin="5,0", full=True) == (
        409,
        "append-only",
    )


@pytest.mark.parametrize("mode", ["fill", "override", "append"])
def test_a_frozen_tag_takes_nothing(case: Case, mode: str) -> None:
    case.lock("A", "locked")
    case.lock("A", "frozen")
    more = {"begin": "9,0"} if mode == "append" else {}
    assert case.refused("A", mode, "C", **more) == (409, "closed")


# --- dry runs, conditions, repeats ------------------------------------------


def test_a_dry_run_tells_what_would_be_done_and_does_nothing(case: Case) -> None:
    before = case.latest()
    dry = case.merge("A", "override", "B", dry_run=True)
    assert case.latest() == before
    assert "CDB-Change" not in dry.headers
    assert dry.json == {
        "global_tag": "A",
        "mode": "override",
        "sources": [{"global_tag": "B", "change": dry.json["sources"][0]["change"]}],
        "head": dry.json["head"],
        "dry_run": True,
        "payload_lists": [
            {
                "payload_type": "T",
                "action": "change",
                "payload_list": case.lists("A")["T"],
                "iovs_before": 2,
                "iovs_added": 1,
                "iovs_retired": 1,
            },
            {
                "payload_type": "U",
                "action": "add",
                "payload_list": None,
                "iovs_before": 0,
                "iovs_added": 1,
                "iovs_retired": 0,
            },
        ],
        "differences": [
            difference("T", 0, 2, None, "b"),
            difference("T", 2, 4, "a1", "b"),
            difference("T", 4, 5, None, "b"),
            difference("U", 1, 3, None, "bu"),
        ],
        "differences_count": 4,
    }
    body = {"mode": "override", "sources": ["B"]}
    asked = case.client.ok("POST", "global-tags/A/merge?dry_run=1", body)
    assert asked == dry.json


def difference(
    payload_type: str, start: int, end: int, a: str | None, b: str | None
) -> dict[str, Any]:
    return {
        "payload_type": payload_type,
        "major_iov": start,
        "minor_iov": 0,
        "major_iov_end": end,
        "minor_iov_end": 0,
        "dimension": "major-minor",
        "begin": f"{start},0",
        "end": f"{end},0",
        "a": content(a),
        "b": content(b),
    }


def content(payload: str | None) -> dict[str, str] | None:
    if payload is None:
        return None
    return {"payload_url": payload, "checksum": f"sum of {payload}", "revision": "1"}


@pytest.mark.parametrize("mode", ["fill", "override", "append"])
def test_a_dry_run_tells_just_what_a_merge_does(case: Case, mode: str) -> None:
    more: dict[str, Any] = {"begin": "8,0", "closed": "allow"} if mode == "append" else {}
    if mode == "append":
        case.tag("D", T=[(9, 10, "d"), (10, 11, "d")], U=[(0, None, "du")])
    source = "D" if mode == "append" else "C"
    case.client.ok("POST", "cloneGlobalTag/A/Clone")
    for tag in ("A", "Clone"):
        before = case.latest()
        dry = case.merge(tag, mode, source, dry_run=True, **more)
        done = case.merge(tag, mode, source, headers={"If-Match": dry.headers["ETag"]}, **more)
        assert done.status_int == 200, done.json
        assert done.json["head"] == before + 1
        unnamed = [{**step, "payload_list": None} for step in (done.json["payload_lists"])]
        assert [{**step, "payload_list": None} for step in dry.json["payload_lists"]] == unnamed
        diff = case.client.ok("GET", f"global-tags/{tag}@{before}/diff/{tag}")
        assert dry.json["differences"] == diff
        assert dry.json["differences_count"] == len(diff) > 0


def test_a_dry_run_tells_the_first_differences_and_counts_all(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge, "DIFFERENCES", 2)
    found = case.merge("A", "override", "B", dry_run=True).json
    assert found["differences"] == [
        difference("T", 0, 2, None, "b"),
        difference("T", 2, 4, "a1", "b"),
    ]
    assert found["differences_count"] == 4


@pytest.mark.parametrize("written", ["A", "C"])
def test_a_write_in_between_makes_a_dry_run_void(case: Case, written: str) -> None:
    dry = case.merge("A", "fill", "B", "C", dry_run=True)
    case.write(case.lists(written)["T"], (11, 12, "in between"))
    headers = {"If-Match": dry.headers["ETag"]}
    refused = case.merge("A", "fill", "B", "C", headers=headers)
    assert (refused.status_int, refused.json["code"]) == (412, "precondition")
    assert all("bu" not in row.values() for row in case.answers("A"))


def test_a_write_in_between_is_told_also_where_nothing_is_left_to_do(case: Case) -> None:
    known = {"If-Match": case.merge("A", "fill", "C").headers["ETag"]}
    for dry_run in (True, False):
        assert case.merge("A", "fill", "C", dry_run=dry_run, headers=known).status_int == 200
    case.write(case.lists("A")["T"], (11, 12, "in between"))
    for dry_run in (True, False):
        refused = case.merge("A", "fill", "C", dry_run=dry_run, headers=known)
        assert (refused.status_int, refused.json["code"]) == (412, "precondition")


def test_a_source_as_of_a_change_may_be_written_to(case: Case) -> None:
    at = case.latest()
    dry = case.merge("A", "fill", f"C@{at}", dry_run=True)
    case.write(case.lists("C")["T"], (0, None, "later"))
    done = case.merge("A", "fill", f"C@{at}", headers={"If-Match": dry.headers["ETag"]})
    assert done.status_int == 200
    assert "later" not in {row["T"] for row in case.answers("A")}


def test_a_merge_that_is_sent_again_is_not_done_again(case: Case) -> None:
    headers = {"Idempotency-Key": "once"}
    first = case.merge("A", "fill", "C", headers=headers)
    last = case.latest()
    again = case.merge("A", "fill", "C", headers=headers)
    assert (again.json, again.headers["Idempotency-Replayed"]) == (first.json, "true")
    assert case.latest() == last


def test_much_is_worked_out_under_the_lock(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "KEPT", 1)
    monkeypatch.setattr(work, "PAGE", 2)
    expected = case.layers("A", "B", "C")
    assert case.merge("A", "fill", "B", "C").status_int == 200
    assert case.answers("A") == expected


# On SQLite writers wait for each other from the start of a request.
@pytest.mark.parametrize("database_kind", ["postgresql"])
@pytest.mark.parametrize("written", ["A", "C"])
def test_a_write_while_the_tags_are_read_is_not_lost(
    case: Case, make_client: Callable[..., Client], monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    other, name = Case(make_client()), case.lists(written)["T"]

    def written_before(*arguments: Any) -> Any:
        other.write(name, (8, 9, "meanwhile"))
        return open_change(*arguments)

    monkeypatch.setattr("cdb.services.merges.merge.open_change", written_before)
    assert case.merge("A", "fill", "C").status_int == 200
    assert case.answers("A")[8]["T"] == "meanwhile"


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_a_tag_that_is_replaced_while_it_is_read_is_not_found(
    case: Case, make_client: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_client()

    def replaced_before(*arguments: Any) -> Any:
        other.ok("DELETE", "deleteGlobalTag/A")
        other.ok("POST", "gt", {"name": "A"})
        return open_change(*arguments)

    monkeypatch.setattr("cdb.services.merges.merge.open_change", replaced_before)
    assert case.merge("A", "fill", "C").status_int == 404
    assert case.iovs("A") == []


# --- what is wrong ------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "source", "types"),
    [("NoSuch", "A", None), ("A", "NoSuch", None), ("A", "B", ["NoSuch"]), ("A", "B@1", None)],
)
def test_what_does_not_exist_is_not_found(
    refusing: Case, target: str, source: str, types: Any
) -> None:
    refused = refusing.refused(target, "fill", source, types=types)
    assert refused == (404, "not-found")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"mode": "fill"},
        {"sources": ["B"]},
        {"mode": "fill", "sources": []},
        {"mode": "fill", "sources": "B"},
        {"mode": "fill", "sources": ["B"] * 101},
        {"mode": "fill", "sources": ["B@"]},
        {"mode": "fill", "sources": ["B@1000"]},
        {"mode": "fill", "sources": ["B@x"]},
        {"mode": "mix", "sources": ["B"]},
        {"mode": "fill", "sources": ["B"], "types": []},
        {"mode": "fill", "sources": ["B"], "from": "x"},
        {"mode": "fill", "sources": ["B"], "from": "5,0", "to": "5,0"},
        {"mode": "fill", "sources": ["B"], "begin": "5,0"},
        {"mode": "fill", "sources": ["B"], "closed": "fix"},
        {"mode": "override", "sources": ["B"], "full": True},
        {"mode": "append", "sources": ["B"]},
        {"mode": "append", "sources": ["B"], "from": "5,0", "to": "9,0"},
        {"mode": "append", "sources": ["B"], "from": "5,0", "closed": "open"},
        {"mode": "fill", "sources": ["B"], "dry_run": "yes"},
    ],
    ids=str,
)
def test_a_wrong_body_is_400(refusing: Case, body: Any) -> None:
    before = refusing.latest()
    refused = refusing.client.api("POST", "global-tags/A/merge", body)
    assert (refused.status_int, refused.json["code"]) == (400, "invalid")
    assert refusing.latest() == before


def test_points_are_in_the_notation_of_the_types(make_client: Callable[..., Client]) -> None:
    case = Case(make_client(iov_mode="discrete", default_dimension="run-lumi"))
    case.tag("A", T=[(2, 4, "a")])
    case.tag("C", T=[(0, None, "c")])
    case.merge("A", "fill", "C", begin="6:0", to="8:0")
    assert [row.get("T") for row in case.answers("A")[5:9]] == [None, "c", "c", None]
