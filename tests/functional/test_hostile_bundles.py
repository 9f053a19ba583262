"""Bundles that somebody made to do harm, or that were damaged: refused, whoever opens them."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from histories import RULES, World
from sqlalchemy import text
from support import WRITER

from cdb.commands.bundle import bundle
from cdb.commands.serve import serve
from cdb.domain.points import OPEN, ORIGIN, Point
from cdb.errors import Corrupt, Invalid
from cdb.services import bundles, imports
from cdb.services.bundles import BundleSource, Label
from cdb.services.entering import Reference
from cdb.services.exports import DatabaseSource
from cdb.store import bundles as files
from cdb.store.engine import Database
from cdb.store.models import Base
from cdb_client.bundle import Bundle, BundleError
from cdb_client.cli import main
from cdb_client.doctor import FAILED
from cdb_client.doctor.bundle import check
from cdb_client.questions import Question


@pytest.fixture(scope="module")
def good(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A bundle of a tag with two lists, as it has to be."""
    with databases("sqlite") as url:
        database = Database(url)
        world = World(database)
        for name in world.lists(world.names[0]).values():
            world.attach(name, Reference("p", "sum", ORIGIN, Point(5, 0), size=7, revision="1"))
            world.attach(name, Reference("q", "sum", Point(5, 0), OPEN))
        path = tmp_path_factory.mktemp("bundles") / "good.cdb"
        bundles.create(DatabaseSource(database, RULES, world.names[0]), RULES, path)
        database.dispose()
        yield path


@pytest.fixture
def bad(good: Path, tmp_path: Path) -> Callable[..., Path]:
    """Make a bundle into which statements have written: `bad("update …")`."""

    def make(*statements: str, **values: object) -> Path:
        path = tmp_path / "bad.cdb"
        shutil.copy(good, path)
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in statements:
                connection.execute(statement, values)
        return path

    return make


def ask(path: Path) -> list[dict[str, Any]]:
    """Ask a bundle all that a client can."""
    with Bundle(path) as read:
        question = Question((read.global_tag,))
        assert list(read.iovs(question, (0, 0), (9, 9)))
        assert read.dimensions(question)
        return read.valid_at(read.global_tag, 1, 0)


def as_table(name: str, columns: str) -> tuple[str, str]:
    """Return what puts a view that never ends in place of a table."""
    numbers = "with recursive n(i) as (select 1 union all select i + 1 from n)"
    made = f"create view {name} as {numbers} select {columns} from n where i < 0"  # noqa: S608 - constants
    return f"drop table {name}", made


ENDLESS = as_table("global_tag", "i as id, 'A' as name, i as added_by, i as retired_by")


def test_a_good_one_is_read_by_all(good: Path) -> None:
    assert [row["payload_url"] for row in ask(good)] == ["p", "p"]
    with files.opened(good) as database:
        assert Label.of(database).global_tag


def test_only_what_nobody_writes_to_is_read_as_memory(good: Path, tmp_path: Path) -> None:
    """A disk that is full, or a file that another one cuts, would end the process by a signal."""
    mapped = text("pragma mmap_size")
    with files.opened(good) as opened, opened.statement() as reader:
        assert reader.scalar(mapped) > 0
    shutil.copy(good, tmp_path / "cdb.sqlite")
    database = Database(f"sqlite:///{tmp_path}/cdb.sqlite")
    with database.statement() as reader:
        assert reader.scalar(mapped) == 0
    database.dispose()


@pytest.mark.parametrize(
    "statements",
    [
        ENDLESS,
        as_table("iov", "i as id, i as series, i as retired_by, i as start_major"),
        ("create trigger t after insert on iov begin select 1; end",),
        ("create virtual table v using fts5(x)",),
    ],
    ids=["view", "view of the log", "trigger", "virtual table"],
)
def test_nothing_is_computed_that_is_not_asked(
    bad: Callable[..., Path], statements: tuple[str, ...]
) -> None:
    path = bad(*statements)
    with pytest.raises(BundleError, match=r"is no bundle: it has the \w+ '"):
        Bundle(path)
    with pytest.raises(Corrupt, match=r"is no bundle: it has the \w+ '"), files.opened(path):
        pass


def test_each_command_refuses_it_and_ends(bad: Callable[..., Path], tmp_path: Path) -> None:
    path, ini = bad(*ENDLESS), tmp_path / "cdb.ini"
    ini.write_text(
        f"[app:main]\nuse = egg:hep-cdb\ncdb.database.url = sqlite:///{tmp_path}/x.db\n"
    )
    for command, *arguments in (
        (bundle, "show", path),
        (bundle, "import", path, "--ini", ini),
        (serve, "--bundle", path),
        (main, "query", "A", "1", "0", "--bundle", path),
    ):
        done = CliRunner().invoke(command, list(map(str, arguments)))
        assert done.exit_code, arguments
        assert "Error: " in done.stderr
        assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "nothing", "link to itself"])
def test_what_is_no_file_is_not_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.cdb"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case "link to itself":
            path.symlink_to(path)
    with pytest.raises(BundleError, match="is no file"):
        Bundle(path)
    with pytest.raises(Corrupt, match="is no file"), files.opened(path):
        pass


