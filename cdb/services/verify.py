"""Whether a database is as it must be, and the payload files are what it says of them.

Everything is only read, as of the last change at the beginning, in short reads: a
service may go on writing, and a database that nobody can write to will do.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial
from time import perf_counter
from typing import Any, NamedTuple

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cdb.domain.digest import LogDigest
from cdb.domain.overlaps import LogRow, overlapping
from cdb.domain.points import Interval, Point
from cdb.errors import CdbError
from cdb.services import digest, lookup
from cdb.services.remembered import Remembered
from cdb.services.rules import Rules
from cdb.store import checks, payloads, reads, sqlite_file
from cdb.store.changes import end, now
from cdb.store.engine import Database
from cdb.store.models import LIVE
from cdb.store.payload_files import PayloadFiles
from cdb.store.payloads import PayloadRecord
from cdb.store.pools import is_lost
from cdb.store.stretches import State

ROWS = 100_000
"""Rows of logs that a statement looks at, unless one log has more."""

PAGE = 20_000
"""Rows of logs that are in memory at a time, or a little more."""

FILES = 100
"""Payload files that are looked at between two reads of the database."""

_THREADS = 8
"""Payload files that are looked at at a time: most of it is to wait."""


class Severity(StrEnum):
    """What a finding means."""

    ERROR = "error"
    """Answers are wrong, or may become so."""

    WARNING = "warning"
    """Nothing is wrong by it; it should not be there."""

    INFO = "info"
    """It may well be meant."""


class Finding(NamedTuple):
    """Something that is not as it should be: of what, and a sentence that says what."""

    check: str
    severity: Severity
    object: str
    sentence: str


class Progress(NamedTuple):
    """How far a check is; `total` is None where nobody knows how much there is."""

    check: str
    done: int
    total: int | None


class Checked(NamedTuple):
    """A check that is done: how much it found, and the seconds that it took."""

    check: str
    severity: Severity
    found: int
    seconds: float


Event = Finding | Progress | Checked


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be verified.

    Attributes:
        tag: the name of the only tag whose logs, digests and files are; None for all.
        files: whether payload files are read; else only their sizes are asked for.
        history: whether logs are as they must be at every change, not only now and
            at the pins of clones.
        limit: findings of a check that are told, 1 or more; all are counted.

    """

    tag: str | None = None
    files: bool = False
    history: bool = False
    limit: int = 20


class Verification(NamedTuple):
    """The change as of which is verified, and what comes of it, as it comes."""

    change: int
    events: Iterator[Event]


def verify(
    database: Database, rules: Rules, files: PayloadFiles | None, wanted: Wanted
) -> Verification:
    """Return what is not as it must be in a database.

    Args:
        database: read in parts, while the events are taken.
        rules: of the service: its default dimension counts in digests.
        files: of its payload store; None where it has none.
        wanted: what is verified.

    Raises:
        NotFound: there is no such tag.

    """
    with database.statement() as reader:
        at = end(reader).change
    with database.statement() as reader:
        tag = None if wanted.tag is None else lookup.tag(reader, wanted.tag, at)
    job = _Job(database, rules, files, wanted, at, None if tag is None else tag.id)
    return Verification(at, _events(job))


class _Range(NamedTuple):
    """Series from one to another, and the sizes of their logs together."""

    low: int
    high: int
    rows: int
    retired: int


@dataclass(frozen=True)
class _Job:
    database: Database
    rules: Rules
    files: PayloadFiles | None
    wanted: Wanted
    at: int
    tag_id: int | None

    @cached_property
    def sizes(self) -> list[checks.Size]:
        """Return the series that are looked at, with the sizes of their logs."""
        with self.database.statement() as reader:
            return checks.sizes(reader, self.at, self.tag_id)

    def ranges(self, limit: int) -> list[_Range]:
        """Return the series in ranges of not more rows, but where one log alone has more."""
        found: list[_Range] = []
        for series, rows, retired in self.sizes:
            last = found[-1] if found else None
            if last and self.tag_id is None and last.rows + rows <= limit:
                found[-1] = _Range(last.low, series, last.rows + rows, last.retired + retired)
            else:
                found.append(_Range(series, series, rows, retired))
        return found

    def find(self, statement: str, **parameters: object) -> checks.Found:
        """Return what a statement of `checks` finds, in a short read."""
        with self.database.statement() as reader:
            return checks.find(reader, statement, self.wanted.limit, **parameters)

    def log(self, series: int) -> str:
        """Return how the log of a series is called."""
        with self.database.statement() as reader:
            name = checks.list_of_series(reader, series)
        return f"series {series}" if name is None else f"series {series} of {name}"


