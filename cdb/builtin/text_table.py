"""A validator for tables in plain text."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from itertools import islice
from typing import ClassVar, Literal

from cdb.plugin import (
    Content,
    OptionsError,
    PayloadReference,
    PayloadValidator,
    UnreadableContent,
)

_REASONS = 20
_LENGTH = 60


@dataclass(frozen=True, slots=True)
class TextTableOptions:
    """What the table looks like."""

    columns: int | None = field(
        default=None,
        metadata={"help": "How many columns there are; else as many as in the first row."},
    )
    header: Literal["none", "names", "free"] = field(
        default="none",
        metadata={
            "help": "What the first line is: a row like the others, the names of the columns, or "
            "any text."
        },
    )
    comment: str = field(
        default="#", metadata={"help": "What comment lines begin with; empty if there are none."}
    )
    delimiter: str | None = field(
        default=None,
        metadata={"help": "The character between columns, or `tab`; else any white space."},
    )
    numeric: bool = field(
        default=False, metadata={"help": "Whether every cell has to be a finite number."}
    )
    max_mb: int = field(
        default=16,
        metadata={"help": "How large the text is at most, unpacked, in units of 2**20 bytes."},
    )


class TextTable(PayloadValidator):
    """Takes payloads that are a table in UTF-8, with the same number of columns in every row.

    Comments and blank lines do not count, and there is no quoting. A payload
    whose name ends in `.gz` is unpacked first.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    reads_content = True
    Options: ClassVar[type] = TextTableOptions
    options: TextTableOptions

    def __init__(self, name: str, options: TextTableOptions) -> None:
        super().__init__(name, options)
        self._delimiter = "\t" if options.delimiter == "tab" else options.delimiter
        if self._delimiter is not None and len(self._delimiter) != 1:
            raise OptionsError("delimiter is neither a single character nor `tab`.")
        if options.columns is not None and options.columns < 1:
            raise OptionsError("columns is less than 1: no row would be right.")
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
            yield from islice(self._table_problems(text), _REASONS)

    def _lines(self, text: str) -> Iterator[tuple[int, str]]:
        comment = self.options.comment
        for number, line in enumerate(StringIO(text, newline=None), start=1):
            is_comment = bool(comment) and line.lstrip().startswith(comment)
            if line.strip() and not is_comment:
                yield number, line.rstrip("\n")

    def _table_problems(self, text: str) -> Iterator[str]:
        columns, header = self.options.columns, self.options.header
        lines = self._lines(text)
        if header == "names":
            for number, line in islice(lines, 1):
                names = line.split(self._delimiter)
                columns = columns or len(names)
                yield from _width_problem(number, names, columns)
        elif header == "free":
            next(lines, None)
        has_rows = False
        for number, line in lines:
            has_rows = True
            row = line.split(self._delimiter)
            columns = columns or len(row)
            yield from _width_problem(number, row, columns)
            if self.options.numeric:
                yield from _number_problems(number, row)
        if not has_rows:
            yield "The table has no rows."


def _width_problem(number: int, row: list[str], columns: int) -> Iterator[str]:
    if len(row) != columns:
        yield f"Line {number} has {len(row)} columns instead of {columns}."


def _number_problems(number: int, row: list[str]) -> Iterator[str]:
    for column, cell in enumerate(row, start=1):
        if not _is_number(cell):
            shown = cell if len(cell) <= _LENGTH else f"{cell[:_LENGTH]}…"
            yield f"Line {number}, column {column}: {shown!r} is not a finite number."


def _is_number(cell: str) -> bool:
    # Python also reads other digits than ASCII, and `1_000`.
    if not cell.isascii() or "_" in cell:
        return False
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False
