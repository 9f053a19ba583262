"""A global tag answers again as it did: as one change, without copying, and by its rules."""

from typing import Any

import pytest
from sqlalchemy import text
from support import Client


def row(payload_list: str, url: str, start: int, end: int | None = None) -> dict[str, Any]:
    fields = {"payload_list": payload_list, "payload_url": url, "checksum": f"sum of {url}"}
    bounds = {} if end is None else {"major_iov_end": end, "minor_iov_end": 0}
    return {**fields, "major_iov": start, "minor_iov": 0, **bounds}


def answers(client: Client, tag: str) -> list[list[Any]]:
    """What a tag answers at every whole major number that anything here begins or ends at."""
    path = f"payloadiovs/?gtName={tag}&minorIOV=0&majorIOV="
    return [client.ok("GET", f"{path}{major}") for major in range(12)]


def latest(client: Client) -> int:
    found: int = client.ok("GET", "changes?order=desc&limit=1")["latest"]
    return found


class Case:
    """A tag with lists of two types, and the change at which it was good."""

    def __init__(self, client: Client) -> None:
        self.client = client
        for name in ("T", "U", "V"):
            client.ok("POST", "pt", {"name": name})
        client.ok("POST", "gt", {"name": "A"})
        self.t, self.u = self.attached("T"), self.attached("U")
        self.write(row(self.t, "t", 0, 9), row(self.u, "u", 2))
        self.good = latest(client)
        self.before = answers(client, "A")

    def attached(self, type_name: str) -> str:
        name: str = self.client.ok("POST", "pl", {"payload_type": type_name})["name"]
        self.client.ok("PUT", "pl_attach", {"global_tag": "A", "payload_list": name})
        return name

    def write(self, *rows: dict[str, Any]) -> None:
        self.client.ok("POST", "bulk_piov", list(rows))

    def revert(self, query: str = "", **headers: str) -> Any:
        path = f"global-tags/A/revert?to={self.good}{query}"
        return self.client.api("POST", path, headers=headers)


@pytest.fixture
def case(client: Client) -> Case:
    return Case(client)


def test_all_that_was_written_since_is_taken_back_by_one_change(case: Case) -> None:
    case.write(row(case.t, "wrong", 3, 5), row(case.u, "wrong", 4))
    case.attached("V")
    case.write(row("V_3", "new", 0))
    bad, wrong = latest(case.client), answers(case.client, "A")
    done = case.revert(**{"CDB-Comment": "the night call"})
    assert done.status_int == 200
    assert done.headers["CDB-Change"] == str(bad + 1)
    steps = {each["payload_type"]: each["action"] for each in done.json["payload_lists"]}
    assert steps == {"T": "restore", "U": "restore", "V": "detach"}
    assert answers(case.client, "A") == case.before
    assert answers(case.client, f"A@{bad}") == wrong
    change = case.client.ok("GET", f"changes/{bad + 1}")
    assert (change["action"], change["comment"]) == ("revert", "the night call")
    assert change["payload_types"] == ["T", "U", "V"]


def test_nothing_is_copied_until_the_next_write(case: Case) -> None:
    case.write(row(case.t, "wrong", 3, 5))
    database = case.client.app.registry.cdb.database

    def rows() -> int:
        with database.statement() as reader:
            return int(reader.execute(text("select count(*) from iov")).scalar_one())

    before = rows()
    assert case.revert().status_int == 200
    assert rows() == before
    case.write(row(case.t, "right", 3, 5))
    assert rows() == before + 1 + 3
    assert answers(case.client, "A")[4][0][1] == "right"


def test_what_the_reverted_to_change_had_replaced_is_not_brought_back_by_a_write(
    case: Case,
) -> None:
    case.write(row(case.t, "new", 3, 5))
    case.good, before = latest(case.client), answers(case.client, "A")
    case.write(row(case.t, "wrong", 3, 5))
    case.revert()
    case.write(row(case.t, "later", 7, 8))
    found = [
        (each["payload_url"], each["major_iov"])
        for each in case.client.ok("GET", "global-tags/A/iovs?payload_type=T")
    ]
    assert found == [("t", 0), ("new", 3), ("t", 5), ("later", 7), ("t", 8)]
    assert answers(case.client, f"A@{case.good}") == before


def test_a_revert_can_be_reverted(case: Case) -> None:
    case.write(row(case.t, "wrong", 3, 5))
    bad, wrong = latest(case.client), answers(case.client, "A")
    case.revert()
    case.client.ok("POST", f"global-tags/A/revert?to={bad}")
    assert answers(case.client, "A") == wrong
    case.revert()
    assert answers(case.client, "A") == case.before