_Row = Mapping[str, Any]


class _Wrong(NamedTuple):
    """An object that is not as it should be, and a sentence that says how."""

    object: str
    sentence: str


class _Part(NamedTuple):
    """A part of a check that is done: what it found, and as much of it as may be told.

    `total` is None where nobody knows how much there is.
    """

    told: Sequence[_Wrong]
    found: int
    done: int = 1
    total: int | None = 1


class _Check(NamedTuple):
    name: str
    severity: Severity
    parts: Callable[[_Job], Iterator[_Part]]


def _events(job: _Job) -> Iterator[Event]:
    for check in _checks(job):
        begin, found, left = perf_counter(), 0, job.wanted.limit
        yield Progress(check.name, 0, None)
        for part in _parts(check, job):
            for wrong in part.told[:left]:
                yield Finding(check.name, check.severity, *wrong)
            found, left = found + part.found, max(0, left - len(part.told))
            yield Progress(check.name, part.done, part.total)
        yield Checked(check.name, check.severity, found, perf_counter() - begin)


def _parts(check: _Check, job: _Job) -> Iterator[_Part]:
    """Yield what a check finds; where damage keeps it from going on, that is found, too."""
    try:
        yield from check.parts(job)
    except DBAPIError as error:
        if job.database.is_postgresql and is_lost(error):
            raise
        yield _cannot_go_on(str(error.orig))
    # What stands in a damaged row is no time, no number, or there twice.
    except (SQLAlchemyError, ValueError, TypeError) as error:
        yield _cannot_go_on(f"{type(error).__name__}: {error}")


def _cannot_go_on(reason: str) -> _Part:
    return _Part([_Wrong("database", f"It is too damaged to be looked at: {reason}.")], 1)


def _checks(job: _Job) -> Iterator[_Check]:
    if not job.database.is_postgresql:
        yield _Check("storage", Severity.ERROR, _storage)
    if job.tag_id is None:
        yield from _OF_OBJECTS
    yield from _OF_LOGS
    yield from _OF_HISTORY if job.wanted.history else (_COUNTS,)
    yield _Check("digests", Severity.ERROR, _digests)
    if job.files:
        yield _Check("files", Severity.ERROR, partial(_files, job.files))
        if job.wanted.files:
            yield _NOT_STORED


# --- the objects ----------------------------------------------------------------


def _whole(
    name: str,
    statement: str,
    thing: str,
    sentence: str,
    severity: Severity = Severity.ERROR,
) -> _Check:
    """Return a check that is one statement; `thing` and `sentence` name its columns."""

    def parts(job: _Job) -> Iterator[_Part]:
        found = job.find(statement)
        told = [_Wrong(thing.format_map(row), sentence.format_map(row)) for row in found.rows]
        yield _Part(told, found.total)

    return _Check(name, severity, parts)


def _staged(job: _Job) -> Iterator[_Part]:
    found = job.find(checks.STAGED, before=now() - job.rules.staged_keep)
    told = [
        _Wrong(f"staged_iov {row['id']}", f"It has waited since {row['inserted']}.")
        for row in found.rows
    ]
    yield _Part(told, found.total)


def _storage(job: _Job) -> Iterator[_Part]:
    with job.database.statement() as reader:
        damaged = sqlite_file.damage(reader, job.wanted.limit)
        unsound = list(sqlite_file.unsound(reader))
    told = [_Wrong("file", f"{each}.") for each in damaged]
    told += [
        _Wrong(table, "Something stands in it that does not belong there.") for table in unsound
    ]
    yield _Part(told, len(told))