def test_a_journal_beside_it_is_left_alone(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.cdb"
    shutil.copy(good, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("update iov set payload_url = 'planted'")
        for beside in ("-wal", "-shm"):
            shutil.copy(f"{path}{beside}", tmp_path / f"kept{beside}")
    shutil.copy(good, path)
    for beside in ("-wal", "-shm"):
        shutil.copy(tmp_path / f"kept{beside}", f"{path}{beside}")
    assert [row["payload_url"] for row in ask(path)] == ["p", "p"]
    with files.opened(path) as database, database.statement() as reader:
        assert set(reader.execute(text("select payload_url from iov")).scalars()) == {"p", "q"}


LABELS = [
    "{",
    "[]",
    "5",
    "[" * 100_000,
    '{"after": {}}',
    '{"after": {"digest": 1}, "provenance": {"change": 1, "iov_mode": "discrete"}}',
    '{"after": {"digest": "d"}, "provenance": []}',
    '{"after": {"digest": "d"}, "provenance": {"change": "1", "iov_mode": 5}}',
    '{"after": {"digest": "d"}, "provenance": {"change": 1, "iov_mode": "", "dimensions": [1]}}',
]


@pytest.mark.parametrize("label", LABELS, ids=range(len(LABELS)))
def test_what_it_says_of_itself_is_looked_at(bad: Callable[..., Path], label: str) -> None:
    path = bad("update change set detail = :label", label=label)
    with pytest.raises(BundleError, match="is damaged: "):
        Bundle(path)
    with pytest.raises(Corrupt), files.opened(path) as database:
        Label.of(database)


def written(table: str, column: str) -> str:
    """Return what writes a value into a column."""
    return f"update {table} set {column} = :value where rowid = (select max(rowid) from {table})"  # noqa: S608 - the names of the models


@pytest.mark.parametrize(
    "statement",
    [
        "update global_tag set name = 'A' || char(27) || '[2J'",
        "update change set detail = json_set(detail, '$.after.digest', char(27) || '[2J')",
        "update change set detail = json_set(detail, '$.provenance.global_tag', char(10))",
    ],
)
def test_nothing_of_it_rules_a_terminal(bad: Callable[..., Path], statement: str) -> None:
    done = CliRunner().invoke(bundle, ["show", str(bad(statement))])
    assert done.exit_code == 1
    assert "\x1b" not in done.output
    assert "does not say what it is" in done.stderr


COLUMNS = [
    f"{table.name}.{column.name}"
    for table in Base.metadata.sorted_tables
    if table.name not in {"payload", "recorded_answer", "staged_iov", "token"}
    for column in table.columns
]
"""Of the tables in which a bundle has rows."""


def test_bytes_in_any_column_are_refused(bad: Callable[..., Path]) -> None:
    taken, told = [], []
    for name in COLUMNS:
        try:
            path = bad(written(*name.split(".")), value=b"\xff\0")
        except sqlite3.IntegrityError:  # SQLite's own key, which is always a number
            continue
        try:
            with files.opened(path):
                taken.append(name)
        except Corrupt:
            pass
        try:
            ask(path)
        except BundleError:
            told.append(name)
    assert taken == []
    assert {"iov.payload_url", "global_tag.name", "change.detail"} <= set(told)


VALUES = [
    ("iov", "payload_url", "a\0b"),
    ("iov", "payload_url", "x" * 256),
    ("iov", "size", "large"),
    ("iov", "inserted", "yesterday"),
    ("iov", "inserted", "2026-99-99 00:00:00.000000"),
    ("iov", "inserted", "2026-11-28 07:47:19.7115\r\n"),
    ("iov", "inserted", "2026-11-28 07:47:19.711500\0"),
    ("iov", "inserted", b"2026-11-28 07:47:19.711500"),
    ("iov", "inserted", "2026-02-31 00:00:00.000000"),
    ("iov", "inserted", "2026-11-28 24:00:00.000000"),
    ("iov", "inserted", "0000-01-01 00:00:00.000000"),
    ("iov", "start_major", "first"),
    ("payload_list", "name", "x" * 101),
    ("payload_type", "validator_options", "{"),
]


@pytest.mark.parametrize(
    ("table", "column", "value"), VALUES, ids=[f"{t}.{c} {v[:9]!a}" for t, c, v in VALUES]
)
def test_what_a_column_is_not_declared_to_hold_is_refused(
    bad: Callable[..., Path], table: str, column: str, value: str
) -> None:
    path = bad(written(table, column), value=value)
    refused = pytest.raises(Corrupt, match=f"is damaged: {table} ")
    with refused, files.opened(path):
        pass
    # Whoever asks for less than the payload IOVs does not wait until all are looked through.
    with nullcontext() if table == "iov" else refused, files.opened(path, whole=False):
        pass


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("update iov set end_minor = -1 where start_major = 0", "is no interval"),
        ("update iov set payload_url = 'a' || char(10)", "control characters"),
        ("update tag_status set name = 'un/locked' where name = 'unlocked'", "A name has no '/'"),
        ("update global_tag set name = 'statuses'", "is a path of the interface"),
        ("update payload_list set name = name || char(27) || '[2J'", "only what can be seen"),
    ],
)
def test_what_comes_in_keeps_the_rules(
    bad: Callable[..., Path], databases: Any, statement: str, said: str
) -> None:
    with databases("sqlite") as url:
        database = Database(url)
        with (
            files.opened(bad(statement)) as bundled,
            pytest.raises(Invalid, match=said),
            database.writing() as session,
        ):
            imports.take(session, RULES, WRITER, BundleSource(bundled, RULES))
        database.dispose()


@pytest.mark.parametrize("url", ["/etc/passwd", "../../../etc/passwd", "a\0b", b"\xff", 5.5])
def test_the_doctor_looks_nowhere_else(
    bad: Callable[..., Path], tmp_path: Path, url: object
) -> None:
    path = bad("update iov set payload_url = :url", url=url)
    (tmp_path / "bad.cdb.payloads").mkdir()
    told = list(check(path))
    assert not [each for each in told if each[1] == FAILED]
    assert told[-1][2].startswith("2 of 2 payload files are missing")
