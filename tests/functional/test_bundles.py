"""A global tag in one file: what comes out of a database goes into another one as it was."""

import gzip
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from histories import CELLS, World, steps
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import served
from sqlalchemy import text
from support import API, WRITER, Client, rules, serving

from cdb.app import make_app
from cdb.commands.bundle import bundle
from cdb.commands.import_ import import_
from cdb.commands.json_lines import export
from cdb.domain.points import OPEN, ORIGIN
from cdb.domain.portable import PortableIov, PortableList
from cdb.domain.statuses import WriteMode
from cdb.errors import Corrupt, Invalid, NameTaken, NotFound
from cdb.rest.views import RESOURCES
from cdb.services import (
    bundles,
    digest,
    exports,
    global_tags,
    imports,
    json_lines,
    lookup,
    payload_iovs,
    payload_types,
)
from cdb.services.bundles import BundleSource, Label
from cdb.services.entering import Reference
from cdb.services.exports import DatabaseSource
from cdb.services.imports import Imported
from cdb.services.json_lines import JsonLinesSource
from cdb.services.rules import Rules
from cdb.services.statuses import declare
from cdb.settings import load
from cdb.store import bundles as files
from cdb.store import query, reads
from cdb.store.changes import latest
from cdb.store.engine import Database
from cdb_client.bundle import Bundle, BundleError
from cdb_client.cli import main
from cdb_client.questions import Question

RULES = rules()


@pytest.fixture
def other(database_kind: str, databases: Any) -> Iterator[Database]:
    """The store of a database of the other kind, migrated and empty."""
    with databases("sqlite" if database_kind == "postgresql" else "postgresql") as url:
        store = Database(url)
        yield store
        store.dispose()


@pytest.fixture
def world(database: Database) -> World:
    """A tag with two lists, one of which is cut, and has a gap."""
    made = World(database)
    lists = made.lists(made.names[0])
    first, second = (lists[name] for name in made.types[:2])
    start, middle, end = CELLS[0].start, CELLS[3].start, CELLS[5].start
    made.attach(first, Reference("wide", "sum 1", start, end, size=7, revision="rev 1"))
    made.attach(first, Reference("narrow", "sum 2", middle, None))
    made.attach(second, Reference("späte Ladung", "sum 3", middle, end))
    return made


def take(
    database: Database, source: Any, name: str | None = None, here: Rules = RULES
) -> Imported:
    with database.writing() as session:
        return imports.take(session, here, WRITER, source, name)


def through_bundle(world: World, written: str, folder: Path, to: Database, name: str) -> Imported:
    source = DatabaseSource(world.database, RULES, written)
    made = bundles.create(source, RULES, folder / f"{written}.cdb")
    with files.opened(made.path) as bundled:
        return take(to, BundleSource(bundled, RULES), name)


def through_lines(world: World, written: str, folder: Path, to: Database, name: str) -> Imported:
    path = folder / "lines"
    with path.open("wb") as file:
        json_lines.write(DatabaseSource(world.database, RULES, written), file)
    with path.open("rb") as file:
        return take(to, JsonLinesSource(file), name)


WAYS = pytest.mark.parametrize("through", [through_bundle, through_lines])


def digest_of(database: Database, name: str, at: int | None = None) -> str:
    with database.snapshot() as reader:
        change = latest(reader)[0] if at is None else at
        record = lookup.tag(reader, name, change)
    return digest.of_tag(database, RULES, record, change).digest


def answers(database: Database, name: str, at: int | None = None) -> list[Any]:
    """What a tag answers in every cell, with all that an answer says."""
    with database.snapshot() as reader:
        change = latest(reader)[0] if at is None else at
        found = [query.members_at(reader, name, cell.start, change) for cell in CELLS]
    return [
        [member.valid and member.valid[:10] for member in each.lists] for each in found if each
    ]


def rows(database: Database) -> dict[str, int]:
    tables = ("change", "global_tag", "payload_type", "payload_list", "series", "iov")
    with database.snapshot() as reader:
        return {
            table: reader.execute(text(f"select count(*) from {table}")).scalar_one()  # noqa: S608 - constants
            for table in tables
        }


# --- there and back ----------------------------------------------------------------