_OF_OBJECTS = (
    _whole(
        "changes",
        checks.HOLES,
        "change {change}",
        "It comes after change {previous}: those between are missing.",
    ),
    _whole(
        "times",
        checks.TIMES,
        "change {change}",
        "It was made at {at}, and the one before it at {earlier}.",
    ),
    _whole(
        "lifetimes",
        checks.LIFETIMES,
        "{kind} {id}",
        "A version that change {added_by} added was retired by change {retired_by}.",
    ),
    _whole(
        "versions",
        checks.VERSIONS,
        "{kind} {id}",
        "A version begins at change {added_by}, and the one before it ends at {ended}.",
    ),
    _whole(
        "references",
        checks.REFERENCES,
        "{kind} {id}",
        "Its {reference} is {value}, and {target} has no such row.",
    ),
    _whole(
        "lives",
        checks.LIVES,
        "{kind} {id}",
        "The version of change {added_by} needs {target} {value}, which was not always there.",
    ),
    _whole(
        "names",
        checks.NAMES,
        "{kind} {id}",
        "At change {added_by} another one had the name {name!r}, too.",
    ),
    _whole(
        "tag-types",
        checks.TAG_TYPES,
        "{kind} {id}",
        "At change {added_by} the global tag {global_tag} had another list of the payload "
        "type {payload_type}, too.",
    ),
    _whole(
        "owners",
        checks.OWNERS,
        "{kind} {id}",
        "At change {added_by} another one wrote to its series {series}, too.",
    ),
    _whole(
        "pins",
        checks.PINS,
        "payload_list {payload_list}",
        "Since change {added_by} it has been pinned at the later change {pinned_at}.",
    ),
    _whole(
        "heads",
        checks.HEADS,
        "{kind} {id}",
        "Change {change} is not in {log} for {named}: copies of answers are not renewed.",
    ),
    _whole(
        "kept",
        checks.KEPT,
        "{kind} {id}",
        "Since change {added_by} the mode of its status is {mode}, and its digest {digest}: "
        "only closed tags have one.",
    ),
    # No error: a tag that was closed before there were digests has none.
    _whole(
        "unkept",
        checks.UNKEPT,
        "{kind} {id}",
        "Since change {added_by} it is closed, and no digest tells whether it is as it was.",
        Severity.WARNING,
    ),
    _whole(
        "unused-series",
        checks.UNUSED,
        "series {id}",
        "No payload list has ever had its {rows} rows.",
        Severity.WARNING,
    ),
    _Check("staged", Severity.INFO, _staged),
)


# --- the logs -------------------------------------------------------------------


def _by_range(
    name: str,
    statement: str,
    sentence: Callable[[_Row], str],
    severity: Severity = Severity.ERROR,
) -> _Check:
    """Return a check that asks a statement of one range of series after the other."""

    def parts(job: _Job) -> Iterator[_Part]:
        ranges = job.ranges(ROWS)
        for done, part in enumerate(ranges, start=1):
            found = job.find(statement, low=part.low, high=part.high, at=job.at)
            told = [_Wrong(job.log(row["series"]), sentence(row)) for row in found.rows]
            yield _Part(told, found.total, done, len(ranges))

    return _Check(name, severity, parts)


def _interval(row: _Row) -> Interval:
    start = Point(row["start_major"], row["start_minor"])
    return Interval(start, Point(row["end_major"], row["end_minor"]))


def _no_interval(row: _Row) -> str:
    declared = Point(row["declared_end_major"], row["declared_end_minor"])
    return f"Payload IOV {row['id']} is {_interval(row)}, declared to end at {declared}."


def _not_in_log(row: _Row) -> str:
    if row["problem"] == "early":
        return (
            f"Payload IOV {row['id']} was retired by change {row['change']}, before it was added."
        )
    return (
        f"Payload IOV {row['id']} was {row['problem']} by change {row['change']}, "
        "which did not write to the series."
    )


def _overlap(row: _Row) -> str:
    following = Point(row["next_major"], row["next_minor"])
    return (
        f"At change {row['at']} payload IOV {row['id']}, {_interval(row)}, "
        f"reaches over the next one, from {following}."
    )


def _miscounted(row: _Row) -> str:
    if row["n_iov"] is None:
        return f"It has {row['shown']} payload IOVs before its first change."
    return f"At change {row['change']} it has {row['shown']} payload IOVs, not {row['n_iov']}."


def _not_stored(row: _Row) -> str:
    return (
        f"The payload {row['payload_url']!r} with the checksum {row['checksum']!r} "
        f"is not stored here, and {row['iovs']} of its payload IOVs name it."
    )


_OF_LOGS = (
    _by_range("intervals", checks.INTERVALS, _no_interval),
    _by_range("log", checks.LOG, _not_in_log),
    _by_range("overlaps", checks.OVERLAPS, _overlap),
)
_COUNTS = _by_range("counts", checks.COUNTS, _miscounted)
_NOT_STORED = _by_range("not-stored", checks.NOT_STORED, _not_stored, Severity.INFO)


