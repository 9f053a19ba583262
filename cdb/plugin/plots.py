"""Plots as SVG, for previews: histograms, maps of two dimensions, points.

What they are given can come from anybody, so every text in them is escaped, and there is nothing
in them that runs or loads something. The ink is dark and there is no ground: a page shows them on
a light one.
"""

import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from xml.sax.saxutils import escape

Numbers = Sequence[float]

_WIDTH, _HEIGHT = 480, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 16, 12, 44
_INK, _QUIET, _ACCENT = "#1b1e21", "#5a6169", "#0b5a8f"
_TICKS = 5
_LETTERS = 70
_STEPS = 12
"""Shades of a map."""

_LIGHT, _DARK = (226, 238, 247), (11, 74, 128)
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

MOST_BINS = 2000
"""Bins, or points, that are drawn at most."""

MOST_CELLS = 80
"""Cells of a map along each axis, at most."""


class CannotBeDrawn(ValueError):
    """There is nothing that could be drawn; the message says why."""


def histogram(
    edges: Numbers,
    values: Numbers,
    errors: Numbers | None = None,
    x_title: str = "",
    y_title: str = "",
) -> str:
    """Return bins as steps, with their errors where they have some and are few.

    Args:
        edges: of the bins, in ascending order; one more than there are bins.
        values: of the bins; those that are no finite numbers are left out.
        errors: of the values.
        x_title: what the axis is called.
        y_title: what the values are called.

    Raises:
        CannotBeDrawn: no value is a finite number, or they are too far apart.

    """
    edges, values, errors = _merged(edges, values, errors)
    tall = _tall(values, errors)
    # From zero on, unless that would leave nothing to see of the differences.
    is_far = len(set(tall)) > 1 and (min(tall) > max(tall) / 2 or max(tall) < min(tall) / 2)
    up = _span(tall if is_far or not tall else [*tall, 0.0])
    frame = _Frame(_span([edges[0], edges[-1]]), _with_room(up), x_title, y_title)
    steps = _steps(frame, edges, values)
    shapes = [f'<path d="{steps}" fill="none" stroke="{_ACCENT}" stroke-width="1.5"/>']
    if errors is not None and len(values) <= _WIDTH // 4:
        middles = [(low + high) / 2 for low, high in pairwise(edges)]
        shapes.append(_bars(frame, middles, values, errors, errors))
    return frame.drawn(shapes)


def points(
    x: Numbers,
    y: Numbers,
    low: Numbers | None = None,
    high: Numbers | None = None,
    x_title: str = "",
    y_title: str = "",
) -> str:
    """Return points; `low` and `high` are how far their errors reach down and up.

    Raises:
        CannotBeDrawn: no point is finite, or they are too far apart.

    """
    some = [
        place for place, pair in enumerate(zip(x, y, strict=True)) if all(map(math.isfinite, pair))
    ][:MOST_BINS]
    xs, ys = [x[place] for place in some], [y[place] for place in some]
    has_errors = low is not None and high is not None
    downs = [low[place] for place in some] if low is not None else []
    ups = [high[place] for place in some] if high is not None else []
    tall = [*_tall(ys, downs), *_tall(ys, ups)]
    frame = _Frame(_with_room(_span(xs)), _with_room(_span(tall)), x_title, y_title)
    dots = [
        f'<circle cx="{frame.x(a):.1f}" cy="{frame.y(b):.1f}" r="2.5" fill="{_ACCENT}"/>'
        for a, b in zip(xs, ys, strict=True)
    ]
    return frame.drawn([*dots, _bars(frame, xs, ys, downs, ups)] if has_errors else dots)