@WAYS
@given(history=steps, data=st.data(), page=st.sampled_from([1, 2, exports.PAGE]))
@settings(max_examples=5)
def test_any_tag_as_of_any_change_is_the_same_elsewhere(
    database: Database,
    other: Database,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    through: Any,
    history: Any,
    data: st.DataObject,
    page: int,
) -> None:
    monkeypatch.setattr(exports, "PAGE", page)
    world = World(database)
    world.run(history)
    state = data.draw(st.sampled_from(world.states))
    name = data.draw(st.sampled_from(sorted(state.tags)))
    written = f"{name}@{state.change}"
    imported = through(world, written, tmp_path_factory.mktemp("files"), other, f"{name}_copy")
    expected = digest_of(database, name, state.change)
    assert imported.digest == expected == digest_of(other, f"{name}_copy")
    dimensions = RULES.default_dimension
    there = answers(database, name, state.change)
    here = answers(other, f"{name}_copy")
    assert here == [[each and (*each[:9], dimensions) for each in members] for members in there]


@WAYS
def test_nothing_of_the_tag_is_lost(
    world: World, other: Database, tmp_path: Path, through: Any
) -> None:
    name = world.names[0]
    world.write(global_tags.describe, name, {"description": "alles", "contact": "a@b.de"})
    with world.database.writing() as session:
        declare(session, RULES, WRITER, "reviewed", WriteMode.CLOSED, description="by two")
    with world.database.writing() as session:
        global_tags.change_status(world.database, session, RULES, WRITER, name, "reviewed")
    there = world.tag(name)
    imported = through(world, name, tmp_path, other, name)
    here = imported.tag
    kept = ("name", "author", "description", "contact", "created", "status", "mode", "digest")
    assert [getattr(here, key) for key in kept] == [getattr(there, key) for key in kept]
    assert here.digest == imported.digest
    with other.snapshot() as reader, world.database.snapshot() as original:
        found = reads.lists_of(reader, here.id)
        assert [(each.name, each.type, each.ends, each.created, each.n_iov) for each in found] == [
            (each.name, each.type, each.ends, each.created, each.n_iov)
            for each in reads.lists_of(original, there.id)
        ]
    sources = [DatabaseSource(each, RULES, name) for each in (world.database, other)]
    iovs = [[list(rows) for _, rows in source.lists()] for source in sources]
    assert iovs[0] == iovs[1]
    assert any(iov.declared > iov.end for iov in iovs[0][0])
    with other.snapshot() as reader:
        detail = reader.execute(
            text("select detail from change order by change desc limit 1")
        ).scalar_one()
    said = json.loads(detail) if isinstance(detail, str) else detail
    assert said["provenance"]["global_tag"] == name
    assert said["provenance"]["change"] == there.head
    assert said["after"]["payload_iovs_count"] == sum(map(len, iovs[0]))


def test_what_came_in_can_be_written_to(world: World, other: Database, tmp_path: Path) -> None:
    through_bundle(world, world.names[0], tmp_path, other, "In")
    copy = World(other)
    before = answers(other, "In")
    taken = copy.lists("In")[world.types[0]]
    copy.attach(taken, Reference("later", "sum", CELLS[0].start, CELLS[1].start))
    after = answers(other, "In")
    assert after[0][0][1] == "later"
    assert [row and row[1] for row, _ in after[1:]] == [row and row[1] for row, _ in before[1:]]
    assert answers(other, "In", copy.change() - 1) == before


class Watched(DatabaseSource):
    """A source that lets something be done before each of its lists is read."""

    meanwhile: Callable[[], object]

    def lists(self) -> Iterator[tuple[PortableList, Iterator[PortableIov]]]:
        for each in super().lists():
            self.meanwhile()
            yield each


def test_others_write_on_while_a_tag_comes_in(world: World, databases: Any) -> None:
    with databases("postgresql") as url:
        store = Database(url)
        there, name = World(store), world.names[0]
        source = Watched(world.database, RULES, name)
        source.meanwhile = lambda: there.make_list(there.names[0], there.types[2])
        before = there.change()
        take(store, source, "In")
        # Two lists, before each of which one was made and attached.
        assert there.change() == before + 4 + 1
        assert there.tag("In").head == there.change()
        assert digest_of(store, "In") == digest_of(world.database, name)
        store.dispose()


def test_it_is_one_change(world: World, other: Database, tmp_path: Path) -> None:
    before = rows(other)
    through_bundle(world, world.names[0], tmp_path, other, "In")
    after = rows(other)
    assert after["change"] == before["change"] + 1
    assert after["global_tag"] == before["global_tag"] + 1