def test_one_type_alone(case: Case) -> None:
    case.write(row(case.t, "wrong", 3, 5), row(case.u, "stays", 4))
    wrong = answers(case.client, "A")
    assert case.revert("&payload_type=T").status_int == 200
    found = answers(case.client, "A")
    by_type = [[row for row in rows if row[0] == "T"] for rows in found]
    assert by_type == [[row for row in rows if row[0] == "T"] for rows in case.before]
    others = [[row for row in rows if row[0] == "U"] for rows in found]
    assert others == [[row for row in rows if row[0] == "U"] for rows in wrong]
    assert case.revert("&payload_type=NoSuch").status_int == 404


def test_lists_that_went_away_come_back(case: Case) -> None:
    replacement = case.client.ok("POST", "pl", {"payload_type": "T"})["name"]
    case.client.ok("PUT", "pl_attach", {"global_tag": "A", "payload_list": replacement})
    case.client.ok("POST", "gt", {"name": "Other"})
    case.client.ok("PUT", "pl_attach", {"global_tag": "Other", "payload_list": case.u})
    case.write(row(case.u, "elsewhere", 5))
    elsewhere = answers(case.client, "Other")
    done = case.revert()
    steps = {each["payload_type"]: each["action"] for each in done.json["payload_lists"]}
    assert steps == {"T": "restore", "U": "add"}
    assert answers(case.client, "A") == case.before
    assert answers(case.client, "Other") == elsewhere
    case.write(row(case.u, "later", 7))
    assert answers(case.client, "A") == case.before


def test_a_source_and_its_clones_are_left_alone(case: Case) -> None:
    case.client.ok("POST", "cloneGlobalTag/A/B")
    case.write(row(case.t, "wrong", 3, 5))
    case.client.ok("POST", "cloneGlobalTag/A/C")
    wrong = answers(case.client, "C")
    case.revert()
    assert answers(case.client, "B") == case.before
    assert answers(case.client, "C") == wrong
    case.client.ok("DELETE", "deleteGlobalTag/A")
    assert answers(case.client, "C") == wrong


def test_a_dry_run_changes_nothing_and_can_be_applied_safely(case: Case) -> None:
    case.write(row(case.t, "wrong", 3, 5))
    last, wrong = latest(case.client), answers(case.client, "A")
    dry = case.revert("&dry_run=1")
    assert dry.json == {
        "global_tag": "A",
        "reverted_to": case.good,
        "head": last,
        "dry_run": True,
        "payload_lists": [
            {
                "payload_type": "T",
                "action": "restore",
                "payload_list": case.t,
                "iovs_before": 3,
                "iovs_after": 1,
            }
        ],
    }
    assert "CDB-Change" not in dry.headers
    assert (latest(case.client), answers(case.client, "A")) == (last, wrong)
    case.write(row(case.u, "in between", 8))
    refused = case.revert(**{"If-Match": dry.headers["ETag"]})
    assert (refused.status_int, refused.json["code"]) == (412, "precondition")
    again = case.revert("&dry_run=1")
    assert case.revert(**{"If-Match": again.headers["ETag"]}).status_int == 200
    assert answers(case.client, "A") == case.before


def test_what_answers_the_same_makes_no_change(case: Case) -> None:
    last = latest(case.client)
    done = case.revert()
    assert done.json["payload_lists"] == []
    assert latest(case.client) == last


def test_in_append_mode_what_is_covered_stays(case: Case) -> None:
    case.client.ok("PUT", "gt_change_status/A/locked")
    case.write(row(case.t, "added", 9, 10))
    last = latest(case.client)
    refused = case.revert()
    assert (refused.status_int, refused.json["code"]) == (409, "append-only")
    assert latest(case.client) == last


def test_in_append_mode_what_nothing_covers_comes_back(case: Case) -> None:
    case.client.ok("DELETE", "deletePayloadIOV/A/T/0/0")
    case.client.ok("PUT", "gt_change_status/A/locked")
    assert case.revert().status_int == 200
    assert answers(case.client, "A") == case.before


def test_a_frozen_tag_stays(case: Case) -> None:
    case.write(row(case.t, "wrong", 3, 5))
    case.client.ok("PUT", "gt_change_status/A/frozen")
    refused = case.revert()
    assert (refused.status_int, refused.json["code"]) == (409, "closed")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("to=", 400),
        ("to=x", 400),
        ("to=1000", 400),
        ("to=1", 404),
        ("to=2000-01-01", 404),
    ],
)
def test_wrong_questions(case: Case, query: str, status: int) -> None:
    last = latest(case.client)
    assert case.client.api("POST", f"global-tags/A/revert?{query}").status_int == status
    assert case.client.api("POST", "global-tags/NoSuch/revert?to=1").status_int == 404
    assert latest(case.client) == last
