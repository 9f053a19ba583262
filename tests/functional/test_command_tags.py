"""`cdb gt`, on a real service."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from commanded import Commanded, commanded

from cdb_client.resources import changes

CHANGES = 12
"""The changes that made `two`: the first payload is there as of 8, B as of 10."""

BIG = 9007199254740993
"""The first integer that a floating-point number cannot hold."""


@pytest.fixture(scope="module")
def world(databases: Any) -> Iterator[Commanded]:
    """A service with two payload types, for tests that make a tag of their own."""
    with commanded(databases, allow_open_writes="true") as made:
        for name in ("Beam", "Field"):
            made.client.ok("POST", "pt", {"name": name})
        yield made


@pytest.fixture(scope="module")
def two(databases: Any) -> Iterator[Commanded]:
    """A service that no test changes: the tag A, and B, its clone with a correction."""
    with commanded(databases, allow_open_writes="true") as made:
        for name in ("Beam", "Field"):
            made.client.ok("POST", "pt", {"name": name})
        made.client.ok("POST", "gt", {"name": "A", "author": "alice", "description": "first"})
        for payload_type in ("Beam", "Field"):
            name = made.client.ok("POST", "pl", {"payload_type": payload_type})["name"]
            made.client.ok("PUT", "pl_attach", {"global_tag": "A", "payload_list": name})
        made.insert("A", "Beam", "beam-1", 10, 20)
        made.insert("A", "Beam", "beam-2", BIG, BIG + 2)
        made.client.ok("POST", "cloneGlobalTag/A/B")
        made.insert("B", "Beam", "fixed", BIG, BIG + 1)
        made.client.ok("PUT", "gt_change_status/B/locked")
        assert made.latest() == CHANGES
        yield made


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def lines(text: str) -> list[list[str]]:
    """Return the cells of a plain table."""
    return [
        [cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()
    ]


# --- what is there ----------------------------------------------------------------------


def test_list_shows_tags_with_their_numbers(two: Commanded) -> None:
    done = two.done("gt", "list")
    assert lines(done.stdout) == [
        ["global tag", "status", "payload types", "payload IOVs", "description"],
        ["A", "unlocked", "2", "2", "first"],
        ["B", "locked", "2", "3", "first"],
    ]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--search", "ALICE"], ["A", "B"]),
        (["--status", "locked"], ["B"]),
        (["--as-of", 9], ["A"]),
        (["--search", "nothing"], []),
    ],
)
def test_list_is_narrowed(two: Commanded, options: list[Any], names: list[str]) -> None:
    done = two.done("gt", "list", *options, "--format", "json")
    assert [row["name"] for row in json.loads(done.stdout)] == names


LISTS = (
    ["gt", "list"],
    ["gt", "lists", "A"],
    ["gt", "status"],
    ["gt", "gaps", "A"],
    ["gt", "history", "A"],
    ["gt", "diff", "A", "B", "--level", "lists"],
    ["log"],
    ["pt", "list"],
    ["pl", "list"],
)


@pytest.mark.parametrize("command", LISTS, ids=" ".join)
def test_csv_has_every_field_of_json(two: Commanded, command: list[str]) -> None:
    of_json = json.loads(two.done(*command, "--format", "json").stdout)
    of_csv = rows(two.done(*command, "--format", "csv").stdout)
    assert len(of_csv) == len(of_json) > 0
    for row, same in zip(of_csv, of_json, strict=True):
        assert {name: row[name] for name in same} == {
            name: as_cell(value) for name, value in same.items()
        }


def as_cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def test_show_tells_a_tag_and_its_lists(two: Commanded) -> None:
    found = lines(two.done("gt", "show", "A").stdout)
    assert ["status", "unlocked"] in found
    assert ["author", "alice"] in found
    assert found[-2:] == [
        ["Beam", "Beam_1", "2", "explicit"],
        ["Field", "Field_2", "0", "explicit"],
    ]


@pytest.mark.parametrize("asked", [["A@8"], ["A", "--as-of", "8"]])
def test_show_as_of_tells_what_was_then(two: Commanded, asked: list[str]) -> None:
    found = json.loads(two.done("gt", "show", *asked, "--format", "json").stdout)
    assert found["payload_iov_count"] == 1
    assert [each["iov_count"] for each in found["payload_lists"]] == [1, 0]


def test_status_of_a_tag_is_one_word(two: Commanded) -> None:
    assert two.done("gt", "status", "B").stdout == "locked\n"
    assert two.done("gt", "status", "B", "--as-of", 11).stdout == "unlocked\n"


def test_statuses_are_listed(two: Commanded) -> None:
    found = lines(two.done("gt", "status").stdout)
    assert ["frozen", "closed", "yes"] in found


def test_digest_is_of_the_tag_and_its_types(two: Commanded) -> None:
    expected = two.client.ok("GET", "global-tags/A/digest")
    assert json.loads(two.done("gt", "digest", "A", "--format", "json").stdout) == expected
    assert ["digest", expected["digest"]] in lines(two.done("gt", "digest", "A").stdout)
    assert [
        row["digest"] for row in rows(two.done("gt", "digest", "A", "--format", "csv").stdout)
    ] == [each["digest"] for each in expected["payload_types"]]


def test_gaps_are_those_of_the_window(two: Commanded) -> None:
    asked = ("gt", "gaps", "A", "--from", "15,0", "--to", "25,0", "--type", "Beam")
    assert lines(two.done(*asked).stdout)[1:] == [["Beam", "Beam_1", "20, 0", "25, 0"]]
    assert two.cdb(*asked, "--exit-code").exit_code == 8
    covered = ("gt", "gaps", "A", "--from", "10,0", "--to", "20,0", "--type", "Beam")
    assert two.cdb(*covered, "--exit-code").exit_code == 0


# --- what differs -----------------------------------------------------------------------


def test_diff_tells_both_payloads(two: Commanded) -> None:
    assert lines(two.done("gt", "diff", "A", "B").stdout) == [
        ["payload type", "from", "until", "a: A", "b: B"],
        ["Beam", f"{BIG}, 0", f"{BIG + 1}, 0", "beam-2", "fixed"],
    ]


def test_diff_as_csv_has_a_column_for_each_part(two: Commanded) -> None:
    [row] = rows(two.done("gt", "diff", "A", "B", "--format", "csv").stdout)
    assert row == {
        "payload_type": "Beam",
        "major_iov": str(BIG),
        "minor_iov": "0",
        "major_iov_end": str(BIG + 1),
        "minor_iov_end": "0",
        "a_payload_url": "beam-2",
        "a_checksum": "beam-2",
        "a_revision": "",
        "b_payload_url": "fixed",
        "b_checksum": "fixed",
        "b_revision": "",
        "dimension": "major-minor",
        "begin": f"{BIG},0",
        "end": f"{BIG + 1},0",
    }


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        (["A", "B"], 1),
        (["A", "A"], 0),
        (["A@8"], 1),
        (["A", "--a-as-of", "7"], 2),
        (["A", "--a-as-of", "7", "--limit", "1"], 1),
        (["A", "B", "--b-as-of", "10"], 0),
        (["A", "B", "--as-of", "10"], 0),
        (["A", "B", "--to", "100,0"], 0),
        (["A", "B", "--from", "100,0"], 1),
        (["A", "B", "--at", f"{BIG},0"], 1),
        (["A", "B", "--at", "15,0"], 0),
        (["A", "B", "--type", "Field"], 0),
        (["A", "B", "--level", "lists"], 1),
    ],
)
def test_diff_is_of_what_is_asked(two: Commanded, asked: list[str], count: int) -> None:
    done = two.cdb("gt", "diff", *asked, "--format", "json", "--exit-code")
    assert len(json.loads(done.stdout)) == count
    assert done.exit_code == (8 if count else 0)
    assert two.cdb("gt", "diff", *asked).exit_code == 0


# --- who did what -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def lived(world: Commanded) -> str:
    """A tag that much was done to."""
    tag, other = world.tag("Beam"), world.tag("Beam")
    world.insert(tag, "Beam", "beam-1", 1, 2)
    world.insert(other, "Beam", "beam-2", 1, 2)
    begun = world.latest()
    world.done("gt", "edit", tag, "--contact", "me@example.org", "--description", "x")
    world.done("gt", "merge", tag, other, "--mode", "override", "--yes", "--reason", "better")
    world.done("gt", "revert", tag, "--to", begun, "--yes")
    world.done("gt", "lock", tag)
    return tag


def test_history_tells_what_was_done_the_newest_first(world: Commanded, lived: str) -> None:
    found = lines(world.done("gt", "history", lived).stdout)
    assert found[0] == ["change", "when (UTC)", "who", "what", "why"]
    assert [cells[3].partition(":")[2].strip() for cells in found[1:5]] == [
        "from unlocked to locked",
        f"to {int(found[4][0]) - 1}",
        f"override {lived[:3]}{int(lived[3:]) + 1}@{int(found[4][0]) - 1}",
        "contact, description",
    ]
    assert found[5][3].endswith(": +1")
    assert found[3][4] == "better"


def test_history_follows_pages(
    world: Commanded, lived: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_PAGE_SIZE", 3)
    for order in ([], ["--oldest-first"]):
        asked = ("gt", "history", lived, "--limit", 0, *order, "--format", "json")
        found = [row["change"] for row in json.loads(world.done(*asked).stdout)]
        assert len(set(found)) == len(found) == 7
        assert found == sorted(found, reverse=not order)


@pytest.mark.parametrize(
    ("options", "actions"),
    [
        (["--limit", 2, "--oldest-first"], ["create", "attach"]),
        (["--action", "merge"], ["merge"]),
        (["--actor", "nobody"], []),
        (["--type", "Field"], []),
        (["--since", "2000-01-01", "--action", "revert"], ["revert"]),
    ],
)
def test_history_is_narrowed(
    world: Commanded, lived: str, options: list[Any], actions: list[str]
) -> None:
    done = world.done("gt", "history", lived, *options, "--format", "json")
    assert [row["action"] for row in json.loads(done.stdout)] == actions


def test_history_that_goes_on_says_so(world: Commanded, lived: str) -> None:
    assert "there are more" in world.done("gt", "history", lived, "--limit", 6).stderr
    assert world.done("gt", "history", lived, "--limit", 7).stderr == ""


# --- writes -----------------------------------------------------------------------------


def test_create_makes_a_tag_with_a_reason(world: Commanded) -> None:
    tag = next(world.names)
    done = world.done(
        "gt", "create", tag, "--description", "é", "--author", "a", "--contact", "c",
        "--status", "locked", "--reason", "für Woche 12", "--format", "json",
    )  # fmt: skip
    made = json.loads(done.stdout)
    assert done.stderr == f"Global tag {tag} is made: change {world.latest()}.\n"
    assert (made["description"], made["status"]) == ("é", "locked")
    assert world.last_change()["comment"] == "für Woche 12"


def test_clone_has_what_the_source_has(world: Commanded) -> None:
    source, target = world.tag("Beam"), next(world.names)
    world.insert(source, "Beam", "a", 1, 2)
    world.done("gt", "clone", source, target)
    assert world.cdb("gt", "diff", source, target, "--exit-code").exit_code == 0


def test_clone_has_what_the_source_had(world: Commanded) -> None:
    source, target = world.tag("Beam"), next(world.names)
    then = world.client.ok("GET", "changes")["latest"]
    world.insert(source, "Beam", "a", 1, 2)
    world.done("gt", "clone", source, target, "--as-of", str(then))
    assert world.client.ok("GET", f"global-tags/{source}@{then}/diff/{target}") == []
    assert world.cdb("gt", "diff", source, target, "--exit-code").exit_code == 8


def test_edit_changes_what_is_given_and_clears_what_is_empty(world: Commanded) -> None:
    tag, other = world.tag(), next(world.names)
    world.done("gt", "edit", tag, "--contact", "me", "--description", "x")
    world.done("gt", "edit", tag, "--contact", "", "--name", other)
    found = world.client.ok("GET", f"global-tags/{other}?light=1")
    assert (found["contact"], found["description"]) == (None, "x")


def test_statuses_are_given_and_declared(world: Commanded) -> None:
    tag = world.tag()

    def now() -> str:
        return world.done("gt", "status", tag).stdout.strip()

    world.done("gt", "status", "--create", "validated", "--mode", "append", "--description", "DQ")
    for command, expected in (
        (["lock", tag], "locked"),
        (["unlock", tag], "unlocked"),
        (["status", tag, "validated"], "validated"),
        (["freeze", tag, "--yes"], "frozen"),
    ):
        world.done("gt", *command)
        assert now() == expected


def test_delete_leaves_what_was_before(world: Commanded) -> None:
    tag = world.tag("Beam")
    before = world.latest()
    world.done("gt", "delete", tag, "--yes")
    assert world.cdb("gt", "show", tag).exit_code == 5
    assert world.done("gt", "status", f"{tag}@{before}").stdout == "unlocked\n"


# --- plans ------------------------------------------------------------------------------


def to_merge(world: Commanded) -> tuple[str, str]:
    """Make a tag, and one with a correction of it."""
    tag, fixes = world.tag("Beam"), world.tag("Beam")
    world.insert(tag, "Beam", "old", 1, 9)
    world.insert(fixes, "Beam", "new", BIG, BIG + 1)
    return tag, fixes


def etag_of(dry_run: str) -> str:
    return dry_run.rpartition("--if-match ")[2].strip()


def test_a_merge_is_shown_first_and_then_done(world: Commanded) -> None:
    tag, fixes = to_merge(world)
    merge = ("gt", "merge", tag, fixes, "--mode", "fill")
    before = world.latest()
    plan = world.done(*merge, "--dry-run")
    assert world.latest() == before
    assert ["Beam", f"{BIG}, 0", f"{BIG + 1}, 0", "-", "new"] in lines(plan.stdout)
    world.done(*merge, "--if-match", etag_of(plan.stderr), "--reason", "gap")
    assert world.last_change()["action"] == "merge"
    assert world.last_change()["comment"] == "gap"


def test_a_plan_that_no_longer_holds_is_not_carried_out(world: Commanded) -> None:
    tag, fixes = to_merge(world)
    begun = world.latest()
    merge, revert = ["merge", tag, fixes, "--mode", "fill"], ["revert", tag, "--to", begun]
    for command in (merge, revert):
        plan = world.done("gt", *command, "--dry-run")
        world.insert(tag, "Beam", "new", 1, 9)
        before = world.latest()
        done = world.cdb("gt", *command, "--if-match", etag_of(plan.stderr))
        assert (done.exit_code, world.latest()) == (6, before)
        assert "[precondition]" in done.stderr


def test_a_merge_takes_a_window_and_types(world: Commanded) -> None:
    tag, first, second = world.tag(), world.tag("Beam", "Field"), world.tag("Beam")
    world.insert(first, "Beam", "first", 1, 5)
    world.insert(first, "Field", "field", 1, 5)
    world.insert(second, "Beam", "second", 1, 9)
    world.done(
        "gt", "merge", tag, first, second, "--mode", "fill", "--from", "3,0", "--to", "7,0",
        "--type", "Beam", "--yes",
    )  # fmt: skip
    assert world.iovs(tag) == [("first", 3, 0, 5, 0), ("second", 5, 0, 7, 0)]


def test_an_update_is_appended(world: Commanded) -> None:
    running, staging = world.tag("Beam"), world.tag("Beam")
    world.insert(running, "Beam", "run", 1, 5)
    world.insert(staging, "Beam", "stage", 5, 9)
    append = ("gt", "merge", running, staging, "--mode", "append", "--from", "5,0", "--yes")
    refused = world.cdb(*append)
    assert (refused.exit_code, "[not-appendable]" in refused.stderr) == (6, True)
    world.done(*append, "--closed", "allow", "--full")
    assert world.iovs(running) == [("run", 1, 0, 5, 0), ("stage", 5, 0, 9, 0)]


def test_a_revert_of_one_type_leaves_the_others(world: Commanded) -> None:
    tag = world.tag("Beam", "Field")
    begun = world.latest()
    for payload_type in ("Beam", "Field"):
        world.insert(tag, payload_type, "x", 1, 2)
    revert = ("gt", "revert", tag, "--to", begun, "--type", "Beam", "--yes", "--format", "json")
    done = json.loads(world.done(*revert).stdout)
    assert [(step["payload_type"], step["iovs_after"]) for step in done["payload_lists"]] == [
        ("Beam", 0)
    ]
    assert [row["payload_type"] for row in world.client.ok("GET", f"global-tags/{tag}/iovs")] == [
        "Field"
    ]


def test_who_is_shown_a_plan_says_yes_or_no(world: Commanded) -> None:
    tag, fixes = to_merge(world)
    merge = ("gt", "merge", tag, fixes, "--mode", "fill")
    before = world.latest()
    refused = world.on_a_terminal(*merge, typed="n\n")
    assert (refused.returncode, world.latest()) == (1, before)
    assert (refused.stdout, "new" in refused.stderr) == ("", True)
    agreed = world.on_a_terminal(*merge, "--format", "json", typed="y\n")
    assert (agreed.returncode, json.loads(agreed.stdout)["dry_run"]) == (0, False)
    assert world.last_change()["action"] == "merge"
    assert "nothing to do" in world.on_a_terminal(*merge, typed="").stderr


# --- what is asked, and what is only tried ------------------------------------------------


ASKED = (
    ["delete", "A"],
    ["freeze", "A"],
    ["status", "A", "frozen"],
    ["merge", "A", "B", "--mode", "override"],
    ["revert", "A", "--to", "7"],
)
WRITES = (
    *ASKED,
    ["create", "New"],
    ["clone", "A", "New"],
    ["edit", "A", "--contact", "me"],
    ["lock", "A"],
    ["unlock", "B"],
    ["status", "B", "unlocked"],
    ["status", "--create", "new"],
)


@pytest.mark.parametrize("command", ASKED, ids=" ".join)
def test_what_cannot_be_asked_is_not_done(two: Commanded, command: list[str]) -> None:
    before = two.latest()
    done = two.cdb("gt", *command)
    assert (done.exit_code, two.latest()) == (2, before)
    assert "Nobody can be asked here: --yes says so." in done.stderr


@pytest.mark.parametrize("command", WRITES, ids=" ".join)
def test_a_dry_run_changes_nothing(two: Commanded, command: list[str]) -> None:
    before = two.latest()
    done = two.done("gt", *command, "--dry-run")
    assert "Dry run, nothing is kept: " in done.stderr
    assert two.latest() == before


@pytest.mark.parametrize(
    ("command", "status", "code"),
    [
        (["show", "Nothing"], 5, "not-found"),
        (["create", "A"], 6, "name-taken"),
        (["revert", "B", "--to", "10", "--yes"], 6, "append-only"),
        (["list", "--as-of", "1000"], 1, "invalid"),
        (["gaps", "A", "--from", "x"], 1, "invalid"),
    ],
)
def test_refusals_have_their_status(
    two: Commanded, command: list[str], status: int, code: str
) -> None:
    done = two.cdb("gt", *command)
    assert (done.exit_code, done.stdout) == (status, "")
    assert done.stderr.endswith(f"[{code}]\n")


@pytest.mark.parametrize(
    "command",
    [
        ["edit", "A"],
        ["status", "A", "--create", "new"],
        ["status", "A", "--final"],
        ["status", "A", "locked", "--as-of", "8"],
        ["merge", "A", "B"],
        ["merge", "A", "--mode", "fill"],
        ["revert", "A"],
        ["show", "a\nb"],
    ],
)
def test_a_wrong_command_line_ends_with_2(two: Commanded, command: list[str]) -> None:
    assert two.cdb("gt", *command).exit_code == 2
