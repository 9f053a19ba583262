"""The axis of a picture: where points stand, from 0 to 1, and its ticks.

Within one major the axis counts minors. Otherwise each major is one unit wide, and its
minors share that as far as the data reach: of 2⁶³ luminosity sections there are some
thousands, and runs of an experiment are no more. What lies further is at the unit's end.

Where nearly all that happens would fall into few columns, as where simulation has an
experiment number of a thousand, long stretches in which nothing starts or ends are cut
short; `breaks` says which.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from cdb_client.pictures.notation import Notation
from cdb_client.points import MAX, OPEN, Point

Window = tuple[Point, Point]
"""A part of the axis, half-open."""

Tick = tuple[float, str]
"""Where a tick stands, from 0 to 1, and what is written there."""

_BODY = 0.98
"""The part of a major in which the minors are that the data reach."""

_COLUMNS = 100
_FEWEST = 8
_LONG = 0.05
_CUT = 0.04


@dataclass(frozen=True, slots=True)
class Axis:
    """Where points stand.

    Attributes:
        window: what is drawn.
        reach: the largest minor that the data reach; None within one major.
        knots: distances from the start of the window, each with its place from 0 to 1.
        breaks: numbers of the knots after which the axis is cut short.

    """

    window: Window
    reach: int | None
    knots: tuple[tuple[float, float], ...]
    breaks: frozenset[int] = frozenset()

    def at(self, point: Point) -> float:
        """Return the place of a point, from 0 to 1; what is outside stands at the edge."""
        return self._at(distance(self.window, self.reach, point))

    def _at(self, value: float) -> float:
        first, last = self.knots[0], self.knots[-1]
        value = min(max(value, first[0]), last[0])
        number = min(
            bisect_right(self.knots, value, key=lambda knot: knot[0]), len(self.knots) - 1
        )
        (before, left), (after, right) = self.knots[number - 1], self.knots[number]
        return left + (right - left) * ((value - before) / (after - before))

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """The places from where to where the axis is cut short."""
        return [(self.knots[each][1], self.knots[each + 1][1]) for each in sorted(self.breaks)]

    def ticks(self, notation: Notation, count: int) -> list[Tick]:
        """Return round points with what to write there, in order; about so many."""
        wide = sum(b[0] - a[0] for a, b in self._drawn())
        step = wide / max(count, 1)
        found: list[Tick] = []
        for (start, left), (end, _) in self._stretches():
            points = list(self._round(start, end, step, notation))
            found += [(self.at(each), self._written(each, notation)) for each in points]
            if not points and self.breaks:
                found.append((left, self._written(self._point(start), notation)))
        return sorted(found)

    def _drawn(self) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        pairs = enumerate(pairwise(self.knots))
        return [pair for number, pair in pairs if number not in self.breaks]

    def _stretches(self) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        """Return the knots between which the axis is whole."""
        cuts = sorted(self.breaks)
        firsts = [0, *(each + 1 for each in cuts)]
        lasts = [*cuts, len(self.knots) - 1]
        return [(self.knots[a], self.knots[b]) for a, b in zip(firsts, lasts, strict=True)]

    def _point(self, value: float) -> Point:
        (major, minor), _ = self.window
        if self.reach is None:
            return major, minor + round(value)
        whole = major + distance(self.window, self.reach, (major, 0)) + value
        return round(whole), 0

    def _round(self, start: float, end: float, step: float, notation: Notation) -> Iterable[Point]:
        (major, minor), _ = self.window
        if self.reach is None:
            if notation.ticks:
                times = _times(minor + start, minor + end, step, notation.ticks)
                return [(major, each) for each in times]
            return [(major, each) for each in _multiples(minor + start, minor + end, step)]
        offset = -distance(self.window, self.reach, (major, 0))
        low, high = major + offset + start, major + offset + end
        if notation.ticks:
            return [(each, 0) for each in _times(low, high, step, notation.ticks)]
        if step >= 0.6 or not self.reach:
            return [(each, 0) for each in _multiples(low, high, max(step, 1))]
        return self._within(low, high, step)

    def _within(self, low: float, high: float, step: float) -> Iterable[Point]:
        """Return round minors of some majors; of each at least its start."""
        reach = self.reach or 1
        width = _nice(step * reach / _BODY)
        for major in range(int(low), int(high) + 1):
            start, end = ((each - major) / _BODY * reach for each in (low, high))
            first = -(-int(max(start, 0)) // width) * width
            last = int(min(end, reach))
            # A label close to the next major would be in its way.
            yield from (
                (major, minor)
                for minor in range(first, last + 1, width)
                if minor >= start and (minor == 0 or minor + width // 2 <= reach)
            )

    def _written(self, point: Point, notation: Notation) -> str:
        return notation.write(point, minor=self.reach is None)


def distance(window: Window, reach: int | None, point: Point) -> float:
    """Return how far a point is from the start of a window, in units of the axis."""
    (major, minor), _ = window
    if reach is None:
        return float((point[0] - major) * (MAX + 1) + point[1] - minor)
    return point[0] - major + _part(point[1], reach) - _part(minor, reach)


def _part(minor: int, reach: int) -> float:
    if minor > reach:
        return 1.0
    return minor / reach * _BODY if reach else 0.0


def axis_of(window: Window, points: Iterable[Point]) -> Axis:
    """Return the axis of a window.

    Args:
        window: what is drawn; the start comes before the end.
        points: where anything starts or ends.

    """
    inside = sorted({each for each in points if window[0] <= each <= window[1]})
    reach = None if _within_major(window) else _reach([*inside, window[0], window[1]])
    length = distance(window, reach, window[1])
    places = {distance(window, reach, each) for each in inside}
    marks = sorted({0.0, length, *(each for each in places if 0 < each < length)})
    if len(marks) < 2:
        return Axis(window, reach, ((0.0, 0.0), (1.0, 1.0)))
    columns = len({int(each / length * _COLUMNS) for each in marks})
    if len(marks) < _FEWEST or columns > min(len(marks), _COLUMNS) / 4:
        return Axis(window, reach, ((0.0, 0.0), (length, 1.0)))
    return _cut(window, reach, marks)


def _cut(window: Window, reach: int | None, marks: Sequence[float]) -> Axis:
    drawn = [b - a for a, b in pairwise(marks)]
    breaks: set[int] = set()
    for _ in range(4):
        # Once the longest stretches are cut, others are the longest.
        rest = sum(each for number, each in enumerate(drawn) if number not in breaks)
        long = {number for number, each in enumerate(drawn) if each > _LONG * sum(drawn)} | breaks
        short = rest - sum(drawn[number] for number in long - breaks)
        if long == breaks or len(long) == len(drawn) or short <= 0:
            break
        breaks = long
        for number in breaks:
            drawn[number] = short * _CUT
    total = sum(drawn)
    knots, place = [(marks[0], 0.0)], 0.0
    for mark, width in zip(marks[1:], drawn, strict=True):
        place += width
        knots.append((mark, place / total))
    return Axis(window, reach, tuple(knots), frozenset(breaks))


def _within_major(window: Window) -> bool:
    (first, _), (last, minor) = window
    return first == last and minor < MAX


def _reach(points: Sequence[Point]) -> int:
    """Return the largest minor that nearly all points have; those far beyond mean 'the rest'."""
    minors = sorted(minor for major, minor in points if 0 < minor < MAX and (major, minor) != OPEN)
    if not minors:
        return 0
    usual = minors[int(0.95 * (len(minors) - 1))]
    return max(each for each in minors if each <= 10 * usual)


def _nice(step: float) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, … that is not below a step."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power >= step:
                return digit * power
        power *= 10


def _multiples(low: float, high: float, step: float) -> list[int]:
    width = _nice(step)
    first = -(-int(low) // width) * width
    return [each for each in range(first, int(high) + 1, width) if each >= low]


# --- time -------------------------------------------------------------------

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCK = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400, 6000, 12000, 24000)
_DAY = 86_400
_LAST_SECOND = 253_402_300_799


def _times(low: float, high: float, step: float, per_second: int) -> list[int]:
    """Return round times: of the clock, of midnights, or of firsts of months."""
    start, end, wide = low / per_second, high / per_second, step / per_second
    if end > _LAST_SECOND:
        # Such times have no date; they are written as numbers.
        return _multiples(low, high, step)
    for width in (*_CLOCK, *(days * _DAY for days in _DAYS)):
        if width >= wide:
            seconds = range(-(-int(start) // width) * width, int(end) + 1, width)
            return [each * per_second for each in seconds if each >= start]
    months = next((each for each in _MONTHS if each * 30 * _DAY >= wide), _MONTHS[-1])
    first = _EPOCH + timedelta(seconds=start)
    last = _EPOCH + timedelta(seconds=end)
    number = -(-(first.year * 12 + first.month - 1) // months) * months
    found = []
    while number <= last.year * 12 + last.month - 1:
        moment = datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
        if first <= moment <= last:
            found.append(int((moment - _EPOCH).total_seconds()) * per_second)
        number += months
    return found
