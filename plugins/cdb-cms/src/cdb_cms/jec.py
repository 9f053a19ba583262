"""Text files with jet-energy corrections, their uncertainties, and resolutions.

A header in braces names what the rows hold: the number and the names of the
variables that are binned in, those of the variables of the formula, the formula,
what it gives, and the level of the correction. A row has a lower and an upper
edge for each binned variable, the number of values that follow, and these:

    {1 JetEta 1 JetPt max(0.1,[0]+[1]*log10(x)) Correction L2Relative}
    -5.191  -4.889  4   8.0  1500.0   1.12  -0.05

With a formula, the values begin with the range of each of its variables; the
others are its parameters. Without one (`""` or `None`) but with a variable, they
are triples: a point of the variable, and the uncertainties up and down. A file
can have several tables, each below its name in brackets.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO
from itertools import islice, pairwise
from typing import ClassVar

from cdb.plugin import (
    Content,
    OptionsError,
    PayloadReference,
    PayloadValidator,
    UnreadableContent,
)

_REASONS = 20
_LENGTH = 60
_NO_FORMULA = ('""', "None", "none")
_SECTION = re.compile(r"\[(\w+)\]")
_PARAMETER = re.compile(r"\[([0-9]{1,3})\]")


@dataclass(frozen=True, slots=True)
class JetCorrectionsOptions:
    """What is in the files of a payload type."""

    level: str | None = field(
        default=None,
        metadata={
            "help": "The last word that the header has to have, as in `L2Relative`; else any."
        },
    )
    max_mb: int = field(
        default=16,
        metadata={"help": "How large the text is at most, unpacked, in units of 2**20 bytes."},
    )


class JetCorrections(PayloadValidator):
    """Takes the text files of jet-energy corrections, also those that end in `.gz`.

    Every table has its header and rows; every row has the columns that it says,
    in finite numbers; the bins do not overlap, and come in ascending order.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    reads_content = True
    Options: ClassVar[type] = JetCorrectionsOptions
    options: JetCorrectionsOptions

    def __init__(self, name: str, options: JetCorrectionsOptions) -> None:
        super().__init__(name, options)
        if options.max_mb < 1:
            raise OptionsError("max_mb is less than 1: no payload would be small enough.")

    def problems(self, payload: PayloadReference, content: Content | None) -> Iterator[str]:
        """Return what is wrong, with the number of the line: 20 places at most."""
        if content is None:
            yield "The content is not in the payload store, so it cannot be checked."
            return
        try:
            is_gzip = payload.file_name.endswith(".gz")
            text = content.text(self.options.max_mb << 20, is_gzip=is_gzip)
        except UnreadableContent as error:
            yield str(error)
        else:
            yield from islice(_file_problems(text, self.options.level), _REASONS)


class _Wrong(Exception):
    """A line cannot be read; the message says why."""


