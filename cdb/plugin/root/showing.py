"""How a ROOT file is shown: its objects in a table, and what can be drawn of them as pictures."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cdb.plugin import plots
from cdb.plugin.kinds import PayloadPreview
from cdb.plugin.root.objects import (
    Graph,
    Histogram,
    Histogram2D,
    Object,
    Words,
    is_known,
    read_object,
)
from cdb.plugin.root.records import Damaged, Entry, Records, opened, shortened
from cdb.plugin.root.trees import Column
from cdb.plugin.types import Content, OptionsError, PayloadReference, Preview


@dataclass(frozen=True, slots=True)
class RootPreviewOptions:
    """How much of a ROOT file is shown."""

    suffixes: tuple[str, ...] = field(
        default=(".root",),
        metadata={"help": "What the names of ROOT files end in; upper and lower case are alike."},
    )
    max_objects: int = field(default=200, metadata={"help": "How many objects are named at most."})
    max_pictures: int = field(
        default=24, metadata={"help": "How many histograms and graphs are drawn at most."}
    )
    max_mb: int = field(
        default=8,
        metadata={
            "help": "How much is unpacked of a file at most, in units of 2**20 bytes; what is "
            "larger is named, and no more."
        },
    )


class RootFilePreview(PayloadPreview):
    """Shows which objects a ROOT file has, and draws its histograms and graphs.

    A package that knows more of the files of its experiment makes a class of this one, and shows
    that in `parts`.
    """

    requires_cdb: ClassVar[str] = ">=1.1,<2"
    Options: ClassVar[type] = RootPreviewOptions
    options: RootPreviewOptions

    def __init__(self, name: str, options: RootPreviewOptions) -> None:
        super().__init__(name, options)
        if min(options.max_objects, options.max_mb) < 1 or options.max_pictures < 0:
            raise OptionsError("max_objects or max_mb is less than 1: nothing would be shown.")
        self._suffixes = tuple(suffix.lower() for suffix in options.suffixes)

    def accepts(self, payload: PayloadReference) -> bool:
        """Tell whether the file name ends in `.root`."""
        return payload.file_name.lower().endswith(self._suffixes)

    def preview(self, payload: PayloadReference, content: Content) -> Preview:
        """Return the objects of the file, and what can be drawn of them.

        Raises:
            Damaged: it is no ROOT file that is whole.

        """
        limit = self.options.max_mb << 20
        with content.open() as file, opened(file, content.size, limit) as records:
            entries = list(islice(records.entries(), self.options.max_objects + 1))
            is_truncated = len(entries) > self.options.max_objects
            del entries[self.options.max_objects :]
            parts = self._parts(payload, records, entries)
            read = [(entry, _read(records, entry)) for entry in entries]
        listed = _listed(read, is_truncated=is_truncated)
        return _together([*parts, listed, *_pictures(read, self.options.max_pictures)])

    def _parts(
        self, payload: PayloadReference, records: Records, entries: Sequence[Entry]
    ) -> list[Preview]:
        """Return the parts up to the first that cannot be read, of which it is said why."""
        found: list[Preview] = []
        try:
            found.extend(self.parts(payload, records, entries))
        except Damaged as error:
            found.append(Preview("text", shown_text(str(error)), title="What cannot be shown"))
        return found

    def parts(
        self, payload: PayloadReference, records: Records, entries: Sequence[Entry]
    ) -> Iterator[Preview]:
        """Yield what comes before the list of objects: here nothing.

        Raises:
            Damaged: the rest cannot be read; the message is shown in its place.

        """
        yield from ()


def table_of(title: str, columns: Sequence[Column], count: int, description: str = "") -> Preview:
    """Return columns of a tree as a table.

    Args:
        title: of the table.
        columns: with the values of the first entries.
        count: how many entries are shown at most.
        description: a sentence about it.

    """
    values = [[_shown_number(value) for value in column.values[:count]] for column in columns]
    length = max(map(len, values), default=0)
    padded = [[*column, *[""] * (length - len(column))] for column in values]
    header = tuple(shown_text(column.name) for column in columns)
    is_truncated = any(len(column.values) > count for column in columns)
    rows = tuple(zip(*padded, strict=True))
    return Preview("table", (header, *rows), is_truncated, shown_text(title), description)


_LETTER = re.compile("#([A-Za-z]+)")
_SCRIPT = re.compile(r"([_^])\{([^{}]*)\}")


def _plain_title(text: str) -> str:
    """Return a title without the marks for Greek letters and indices, and without other titles."""
    text = text.partition(";")[0]
    return _SCRIPT.sub(r"\1\2", _LETTER.sub(_letter, text))


def _letter(found: re.Match[str]) -> str:
    size = "CAPITAL" if found[1][0].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {size} LETTER {found[1].upper()}")
    except KeyError:
        return found[0]


def shown_text(text: str) -> str:
    """Return a text of a file as it can be shown: in one line, in UTF-8, and not too long."""
    return shortened(text).encode("utf-8", "replace").decode()


# --- the list of objects ----------------------------------------------------


def _read(records: Records, entry: Entry) -> Object | Damaged | None:
    """Return what an object is; None where nothing is known of its class."""
    if not is_known(entry.class_name):
        return None
    try:
        return read_object(entry.class_name, records.content(entry))
    except Damaged as error:
        return error


_Read = tuple[Entry, Object | Damaged | None]


def _listed(read: Sequence[_Read], *, is_truncated: bool) -> Preview:
    header = ("name", "class", "title", "what is in it")
    rows = [
        tuple(map(shown_text, (_name(entry), entry.class_name, entry.title, _said(found))))
        for entry, found in read
    ]
    said = "" if rows else "The file holds no objects."
    return Preview("table", (header, *rows), is_truncated, "Objects in the file", said)


def _name(entry: Entry) -> str:
    return entry.path if entry.cycle == 1 else f"{entry.path};{entry.cycle}"


def _said(found: Object | Damaged | None) -> str:
    match found:
        case Histogram() | Histogram2D():
            return f"{_bins(found)}, {_counted(found.entries, 'entry', 'entries')}"
        case Graph():
            return _counted(len(found.x), "point")
        case Words():
            return found.text
        case Damaged():
            return str(found)
        case None:
            return ""


def _bins(found: Histogram | Histogram2D) -> str:
    if isinstance(found, Histogram):
        return _counted(len(found.values), "bin")
    rows, columns = found.values.shape
    return f"{columns:,} × {rows:,} bins"


def _counted(number: float, one: str, several: str = "") -> str:
    digits = ",.15g" if float(number).is_integer() else ",.6g"
    return f"{number:{digits}} {one if number == 1 else several or f'{one}s'}"


# --- pictures ---------------------------------------------------------------


def _pictures(read: Sequence[_Read], limit: int) -> Iterator[Preview]:
    drawable = (
        (entry, found)
        for entry, found in read
        if isinstance(found, Histogram | Histogram2D | Graph)
    )
    for entry, found in islice(drawable, limit):
        title = shown_text(_name(entry))
        try:
            drawn = _drawn(found)
        except plots.CannotBeDrawn as error:
            yield Preview("text", str(error), title=title)
        else:
            yield Preview("svg", drawn, title=title, description=_described(entry, found))


def _drawn(found: Histogram | Histogram2D | Graph) -> str:
    match found:
        case Histogram():
            errors = None if found.errors is None else found.errors.tolist()
            edges, values = found.x.edges.tolist(), found.values.tolist()
            titles = _plain_title(found.x.title), _plain_title(found.y_title)
            return plots.histogram(edges, values, errors, *titles)
        case Histogram2D():
            edges = found.x.edges.tolist(), found.y.edges.tolist()
            titles = _plain_title(found.x.title), _plain_title(found.y.title)
            return plots.heatmap(*edges, found.values.tolist(), *titles)
        case Graph():
            low = None if found.low is None else found.low.tolist()
            high = None if found.high is None else found.high.tolist()
            return plots.points(found.x.tolist(), found.y.tolist(), low, high)


def _described(entry: Entry, found: Histogram | Histogram2D | Graph) -> str:
    title = shown_text(_plain_title(found.title))
    called = f"{shown_text(entry.class_name)}{f', {title}' if title else ''}"
    match found:
        case Histogram():
            return (
                f"{called}: {_bins(found)} from {_reach(found.x.edges)}, values from "
                f"{_reach(found.values)}; {_counted(found.entries, 'entry', 'entries')}."
            )
        case Histogram2D():
            return (
                f"{called}: {_bins(found)}, x from {_reach(found.x.edges)}, y from "
                f"{_reach(found.y.edges)}, values from {_reach(found.values)}; "
                f"{_counted(found.entries, 'entry', 'entries')}."
            )
        case Graph():
            return f"{called}: {_said(found)}, x from {_reach(found.x)}, y from {_reach(found.y)}."


def _reach(values: NDArray[Any]) -> str:
    some = values[np.isfinite(values)]
    return f"{some.min():.4g} to {some.max():.4g}" if len(some) else "none to none"


def _shown_number(value: Any) -> str:
    return f"{value:.7g}" if isinstance(value, np.floating) else str(value)


def _together(shown: Sequence[Preview]) -> Preview:
    first, *others = shown
    return Preview(
        first.kind,
        first.content,
        first.is_truncated,
        first.title,
        first.description,
        tuple(others),
    )
