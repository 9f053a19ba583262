"""Objects of a few classes of ROOT, read from their records: what can be drawn or said.

The layout of a class is that of the versions that ROOT 5 and 6 write. What a class has besides,
such as fits and styles, is stepped over by the size that is written before it.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cdb.plugin.root.records import Damaged

Numbers = NDArray[np.float64]

_HAS_SIZE = 0x40000000
_IS_REFERENCED = 1 << 4
_LONG_TEXT = 255

_CELLS = 4_000_000
"""Bins of a histogram, or points of a graph, that are read at most."""

_DTYPES = {"C": ">i1", "S": ">i2", "I": ">i4", "L": ">i8", "F": ">f4", "D": ">f8"}
"""The last letter of a histogram's class → what its bins hold."""


class Axis(NamedTuple):
    """The bins along an axis: their edges, one more than bins, and what it is called."""

    title: str
    edges: Numbers


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram or a profile of one dimension; bins beyond the edges are left out.

    Attributes:
        title: of the histogram.
        x: its axis.
        y_title: what the values are called.
        values: of the bins; NaN where a profile has no entry.
        errors: of the values; None where the file has none.
        entries: how often it was filled.

    """

    title: str
    x: Axis
    y_title: str
    values: Numbers
    errors: Numbers | None
    entries: float


@dataclass(frozen=True, slots=True)
class Histogram2D:
    """A histogram or a profile of two dimensions; `values` has a row for each bin along y."""

    title: str
    x: Axis
    y: Axis
    values: Numbers
    entries: float


@dataclass(frozen=True, slots=True)
class Graph:
    """Points; `low` and `high` are how far the errors of y reach down and up, if there are any."""

    title: str
    x: Numbers
    y: Numbers
    low: Numbers | None
    high: Numbers | None


@dataclass(frozen=True, slots=True)
class Words:
    """What is said in words of an object, or is one: a text, a number, a count of entries."""

    text: str


Object = Histogram | Histogram2D | Graph | Words


def is_known(class_name: str) -> bool:
    """Tell whether objects of a class can be read here."""
    return class_name in _READERS


def read_object(class_name: str, record: bytes) -> Object:
    """Return an object from its unpacked record.

    Raises:
        Damaged: its class is not known here, or the record is none of that class.

    """
    if not is_known(class_name):
        raise Damaged(f"Objects of the class {class_name!r} cannot be read.")
    try:
        with np.errstate(all="ignore"):
            return _READERS[class_name](_Record(record), class_name)
    except (struct.error, ValueError) as error:
        raise Damaged(f"The record is no {class_name} that can be read.") from error


class _Record:
    """Bytes that are read from the front."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def number(self, form: str) -> Any:
        """Return the next number, in a format of `struct`."""
        (value,) = struct.unpack_from(f">{form}", self._raw, self._at)
        self._at += struct.calcsize(f">{form}")
        return value

    def begin(self) -> int:
        """Step into a part that has its size and its version in front; return where it ends."""
        size = self.number("I")
        if not size & _HAS_SIZE:
            raise Damaged("A part of the record has no size.")
        end = self._at + (size & ~_HAS_SIZE)
        self.number("H")
        return int(end)

    def end(self, place: int) -> None:
        """Step to the end of a part."""
        if not self._at <= place <= len(self._raw):
            raise Damaged("A part of the record reaches beyond it.")
        self._at = place

    def skip(self) -> None:
        """Step over a part."""
        self.end(self.begin())

    def text(self) -> str:
        """Return the next text."""
        length = self.number("B")
        if length == _LONG_TEXT:
            length = self.number("I")
        if length > len(self._raw) - self._at:
            raise Damaged("A text in the record reaches beyond it.")
        raw = self._raw[self._at : self._at + length]
        self._at += length
        return raw.decode("utf-8", "replace")

    def base(self) -> None:
        """Step over a TObject."""
        self.number("H")
        self.number("I")
        if self.number("I") & _IS_REFERENCED:
            self.number("H")

    def named(self) -> tuple[str, str]:
        """Return the name and the title of a TNamed."""
        end = self.begin()
        self.base()
        name, title = self.text(), self.text()
        self.end(end)
        return name, title

    def numbers(self, count: int, dtype: str = ">f8") -> Numbers:
        """Return some numbers."""
        if not 0 <= count <= _CELLS:
            raise Damaged(f"The record has {count} values.")
        found = np.frombuffer(self._raw, dtype, count, self._at)
        self._at += found.nbytes
        return found.astype(np.float64)

    def array(self, dtype: str = ">f8") -> Numbers:
        """Return the numbers of a TArray, which has their count in front."""
        return self.numbers(self.number("i"), dtype)

    def pointed(self, count: int) -> Numbers:
        """Return the numbers that a pointer leads to, with a byte in front."""
        self.number("B")
        return self.numbers(count)


# --- histograms -------------------------------------------------------------


class _Filled(NamedTuple):
    """What all histograms have: their axes, and the sums of the squares of weights."""

    title: str
    x: Axis
    y: Axis
    entries: float
    squares: Numbers


def _axis(record: _Record) -> Axis:
    end = record.begin()
    _, title = record.named()
    record.skip()  # how it is drawn
    bins, low, high = record.number("i"), record.number("d"), record.number("d")
    edges = record.array()
    record.end(end)
    if not 0 < bins < _CELLS:
        raise Damaged(f"An axis has {bins} bins.")
    if not len(edges):
        edges = np.linspace(low, high, bins + 1)
    if len(edges) != bins + 1 or not np.isfinite(edges).all() or not (np.diff(edges) > 0).all():
        raise Damaged("The edges of an axis do not follow one another.")
    return Axis(title, edges)


