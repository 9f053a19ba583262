"""What a check is, what it is given, and what comes of a part of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from cdb.services.rules import Rules
from cdb.store.checks import finding, logs
from cdb.store.engine import Database
from cdb.store.payload_files import PayloadFiles


class Severity(StrEnum):
    """What a finding means."""

    ERROR = "error"
    """Answers are wrong, or may become so."""

    WARNING = "warning"
    """Nothing is wrong by it; it should not be there."""

    INFO = "info"
    """It may well be meant."""


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


class Range(NamedTuple):
    """Series from one to another, and the sizes of their logs together."""

    low: int
    high: int
    rows: int
    retired: int


@dataclass(frozen=True)
class Job:
    """What is verified: which database, as of which change, and how much of it."""

    database: Database
    rules: Rules
    files: PayloadFiles | None
    wanted: Wanted
    at: int
    tag_id: int | None

    @cached_property
    def sizes(self) -> list[logs.Size]:
        """Return the series that are looked at, with the sizes of their logs."""
        with self.database.statement() as reader:
            return logs.sizes(reader, self.at, self.tag_id)

    def ranges(self, limit: int) -> list[Range]:
        """Return the series in ranges of not more rows, but where one log alone has more."""
        found: list[Range] = []
        for series, rows, retired in self.sizes:
            last = found[-1] if found else None
            if last and self.tag_id is None and last.rows + rows <= limit:
                found[-1] = Range(last.low, series, last.rows + rows, last.retired + retired)
            else:
                found.append(Range(series, series, rows, retired))
        return found

    def find(self, statement: str, **parameters: object) -> finding.Found:
        """Return what a statement of the store's checks finds, in a short read."""
        with self.database.statement() as reader:
            return finding.find(reader, statement, self.wanted.limit, **parameters)

    def log(self, series: int) -> str:
        """Return how the log of a series is called."""
        with self.database.statement() as reader:
            name = logs.list_of_series(reader, series)
        return f"series {series}" if name is None else f"series {series} of {name}"


Row = Mapping[str, Any]
"""What a statement found, by the names of its columns."""


class Wrong(NamedTuple):
    """An object that is not as it should be, and a sentence that says how."""

    object: str
    sentence: str


class Part(NamedTuple):
    """A part of a check that is done: what it found, and as much of it as may be told.

    `total` is None where nobody knows how much there is.
    """

    told: Sequence[Wrong]
    found: int
    done: int = 1
    total: int | None = 1


class Check(NamedTuple):
    """What is looked for under one name, and what each finding of it means."""

    name: str
    severity: Severity
    parts: Callable[[Job], Iterator[Part]]
