"""Payload IOVs that a command reads: CSV or JSON, named as the API and `--format` name them."""

import csv
import io
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import IO, Any, NamedTuple

from cdb_client.errors import ConfigError
from cdb_client.points import MAX, number_of

_NUMBERS = frozenset({"major_iov", "minor_iov", "major_iov_end", "minor_iov_end", "size"})
_TEXTS = ("payload_list", "payload_type", "payload_url", "checksum", "revision", "begin", "end")
_CHANGED = ("change", "changed", "actor", "comment")
_LEFT_OUT = ("id", "comb_iov", "inserted", "global_tag", "dimension", *_CHANGED)
"""What answers have, too, and an insert does not say."""

_FIELDS = {
    **{name: name for name in (*_NUMBERS, *_TEXTS)},
    **dict.fromkeys(_LEFT_OUT, ""),
    "payload_type_name": "payload_type",
    "extra": "revision",
}
"""What each name of a field means here."""


class Rows(NamedTuple):
    """Payload IOVs, and what people call the place in the file that each comes from."""

    rows: list[dict[str, Any]]
    places: list[str]


class BadRows(ConfigError):
    """A file has rows that cannot be inserted; `problems` has a sentence for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        count = f"{len(problems):,} rows are wrong" if len(problems) > 1 else problems[0]
        super().__init__(f"{count.rstrip('.')}. Nothing is inserted.")
        self.problems = problems


class _Wrong(ValueError):
    """A row cannot be one."""


def read(
    file: IO[bytes], needed: Collection[str], told: Callable[[int], object] = lambda _count: None
) -> Rows:
    """Read payload IOVs: CSV with a heading, JSON lines, or one JSON array.

    Args:
        file: where they are read from, to its end.
        needed: fields that each row has to have, beside its start.
        told: how many more rows were read.

    Raises:
        BadRows: it cannot be read, or rows are wrong: each is named by its line.

    """
    rows, places, problems = [], [], []
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    try:
        for place, given in _given(text):
            told(1)
            try:
                rows.append(_row(given, needed))
                places.append(place)
            except _Wrong as error:
                problems.append(f"{place}: {error}")
    except (ValueError, csv.Error, RecursionError) as error:
        problems.append(str(error))
    finally:
        # Whoever opened the file closes it.
        text.detach()
    if problems:
        raise BadRows(problems)
    return Rows(rows, places)


def _given(text: io.TextIOWrapper) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what stands in each place, by names of fields; None and "" are not given."""
    first = text.readline()
    number = 1
    while first and not first.strip():
        first = text.readline()
        number += 1
    match first.lstrip()[:1]:
        case "[":
            yield from _of_array(json.loads(first + text.read()))
        case "{":
            yield from _of_lines(first, text, number)
        case _:
            yield from _of_csv(first, text, number)


def _of_array(items: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, item in enumerate(items, start=1):
        yield f"item {number}", _object(item, f"item {number}")


def _of_lines(
    first: str, text: io.TextIOWrapper, number: int
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    line = first
    while line:
        if line.strip():
            place = f"line {number}"
            try:
                item = json.loads(line)
            except ValueError as error:
                raise ValueError(f"{place}: This is not JSON: {error}.") from None
            # The service ends its long answers by a line that counts the ones before.
            if item.keys() != {"count", "change"} if isinstance(item, dict) else True:
                yield place, _object(item, place)
        line = text.readline()
        number += 1


def _object(item: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(item, dict):
        raise ValueError(f"{place}: This is not an object with fields.")  # noqa: TRY004 - as others
    return item


def _of_csv(
    first: str, text: io.TextIOWrapper, number: int
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    names = next(csv.reader([first]), [])
    unknown = [name for name in names if name not in _FIELDS]
    if unknown:
        raise ValueError(f"line {number}: No field is called {', '.join(map(repr, unknown))}.")
    reader = csv.reader(text)
    for cells in reader:
        place = f"line {number + reader.line_num}"
        if not cells:
            continue
        if len(cells) != len(names):
            # Where a line broke off, an end that is missing would be an open one.
            raise ValueError(f"{place}: {len(cells)} cells stand below {len(names)} headings.")
        yield (
            place,
            {
                name: _number(cell) if name in _NUMBERS else cell
                for name, cell in zip(names, cells, strict=True)
                if cell
            },
        )


def _number(cell: str) -> int | str:
    number = number_of(cell)
    return cell if number is None else number


def _row(given: Mapping[str, Any], needed: Collection[str]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in given.items():
        meant = _FIELDS.get(name)
        if meant is None:
            raise _Wrong(f"No field is called {name!r}.")
        if meant and value is not None:
            row[meant] = _checked(meant, value)
    # Answers say an interval twice, and of the two the numbers need no dimension.
    if "major_iov" in row:
        row.pop("begin", None)
    if "major_iov_end" in row or "minor_iov_end" in row:
        row.pop("end", None)
    starts = ("begin",) if "begin" in row else ("major_iov", "minor_iov")
    missing = [name for name in (*needed, *starts) if not row.get(name) and row.get(name) != 0]
    if missing:
        raise _Wrong(f"It has no {', '.join(missing)}.")
    return row


def _checked(name: str, value: Any) -> Any:
    if name in _NUMBERS:
        if type(value) is not int or not 0 <= value <= MAX:
            raise _Wrong(f"{name} is {value!r}, and has to be an integer from 0 to {MAX}.")
    elif not isinstance(value, str):
        raise _Wrong(f"{name} is {value!r}, and has to be a text.")
    return value