def _filled(record: _Record) -> _Filled:
    end = record.begin()
    _, title = record.named()
    for _part in range(3):
        record.skip()  # line, fill, marker
    record.number("i")  # how many bins: the axes say so, too
    x, y, _ = _axis(record), _axis(record), _axis(record)
    record.number("i")  # where bars are drawn
    entries = record.number("d")
    for _ in range(7):
        record.number("d")  # sums, bounds and norm
    record.array()  # contours
    squares = record.array()
    record.end(end)
    return _Filled(title, x, y, float(entries), squares)


def _histogram(record: _Record, class_name: str) -> Histogram:
    end = record.begin()
    filled = _filled(record)
    values = record.array(_DTYPES[class_name[-1]])
    record.end(end)
    inside = slice(1, len(filled.x.edges))
    if len(values) != len(filled.x.edges) + 1:
        raise Damaged("The histogram has not as many values as bins.")
    has_errors = len(filled.squares) == len(values)
    errors = np.sqrt(filled.squares[inside]) if has_errors else None
    return Histogram(
        filled.title, filled.x, filled.y.title, values[inside], errors, filled.entries
    )


def _profile(record: _Record, _: str) -> Histogram:
    end = record.begin()
    inner = record.begin()
    filled = _filled(record)
    sums = record.array()
    record.end(inner)
    counts = record.array()
    record.end(end)
    if not len(sums) == len(counts) == len(filled.squares) == len(filled.x.edges) + 1:
        raise Damaged("The profile has not as many values as bins.")
    means = sums / counts
    errors = np.sqrt(np.abs(filled.squares / counts - means**2) / counts)
    inside = slice(1, -1)
    return Histogram(
        filled.title, filled.x, filled.y.title, means[inside], errors[inside], filled.entries
    )


def _histogram_2d(record: _Record, class_name: str) -> Histogram2D:
    end = record.begin()
    inner = record.begin()
    filled = _filled(record)
    record.end(inner)
    values = record.array(_DTYPES[class_name[-1]])
    record.end(end)
    return _table(filled, values)


def _profile_2d(record: _Record, _: str) -> Histogram2D:
    end = record.begin()
    outer = record.begin()
    inner = record.begin()
    filled = _filled(record)
    record.end(inner)
    sums = record.array()
    record.end(outer)
    counts = record.array()
    record.end(end)
    return _table(filled, sums / counts)


def _table(filled: _Filled, values: Numbers) -> Histogram2D:
    rows, columns = len(filled.y.edges) + 1, len(filled.x.edges) + 1
    if len(values) != rows * columns:
        raise Damaged("The histogram has not as many values as bins.")
    inside = values.reshape(rows, columns)[1:-1, 1:-1]
    return Histogram2D(filled.title, filled.x, filled.y, inside, filled.entries)


# --- graphs, and what is said in words --------------------------------------


def _points(record: _Record) -> tuple[str, Numbers, Numbers]:
    end = record.begin()
    _, title = record.named()
    for _ in range(3):
        record.skip()
    count = record.number("i")
    x, y = record.pointed(count), record.pointed(count)
    record.end(end)
    return title, x, y


def _graph(record: _Record, _: str) -> Graph:
    return Graph(*_points(record), None, None)


def _graph_with_errors(record: _Record, class_name: str) -> Graph:
    end = record.begin()
    title, x, y = _points(record)
    is_symmetric = class_name == "TGraphErrors"
    errors = [record.pointed(len(x)) for _ in range(2 if is_symmetric else 4)]
    record.end(end)
    return Graph(title, x, y, errors[-1 if is_symmetric else -2], errors[-1])


def _tree(record: _Record, _: str) -> Words:
    record.begin()
    record.named()
    for _part in range(3):
        record.skip()
    return Words(f"{record.number('q'):,} entries")


def _ntuple(record: _Record, class_name: str) -> Words:
    record.begin()
    return _tree(record, class_name)


def _string(record: _Record, _: str) -> Words:
    record.begin()
    record.base()
    return Words(record.text())


def _named(record: _Record, _: str) -> Words:
    return Words(record.named()[1])


def _parameter(record: _Record, class_name: str) -> Words:
    record.begin()
    record.base()
    record.text()
    return Words(str(record.number(_PARAMETERS[class_name])))


_PARAMETERS = {
    "TParameter<double>": "d",
    "TParameter<float>": "f",
    "TParameter<int>": "i",
    "TParameter<Long64_t>": "q",
    "TParameter<long>": "q",
    "TParameter<bool>": "?",
}

_READERS: Mapping[str, Callable[[_Record, str], Object]] = {
    **{f"TH1{letter}": _histogram for letter in _DTYPES},
    **{f"TH2{letter}": _histogram_2d for letter in _DTYPES},
    "TProfile": _profile,
    "TProfile2D": _profile_2d,
    "TGraph": _graph,
    "TGraphErrors": _graph_with_errors,
    "TGraphAsymmErrors": _graph_with_errors,
    "TTree": _tree,
    "TNtuple": _ntuple,
    "TNtupleD": _ntuple,
    "TObjString": _string,
    "TNamed": _named,
    **dict.fromkeys(_PARAMETERS, _parameter),
}
