"""Previews of payloads that are text, also where they are packed by gzip."""

import csv
import json
import re
import zlib
from codecs import getincrementaldecoder
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from gzip import BadGzipFile, GzipFile
from itertools import takewhile
from typing import ClassVar

from cdb.plugin import Content, OptionsError, PayloadPreview, PayloadReference, Preview

_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_NUMBER = re.compile(
    r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[-+]?[0-9]+)?|[-+]?(nan|inf)", re.IGNORECASE
)
_WIDTH = 98
"""Characters of a line of JSON up to which a list or an object stays on it."""

_LEAST = 2
"""Rows and columns of a table; with fewer it is a text."""

_DESCRIPTION = 300
"""Characters of what stands before a table that are shown."""


@dataclass(frozen=True, slots=True)
class PreviewOptions:
    """How much is shown."""

    max_kb: int = field(
        default=64,
        metadata={"help": "How much is read and shown at most, in units of 1024 bytes."},
    )


@dataclass(frozen=True, slots=True)
class TextPreviewOptions(PreviewOptions):
    """What is taken for text, and how much of it is shown."""

    suffixes: tuple[str, ...] = field(
        default=(
            *(".txt", ".csv", ".tsv", ".dat", ".xml", ".json"),
            *(".yaml", ".yml", ".ini", ".cfg", ".md"),
        ),
        metadata={"help": "What the names of text files end in; upper and lower case are alike."},
    )
    tables: tuple[str, ...] = field(
        default=(".csv", ".tsv", ".txt", ".dat"),
        metadata={"help": "Those of them that are looked at for a table."},
    )
    max_rows: int = field(
        default=200, metadata={"help": "How many rows of a table are shown at most."}
    )
    max_columns: int = field(
        default=40, metadata={"help": "How many columns of a table are shown at most."}
    )


@dataclass(frozen=True, slots=True)
class JsonPreviewOptions(PreviewOptions):
    """What is taken for JSON, and how much of it is shown."""

    suffixes: tuple[str, ...] = field(
        default=(".json",),
        metadata={"help": "What the names of JSON files end in; upper and lower case are alike."},
    )


class _Bounded(PayloadPreview):
    """What all have: a bound, in characters of the preview and in bytes of the content."""

    requires_cdb: ClassVar[str] = ">=1,<2"
    options: TextPreviewOptions | JsonPreviewOptions

    def __init__(self, name: str, options: TextPreviewOptions | JsonPreviewOptions) -> None:
        super().__init__(name, options)
        if options.max_kb < 1:
            raise OptionsError("max_kb is less than 1: nothing would be shown.")
        self._limit = options.max_kb << 10
        self._suffixes = tuple(suffix.lower() for suffix in options.suffixes)

    def accepts(self, payload: PayloadReference) -> bool:
        """Tell whether the file name, but for a `.gz` at its end, ends as the options say."""
        return _plain_name(payload).endswith(self._suffixes)

    def _beginning(self, payload: PayloadReference, content: Content) -> Preview:
        raw = _read(payload, content, self._limit + 1)
        is_truncated = len(raw) > self._limit
        # A character can be cut at the end of what is read, which is no error.
        decoder = getincrementaldecoder("utf-8")()
        text = decoder.decode(raw[: self._limit], final=not is_truncated)
        if _BINARY.search(text):
            raise ValueError("The content is binary: it has control characters.")
        return Preview("text", text, is_truncated)


def _plain_name(payload: PayloadReference) -> str:
    return payload.file_name.lower().removesuffix(".gz")


def _read(payload: PayloadReference, content: Content, limit: int) -> bytes:
    """Return the first bytes, unpacked.

    Raises:
        ValueError: they cannot be unpacked.

    """
    if not payload.file_name.lower().endswith(".gz"):
        return content.read(limit)
    try:
        with content.open() as file, GzipFile(fileobj=file) as unpacked:
            return unpacked.read(limit)
    except (BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"The content cannot be unpacked: {error}.") from error


# --- texts and tables -------------------------------------------------------


class TextPreview(_Bounded):
    """Shows the beginning of a text in UTF-8; a table as a table.

    A table has the same number of values in each line, white space between them and a number among
    them, or is a `.csv` or `.tsv` file. Comments, and a line in braces, can stand before it.
    """

    Options: ClassVar[type] = TextPreviewOptions
    options: TextPreviewOptions

    def __init__(self, name: str, options: TextPreviewOptions) -> None:
        super().__init__(name, options)
        if options.max_rows < 1 or options.max_columns < 1:
            raise OptionsError("max_rows or max_columns is less than 1: nothing would be shown.")
        self._of_tables = tuple(suffix.lower() for suffix in options.tables)

    def preview(self, payload: PayloadReference, content: Content) -> Preview:
        """Return the table, or the beginning of the text.

        Raises:
            ValueError: it is not text in UTF-8.

        """
        text = self._beginning(payload, content)
        name = _plain_name(payload)
        if not name.endswith(self._of_tables):
            return text
        lines = str(text.content).splitlines()
        if text.is_truncated:
            del lines[-1:]  # of which a part may be missing
        before = list(takewhile(_is_before, lines))
        rows = _rows(lines[len(before) :], is_separated=name.endswith((".csv", ".tsv")))
        return self._table(before, rows, text) if rows else text

    def _table(self, before: Sequence[str], rows: list[list[str]], text: Preview) -> Preview:
        header, rows = _header(before, rows)
        width, length = self.options.max_columns, self.options.max_rows
        is_cut = len(header) > width or len(rows) > length
        return Preview(
            "table",
            tuple(tuple(row[:width]) for row in [header, *rows[:length]]),
            text.is_truncated or is_cut,
            description=" ".join(" ".join(before).split())[:_DESCRIPTION],
        )


