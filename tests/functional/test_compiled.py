"""What is put together from compiled lists is what the database answers, byte for byte."""

import random
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic
from urllib.parse import urlencode

import lmdb
import pytest
from click.testing import CliRunner
from histories import GRID, Step, World, steps
from hypothesis import given, settings
from support import Client, statements

from cdb.commands.compile import compile_
from cdb.domain.points import MAX, OPEN, ORIGIN, Point, before
from cdb.rest.asked import layers
from cdb.rest.inputs import PointQuery
from cdb.rest.kept import State
from cdb.services import compiling, resolve
from cdb.settings import SettingsError
from cdb.store.compiled import CompiledFile, Full, Piece
from cdb.store.engine import Database

EXAMPLES = {"sqlite": 8, "postgresql": 4}

IOVS = "global-tags/Tag/iovs"

OPTIONS: tuple[dict[str, str], ...] = (
    {},
    {"shape": "dict"},
    {"expired": "include"},
    {"shape": "dict", "expired": "include"},
)


def test_compiled_answers_are_those_of_the_database(
    make_client: Callable[..., Client],
    database: Database,
    database_kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = [
        (make_client(iov_mode=mode, compiled=str(tmp_path)), make_client(iov_mode=mode))
        for mode in ("continuous", "discrete")
    ]
    chance = random.Random(1)

    @settings(max_examples=EXAMPLES[database_kind])
    @given(history=steps)
    def check(history: list[Step]) -> None:
        world = World(database)
        world.run(history)
        monkeypatch.setattr(compiling, "_PAGE", chance.choice((1, 2, 2000)))
        for state in chance.sample(world.states, 4):
            for tag in state.tags:
                asked: dict[str, str] = {
                    "gtName": f"{tag}@{state.change}",
                    **chance.choice(OPTIONS),
                }
                for compiled, plain in services:
                    compare(compiled, plain, database, asked)

    check()


def compare(compiling: Client, plain: Client, database: Database, asked: dict[str, str]) -> None:
    """Compare the answers to a question all over the axis."""
    compiled = compiling.app.registry.cdb.compiled
    meant = layers(database, [asked["gtName"]], None)
    state = State(meant, [resolve.head(database, each) for each in meant.tags])
    state.compiled = compiled.tag(
        state.heads[0], asked.get("shape", "list"), expired="expired" in asked
    )
    compiled.compiler.compile(state.compiled)
    for point in GRID:
        query = {**asked, "majorIOV": str(point.major), "minorIOV": str(point.minor)}
        made = compiled.at(state, PointQuery.model_validate(query))
        answer = plain.api("GET", f"payloadiovs/?{urlencode(query)}", status=200)
        assert made.body == answer.body
        said = answer.headers
        start, end = made.holds[""]
        assert f"{start.major},{start.minor}" == said["CDB-Valid-From"]
        assert f"{end.major},{end.minor}" == said["CDB-Valid-Until"]


# --- over HTTP --------------------------------------------------------------


def test_what_is_asked_often_needs_no_statement_but_the_look(
    make_client: Callable[..., Client], tmp_path: Path
) -> None:
    compiling = make_client(answers_mb="0", compiled=str(tmp_path))
    fill(compiling)
    named = {"X-Request-ID": "compared-with-another"}
    expected = make_client().api("GET", path_at(3), headers=named)
    ask_until_compiled(compiling)
    with statements() as sent:
        answer = compiling.api("GET", path_at(3), headers=named)
    assert len(sent) == 1
    assert (answer.body, answer.headers) == (expected.body, expected.headers)
    # A write is seen at once, and what it did not touch stays compiled.
    compiling.ok("POST", IOVS, [row("T1", 20)])
    assert compiling.ok("GET", path_at(20))[1][1] == "T1 at 20"
    ask_until_compiled(compiling)
    assert compiling.ok("GET", path_at(20))[1][1] == "T1 at 20"


def test_a_tag_can_be_compiled_beforehand(
    make_client: Callable[..., Client],
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lists = str(tmp_path / "lists")
    client = make_client(answers_mb="0", compiled=lists)
    fill(client)
    monkeypatch.setenv("CDB_DATABASE_URL", database_url)
    monkeypatch.setenv("CDB_COMPILED", lists)
    ini = tmp_path / "deployment.ini"
    ini.write_text("[app:main]\nuse = egg:hep-cdb\ncdb.allow_open_writes = true\n")
    ran = CliRunner().invoke(compile_, [str(ini), "Tag", "--shape", "list", "--shape", "dict"])
    assert (ran.exit_code, ran.output) == (
        0,
        "Tag: 20 payload IOVs as list\nTag: 20 payload IOVs as dict\n",
    )
    parts = CompiledFile.opened(Path(lists), 0).parts
    ask_until_compiled(client)
    # Two lists, each in both shapes.
    assert CompiledFile.opened(Path(lists), 0).parts == parts == 2 * 2
    ran = CliRunner().invoke(compile_, [str(ini), "Nothing"])
    assert (ran.exit_code, ran.output) == (1, "Error: Global tag 'Nothing' does not exist.\n")


def fill(client: Client) -> None:
    """Make a tag with two lists, of ten payload IOVs each."""
    client.ok("POST", "gt", {"name": "Tag"})
    for name in ("T0", "T1"):
        client.ok("POST", "pt", {"name": name})
        made = client.ok("POST", "pl", {"payload_type": name})["name"]
        client.ok("PUT", "pl_attach", {"global_tag": "Tag", "payload_list": made})
        client.ok("POST", IOVS, [row(name, at) for at in range(10)])


def row(name: str, major: int) -> dict[str, object]:
    return {
        "payload_type": name,
        "payload_url": f"{name} at {major}",
        "checksum": "0",
        "major_iov": major,
        "minor_iov": 0,
    }


def path_at(major: int) -> str:
    return f"payloadiovs/?gtName=Tag&majorIOV={major}&minorIOV=7"


def ask_until_compiled(client: Client) -> None:
    """Ask until nothing but the end of the log is asked of the database."""
    deadline = monotonic() + 120
    while monotonic() < deadline:
        with statements() as sent:
            client.api("GET", path_at(3), status=200)
        if not any("iov" in statement for statement in sent):
            return
    raise AssertionError("The lists are never compiled.")


# --- the file ---------------------------------------------------------------


def test_what_went_to_make_room_is_asked_of_the_database_and_compiled_again(
    make_client: Callable[..., Client], tmp_path: Path
) -> None:
    compiling = make_client(answers_mb="0", compiled=str(tmp_path), compiled_mb="1")
    fill(compiling)
    ask_until_compiled(compiling)
    file = CompiledFile.opened(tmp_path, 1)
    for number in range(3):  # each has room, all of them have not
        file.add(bytes([number]) * 16, lambda: [Piece(ORIGIN, bytes(400_000))])
    assert [file.has(bytes([number]) * 16) for number in range(3)] == [False, False, True]
    assert compiling.ok("GET", path_at(3))[1][1] == "T1 at 3"
    ask_until_compiled(compiling)


def test_where_nothing_can_be_written_the_database_answers(
    make_client: Callable[..., Client], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    compiling = make_client(answers_mb="0", compiled=str(tmp_path))
    fill(compiling)
    expected = compiling.ok("GET", path_at(3))
    size = (tmp_path / "data.mdb").stat().st_size
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))  # as if the disk were full
    try:
        deadline = monotonic() + 120
        while "The file of compiled lists fails" not in caplog.text:
            assert monotonic() < deadline
            assert compiling.ok("GET", path_at(3)) == expected
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert compiling.ok("GET", path_at(3)) == expected


def test_a_list_that_is_too_large_for_the_file_leaves_nothing_behind(tmp_path: Path) -> None:
    file = CompiledFile.opened(tmp_path, 2**20)
    large = [Piece(Point(9 - at, 0), bytes(200_000)) for at in range(10)]
    with pytest.raises(Full):
        file.add(b"a" * 16, lambda: large)
    assert not file.has(b"a" * 16)
    assert file.lists([b"a" * 16]) is None
    file.add(b"b" * 16, lambda: [Piece(ORIGIN, b"")])
    found = file.lists([b"b" * 16])
    assert found
    assert found.at(Point(5, 0)) == ([b""], (ORIGIN, OPEN))


def test_a_file_takes_as_much_as_it_may(tmp_path: Path) -> None:
    small, large = (b"%d" % number * 16 for number in (1, 2))
    first = CompiledFile.opened(tmp_path / "first", 2**20)
    first.add(small, lambda: [Piece(ORIGIN, b"")])
    assert 0 < first.size < 2**20
    first.add(large, lambda: [Piece(ORIGIN, bytes(100_000))])
    assert first.size > 100_000
    just = CompiledFile.opened(tmp_path / "just", first.size)
    just.add(small, lambda: [Piece(ORIGIN, b"")])
    just.add(large, lambda: [Piece(ORIGIN, bytes(100_000))])
    assert just.has(small)


FILL = """
import sys
from pathlib import Path
from cdb.domain.points import ORIGIN
from cdb.store.compiled import CompiledFile, Piece
file = CompiledFile.opened(Path(sys.argv[1]), 2**20)
for name in (b"b" * 16, b"c" * 16):
    file.add(name, lambda: [Piece(ORIGIN, bytes(600_000))])
"""


def test_lists_go_where_another_process_has_begun_the_file_anew(tmp_path: Path) -> None:
    name, file = b"a" * 16, CompiledFile.opened(tmp_path, 2**20)
    file.add(name, lambda: [Piece(ORIGIN, b"")])
    before = file.lists([name])
    assert before
    subprocess.run([sys.executable, "-c", FILL, tmp_path], check=True, timeout=120)
    after = file.lists([b"c" * 16])
    assert after
    assert (before.is_current, after.is_current) == (False, True)
    assert file.lists([name]) is None


def test_a_list_of_several_parts_is_looked_into_as_one(tmp_path: Path) -> None:
    starts = [Point(major, minor) for major in range(9_000) for minor in (0, 2, MAX)]
    shown = {start: str(start).encode() for start in starts}
    file = CompiledFile.opened(tmp_path, 2**24)
    file.add(b"a" * 16, lambda: [Piece(start, shown[start]) for start in reversed(starts)])
    assert file.parts == 3
    lists = file.lists([b"a" * 16])
    assert lists
    for number, start in enumerate(starts):
        end = OPEN if number + 1 == len(starts) else starts[number + 1]
        for point in {start, before(end)}:
            assert lists.at(point) == ([shown[start]], (start, end))


def test_a_folder_that_cannot_be_made_stops_the_boot(
    make_client: Callable[..., Client], tmp_path: Path
) -> None:
    taken = tmp_path / "taken"
    taken.touch()
    with pytest.raises(SettingsError, match=r"cdb\.compiled: .*taken"):
        make_client(compiled=str(taken))


def test_no_damaged_byte_of_a_list_is_answered_from(tmp_path: Path) -> None:
    name, folder = b"a" * 16, tmp_path / "whole"
    pieces = [Piece((major, 0), b"%d" % major) for major in reversed(range(2000))]
    CompiledFile.opened(folder, 2**20).add(name, lambda: pieces)
    whole = (folder / "data.mdb").read_bytes()
    with lmdb.open(str(folder), lock=False) as environment, environment.begin() as reading:
        [value] = [each for _, each in reading.cursor()]
    first = whole.index(value)
    chance = random.Random(1)
    for place in [0, 7, 8, 15, 16, len(value) - 1, *chance.choices(range(len(value)), k=40)]:
        damaged = bytearray(whole)
        damaged[first + place] ^= 1 << chance.randrange(8)
        folder = Path(mkdtemp(dir=tmp_path))
        (folder / "data.mdb").write_bytes(damaged)
        with pytest.raises(lmdb.CorruptedError):
            CompiledFile(folder, 2**20).lists([name])


def test_a_list_without_its_beginning_is_not_answered_from(tmp_path: Path) -> None:
    name = b"a" * 16
    file = CompiledFile.opened(tmp_path, 2**20)
    file.add(name, lambda: [Piece(Point(9, 0), b"x")])
    with pytest.raises(lmdb.CorruptedError):
        file.lists([name])
