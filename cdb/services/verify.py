"""Whether a database is as it must be, and the payload files are what it says of them.

Everything is only read, as of the last change at the beginning, in short reads: a
service may go on writing, and a database that nobody can write to will do.
"""

from collections.abc import Iterator
from time import perf_counter
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cdb.services import lookup
from cdb.services.checks import logs, objects
from cdb.services.checks.check import Check, Job, Part, Severity, Wanted, Wrong
from cdb.services.checks.digests import DIGESTS
from cdb.services.checks.files import files_of
from cdb.services.rules import Rules
from cdb.store.changes import end
from cdb.store.engine import Database
from cdb.store.payload_files import PayloadFiles
from cdb.store.pools import is_lost


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
    job = Job(database, rules, files, wanted, at, None if tag is None else tag.id)
    return Verification(at, _events(job))


def _events(job: Job) -> Iterator[Event]:
    for check in _checks(job):
        begin, found, left = perf_counter(), 0, job.wanted.limit
        yield Progress(check.name, 0, None)
        for part in _parts(check, job):
            for wrong in part.told[:left]:
                yield Finding(check.name, check.severity, *wrong)
            found, left = found + part.found, max(0, left - len(part.told))
            yield Progress(check.name, part.done, part.total)
        yield Checked(check.name, check.severity, found, perf_counter() - begin)


def _parts(check: Check, job: Job) -> Iterator[Part]:
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


def _cannot_go_on(reason: str) -> Part:
    return Part([Wrong("database", f"It is too damaged to be looked at: {reason}.")], 1)


def _checks(job: Job) -> Iterator[Check]:
    if not job.database.is_postgresql:
        yield objects.STORAGE
    if job.tag_id is None:
        yield from objects.OBJECTS
    yield from logs.LOGS
    yield from logs.HISTORY if job.wanted.history else (logs.COUNTS,)
    yield DIGESTS
    if job.files:
        yield files_of(job.files)
        if job.wanted.files:
            yield logs.NOT_STORED