def heatmap(
    x_edges: Numbers,
    y_edges: Numbers,
    rows: Sequence[Numbers],
    x_title: str = "",
    y_title: str = "",
) -> str:
    """Return cells in shades; `rows` has one for each bin along y, with a value for each along x.

    Raises:
        CannotBeDrawn: no value is a finite number, or they are too far apart.

    """
    every_x = -(-(len(x_edges) - 1) // MOST_CELLS)
    every_y = -(-(len(y_edges) - 1) // MOST_CELLS)
    xs, ys = _every(x_edges, every_x), _every(y_edges, every_y)
    cells = [
        [_mean(rows, top, left, every_y, every_x) for left in range(0, len(x_edges) - 1, every_x)]
        for top in range(0, len(y_edges) - 1, every_y)
    ]
    low, high = _span([value for row in cells for value in row if math.isfinite(value)])
    frame = _Frame(
        _span([xs[0], xs[-1]]), _span([ys[0], ys[-1]]), x_title, y_title, _Scale(low, high)
    )
    shades: dict[int, list[str]] = {}
    for row, (bottom, top) in zip(cells, pairwise(ys), strict=True):
        for value, (left, right) in zip(row, pairwise(xs), strict=True):
            if math.isfinite(value):
                shade = min(_STEPS - 1, int((value - low) / (high - low) * _STEPS))
                shades.setdefault(shade, []).append(frame.cell(left, right, bottom, top))
    return frame.drawn(
        f'<path d="{"".join(places)}" fill="{_shade(shade)}"/>'
        for shade, places in sorted(shades.items())
    )


def plain(text: str) -> str:
    """Return a text as it can stand in an SVG: escaped, in one line, and not too long."""
    line = " ".join(_NO_XML.sub("", text).split())
    return escape(line if len(line) <= _LETTERS else f"{line[: _LETTERS - 1]}…", {'"': "&quot;"})


# --- the frame --------------------------------------------------------------


class _Scale:
    """The shades of a map, and the values that they stand for."""

    def __init__(self, low: float, high: float) -> None:
        self.low = low
        self.high = high

    def drawn(self) -> Iterator[str]:
        left, size = _WIDTH - 60, (_HEIGHT - _TOP - _BOTTOM) / _STEPS
        for step in range(_STEPS):
            top = _HEIGHT - _BOTTOM - (step + 1) * size
            yield (
                f'<rect x="{left}" y="{top:.1f}" width="10" height="{size + 0.5:.1f}" '
                f'fill="{_shade(step)}"/>'
            )
        for value, place in ((self.low, _HEIGHT - _BOTTOM), (self.high, _TOP + 9)):
            yield _text(left + 14, place, _number(value, 3), size=10)


class _Frame:
    """Two axes with their ticks, and where a value lies between them."""

    def __init__(
        self,
        xs: tuple[float, float],
        ys: tuple[float, float],
        x_title: str,
        y_title: str,
        scale: _Scale | None = None,
    ) -> None:
        self._xs = xs
        self._ys = ys
        self._titles = x_title, y_title
        self._scale = scale
        self._right = _WIDTH - (72 if scale else _RIGHT)

    def x(self, value: float) -> float:
        """Return where a value lies along x, in pixels."""
        low, high = self._xs
        return _LEFT + (value - low) / (high - low) * (self._right - _LEFT)

    def y(self, value: float) -> float:
        """Return where a value lies along y, in pixels; what is beyond is at the edge."""
        low, high = self._ys
        share = min(1.0, max(0.0, (value - low) / (high - low)))
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)

    def cell(self, left: float, right: float, bottom: float, top: float) -> str:
        """Return the path of a rectangle."""
        a, b, c, d = self.x(left), self.x(right), self.y(bottom), self.y(top)
        return f"M{a:.1f} {c:.1f}H{b:.1f}V{d:.1f}H{a:.1f}Z"

    def drawn(self, shapes: Sequence[str] | Iterator[str]) -> str:
        """Return the whole picture."""
        inside = "".join([*shapes, *self._axes(), *(self._scale.drawn() if self._scale else ())])
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            f'width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="11">'
            f"{inside}</svg>"
        )

    def _axes(self) -> Iterator[str]:
        floor = _HEIGHT - _BOTTOM
        yield (
            f'<path d="M{_LEFT} {_TOP}V{floor}H{self._right}" fill="none" stroke="{_INK}" '
            'stroke-width="1"/>'
        )
        for value in _ticks(*self._xs):
            place = self.x(value)
            yield f'<path d="M{place:.1f} {floor}v4" stroke="{_INK}"/>'
            yield _text(place, floor + 16, _number(value), anchor="middle")
        for value in _ticks(*self._ys):
            place = self.y(value)
            yield f'<path d="M{_LEFT} {place:.1f}h-4" stroke="{_INK}"/>'
            yield _text(_LEFT - 7, place + 4, _number(value), anchor="end")
        x_title, y_title = self._titles
        yield _text(self._right, _HEIGHT - 8, x_title, anchor="end", colour=_INK)
        turned = f' transform="rotate(-90 12 {_TOP})"'
        yield _text(12, _TOP, y_title, anchor="end", colour=_INK, more=turned)


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    colour: str = _QUIET,
    size: int = 11,
    more: str = "",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
        f'font-size="{size}"{more}>{plain(text)}</text>'
    )


