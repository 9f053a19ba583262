"""Checks of the logs of payload IOVs, in parts: a range of series after the other."""

from collections.abc import Callable, Iterator

from cdb.domain.overlaps import LogRow, overlapping
from cdb.domain.points import Interval, Point
from cdb.services.checks.check import Check, Job, Part, Range, Row, Severity, Wrong
from cdb.store.checks import logs as statements
from cdb.store.models import LIVE

ROWS = 100_000
"""Rows of logs that a statement looks at, unless one log has more."""

PAGE = 20_000
"""Rows of logs that are in memory at a time, or a little more."""


def _by_range(
    name: str,
    statement: str,
    sentence: Callable[[Row], str],
    severity: Severity = Severity.ERROR,
) -> Check:
    """Return a check that asks a statement of one range of series after the other."""

    def parts(job: Job) -> Iterator[Part]:
        ranges = job.ranges(ROWS)
        for done, part in enumerate(ranges, start=1):
            found = job.find(statement, low=part.low, high=part.high, at=job.at)
            told = [Wrong(job.log(row["series"]), sentence(row)) for row in found.rows]
            yield Part(told, found.total, done, len(ranges))

    return Check(name, severity, parts)


def _interval(row: Row) -> Interval:
    start = Point(row["start_major"], row["start_minor"])
    return Interval(start, Point(row["end_major"], row["end_minor"]))


def _no_interval(row: Row) -> str:
    declared = Point(row["declared_end_major"], row["declared_end_minor"])
    return f"Payload IOV {row['id']} is {_interval(row)}, declared to end at {declared}."


def _not_in_log(row: Row) -> str:
    if row["problem"] == "early":
        return (
            f"Payload IOV {row['id']} was retired by change {row['change']}, before it was added."
        )
    return (
        f"Payload IOV {row['id']} was {row['problem']} by change {row['change']}, "
        "which did not write to the series."
    )


def _overlap(row: Row) -> str:
    following = Point(row["next_major"], row["next_minor"])
    return (
        f"At change {row['at']} payload IOV {row['id']}, {_interval(row)}, "
        f"reaches over the next one, from {following}."
    )


def _miscounted(row: Row) -> str:
    if row["n_iov"] is None:
        return f"It has {row['shown']} payload IOVs before its first change."
    return f"At change {row['change']} it has {row['shown']} payload IOVs, not {row['n_iov']}."


def _not_stored(row: Row) -> str:
    return (
        f"The payload {row['payload_url']!r} with the checksum {row['checksum']!r} "
        f"is not stored here, and {row['iovs']} of its payload IOVs name it."
    )


LOGS = (
    _by_range("intervals", statements.INTERVALS, _no_interval),
    _by_range("log", statements.LOG, _not_in_log),
    _by_range("overlaps", statements.OVERLAPS, _overlap),
)
COUNTS = _by_range("counts", statements.COUNTS, _miscounted)
NOT_STORED = _by_range("not-stored", statements.NOT_STORED, _not_stored, Severity.INFO)


def _past_overlaps(job: Job) -> Iterator[Part]:
    """Look for rows that overlapped, of which one was retired; the others are live."""
    ranges = [part for part in job.ranges(PAGE) if part.retired]
    for done, part in enumerate(ranges, start=1):
        told, found = [], 0
        for earlier, later in overlapping(_rows(job, part)):
            if min(earlier.retired_by, later.retired_by) > job.at:
                continue
            found += 1
            if found <= job.wanted.limit:
                told.append(Wrong(job.log(later.series), _overlap_of(earlier, later)))
        yield Part(told, found, done, len(ranges))


def _overlap_of(earlier: LogRow, later: LogRow) -> str:
    at = max(earlier.added_by, later.added_by)
    first, second = (
        f"{row.id}, {Interval(Point(*row.start), Point(*row.end))}" for row in (earlier, later)
    )
    return f"At change {at} payload IOV {first}, overlaps {second}."


def _rows(job: Job, part: Range) -> Iterator[LogRow]:
    if part.rows <= PAGE:
        with job.database.statement() as reader:
            rows = statements.rows_of(reader, part.low, part.high, job.at)
        yield from rows
        return
    after = (-LIVE, -LIVE)
    while True:
        with job.database.statement() as reader:
            rows = statements.rows_after(reader, part.low, after, PAGE, job.at)
        yield from rows
        if len(rows) < PAGE:
            return
        after = rows[-1].start


HISTORY = (
    Check("past-overlaps", Severity.ERROR, _past_overlaps),
    _by_range("counts", statements.ALL_COUNTS, _miscounted),
)
"""Instead of `COUNTS`, where the past is looked at, too."""