def _is_before(line: str) -> bool:
    """Tell whether a line is none of the table: blank, a comment, or a definition in braces."""
    text = line.strip()
    return not text or text.startswith("#") or (text.startswith("{") and text.endswith("}"))


def _rows(lines: Sequence[str], *, is_separated: bool) -> list[list[str]]:
    """Return the rows of a table, the first one perhaps its header; none where it is none."""
    filled = [line for line in lines if not _is_before(line)]
    rows = _separated(filled) if is_separated else [line.split() for line in filled]
    is_even = len({len(row) for row in rows}) == 1
    if not is_even or len(rows) < _LEAST or len(rows[0]) < _LEAST:
        return []
    return rows if is_separated or all(map(_has_number, rows[1:])) else []


def _separated(lines: Sequence[str]) -> list[list[str]]:
    first = lines[0] if lines else ""
    try:
        return list(csv.reader(lines, delimiter=max(",;\t", key=first.count)))
    except csv.Error:
        return []


def _header(before: Sequence[str], rows: list[list[str]]) -> tuple[Sequence[str], list[list[str]]]:
    """Return the names of the columns, and the rows: names are above numbers, or in a comment."""
    first, *others = rows
    if not _has_number(first):
        return first, others
    comment = before[-1].strip() if before else ""
    names = comment.removeprefix("#").split()
    if comment.startswith("#") and len(names) == len(first):
        return names, rows
    return [str(number) for number in range(1, len(first) + 1)], rows


def _has_number(row: Sequence[str]) -> bool:
    return any(_NUMBER.fullmatch(cell.strip()) for cell in row)


# --- JSON -------------------------------------------------------------------


class JsonPreview(_Bounded):
    """Shows a JSON file with an indentation; one that is too large, as it is."""

    Options: ClassVar[type] = JsonPreviewOptions

    def preview(self, payload: PayloadReference, content: Content) -> Preview:
        """Return the document, or its beginning.

        Raises:
            ValueError: it is not JSON in UTF-8.

        """
        beginning = self._beginning(payload, content)
        if beginning.is_truncated or not isinstance(beginning.content, str):
            return beginning
        try:
            return self._indented(_READ.decode(beginning.content))
        except RecursionError as error:
            raise ValueError("The document is too deeply nested.") from error

    def _indented(self, document: object) -> Preview:
        # In pieces: the indentation of a deep document is far longer than itself.
        written = ""
        for piece in _pieces(document, ""):
            written += piece
            if len(written) > self._limit:
                break
        # JSON can name half a surrogate pair, which UTF-8 has not: show the name again.
        text = written.encode("utf-8", "backslashreplace").decode()
        return Preview("text", text[: self._limit], len(text) > self._limit)


class _Number(str):
    """A number as it is written: as a float it could be another one."""

    __slots__ = ()


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no number of JSON.")


_READ = json.JSONDecoder(parse_float=_Number, parse_int=_Number, parse_constant=_no_number)
_WRITTEN = json.JSONEncoder(ensure_ascii=False)


def _line(value: object) -> str:
    """Return a value as JSON on one line."""
    if isinstance(value, dict):
        members = [f"{_WRITTEN.encode(key)}: {_line(member)}" for key, member in value.items()]
        return f"{{{', '.join(members)}}}"
    if isinstance(value, list):
        return f"[{', '.join([_line(member) for member in value])}]"
    return value if isinstance(value, _Number) else _WRITTEN.encode(value)


def _pieces(value: object, indent: str) -> Iterator[str]:
    """Yield a value as JSON: on one line where it fits, else its members below one another."""
    line = _line(value)
    if not isinstance(value, dict | list) or not value or len(indent) + len(line) <= _WIDTH:
        yield line
        return
    is_object = isinstance(value, dict)
    members = value.items() if isinstance(value, dict) else (("", each) for each in value)
    separator = "{" if is_object else "["
    for key, member in members:
        yield f"{separator}\n{indent}  "
        if is_object:
            yield f"{_WRITTEN.encode(key)}: "
        yield from _pieces(member, f"{indent}  ")
        separator = ","
    yield f"\n{indent}{'}' if is_object else ']'}"
