"""`cdb insert`, `bulk`, `iov` and `payload`, on a real service."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commanded import Commanded, commanded

from cdb.services import bundles
from cdb.services.exports import DatabaseSource

MAX = 2**63 - 1
ABC = "900150983cd24fb0d6963f7d28e17f72"
"""The MD5 of abc."""


@pytest.fixture(scope="module")
def world(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commanded]:
    """A service with a payload store, and two payload types."""
    store = str(tmp_path_factory.mktemp("store"))
    settings = {"allow_open_writes": "true", "payload_store": store, "max_body_mb": "1"}
    with commanded(databases, **settings) as made:
        made.client.ok("POST", "pt", {"name": "Beam", "dimension": "run-lumi"})
        made.client.ok("POST", "pt", {"name": "Geo"})
        yield made


@pytest.fixture
def beam(tmp_path: Path) -> Path:
    file = tmp_path / "beam.txt"
    file.write_bytes(b"abc")
    return file


# --- insert --------------------------------------------------------------------------


def test_what_is_inserted_by_url_holds_in_its_interval(world: Commanded) -> None:
    tag = world.tag("Beam")
    done = world.cdb(
        "insert", tag, "Beam", "b.txt", "--checksum", ABC, "--begin", "7:1", "--end", "8:0",
        "--size", 12, "--revision", "3", "--reason", "new fit",
    )  # fmt: skip
    assert (done.exit_code, done.stdout) == (0, ""), done.output
    assert done.stderr.startswith(f"A payload of Beam is in {tag}: change ")
    assert world.iovs(tag) == [("b.txt", 7, 1, 8, 0)]
    [change] = world.client.ok("GET", f"global-tags/{tag}/history?order=desc&limit=1")["changes"]
    assert (change["comment"], change["after"]["payload_iovs"][0]["size"]) == ("new fit", 12)


def test_a_file_is_stored_and_inserted_under_its_url(world: Commanded, beam: Path) -> None:
    tag = world.tag("Beam")
    for start in (7, 8):
        done = world.cdb("insert", tag, "Beam", "--file", beam, "--start", start, 0)
        assert done.exit_code == 0, done.output
    stored = world.client.ok("POST", "payloads/check", [ABC])["present"][ABC]["payload_url"]
    assert world.iovs(tag) == [(stored, 7, 0, 8, 0), (stored, 8, 0, MAX, MAX)]


def test_a_file_that_lies_elsewhere_is_only_read(world: Commanded, beam: Path) -> None:
    tag = world.tag("Beam")
    done = world.cdb("insert", tag, "Beam", "here/b.txt", "--file", beam, "--start", 7, 0)
    assert done.exit_code == 0, done.output
    [row] = world.client.ok("GET", f"global-tags/{tag}/iovs")
    assert (row["payload_url"], row["checksum"], row["size"]) == ("here/b.txt", ABC, 3)


def test_a_dry_run_of_an_insert_stores_and_changes_nothing(
    world: Commanded, tmp_path: Path
) -> None:
    tag = world.tag("Beam")
    file = tmp_path / "dry.txt"
    file.write_bytes(b"dry")
    before = world.client.ok("GET", "changes?limit=1")["latest"]
    done = world.cdb("insert", tag, "Beam", "--file", file, "--start", 7, 0, "--dry-run")
    assert done.exit_code == 0, done.output
    assert done.stderr == f"Dry run, nothing is kept: A payload of Beam is in {tag}.\n"
    assert world.client.ok("GET", "changes?limit=1")["latest"] == before
    assert world.cdb("payload", "check", file, "--exit-code").exit_code == 8


def test_a_missing_list_is_made_where_it_is_asked_for(world: Commanded) -> None:
    tag = world.tag("Beam")
    insert = ("insert", tag, "Geo", "g.xml", "--checksum", ABC, "--start", 0, 0)
    assert world.cdb(*insert).exit_code == 5
    tried = world.cdb(*insert, "--create-list", "--dry-run")
    assert (tried.exit_code, world.iovs(tag)) == (0, [])
    assert tried.stderr == (
        "A payload list of Geo would be made; what goes into it is not tried.\n"
    )
    done = world.cdb(*insert, "--create-list")
    assert done.exit_code == 0, done.output
    assert "A payload list of Geo is made." in done.stderr
    assert world.iovs(tag) == [("g.xml", 0, 0, MAX, MAX)]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--begin", "1:0"), "has a url, or a file"),
        (("x", "--begin", "1:0"), "needs the payload's checksum"),
        (("x", "--checksum", "c"), "starts at `begin`, or at `start`"),
        (("x", "--checksum", "c", "--start", 5, 0, "--until", 4, 0), "before it starts"),
        (("x", "--checksum", "c", "--start", 5, -1), "is not an integer from 0"),
        (("x", "--checksum", "c", "--start", 5, 0, "--upload"), "--upload needs --file"),
    ],
)
def test_an_insert_that_cannot_be_right_is_a_usage_error(
    world: Commanded, options: tuple[str, ...], told: str
) -> None:
    done = world.cdb("insert", "Nowhere", "Beam", *options)
    assert done.exit_code == 2
    assert told in done.stderr


# --- bulk ----------------------------------------------------------------------------


CSV = "payload_type,payload_url,checksum,major_iov,minor_iov,major_iov_end,minor_iov_end\n"


def test_rows_of_csv_are_one_change(world: Commanded) -> None:
    tag = world.tag("Beam", "Geo")
    rows = f"{CSV}Beam,a,s,1,0,2,0\nBeam,b,s,2,0,,\nGeo,c,s,{MAX - 1},9007199254740993,,\n"
    before = world.client.ok("GET", "changes?limit=1")["latest"]
    done = world.cdb("bulk", "-", "--tag", tag, input=rows)
    assert done.exit_code == 0, done.output
    assert done.stderr == f"3 payload IOVs inserted into {tag}: change {before + 1}.\n"
    assert world.iovs(tag) == [
        ("a", 1, 0, 2, 0),
        ("b", 2, 0, MAX, MAX),
        ("c", MAX - 1, 9007199254740993, MAX, MAX),
    ]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_what_is_listed_can_be_inserted_again(world: Commanded, form: str) -> None:
    source, target = world.tag("Beam", "Geo"), world.tag("Beam", "Geo")
    rows = f'{CSV}Beam,"a, ""b""",s,1,0,2,9007199254740993\nGeo,c,s,2,0,,\n'
    assert world.cdb("bulk", "-", "--tag", source, input=rows).exit_code == 0
    listed = world.cdb("iov", "ls", source, "--format", form)
    assert listed.exit_code == 0, listed.output
    done = world.cdb("bulk", "-", "--tag", target, input=listed.stdout)
    assert done.exit_code == 0, done.output
    assert world.iovs(target) == world.iovs(source)
    assert len(world.iovs(source)) == 2


