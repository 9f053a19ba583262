"""`cdb pt`, `pl`, `log` and `whoami`, on a real service."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from commanded import Commanded, commanded
from forging import issuer, signed
from guarded import JWT, ROLES, key_is_set

from cdb_client.resources import base

PATTERN = ["--validator", "name-pattern", "--validator-option", "pattern=beam_*"]


@pytest.fixture(scope="module")
def world(databases: Any) -> Iterator[Commanded]:
    """A service with a payload type, for tests that make things of their own."""
    with commanded(databases, allow_open_writes="true") as made:
        made.client.ok("POST", "pt", {"name": "Beam"})
        yield made


@pytest.fixture(scope="module")
def made(databases: Any) -> Iterator[Commanded]:
    """A service that no test changes: a used and an unused type, two lists in a tag and none."""
    with commanded(databases, allow_open_writes="true") as world:
        for name in ("Beam", "Unused"):
            world.client.ok("POST", "pt", {"name": name})
        world.tag("Beam")
        world.client.ok("POST", "pl", {"payload_type": "Beam", "ends": "next-start"})
        world.insert("Tag0", "Beam", "a", 1, 2)
        yield world


def answer(world: Commanded, *arguments: object) -> Any:
    return json.loads(world.done(*arguments, "--format", "json").stdout)


# --- payload types ----------------------------------------------------------------------


def test_a_type_is_made_with_its_plugins(world: Commanded) -> None:
    made = answer(
        world, "pt", "create", "Spot", "--description", "x", "--dimension", "run-lumi", *PATTERN
    )
    assert made == answer(world, "pt", "show", "Spot")
    assert (made["dimension"], made["validator"]) == ("run-lumi", "name-pattern")
    assert made["validator_options"] == {"pattern": "beam_*"}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("a=5", 5),
        ("a=[1, 2]", [1, 2]),
        ("a=x=y", "x=y"),
        ('a="5"', "5"),
        ("a=", ""),
        ("a=nul", "nul"),
    ],
)
def test_an_option_is_json_or_a_text(world: Commanded, written: str, value: Any) -> None:
    # The service says what it was told, where the validator does not know the option.
    done = world.cdb("pt", "create", "New", *PATTERN, "--validator-option", written, "--dry-run")
    assert done.exit_code == 1
    assert "a" in done.stderr


def test_what_a_type_says_is_changed_and_cleared(world: Commanded) -> None:
    world.done("pt", "create", "Geo", "--description", "x", *PATTERN)
    changed = answer(world, "pt", "edit", "Geo", "--contact", "me", "--description", "")
    assert (changed["contact"], changed["description"]) == ("me", None)
    assert changed["validator"] == "name-pattern"


def test_a_type_is_deleted(world: Commanded) -> None:
    world.done("pt", "create", "Gone")
    world.done("pt", "delete", "Gone", "--yes", "--reason", "never used")
    assert world.last_change()["comment"] == "never used"
    assert world.cdb("pt", "show", "Gone").exit_code == 5


def test_types_are_listed_as_they_were(made: Commanded) -> None:
    assert [row["name"] for row in answer(made, "pt", "list")] == ["Beam", "Unused"]
    assert [row["name"] for row in answer(made, "pt", "list", "--as-of", 1)] == ["Beam"]
    assert [row["name"] for row in answer(made, "pt", "list", "--search", "USED")] == ["Unused"]


# --- payload lists ----------------------------------------------------------------------


def test_the_name_of_a_new_list_is_all_that_is_printed(world: Commanded) -> None:
    done = world.done("pl", "create", "Beam", "--ends", "next-start", "--description", "x")
    name = done.stdout.removesuffix("\n")
    found = answer(world, "pl", "show", name)
    assert (found["ends"], found["description"]) == ("next-start", "x")


def test_a_list_is_attached_described_and_deleted(world: Commanded) -> None:
    tag = world.tag()
    name = world.done("pl", "create", "Beam").stdout.strip()
    assert answer(world, "pl", "attach", name, tag)["global_tag"] == tag
    assert answer(world, "pl", "edit", name, "--contact", "me")["contact"] == "me"
    world.done("pl", "delete", name, "--yes")
    assert world.cdb("pl", "show", name).exit_code == 5


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ([], ["Beam_1", "Beam_2"]),
        (["--tag", "Tag0"], ["Beam_1"]),
        (["--type", "Unused"], []),
        (["--search", "tag0"], ["Beam_1"]),
        (["--as-of", 4], ["Beam_1"]),
    ],
)
def test_lists_are_narrowed(made: Commanded, options: list[Any], names: list[str]) -> None:
    assert [row["name"] for row in answer(made, "pl", "list", *options)] == names


def test_a_list_of_many_pages_is_whole(made: Commanded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "PAGE_SIZE", 1)
    assert [row["name"] for row in answer(made, "pl", "list")] == ["Beam_1", "Beam_2"]


# --- the change log ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ([], [7, 6, 5, 4, 3, 2, 1]),
        (["--oldest-first", "--limit", 2], [1, 2]),
        (["--after", 5], [7, 6]),
        (["--tag", "Tag0", "--action", "attach"], [5]),
        (["--type", "Unused"], [2]),
        (["--actor", "nobody"], []),
        (["--since", "2000-01-01", "--limit", 1], [7]),
    ],
)
def test_the_log_is_narrowed(made: Commanded, options: list[Any], changes: list[int]) -> None:
    assert [row["change"] for row in answer(made, "log", *options)] == changes


def test_one_change_is_shown_whole(made: Commanded) -> None:
    assert answer(made, "log", 7) == made.client.ok("GET", "changes/7")
    assert made.cdb("log", 1000).exit_code == 5


# --- who it is --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(databases: Any) -> Iterator[Commanded]:
    """A service that asks who writes, and lets a role only read."""
    with pytest.MonkeyPatch.context() as patch:
        key_is_set(patch)
        with commanded(databases, **JWT, **ROLES) as made:
            yield made


def test_who_may_not_write_gets_4(guarded: Commanded) -> None:
    create = ("pt", "create", "Beam")
    tokens = {role: signed(issuer("HS256"), roles=[role]) for role in ("nobody", "admin")}
    anonymous = guarded.cdb(*create)
    reader = guarded.cdb(*create, CDB_TOKEN=tokens["nobody"])
    admin = guarded.cdb(*create, CDB_TOKEN=tokens["admin"])
    assert [done.exit_code for done in (anonymous, reader, admin)] == [4, 4, 0]
    assert anonymous.stderr.endswith("[unauthenticated]\n")
    assert reader.stderr.endswith("[forbidden]\n")


def test_whoami_tells_who_the_token_is_of(guarded: Commanded) -> None:
    token = signed(issuer("HS256"), roles=["admin"])
    done = guarded.cdb("whoami", "--format", "json", CDB_TOKEN=token)
    expected = guarded.client.ok("GET", "whoami", headers={"Authorization": f"Bearer {token}"})
    assert json.loads(done.stdout) == expected


# --- what is asked, and what is only tried ------------------------------------------------


ASKED = (["pt", "delete", "Unused"], ["pl", "delete", "Beam_2"])
WRITES = (
    *ASKED,
    ["pt", "create", "New"],
    ["pt", "edit", "Beam", "--contact", "me"],
    ["pl", "create", "Beam"],
    ["pl", "edit", "Beam_2", "--contact", "me"],
    ["pl", "attach", "Beam_2", "Tag0"],
)


@pytest.mark.parametrize("command", ASKED, ids=" ".join)
def test_what_cannot_be_asked_is_not_done(made: Commanded, command: list[str]) -> None:
    before = made.latest()
    done = made.cdb(*command)
    assert (done.exit_code, made.latest()) == (2, before)


@pytest.mark.parametrize("command", WRITES, ids=" ".join)
def test_a_dry_run_changes_nothing(made: Commanded, command: list[str]) -> None:
    before = made.latest()
    done = made.done(*command, "--dry-run")
    assert done.stderr.startswith("Dry run, nothing is kept: ")
    assert made.latest() == before


@pytest.mark.parametrize(
    ("command", "status", "code"),
    [
        (["pt", "show", "Nothing"], 5, "not-found"),
        (["pt", "create", "Beam"], 6, "name-taken"),
        (["pt", "delete", "Beam", "--yes"], 6, "in-use"),
        (["pl", "delete", "Beam_1", "--yes"], 6, "not-empty"),
        (["pl", "attach", "Beam_1", "Nothing"], 5, "not-found"),
        (["pl", "create", "Nothing"], 5, "not-found"),
    ],
)
def test_refusals_have_their_status(
    made: Commanded, command: list[str], status: int, code: str
) -> None:
    done = made.cdb(*command)
    assert (done.exit_code, done.stdout) == (status, "")
    assert done.stderr.endswith(f"[{code}]\n")


@pytest.mark.parametrize(
    "command",
    [
        ["pt", "edit", "Beam"],
        ["pl", "edit", "Beam_1"],
        ["pt", "create", "New", "--validator-option", "novalue"],
        ["pl", "create", "Beam", "--ends", "never"],
        ["log", "0"],
    ],
)
def test_a_wrong_command_line_ends_with_2(made: Commanded, command: list[str]) -> None:
    assert made.cdb(*command).exit_code == 2