def test_numbers_of_payloads_come_along(world: World, other: Database, tmp_path: Path) -> None:
    """Where the service numbers payloads, it goes on from the numbers that came in."""
    name, type_name = world.names[0], world.types[0]
    taken = world.lists(name)[type_name]
    cells = CELLS[6:10]
    for cell, revision in zip(cells, ("3", "07", "three", "3"), strict=True):
        reference = Reference(revision, f"SUM {cell.start}", *cell, revision=revision)
        world.attach(taken, reference)
    numbering = replace(RULES, numbers_revisions=True)
    path = bundles.create(DatabaseSource(world.database, RULES, name), RULES, tmp_path / "x").path
    with files.opened(path) as bundled:
        take(other, BundleSource(bundled, RULES), "In", numbering)
    assert digest_of(other, "In") == digest_of(world.database, name)
    with other.snapshot() as reader:
        found = reader.execute(text("select checksum, revision from payload order by revision"))
        assert [tuple(row) for row in found] == [
            (f"SUM {cells[0].start}".lower(), 3),
            (f"SUM {cells[1].start}".lower(), 7),
        ]
    with other.writing() as session:
        new = Reference("new", "sum new", cells[0].start, None)
        into = World.lists(World(other), "In")[type_name]
        payload_iovs.attach_many(session, numbering, WRITER, {into: [(0, new)]})
    assert answers(other, "In")[6][0][8] == "8"
    for cell, revision in zip(CELLS[10:12], ("7", "9"), strict=True):
        world.attach(taken, Reference(revision, f"new {revision}", *cell, revision=revision))
    path = bundles.create(DatabaseSource(world.database, RULES, name), RULES, tmp_path / "y").path
    with files.opened(path) as bundled:
        take(other, BundleSource(bundled, RULES), "Again", numbering)
    with other.snapshot() as reader:
        found = reader.execute(text("select checksum, revision from payload order by revision"))
        # The number 7 is that of another payload here, and stays it.
        assert [tuple(row) for row in found][2:] == [("sum new", 8), ("new 9", 9)]


def test_names_that_are_taken_give_way(world: World, other: Database, tmp_path: Path) -> None:
    first = through_bundle(world, world.names[0], tmp_path, other, "One")
    second = through_bundle(world, world.names[0], tmp_path, other, "Two")
    assert first.renamed == {}
    assert set(second.renamed) == set(world.lists(world.names[0]).values())
    assert digest_of(other, "One") == digest_of(other, "Two")
    with pytest.raises(NameTaken):
        through_bundle(world, world.names[0], tmp_path, other, "Two")


def test_where_a_tag_came_from_is_told_further(
    world: World, other: Database, tmp_path: Path
) -> None:
    through_bundle(world, world.names[0], tmp_path, other, "In")
    source = DatabaseSource(other, RULES, "In")
    assert source.provenance.before is not None
    assert source.provenance.before["global_tag"] == world.names[0]


@WAYS
def test_what_the_numbers_of_its_dimensions_are_called_goes_along(
    world: World, other: Database, tmp_path: Path, through: Any
) -> None:
    called = dict.fromkeys([RULES.default_dimension], ("major", "minor"))
    assert DatabaseSource(world.database, RULES, world.names[0]).provenance.dimensions == called
    through(world, world.names[0], tmp_path, other, "In")
    before = DatabaseSource(other, RULES, "In").provenance.before
    assert before is not None
    assert before["dimensions"] == {name: list(each) for name, each in called.items()}


def test_a_bundle_that_does_not_say_what_its_numbers_are_called_is_read(
    world: World, other: Database, tmp_path: Path
) -> None:
    source = DatabaseSource(world.database, RULES, world.names[0])
    path = bundles.create(source, RULES, tmp_path / "old.cdb").path
    damaged(path, "update change set detail = json_remove(detail, '$.provenance.dimensions')")
    with files.opened(path) as bundled:
        assert Label.of(bundled).provenance.dimensions == {}
        assert take(other, BundleSource(bundled, RULES), "In").digest == Label.of(bundled).digest


def test_lines_that_do_not_say_it_are_read(world: World, other: Database, tmp_path: Path) -> None:
    path = tmp_path / "lines"
    with path.open("wb") as file:
        json_lines.write(DatabaseSource(world.database, RULES, world.names[0]), file)
    first, rest = path.read_bytes().split(b"\n", 1)
    header = json.loads(first)
    del header["provenance"]["dimensions"]
    path.write_bytes(json.dumps(header).encode() + b"\n" + rest)
    with path.open("rb") as file:
        assert take(other, JsonLinesSource(file), "In").tag.name == "In"


# --- what does not come in ---------------------------------------------------------