def test_what_a_query_prints_can_be_inserted_too(world: Commanded) -> None:
    source, target = world.tag("Beam"), world.tag("Beam")
    world.cdb("bulk", "-", "--tag", source, input=f"{CSV}Beam,a,s,1,0,2,0\n")
    for form in ("csv", "json"):
        asked = world.cdb("query", source, 1, 5, "--format", form)
        done = world.cdb("bulk", "-", "--tag", target, input=asked.stdout)
        assert done.exit_code == 0, done.output
    assert world.iovs(target) == [("a", 1, 0, 2, 0)]


def test_json_lines_go_to_a_list_whose_ends_are_the_next_starts(world: Commanded) -> None:
    tag = world.tag("Beam", ends="next-start")
    name = world.client.ok("GET", f"gtPayloadLists/{tag}")["Beam"]
    rows = [{"payload_url": each, "checksum": "s", "begin": f"{each}:0"} for each in ("3", "1")]
    lines = "\n".join(map(json.dumps, rows))
    done = world.cdb("bulk", "-", "--list", name, "--format", "json", input=lines)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["count"] == 2
    assert world.iovs(tag) == [("1", 1, 0, 3, 0), ("3", 3, 0, MAX, MAX)]


def test_rows_can_name_their_lists(world: Commanded) -> None:
    tag = world.tag("Beam")
    name = world.client.ok("GET", f"gtPayloadLists/{tag}")["Beam"]
    rows = f"payload_list,payload_url,major_iov,minor_iov\n{name},a,1,0\n{name},b,5,0\n"
    done = world.cdb("bulk", "-", input=rows)
    assert done.exit_code == 0, done.output
    assert world.iovs(tag) == [("a", 1, 0, 5, 0), ("b", 5, 0, MAX, MAX)]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (f"{CSV}Beam,a,s,1,0,2,0\nBeam,b,s,x,0,,\nBeam,,s,1,0,,\n",
         ["line 3: major_iov is 'x', and has to be an integer", "line 4: It has no payload_url."]),
        (f"{CSV}Beam,a,s,1\n", ["line 2: 4 cells stand below 7 headings."]),
        ("payload_type,end_major\nBeam,7\n", ["line 1: No field is called 'end_major'."]),
        ('{"payload_type": "Beam"}\n{"payload', ["line 1: It has no payload_url", "line 2: This"]),
        ('\n[{"payload_url": 7}, 5]', ["item 1: payload_url is 7, and has", "item 2: This"]),
        (f"{CSV}Beam,a,s,9223372036854775808,0,,\n", ["line 2: major_iov is '922"]),
        (f"{CSV}Beam,a,s,1,0,,\n\nBeam,b,s,1,0,,\n", ["Line 2 and line 4 both start at (1, 0)."]),
        (f"{CSV}Beam,a,s,1,0,9,0\nBeam,b,s,5,0,8,0\n", ["Line 2 and line 3 overlap"]),
        (f"{CSV}Beam,a,s,9,0,10,0\nBeam,b,s,5,0,4,0\n", ["Line 3: The end (4, 0) does not come"]),
        (f"{CSV}Beam,{'a' * 256},s,5,0,,\n", ["payload_url: line 2: String should have at most"]),
    ],
)  # fmt: skip
def test_bad_rows_are_named_by_their_lines_and_nothing_is_inserted(
    world: Commanded, rows: str, told: list[str]
) -> None:
    tag = world.tag("Beam")
    done = world.cdb("bulk", "-", "--tag", tag, input=rows)
    assert done.exit_code in (1, 2)
    for each in told:
        assert each in done.stderr
    assert world.iovs(tag) == []