# --- headers and rows -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Header:
    """What the rows of a table hold; `level` is the last word."""

    bins: int
    variables: int
    formula: str | None
    level: str

    @classmethod
    def of(cls, line: str) -> "_Header":
        words = iter(line.removeprefix("{").removesuffix("}").split())
        bins = _count(next(words, ""))
        named = len(list(islice(words, bins)))
        variables = _count(next(words, ""))
        named += len(list(islice(words, variables)))
        formula = next(words, "")
        rest = list(words)
        if named < bins + variables or not rest or not line.endswith("}"):
            raise _Wrong(
                "The header is not {bins … variables … formula kind level}, with the names after "
                "their numbers"
            )
        if not bins:
            raise _Wrong("The header names no variable that is binned in")
        return cls(bins, variables, None if formula in _NO_FORMULA else formula, rest[-1])

    @property
    def least_values(self) -> int:
        """How many values a row has at least."""
        if self.formula is None:
            return 1
        parameters = [int(number) + 1 for number in _PARAMETER.findall(self.formula)]
        return 2 * self.variables + max(parameters, default=0)


Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a table: its bin, which has one range a variable, and its values."""

    line: int
    bin: tuple[Range, ...]
    values: tuple[float, ...]

    @classmethod
    def of(cls, number: int, line: str, header: _Header) -> "_Row":
        words = line.split()
        edges = 2 * header.bins
        if len(words) <= edges:
            raise _Wrong(f"There are {len(words)} columns, and the bin alone has {edges}")
        values = words[edges + 1 :]
        if _count(words[edges]) != len(values):
            raise _Wrong(
                f"Column {edges + 1} says that {words[edges]} values follow, and there are "
                f"{len(values)}"
            )
        if len(values) < header.least_values:
            raise _Wrong(f"There are {len(values)} values, and {header.least_values} are needed")
        return cls(number, _ranges(words[:edges]), tuple(map(_number, values)))


def _count(word: str) -> int:
    if not re.fullmatch("[0-9]{1,4}", word):
        raise _Wrong(f"{_shown(word)} is not a number of columns")
    return int(word)


def _number(word: str) -> float:
    # Python also reads other digits than ASCII, and `1_000`.
    if word.isascii() and "_" not in word:
        try:
            number = float(word)
        except ValueError:
            number = math.nan
        if math.isfinite(number):
            return number
    raise _Wrong(f"{_shown(word)} is not a finite number")


def _ranges(words: Sequence[str]) -> tuple[Range, ...]:
    numbers = list(map(_number, words))
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _shown(word: str) -> str:
    return repr(word if len(word) <= _LENGTH else f"{word[:_LENGTH]}…")


# --- what can be wrong ------------------------------------------------------


@dataclass(slots=True)
class _Table:
    """A table that is being read."""

    name: str = ""
    header: _Header | None = None
    last: _Row | None = None

    @property
    def problem_at_end(self) -> str | None:
        where = f"Table {self.name!r}" if self.name else "The file"
        if self.header is None:
            return f"{where} has no header in braces."
        return f"{where} has no rows." if self.last is None else None


def _file_problems(text: str, level: str | None) -> Iterator[str]:
    table, names = _Table(), set[str]()
    for number, line in _lines(text):
        if section := _SECTION.fullmatch(line):
            if names and table.problem_at_end:
                yield table.problem_at_end
            table = _Table(section[1])
            if table.name in names:
                yield f"Line {number}: There are two tables {table.name!r}."
            names.add(table.name)
            continue
        try:
            yield from _line_problems(table, number, line, level)
        except _Wrong as error:
            yield f"Line {number}: {error}."
            if table.header is None:
                return  # whatever follows would have to be guessed
    if table.problem_at_end:
        yield table.problem_at_end


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(StringIO(text, newline=None), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip()


def _line_problems(table: _Table, number: int, line: str, level: str | None) -> Iterator[str]:
    if line.startswith("{"):
        if table.header is not None:
            raise _Wrong("The table has a header already")
        table.header = _Header.of(line)
        if level is not None and table.header.level != level:
            yield f"Line {number}: The header is for {_shown(table.header.level)}, not {level!r}."
        return
    if table.header is None:
        raise _Wrong("The header in braces has to come before the rows")
    row, last = _Row.of(number, line, table.header), table.last
    table.last = row
    yield from _range_problems(row, table.header)
    if last is not None:
        yield from _order_problems(row, last)


def _range_problems(row: _Row, header: _Header) -> Iterator[str]:
    ranges = row.bin
    if header.formula is not None:
        ends = row.values[: 2 * header.variables]
        ranges += tuple(zip(ends[::2], ends[1::2], strict=True))
    elif header.variables:
        yield from _triple_problems(row)
    for low, high in ranges:
        if low >= high:
            yield f"Line {row.line}: The range from {low:g} to {high:g} is empty."


def _triple_problems(row: _Row) -> Iterator[str]:
    if len(row.values) % 3:
        yield f"Line {row.line}: {len(row.values)} values are not triples of point, up and down."
    elif any(later <= earlier for earlier, later in pairwise(row.values[::3])):
        yield f"Line {row.line}: The points of the uncertainty do not ascend."


def _order_problems(row: _Row, last: _Row) -> Iterator[str]:
    """Compare a bin with the one before it, in the first variable in which they differ."""
    for (low, high), (low_before, high_before) in zip(row.bin, last.bin, strict=True):
        if (low, high) != (low_before, high_before):
            if low < high_before:
                yield (
                    f"Line {row.line}: The range from {low:g} to {high:g} overlaps or precedes "
                    f"the one from {low_before:g} to {high_before:g} in line {last.line}."
                )
            return
    yield f"Line {row.line}: The bin is the one of line {last.line}."