def damaged(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "update iov set payload_url = 'other' where payload_url = 'wide'",
        "delete from iov where payload_url = 'narrow'",
        "update iov set end_minor = end_minor - 1 where payload_url = 'wide'",
        "update payload_type set dimension = 'run-lumi'",
        "update payload_type set name = name || 'x'",
    ],
)
def test_a_bundle_that_was_changed_is_refused(
    world: World, other: Database, tmp_path: Path, statement: str
) -> None:
    source = DatabaseSource(world.database, RULES, world.names[0])
    made = bundles.create(source, RULES, tmp_path / "x.cdb")
    damaged(made.path, statement)
    before = rows(other)
    with files.opened(made.path) as bundled, pytest.raises(Corrupt, match="digest"):
        take(other, BundleSource(bundled, RULES))
    assert rows(other) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no bundle"),
        (b"no database at all" * 100, "is no bundle"),
        (b"SQLite format 3\0" + b"\0" * 5000, "is no bundle"),
    ],
)
def test_a_file_that_is_no_bundle_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.cdb"
    path.write_bytes(content)
    with pytest.raises(Corrupt, match=message), files.opened(path):
        pass


@pytest.mark.parametrize(
    "detail", ["null", "[]", "{", "{}", """{"after": {"digest": "0"}, "provenance": 1}"""]
)
def test_a_bundle_that_does_not_say_what_it_is_is_refused(
    world: World, tmp_path: Path, detail: str
) -> None:
    source = DatabaseSource(world.database, RULES, world.names[0])
    path = bundles.create(source, RULES, tmp_path / "x.cdb").path
    statement = f"update change set detail = '{detail}' where action = 'import'"  # noqa: S608 - constants
    damaged(path, statement)
    with pytest.raises(BundleError, match="is damaged: it does not say what it is"):
        Bundle(path)
    with pytest.raises(Corrupt, match="is damaged"), files.opened(path) as bundled:
        Label.of(bundled)


def test_damaged_pages_of_a_bundle_are_an_error_of_its_own(world: World, tmp_path: Path) -> None:
    source = DatabaseSource(world.database, RULES, world.names[0])
    path = bundles.create(source, RULES, tmp_path / "x.cdb").path
    whole = path.read_bytes()
    place = whole.index("späte Ladung".encode()) // 4096 * 4096
    path.write_bytes(whole[:place] + b"\xff" * 4096 + whole[place + 4096 :])
    with Bundle(path) as bundle:
        question = Question((bundle.global_tag,))
        with pytest.raises(BundleError, match="is damaged"):
            list(bundle.iovs(question, ORIGIN, OPEN))
        with pytest.raises(BundleError, match="is damaged"):
            bundle.answer(question, {"": CELLS[3].start})
    with pytest.raises(Corrupt, match="is damaged"), files.opened(path) as bundled:
        [list(iovs) for _, iovs in BundleSource(bundled, RULES).lists()]


def test_damaged_schema_of_a_bundle_is_an_error_of_its_own(world: World, tmp_path: Path) -> None:
    source = DatabaseSource(world.database, RULES, world.names[0])
    path = bundles.create(source, RULES, tmp_path / "x.cdb").path
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE token", b"CREATE TABLE \xd4oken"))
    with pytest.raises(BundleError, match=r"no bundle|is damaged"):
        Bundle(path)
    with pytest.raises(Corrupt, match=r"no bundle|is damaged"), files.opened(path):
        pass


def test_a_bundle_of_another_version_is_refused(world: World, tmp_path: Path) -> None:
    source = DatabaseSource(world.database, RULES, world.names[0])
    path = bundles.create(source, RULES, tmp_path / "x.cdb").path
    damaged(path, "pragma user_version = 2")
    with pytest.raises(Corrupt, match="format 2"), files.opened(path):
        pass