def test_a_dry_run_names_the_lines_of_what_it_tries(world: Commanded) -> None:
    tag = world.tag("Beam")
    rows = f"{CSV}Geo,g,s,1,0,,\nBeam,a,s,1,0,,\nBeam,b,s,1,0,,\n"
    tried = world.cdb("bulk", "-", "--tag", tag, "--create-lists", "--dry-run", input=rows)
    assert tried.exit_code == 1
    assert "Line 3 and line 4 both start at (1, 0)" in tried.stderr


def test_a_file_without_rows_changes_nothing(world: Commanded) -> None:
    for nothing in ("", CSV, "[]"):
        done = world.cdb("bulk", "-", "--tag", "Nowhere", input=nothing)
        assert (done.exit_code, done.stderr) == (0, "The file has no rows: nothing is inserted.\n")


def test_too_many_rows_for_a_request_are_refused_as_a_whole(world: Commanded) -> None:
    tag = world.tag("Beam")
    rows = "".join(f"Beam,{'a' * 200},s,{n},0,,\n" for n in range(5000))
    done = world.cdb("bulk", "-", "--tag", tag, input=CSV + rows)
    assert done.exit_code == 1
    assert "5,000 rows are too many for one request" in done.stderr
    assert world.iovs(tag) == []


# --- iov -----------------------------------------------------------------------------