# --- numbers ----------------------------------------------------------------


def _span(values: Numbers) -> tuple[float, float]:
    """Return from where to where an axis goes, so that it is no single place."""
    if not values:
        raise CannotBeDrawn("There is no value that could be drawn.")
    low, high = min(values), max(values)
    if low == high:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    if not math.isfinite(high - low) or (high - low) / 1000 + low == low:
        raise CannotBeDrawn("The values are too far apart, or too close, to be drawn.")
    return low, high


def _with_room(span: tuple[float, float]) -> tuple[float, float]:
    """Return a span with some room at both ends; zero stays an end."""
    low, high = span
    room = (high - low) / 20
    return low - room if low else low, high + room if high else high


def _tall(values: Numbers, errors: Numbers | None) -> list[float]:
    """Return what a plot has to reach: finite values, with their errors above and below."""
    bare = [value for value in values if math.isfinite(value)]
    if not errors:
        return bare
    reaching = [
        reached
        for value, error in zip(values, errors, strict=True)
        for reached in (value - error, value + error)
        if math.isfinite(reached)
    ]
    return bare + reaching


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two, a handful."""
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((power * each for each in (1, 2, 5) if power * each >= rough), power * 10)
    first = math.ceil(low / step)
    return [number * step for number in range(first, first + 2 * _TICKS) if number * step <= high]


def _number(value: float, digits: int = 6) -> str:
    return f"{value:.{digits}g}".replace("-", "−")


def _shade(step: int) -> str:
    share = step / (_STEPS - 1)
    return "#" + "".join(
        f"{round(light + (dark - light) * share):02x}"
        for light, dark in zip(_LIGHT, _DARK, strict=True)
    )


def _merged(
    edges: Numbers, values: Numbers, errors: Numbers | None
) -> tuple[Numbers, Numbers, Numbers | None]:
    """Return not more bins than can be drawn: several become one with their mean."""
    every = -(-len(values) // MOST_BINS)
    if every == 1:
        return edges, values, errors
    means = [_mean([values], 0, left, 1, every) for left in range(0, len(values), every)]
    return _every(edges, every), means, None


def _every(edges: Numbers, every: int) -> list[float]:
    """Return every so many of the edges, the last one in any case."""
    return [*edges[:-1:every], edges[-1]]


def _mean(rows: Sequence[Numbers], top: int, left: int, height: int, width: int) -> float:
    """Return the mean of the values in a part of a table that are finite; NaN if none is."""
    some = [
        value
        for row in rows[top : top + height]
        for value in row[left : left + width]
        if math.isfinite(value)
    ]
    return sum(some) / len(some) if some else math.nan


def _steps(frame: _Frame, edges: Numbers, values: Numbers) -> str:
    """Return the path of a histogram, with a break where there is no value."""
    parts, is_drawing = [], False
    for left, right, value in zip(edges, edges[1:], values, strict=False):
        if not math.isfinite(value):
            is_drawing = False
            continue
        start = "" if is_drawing else f"M{frame.x(left):.1f} {frame.y(value):.1f}"
        parts.append(f"{start}V{frame.y(value):.1f}H{frame.x(right):.1f}")
        is_drawing = True
    return "".join(parts)


def _bars(frame: _Frame, xs: Numbers, ys: Numbers, downs: Numbers, ups: Numbers) -> str:
    places = [
        f"M{frame.x(x):.1f} {frame.y(y - down):.1f}V{frame.y(y + up):.1f}"
        for x, y, down, up in zip(xs, ys, downs, ups, strict=True)
        if all(map(math.isfinite, (y - down, y + up)))
    ]
    return f'<path d="{"".join(places)}" stroke="{_ACCENT}" stroke-width="1"/>'