def test_an_unknown_tag_or_change_makes_no_file(world: World, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        DatabaseSource(world.database, RULES, "NoSuch")
    with pytest.raises(Invalid):
        DatabaseSource(world.database, RULES, f"{world.names[0]}@100000")


def test_a_bundle_that_cannot_be_made_is_told_by_its_name(world: World) -> None:
    source = DatabaseSource(world.database, RULES, world.names[0])
    with pytest.raises(OSError, match=r"/proc/\.x\.cdb"):
        bundles.create(source, RULES, Path("/proc/x.cdb"))


class Interrupted(DatabaseSource):
    """A source that is interrupted in the middle of its last list."""

    def lists(self) -> Iterator[tuple[PortableList, Iterator[PortableIov]]]:
        found = [(each, list(iovs)) for each, iovs in super().lists()]
        for place, (each, iovs) in enumerate(found):
            yield each, iter(iovs) if place < len(found) - 1 else self._half(iovs)

    def _half(self, iovs: list[PortableIov]) -> Iterator[PortableIov]:
        yield iovs[0]
        raise KeyboardInterrupt


def test_an_interruption_leaves_nothing(world: World, other: Database, tmp_path: Path) -> None:
    source = Interrupted(world.database, RULES, world.names[0])
    with pytest.raises(KeyboardInterrupt):
        bundles.create(source, RULES, tmp_path / "x.cdb")
    assert list(tmp_path.iterdir()) == []
    before = rows(other)
    with pytest.raises(KeyboardInterrupt):
        take(other, source, "In")
    assert rows(other) == before


def test_an_interruption_leaves_the_bundle_that_was_there(world: World, tmp_path: Path) -> None:
    path = tmp_path / "x.cdb"
    bundles.create(DatabaseSource(world.database, RULES, world.names[0]), RULES, path)
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        bundles.create(Interrupted(world.database, RULES, world.names[0]), RULES, path)
    assert path.read_bytes() == before


def test_a_type_of_another_dimension_is_refused(
    world: World, other: Database, tmp_path: Path
) -> None:
    with other.writing() as session:
        choice = payload_types.Choice("run-lumi")
        payload_types.create(session, RULES, WRITER, world.types[0], choice=choice)
    before = rows(other)
    with pytest.raises(Invalid, match="'run-lumi' here"):
        through_bundle(world, world.names[0], tmp_path, other, "In")
    assert rows(other) == before


def test_a_dimension_that_the_service_has_not_is_refused(
    world: World, other: Database, tmp_path: Path
) -> None:
    made = through_bundle_of_type(world, tmp_path, payload_types.Choice("run-lumi"))
    before = rows(other)
    here = rules(iov_dimensions="major-minor")
    with files.opened(made) as bundled:
        source = BundleSource(bundled, RULES)
        with pytest.raises(Invalid, match="'run-lumi', which is none of this service"):
            take(other, source, "In", here)
    assert rows(other) == before


def test_a_validator_that_the_service_has_not_is_left_out(
    world: World, other: Database, tmp_path: Path
) -> None:
    chosen = payload_types.Choice(None, "name-pattern", {"pattern": "a.*"})
    made = through_bundle_of_type(world, tmp_path, chosen)
    for validators, missing in (("", ["Special"]), ("name-pattern", [])):
        name = f"In{len(missing)}"
        here = rules(payload_validators=validators)
        with files.opened(made) as bundled:
            imported = take(other, BundleSource(bundled, RULES), name, here)
        # The second time the type is there, and stays as it is.
        assert imported.without_validator == missing
        with other.snapshot() as reader:
            assert lookup.type_(reader, "Special").validator is None


def through_bundle_of_type(world: World, folder: Path, choice: payload_types.Choice) -> Path:
    """Make a bundle of a tag that has a list of a type with a choice of plugins."""
    with world.database.writing() as session:
        there = rules(payload_validators="name-pattern")
        payload_types.create(session, there, WRITER, "Special", choice=choice)
    world.make_list(world.names[0], "Special")
    source = DatabaseSource(world.database, RULES, world.names[0])
    return bundles.create(source, RULES, folder / "special.cdb").path


def test_a_bundle_is_served_where_nobody_knows_its_dimensions(
    world: World, tmp_path: Path
) -> None:
    made = through_bundle_of_type(world, tmp_path, payload_types.Choice())
    damaged(made, "update payload_type set dimension = 'elsewhere'")
    with files.opened(made) as database:
        app = make_app(load(bundles.settings_of(made, Label.of(database)), {}))
    client, name = Client(app), world.names[0]
    point = CELLS[0].start
    ask = f"payloadiovs/?gtName={name}&majorIOV={point.major}&minorIOV={point.minor}&shape=dict"
    [row] = client.ok("GET", ask)
    assert (row["payload_url"], row["dimension"], row["begin"]) == ("wide", "elsewhere", None)
    answer = client.api("GET", f"payloadiovs/?gtName={name}&at=1:2", status=400)
    assert answer.json["code"] == "invalid"
    app.registry.cdb.database.dispose()


# --- JSON lines --------------------------------------------------------------------


@pytest.fixture
def lines(world: World, tmp_path: Path) -> list[bytes]:
    path = tmp_path / "lines"
    with path.open("wb") as file:
        json_lines.write(DatabaseSource(world.database, RULES, world.names[0]), file)
    return path.read_bytes().splitlines(keepends=True)


def change_line(lines: list[bytes], place: int, **values: Any) -> list[bytes]:
    changed = json.dumps({**json.loads(lines[place]), **values}).encode() + b"\n"
    return [*lines[:place], changed, *lines[place + 1 :]]


def test_lines_say_what_they_are(lines: list[bytes], world: World) -> None:
    first, second, third, *_, last = map(json.loads, lines)
    assert (first["cdb"], first["version"]) == ("global-tag", 1)
    assert first["tag"]["name"] == world.names[0]
    assert second["payload_list"]["payload_type"]["name"] == world.types[0]
    assert (third["payload_url"], third["size"], third["revision"]) == ("wide", 7, "rev 1")
    assert last["end"]["payload_iovs"] == len(lines) - 4
    assert last["end"]["digest"] == digest_of(world.database, world.names[0])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda lines: lines[:-1], "cut off"),
        (lambda lines: [*lines[:-1], lines[-1][:-5]], "cut off"),
        (lambda lines: [], "cut off"),
        (lambda lines: [*lines[:2], b"{\n", *lines[3:]], "line 3: this is no JSON"),
        (lambda lines: [*lines[:2], b"[]\n", *lines[3:]], "line 3: an object"),
        (lambda lines: [b"{}\n", *lines[1:]], "line 1: cdb"),
        (lambda lines: change_line(lines, 0, version=2), "line 1: version"),
        (lambda lines: change_line(lines, 2, start=[0, -1]), "line 3: start.1"),
        (lambda lines: change_line(lines, 2, end=[0, 2**63]), "line 3: end.1"),
        (lambda lines: change_line(lines, 2, payload_url="a\x07"), "line 3: payload_url"),
        (lambda lines: change_line(lines, 2, checksum="c" * 256), "line 3: checksum"),
        (lambda lines: change_line(lines, 2, more=1), "line 3: more"),
        (lambda lines: [*lines[:2], *lines[3:]], "payload IOVs, and there are"),
        (lambda lines: change_line(lines, 2, payload_url="other"), "digest"),
    ],
)
def test_lines_that_are_wrong_change_nothing(
    lines: list[bytes], other: Database, tmp_path: Path, spoil: Any, message: str
) -> None:
    path = tmp_path / "wrong"
    path.write_bytes(b"".join(spoil(lines)))
    before = rows(other)
    with path.open("rb") as file, pytest.raises(Corrupt, match=message):
        take(other, JsonLinesSource(file))
    assert rows(other) == before