def test_a_window_and_a_type_choose_what_is_listed(world: Commanded) -> None:
    tag = world.tag("Beam", "Geo")
    rows = f"{CSV}Beam,a,s,1,0,2,0\nBeam,b,s,2,0,3,0\nGeo,c,s,1,0,,\n"
    world.cdb("bulk", "-", "--tag", tag, input=rows)
    before = world.client.ok("GET", "changes?limit=1")["latest"]
    listed = world.cdb("iov", "ls", tag, "Beam", "--from", "run-lumi:2:0", "--format", "csv")
    [row] = csv.DictReader(io.StringIO(listed.stdout))
    assert (row["payload_url"], row["major_iov"]) == ("b", "2")
    world.cdb("iov", "delete", tag, "Beam", "1:0", "--yes")
    then = json.loads(world.cdb("iov", "ls", tag, "--as-of", before, "--format", "json").stdout)
    assert [each["payload_url"] for each in then] == ["a", "b", "c"]


def test_a_list_without_a_tag_is_listed_in_order(world: Commanded) -> None:
    name = world.client.ok("POST", "pl", {"payload_type": "Beam"})["name"]
    rows = "".join(
        json.dumps({"payload_url": str(n), "checksum": "s", "major_iov": n, "minor_iov": 0}) + "\n"
        for n in reversed(range(1001))
    )
    assert world.cdb("bulk", "-", "--list", name, input=rows).exit_code == 0
    listed = world.cdb("iov", "ls", "--list", name, "--format", "csv").stdout
    urls = [row["payload_url"] for row in csv.DictReader(io.StringIO(listed))]
    assert urls == [str(n) for n in range(1001)]
    table = world.cdb("iov", "ls", "--list", name).stdout.splitlines()
    assert [line.startswith("id ") for line in table].count(True) == 2
    assert len(table) == 1003
    assert world.cdb("iov", "ls", "--list", "Nothing").exit_code == 5


def test_a_list_of_a_tag_is_listed_as_of_then(world: Commanded) -> None:
    tag = world.tag("Beam")
    name = world.client.ok("GET", f"gtPayloadLists/{tag}")["Beam"]
    world.cdb("bulk", "-", "--tag", tag, input=f"{CSV}Beam,a,s,1,0,,\n")
    before = world.client.ok("GET", "changes?limit=1")["latest"]
    world.cdb("bulk", "-", "--tag", tag, input=f"{CSV}Beam,b,s,2,0,,\n")
    for options, expected in (((), ["a", "b"]), (("--as-of", before), ["a"])):
        listed = world.cdb("iov", "ls", "--list", name, "--format", "json", *options)
        assert [row["payload_url"] for row in json.loads(listed.stdout)] == expected


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_part_of_a_list_can_be_inserted_again(world: Commanded, form: str) -> None:
    source, target = world.tag("Beam"), world.tag("Beam")
    name = world.client.ok("GET", f"gtPayloadLists/{source}")["Beam"]
    rows = f"{CSV}Beam,a,s,1,0,2,0\nBeam,b,s,2,0,3,0\nBeam,c,s,3,0,,\n"
    world.cdb("bulk", "-", "--tag", source, input=rows)
    listed = world.cdb("iov", "ls", "--list", name, "--from", "2:0", "--format", form)
    done = world.cdb("bulk", "-", "--tag", target, input=listed.stdout)
    assert done.exit_code == 0, done.output
    assert world.iovs(target) == [("b", 2, 0, 3, 0), ("c", 3, 0, MAX, MAX)]


def test_one_is_shown_by_its_number(world: Commanded) -> None:
    tag = world.tag("Beam")
    world.cdb("bulk", "-", "--tag", tag, input=f"{CSV}Beam,a,s,1,0,2,0\n")
    [row] = world.client.ok("GET", f"global-tags/{tag}/iovs")
    done = world.cdb("iov", "show", row["id"], "--format", "json")
    assert json.loads(done.stdout)["payload_url"] == "a"


@pytest.mark.parametrize("points", [["2:0"], ["2,0"], ["2:0", "3:0"], ["2,0", "3,0"]])
def test_what_is_deleted_gives_its_time_back(world: Commanded, points: list[str]) -> None:
    tag = world.tag("Beam", ends="next-start")
    world.cdb(
        "bulk", "-", "--tag", tag, input=f"{CSV}Beam,a,s,1,0,,\nBeam,b,s,2,0,,\nBeam,c,s,3,0,,\n"
    )
    before = world.iovs(tag)
    delete = ("iov", "delete", tag, "Beam", *points)
    assert world.cdb(*delete).exit_code == 2
    assert world.cdb(*delete, "--dry-run").exit_code == 0
    assert world.iovs(tag) == before
    done = world.cdb(*delete, "--yes")
    assert done.exit_code == 0, done.output
    assert world.iovs(tag)[0] == ("a", 1, 0, 3, 0)