def _past_overlaps(job: _Job) -> Iterator[_Part]:
    """Look for rows that overlapped, of which one was retired; the others are live."""
    ranges = [part for part in job.ranges(PAGE) if part.retired]
    for done, part in enumerate(ranges, start=1):
        told, found = [], 0
        for earlier, later in overlapping(_rows(job, part)):
            if min(earlier.retired_by, later.retired_by) > job.at:
                continue
            found += 1
            if found <= job.wanted.limit:
                told.append(_Wrong(job.log(later.series), _overlap_of(earlier, later)))
        yield _Part(told, found, done, len(ranges))


def _overlap_of(earlier: LogRow, later: LogRow) -> str:
    at = max(earlier.added_by, later.added_by)
    first, second = (
        f"{row.id}, {Interval(Point(*row.start), Point(*row.end))}" for row in (earlier, later)
    )
    return f"At change {at} payload IOV {first}, overlaps {second}."


def _rows(job: _Job, part: _Range) -> Iterator[LogRow]:
    if part.rows <= PAGE:
        with job.database.statement() as reader:
            rows = checks.rows_of(reader, part.low, part.high, job.at)
        yield from rows
        return
    after = (-LIVE, -LIVE)
    while True:
        with job.database.statement() as reader:
            rows = checks.rows_after(reader, part.low, after, PAGE, job.at)
        yield from rows
        if len(rows) < PAGE:
            return
        after = rows[-1].start


_OF_HISTORY = (
    _Check("past-overlaps", Severity.ERROR, _past_overlaps),
    _by_range("counts", checks.ALL_COUNTS, _miscounted),
)


# --- digests --------------------------------------------------------------------


def _digests(job: _Job) -> Iterator[_Part]:
    with job.database.statement() as reader:
        kept = checks.kept_digests(reader, job.at, job.tag_id)
    # Of this run: one that was worked out before could hide what was damaged since.
    known: Remembered[State, LogDigest] = Remembered(len(job.sizes) + len(kept))
    for done, each in enumerate(kept, start=1):
        told = _wrong_digest(job, each, known)
        yield _Part(told, len(told), done, len(kept))


def _wrong_digest(
    job: _Job, kept: checks.KeptDigest, known: Remembered[State, LogDigest]
) -> list[_Wrong]:
    with job.database.statement() as reader:
        record = reads.tag_by_id(reader, kept.tag, kept.until)
    if record is None:
        return [_Wrong(f"tag_state {kept.tag}", f"There is no such tag at change {kept.until}.")]
    found = digest.of_tag(job.database, job.rules, record, kept.until, known).digest
    if found == kept.digest:
        return []
    sentence = f"At change {kept.until} its digest is {found}, not {kept.digest} as it was kept."
    return [_Wrong(f"global tag {record.name}", sentence)]


# --- payload files --------------------------------------------------------------


def _files(files: PayloadFiles, job: _Job) -> Iterator[_Part]:
    look = _read_file if job.wanted.files else _look_at_file
    done, after = 0, 0
    with ThreadPoolExecutor(_THREADS) as pool:
        while True:
            with job.database.statement() as reader:
                page = payloads.page(reader, after, FILES, job.tag_id)
            problems = pool.map(partial(look, files), page)
            told = [
                _Wrong(f"payload {record.path}", problem)
                for record, problem in zip(page, problems, strict=True)
                if problem
            ]
            done += len(page)
            yield _Part(told, len(told), done, None)
            if len(page) < FILES:
                return
            after = page[-1].id


def _look_at_file(files: PayloadFiles, record: PayloadRecord) -> str | None:
    try:
        size = files.size(record.path)
    except CdbError as error:
        return error.detail
    if size is None:
        return "Its file is missing."
    if size != record.size:
        return f"Its file has {size} bytes, not {record.size}."
    return None


def _read_file(files: PayloadFiles, record: PayloadRecord) -> str | None:
    """Return what is wrong with a file; one of another size needs no reading."""
    if problem := _look_at_file(files, record):
        return problem
    try:
        found = files.measured(record.path)
    except CdbError as error:
        return error.detail
    for name, actual, noted in (
        ("MD5", found.md5, record.checksum),
        ("SHA-256", found.sha256, record.sha256),
    ):
        if actual != noted:
            return f"The {name} of its file is {actual}, not {noted}."
    return None