@pytest.mark.parametrize(
    "values",
    [
        {"start": [9, 9], "end": [9, 9]},
        {"start": [9, 9], "end": [9, 8]},
        {"end": [2**63 - 1, 2**63 - 1]},
        {"declared_end": [0, 0]},
    ],
)
def test_lines_without_an_interval_change_nothing(
    lines: list[bytes], other: Database, tmp_path: Path, values: dict[str, Any]
) -> None:
    path = tmp_path / "wrong"
    path.write_bytes(b"".join(change_line(lines, 2, **values)))
    before = rows(other)
    with path.open("rb") as file, pytest.raises(Invalid):
        take(other, JsonLinesSource(file))
    assert rows(other) == before


# --- a bundle that is served -------------------------------------------------------


@pytest.fixture
def bundled(world: World, tmp_path: Path) -> Iterator[Path]:
    """A bundle in a folder that nobody may write to."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    source = DatabaseSource(world.database, RULES, world.names[0])
    path = bundles.create(source, RULES, folder / "x y%.cdb").path
    path.chmod(0o444)
    folder.chmod(0o555)
    yield path
    folder.chmod(0o755)


def asked(api: str, name: str) -> list[bytes]:
    questions = [
        f"payloadiovs/?gtName={name}&majorIOV={cell.start.major}&minorIOV={cell.start.minor}"
        for cell in CELLS
    ]
    return [requests.get(f"{api}/{question}", timeout=120).content for question in questions]


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_a_bundle_answers_as_its_service_did(world: World, bundled: Path) -> None:
    name, url = world.names[0], str(world.database.url.render_as_string(hide_password=False))
    service = make_app(load({"cdb.database.url": url, "cdb.allow_open_writes": "true"}, {}))
    with serving(service) as root:
        expected = asked(root + API, name)
    service.registry.cdb.database.dispose()
    with served("--bundle", bundled) as first, served("--bundle", bundled) as second:
        for root, _ in (first, second):
            api = root + API
            assert asked(api, name) == expected
            refused = requests.post(f"{api}/gt", json={"name": "X"}, timeout=120)
            assert (refused.status_code, refused.json()["code"]) == (403, "read-only")
            who = requests.get(f"{api}/whoami", timeout=120).json()
            assert who["permissions"] == ["read"]
            shown = requests.get(f"{api}/global-tags/{name}/digest", timeout=120).json()
            assert shown["digest"] == digest_of(world.database, name)
        for _, process in (first, second):
            process.terminate()
            assert process.wait(timeout=120) == 0
    assert list(bundled.parent.iterdir()) == [bundled]


@pytest.mark.parametrize("mode", ["continuous", "discrete"])
def test_the_client_reads_what_the_service_answers(
    world: World, tmp_path: Path, mode: str
) -> None:
    name, url = world.names[0], world.database.url.render_as_string(hide_password=False)
    ini = {"cdb.database.url": url, "cdb.iov_mode": mode, "cdb.allow_open_writes": "true"}
    app = make_app(load(ini, {}))
    source = DatabaseSource(world.database, app.registry.cdb.rules, name)
    path = bundles.create(source, RULES, tmp_path / "x.cdb").path
    client = Client(app)
    points = [*(cell.start for cell in CELLS), OPEN]
    with Bundle(path) as read:
        assert (read.global_tag, read.digest) == (name, digest_of(world.database, name))
        for point in points:
            for flag in ("", "&expired=include"):
                answer = client.ok(
                    "GET",
                    f"payloadiovs/?gtName={name}&majorIOV={point.major}&minorIOV={point.minor}"
                    f"&shape=dict{flag}",
                )
                found = read.valid_at(name, *point, expired=bool(flag))
                notation = {"begin", "end"}
                assert found == [
                    {key: row[key] for key in row.keys() - notation} for row in answer
                ]
        with pytest.raises(BundleError, match="no 'Other'"):
            read.valid_at("Other", 0, 0)
    app.registry.cdb.database.dispose()


def test_the_client_refuses_what_is_no_bundle(tmp_path: Path) -> None:
    path = tmp_path / "x.cdb"
    for content in (b"", b"no database at all" * 100):
        path.write_bytes(content)
        with pytest.raises(BundleError, match="no bundle"):
            Bundle(path)
    with pytest.raises(BundleError):
        Bundle(tmp_path / "missing.cdb")


def test_the_query_command_reads_a_bundle(world: World, bundled: Path) -> None:
    point = CELLS[0].start
    asked_for = ["query", world.names[0], *map(str, point), "--bundle", bundled]
    assert '"payload_url": "wide"' in ran(main, *asked_for, "--format", "json")
    assert "no 'Other'" in refused(main, "query", "Other", *point, "--bundle", bundled)


def test_payload_files_lie_beside_the_bundle(
    database_url: str, tmp_path: Path, make_client: Callable[..., Client]
) -> None:
    store = tmp_path / "store"
    client = make_client(payload_store=str(store))
    client.ok("POST", "pt", {"name": "T"})
    client.ok("POST", "gt", {"name": "A"})
    payload_list = client.ok("POST", "pl", {"payload_type": "T"})["name"]
    client.ok("PUT", "pl_attach", {"global_tag": "A", "payload_list": payload_list})
    used, unused = (
        client.put(f"{API}/payloads/T/{name}", content, {"Content-Type": "text/plain"}).json
        for name, content in (("used.txt", b"content"), ("unused.txt", b"other"))
    )
    row = {"payload_list": payload_list, "major_iov": 0, "minor_iov": 0}
    row |= {"payload_url": used["payload_url"], "checksum": used["checksum"]}
    client.ok("POST", "bulk_piov", [row])
    ini = tmp_path / "service.ini"
    url = database_url.replace("%", "%%")
    ini.write_text(
        f"[app:main]\nuse = egg:hep-cdb\ncdb.database.url = {url}\ncdb.payload_store = {store}\n"
    )
    path = tmp_path / "x.cdb"
    assert "1 payload files" in ran(bundle, "create", "A", path, "--files", "--ini", ini)
    folder = bundles.folder_of(path)
    assert (folder / used["payload_url"]).read_bytes() == b"content"
    assert not (folder / unused["payload_url"]).exists()
    with files.opened(path) as database:
        app = make_app(load(bundles.settings_of(path, Label.of(database)), {}))
    assert Client(app).get(f"{API}/payloads/{used['checksum']}").body == b"content"
    app.registry.cdb.database.dispose()

    before = path.read_bytes(), sorted(folder.rglob("*"))
    again = ("create", "A", path, "--files", "--force", "--ini", ini)
    (store / used["payload_url"]).write_bytes(b"damaged")
    assert "is not the one" in refused(bundle, *again)
    (store / used["payload_url"]).unlink()
    assert "missing" in refused(bundle, *again)
    assert (path.read_bytes(), sorted(folder.rglob("*"))) == before
    assert not list(tmp_path.glob(".*"))


def test_every_write_to_a_bundle_is_refused(bundled: Path) -> None:
    with files.opened(bundled) as database:
        settings_ = load(bundles.settings_of(bundled, Label.of(database)), {})
    app = make_app(settings_)
    client = Client(app)
    writes = [
        (operation.method, resource.paths[0].replace("{", "").replace("}", ""))
        for resource in RESOURCES
        for operation in resource.operations
        if operation.writes
    ]
    assert writes
    for method, path in writes:
        for tried in ("", "?dry_run=1"):
            answer = client.api(method, path + tried, status=403)
            assert answer.json["code"] == "read-only", (method, path)
    app.registry.cdb.database.dispose()


# --- the commands ------------------------------------------------------------------


@pytest.fixture
def ini(world: World, tmp_path: Path) -> str:
    path = tmp_path / "service.ini"
    url = world.database.url.render_as_string(hide_password=False).replace("%", "%%")
    path.write_text(f"[app:main]\nuse = egg:hep-cdb\ncdb.database.url = {url}\n")
    return str(path)


def ran(command: Any, *arguments: object, **options: Any) -> str:
    done = CliRunner().invoke(command, [str(each) for each in arguments], **options)
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(command: Any, *arguments: object, **options: Any) -> str:
    done = CliRunner().invoke(command, [str(each) for each in arguments], **options)
    assert done.exit_code in {1, 2}
    return done.stderr


def test_commands_take_a_tag_there_and_back(world: World, ini: str, tmp_path: Path) -> None:
    name, path = world.names[0], tmp_path / "x.cdb"
    expected = digest_of(world.database, name)
    assert expected in ran(bundle, "create", name, path, "--ini", ini)
    assert "is there already" in refused(bundle, "create", name, path, "--ini", ini)
    assert expected in ran(bundle, "create", name, path, "--force", env={"CDB_INI": ini})
    assert expected in ran(bundle, "show", path)
    assert json.loads(ran(bundle, "show", path, "--format", "json"))["digest"] == expected
    assert "exists already" in refused(bundle, "import", path, "--ini", ini)
    assert expected in ran(bundle, "import", path, "--ini", ini, "--name", "In", "--dry-run")
    reason = ["--reason", "a second site"]
    assert expected in ran(bundle, "import", path, "--ini", ini, "--name", "In", *reason)
    assert digest_of(world.database, "In") == expected
    with world.database.snapshot() as reader:
        asked = "select comment, object_name from change order by change desc limit 2"
        newest, before = reader.execute(text(asked)).all()
    assert newest == ("a second site", "In")
    assert before.object_name != "In"


def test_commands_take_lines_there_and_back(world: World, ini: str, tmp_path: Path) -> None:
    name = world.names[0]
    expected = digest_of(world.database, name)
    plain = ran(export, name, "-", "--ini", ini)
    compressed = tmp_path / "x.jsonl.gz"
    ran(export, name, compressed, "--ini", ini)
    shown = gzip.decompress(compressed.read_bytes()).decode()
    assert shown.splitlines()[1:] == plain.splitlines()[1:]
    (device := tmp_path / "device").symlink_to("/dev/null")
    ran(export, name, device, "--ini", ini)
    assert device.is_char_device()
    for tried in (["--dry-run"], []):
        assert expected in ran(import_, "jsonl", compressed, "--ini", ini, "--name", "In", *tried)
    assert expected in ran(import_, "jsonl", "-", "--ini", ini, "--name", "In2", input=plain)
    assert "cut off" in refused(import_, "jsonl", "-", "--ini", ini, "--name", "In3", input="")
    steering = plain.replace('"description"', '"\u202e\x9b"', 1)
    told = refused(import_, "jsonl", "-", "--ini", ini, "--name", "In3", input=steering)
    assert "\\u202e\\x9b: " in told


def test_commands_say_what_is_wrong(world: World, ini: str, tmp_path: Path) -> None:
    path = tmp_path / "x.cdb"
    assert "does not exist" in refused(bundle, "create", "NoSuch", path, "--ini", ini)
    assert "no folder" in refused(bundle, "create", "A", tmp_path / "no" / "x", "--ini", ini)
    (device := tmp_path / "device").symlink_to("/dev/null")
    told = refused(bundle, "create", world.names[0], device, "--force", "--ini", ini)
    assert "a device or a pipe" in told
    assert device.is_char_device()
    path.write_text("something else")
    assert "is no bundle" in refused(bundle, "show", path)
    assert "is no bundle" in refused(bundle, "import", path, "--ini", ini)
    assert "Missing option '--ini'" in refused(bundle, "create", world.names[0], path)