@pytest.mark.parametrize("points", [["2:1"], ["2:0", "4:0"], ["2,0", "4,0"], ["9:0"]])
def test_what_is_not_exactly_there_is_not_deleted(world: Commanded, points: list[str]) -> None:
    tag = world.tag("Beam")
    world.cdb("bulk", "-", "--tag", tag, input=f"{CSV}Beam,b,s,2,0,3,0\n")
    assert world.cdb("iov", "delete", tag, "Beam", *points, "--yes").exit_code == 5
    assert len(world.iovs(tag)) == 1


# --- payload -------------------------------------------------------------------------


def test_files_are_sent_once_and_fetched_intact(world: Commanded, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one.txt", "two.txt")]
    for file in files:
        file.write_text(file.name)
    tried = world.cdb("payload", "put", "Geo", *files, "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert world.cdb("payload", "check", *files, "--exit-code").exit_code == 8
    for stored in ("true", "false"):
        done = world.cdb("payload", "put", "Geo", *files, "--format", "csv")
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        assert [row["stored"] for row in rows] == [stored, stored], done.output
    assert world.cdb("payload", "check", *files, "--exit-code").exit_code == 0
    place = tmp_path / "fetched"
    done = world.cdb("payload", "get", rows[0]["checksum"], "-o", place)
    assert (done.exit_code, place.read_text()) == (0, "one.txt")
    assert world.cdb("payload", "get", rows[1]["sha256"], "-o", "-").stdout == "two.txt"


def test_a_file_is_fetched_by_tag_type_and_point(
    world: Commanded, beam: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tag = world.tag("Beam")
    world.cdb("insert", tag, "Beam", "--file", beam, "--start", 7, 0)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert world.cdb("payload", "get", tag, "Beam", "7:1").exit_code == 0
    [fetched] = (tmp_path / "here").iterdir()
    assert (fetched.name.endswith("beam.txt"), fetched.read_bytes()) == (True, b"abc")
    assert world.cdb("payload", "get", tag, "Beam", 7, 2).exit_code == 2
    assert world.cdb("payload", "get", tag, "Beam", 7, 2, "-o", fetched).exit_code == 0
    assert world.cdb("payload", "get", tag, "Beam", 6, 0).exit_code == 5


def test_the_uses_of_a_payload_are_shown(world: Commanded, beam: Path) -> None:
    tag = world.tag("Beam")
    world.cdb("insert", tag, "Beam", "--file", beam, "--start", 7, 0)
    shown = world.cdb("payload", "usage", ABC, "--format", "json")
    assert tag in [use["global_tag"] for use in json.loads(shown.stdout)]
    assert world.cdb("payload", "usage", "f" * 32).exit_code == 5


# --- query ---------------------------------------------------------------------------


def asked(world: Commanded, *arguments: object) -> list[tuple[str, str]]:
    done = world.cdb("query", *arguments, "--format", "json")
    assert done.exit_code == 0, done.output
    return [(row["payload_type_name"], row["payload_url"]) for row in json.loads(done.stdout)]


def test_a_point_can_be_asked_in_notation_by_dimension_and_of_layers(world: Commanded) -> None:
    tag, above = world.tag("Beam", "Geo"), world.tag("Beam", "Geo")
    world.cdb("bulk", "-", "--tag", tag, input=f"{CSV}Beam,a,s,7,1,8,0\nGeo,g,s,7,0,,\n")
    world.cdb("bulk", "-", "--tag", above, input=f"{CSV}Beam,mine,s,7,5,7,6\n")
    assert asked(world, tag, 7, 1) == [("Beam", "a"), ("Geo", "g")]
    assert asked(world, tag, "7:1", "--type", "Beam") == [("Beam", "a")]
    by_dimension = ("--at", "run-lumi:7:1", "--at", "major-minor:0,0")
    assert asked(world, tag, *by_dimension) == [("Beam", "a")]
    assert asked(world, above, 7, 5, "--layer", tag) == [("Beam", "mine"), ("Geo", "g")]
    assert asked(world, above, 7, 6, "--layer", tag) == [("Beam", "a"), ("Geo", "g")]
    shown = world.cdb("query", above, "7:5", "--layer", tag, "--type", "Beam").stdout
    assert shown.splitlines() == [
        "type  payload  global tag  valid from  valid until",
        f"Beam  mine     {above:10}  7:5         7:6",
    ]


def test_a_type_without_a_payload_can_be_an_error(world: Commanded) -> None:
    tag = world.tag("Beam", "Geo")
    world.cdb("bulk", "-", "--tag", tag, input=f"{CSV}Geo,g,s,7,0,,\n")
    assert asked(world, tag, 7, 1) == [("Geo", "g")]
    done = world.cdb("query", tag, 7, 1, "--complete")
    assert (done.exit_code, done.stderr) == (6, "Error: missing: Beam [incomplete]\n")


def test_a_query_can_be_as_of_a_change_and_is_never_a_stale_one(world: Commanded) -> None:
    tag = world.tag("Beam")
    world.cdb("bulk", "-", "--tag", tag, input=f"{CSV}Beam,a,s,7,0,,\n")
    before = world.client.ok("GET", "changes?limit=1")["latest"]
    assert asked(world, tag, 7, 0) == [("Beam", "a")]
    world.cdb("bulk", "-", "--tag", tag, input=f"{CSV}Beam,b,s,7,0,,\n")
    assert asked(world, tag, 7, 0) == [("Beam", "b")]
    assert asked(world, tag, 7, 0, "--as-of", before) == [("Beam", "a")]
    assert asked(world, f"{tag}@{before}", 7, 0) == [("Beam", "a")]


@pytest.mark.parametrize("place", [[], ["1", "2", "3"], ["1:2", "--at", "run-lumi:1:2"]])
def test_a_query_needs_one_point(world: Commanded, place: list[str]) -> None:
    assert world.cdb("query", "Nowhere", *place).exit_code == 2


def test_a_bundle_answers_as_the_service_it_was_taken_from(
    world: Commanded, tmp_path: Path
) -> None:
    tag = world.tag("Beam")
    world.cdb("bulk", "-", "--tag", tag, input=f"{CSV}Beam,a,s,7,1,8,0\nBeam,b,s,8,0,,\n")
    bundle = tmp_path / "it.cdb"
    context = world.client.app.registry.cdb
    source = DatabaseSource(context.database, context.rules, tag)
    bundles.create(source, context.rules, bundle)
    for point in (["7", "1"], ["7:1"], ["--at", "run-lumi:8:0"], ["7", "0"]):
        assert asked(world, tag, *point, "--url", bundle) == asked(world, tag, *point)
        assert asked(world, tag, *point, "--bundle", bundle) == asked(world, tag, *point)
    for refused in (["--as-of", 1], ["--layer", "Other"], ["--type", "Geo"]):
        assert world.cdb("query", tag, 7, 1, "--bundle", bundle, *refused).exit_code == 1


def test_a_file_comes_from_a_folder_that_the_site_has_mounted(
    world: Commanded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = world.tag("Beam")
    monkeypatch.setenv("CDB_READ_DIRS", str(tmp_path / "mounted"))
    file = tmp_path / "mounted" / "here" / "b.txt"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"mounted")
    world.cdb("insert", tag, "Beam", "here/b.txt", "--file", file, "--start", 7, 0)
    got = world.cdb("payload", "get", tag, "Beam", "7:1", "-o", "-")
    assert got.stdout == "mounted", got.output
    file.write_bytes(b"damaged")
    place = tmp_path / "place"
    with pytest.warns(UserWarning, match="has the checksum"):
        assert world.cdb("payload", "get", tag, "Beam", "7:1", "-o", place).exit_code == 1
    assert not place.exists()
