"""Answers that are kept in memory, each for the part of the axis in which it holds."""

import math
import re
from bisect import bisect_right, insort
from collections.abc import Mapping
from dataclasses import dataclass

from cdb_client.conditions import ALL, Answer, Places
from cdb_client.points import LAST, Point

AT_MOST = 4096
"""Answers to one question that are kept; a job that goes on along the axis needs few."""

_MAX_AGE = re.compile(r"(?:^|[ ,])max-age=([0-9]{1,10})")


@dataclass(slots=True)
class Held:
    """An answer, and for how long it may be given again without questions.

    Attributes:
        answer: of the service.
        places: where it was asked.
        confirmed: when the service last said so, in seconds since 1970.
        age: how many seconds from then on the service lets it be given.

    """

    answer: Answer
    places: Places
    confirmed: float
    age: float

    def is_fresh(self, now: float, max_age: float, confirmed: float = 0.0) -> bool:
        """Tell whether it may be given.

        Args:
            now: seconds since 1970.
            max_age: how many seconds the caller lets it be given, if the service does not.
            confirmed: when another answer showed that the tag had not changed.

        """
        age = max(self.age, max_age)
        since = now - max(self.confirmed, confirmed)
        # What was confirmed in the future was so by another clock, and says nothing.
        return math.isinf(age) or 0 <= since < age

    @property
    def head(self) -> str | None:
        """The state of the tags that it was made from, as its ETag says it."""
        etag = self.answer.etag
        return etag.strip('W/"').rpartition(":")[0] or None if etag else None


def age_of(headers: Mapping[str, str]) -> float:
    """Return for how many seconds an answer may be given again without questions."""
    said = headers.get("cache-control", "").lower()
    if "immutable" in said:
        return math.inf
    found = _MAX_AGE.search(said)
    if found is None or "no-cache" in said or "no-store" in said:
        return 0.0
    spent = headers.get("age", "")
    return max(0.0, float(found[1]) - (float(spent) if spent.isdecimal() else 0.0))


class Kept:
    """The answers to one question, found by their points.

    Attributes:
        head: the state of the tags that all of them were made from.

    """

    def __init__(self) -> None:
        self.head: str | None = None
        self._starts: list[Point] = []
        self._by_start: dict[Point, Held] = {}
        self._others: dict[tuple[tuple[str, Point | str], ...], Held] = {}

    def at(self, places: Places) -> Held | None:
        """Return the answer that holds at some points, if it is kept."""
        point = places.get(ALL)
        if isinstance(point, tuple):
            index = bisect_right(self._starts, min(point, LAST))
            held = self._by_start[self._starts[index - 1]] if index else None
            return held if held and held.answer.covers(places) else None
        if found := self._others.get(_key(places)):
            return found
        return next(
            (held for held in reversed(self._others.values()) if held.answer.covers(places)), None
        )

    def keep(self, held: Held) -> None:
        """Keep an answer; those of another state of the tags are forgotten."""
        if self.head not in (None, held.head) or len(self) >= AT_MOST:
            self.forget()
        self.head = held.head
        interval = held.answer.holds.get(ALL)
        if interval is None or not isinstance(held.places.get(ALL), tuple):
            self._others[_key(held.places)] = held
            return
        start = interval[0]
        if start not in self._by_start:
            insort(self._starts, start)
        self._by_start[start] = held

    def forget(self) -> None:
        """Forget all answers."""
        self._starts.clear()
        self._by_start.clear()
        self._others.clear()

    def __len__(self) -> int:
        return len(self._by_start) + len(self._others)


def _key(places: Places) -> tuple[tuple[str, Point | str], ...]:
    return tuple(sorted(places.items()))
