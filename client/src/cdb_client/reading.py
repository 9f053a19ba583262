"""Asking a service which payloads are valid, no more often than is needed."""

import math
import threading
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import index
from typing import TYPE_CHECKING, Any

from cdb_client.clock import Clock
from cdb_client.conditions import ALL, COLUMNS, Answer, PayloadIOV, Places, payload_iov
from cdb_client.errors import NotJson, Unavailable, Unreachable, readable
from cdb_client.holding import Held, Kept, age_of
from cdb_client.points import OPEN, ORIGIN, Interval, Point, checked, number_of
from cdb_client.questions import Dimensions, Question
from cdb_client.stored import Stored

if TYPE_CHECKING:
    from cdb_client.http import Answer as HttpAnswer
    from cdb_client.http import Service

QUERY = "payload-iovs/query"

_STATES_AT_MOST = 1000
"""Of tags, in memory: for those that run for ever, and follow a tag change by change."""

POINTS_AT_ONCE = 10_000
"""Of one request."""

_MODE, _DIMENSIONS = "iov-mode.json", "dimensions.json"
_MODES = ("continuous", "discrete")
_MODE_SECONDS = 24 * 3600
"""It does not change while a service has anything in its database."""


class ServiceReader:
    """Answers of one service.

    An answer is given again at every point in which it holds, for as long as the service
    says, or for `max_age` seconds. After that it is compared by its ETag. A comparison that
    finds nothing new is one for all answers that were made from the same state of the tags.

    Safe to use from several threads.

    Args:
        service: gives the service; called when it has to be asked.
        written: gives the last change that this client has made: it sees its own writes.
        stored: answers that other processes share.
        max_age: seconds.
        stale_if_error: seconds after which an answer may be given, with a warning, where
            the service cannot be reached.

    """

    def __init__(
        self,
        service: "Callable[[], Service]",
        written: Callable[[], int],
        stored: Stored,
        *,
        max_age: float,
        stale_if_error: float = 0.0,
    ) -> None:
        self._service = service
        self._written = written
        self._seen, self._not_before = 0, 0.0
        self._stored = stored
        self._max_age = max_age
        self._stale_if_error = stale_if_error
        self._lock = threading.Lock()
        self._kept: dict[Question, Kept] = defaultdict(Kept)
        self._confirmed: dict[tuple[Question, str | None], float] = {}
        self._dimensions: dict[Question, Dimensions] = {}
        self._mode: str | None = None
        self._clock = Clock()

    @property
    def iov_mode(self) -> str:
        """What the ends of intervals mean there: `continuous` or `discrete`."""
        if self._mode is None:
            mode = self._fact(_MODE, _MODE_SECONDS)
            if mode not in _MODES:
                service = self._service()
                with readable(service.base):
                    mode = service.get("settings/CDB_IOV_MODE")["CDB_IOV_MODE"]
                    if mode not in _MODES:
                        raise ValueError(f"{mode!r} is no IOV mode")
                self._stored.keep_fact(_MODE, mode, self._clock.now())
            self._mode = str(mode)
        return self._mode

    def dimensions(self, question: Question, *, renew: bool = False) -> Dimensions:
        """Return the dimensions of what a question is about.

        Args:
            question: names the tags.
            renew: ask the service even where they are known.

        """
        about = Question(question.tags, question.as_of)
        if renew:
            self._dimensions.pop(about, None)
        if about not in self._dimensions:
            found = None if renew else _read(self._fact(_DIMENSIONS, self._max_age, about))
            if found is None:
                now = self._clock.now()
                found = self._asked_dimensions(about)
                self._stored.keep_fact(_DIMENSIONS, found, now, about)
            self._dimensions[about] = found
        return self._dimensions[about]

    def _fact(self, name: str, max_age: float, question: Question | None = None) -> Any:
        value, confirmed = self._stored.fact(name, question) or (None, 0.0)
        return value if 0 <= self._clock.now() - confirmed < max_age else None

    def _asked_dimensions(self, question: Question) -> Dimensions:
        from cdb_client.http import path_of  # noqa: PLC0415 - imports requests

        found: Dimensions = {}
        for tag in question.tags:
            params = {"light": 1, "asOf": question.as_of}
            service = self._service()
            with readable(service.base):
                shown = service.get(path_of("global-tags", tag), params)
                found = {**found, **(_read(shown.get("dimensions")) or {})}
        return found

    def answer(self, question: Question, places: Places) -> Answer:
        """Return what is valid at some points.

        Raises:
            ServiceError: the service refused; the subclass says how.
            NotJson: what answered is not the service.
            Unreachable: it did not answer, whatever is kept.

        """
        held = self._held(question, places)
        if held and self._is_fresh(question, held):
            return held.answer
        try:
            if held:
                # At the point of then: it is another question elsewhere, with another ETag.
                renewed = self._asked(question, held.places, held)
                if held.places == places or renewed.answer.covers(places):
                    return renewed.answer
            return self._asked(question, places).answer
        except (Unreachable, Unavailable) as error:
            if held and self._may_be_stale(held, error):
                return held.answer
            raise

    def _is_fresh(self, question: Question, held: Held) -> bool:
        if math.isinf(held.age):
            return True
        confirmed = self._confirmed.get((question, held.head), 0.0) if held.head else 0.0
        if self._written() != self._seen:
            self._seen, self._not_before = self._written(), self._clock.now()
        if max(held.confirmed, confirmed) < self._not_before:
            return False
        return held.is_fresh(self._clock.now(), self._max_age, confirmed)

    def _may_be_stale(self, held: Held, error: Exception) -> bool:
        now = self._clock.now()
        if not self._stale_if_error or not held.is_fresh(
            now, self._max_age + self._stale_if_error
        ):
            return False
        warnings.warn(f"An answer is {now - held.confirmed:.0f} s old: {error}", stacklevel=5)
        return True

    def answers(self, question: Question, points: Sequence[Point | str]) -> list[Answer]:
        """Return what is valid at each of many points, as of one change; raises as `answer`."""
        found: list[Answer] = []
        tags, as_of = list(question.tags), question.as_of
        for first in range(0, len(points), POINTS_AT_ONCE):
            asked = points[first : first + POINTS_AT_ONCE]
            body = {
                "gtName": tags,
                "points": asked,
                "types": None if question.types is None else list(question.types),
                "asOf": as_of,
            }
            service = self._service()
            with readable(service.base):
                got = service.ask("POST", f"{QUERY}/batch", body=body).body
                change = index(got["change"])
                answers = [
                    _of_batch(each, question, change, self.iov_mode) for each in got["answers"]
                ]
                here = [answers[number] for number in got["points"]]
                if len(here) != len(asked):
                    raise ValueError(f"{len(here)} answers for {len(asked)} points")
            found += here
            # The rest is asked as of the same change.
            tags = [tag if "@" in tag else f"{tag}@{change}" for tag in tags]
            as_of = None
        return found

    def iovs(
        self, question: Question, start: Point | str, end: Point | str
    ) -> Iterator[PayloadIOV]:
        """Yield the payload IOVs that overlap a window, by type and start; raises as `answer`."""
        from cdb_client.http import path_of  # noqa: PLC0415 - imports requests

        params = {
            "from": None if start == ORIGIN else _at(ALL, start),
            "to": None if end == OPEN else _at(ALL, end),
            "payload_type": question.types,
            "asOf": question.as_of,
        }
        mode = self.iov_mode
        tag = question.tags[0]
        name = tag.partition("@")[0]
        service = self._service()
        for row in service.lines(path_of("global-tags", tag, "iovs"), params):
            with readable(service.base):
                found = payload_iov(row, mode, name)
            yield found

    def head(self, question: Question) -> int:
        """Return the last change that touched the tag; raises as `answer` does."""
        from cdb_client.http import path_of  # noqa: PLC0415 - imports requests

        params = {"light": 1, "asOf": question.as_of}
        got = self._service().ask("GET", path_of("global-tags", question.tags[0]), params)
        if got.change is None:
            raise NotJson(got.status, "The service does not say which change touched the tag.")
        return got.change

    def _held(self, question: Question, places: Places) -> Held | None:
        with self._lock:
            kept = self._kept[question]
            held = kept.at(places)
            if held is None and (held := self._stored.at(question, places)):
                # Of another state than what this process has seen: a job has one.
                if kept.head not in (None, held.head):
                    return None
                kept.keep(held)
            return held

    def _asked(self, question: Question, places: Places, held: Held | None = None) -> Held:
        """Ask the service, or whether the answer that is held is still the one."""
        # As old as the request is, at most, the state that the answer shows.
        now = self._clock.now()
        mode = self.iov_mode
        service = self._service()
        got = service.ask(
            "GET",
            QUERY,
            {**question.params, **_point(places), "shape": "dict"},
            etag=held.answer.etag if held else None,
        )
        if got.status == 304 and held:
            found = replace(held, confirmed=now, age=age_of(got.headers))
        else:
            with readable(service.base):
                found = Held(_answer(got, places, mode), places, now, age_of(got.headers))
        with self._lock:
            if len(self._confirmed) >= _STATES_AT_MOST:
                self._confirmed.clear()
                self._kept.clear()
            self._confirmed[question, found.head] = now
            self._kept[question].keep(found)
        if held:
            # It may begin elsewhere than what takes its place, and be found before that.
            self._stored.forget(question, held)
        self._stored.keep(question, found)
        return found


def _of_batch(each: Mapping[str, Any], question: Question, change: int, mode: str) -> Answer:
    tag = question.tags[0].partition("@")[0] if len(question.tags) == 1 else None
    rows = (dict(zip(COLUMNS, row, strict=True)) for row in each["payloads"])
    payloads = [payload_iov(row, mode, tag) for row in rows]
    holds = checked(*each["valid_from"]), checked(*each["valid_until"])
    return Answer({one.payload_type: one for one in payloads}, {ALL: holds}, change)


def _read(dimensions: Any) -> Dimensions | None:
    try:
        return {name: (str(major), str(minor)) for name, (major, minor) in dimensions.items()}
    except (AttributeError, TypeError, ValueError):
        return None


def _point(places: Places) -> Mapping[str, Any]:
    place = places.get(ALL)
    if isinstance(place, tuple):
        return {"majorIOV": place[0], "minorIOV": place[1]}
    return {"at": [_at(name, each) for name, each in places.items()]}


def _at(name: str, place: Point | str) -> str:
    written = place if isinstance(place, str) else f"{place[0]},{place[1]}"
    return f"{name}:{written}" if name else written


def _answer(got: "HttpAnswer", places: Places, mode: str) -> Answer:
    payloads = [payload_iov(row, mode) for row in got.body]
    return Answer(
        {each.payload_type: each for each in payloads},
        _holds(got.headers, places),
        got.change,
        number_of(got.headers.get("cdb-as-of", "")),
        got.etag,
    )


def _holds(headers: Mapping[str, str], places: Places) -> Mapping[str, Interval]:
    """Return where an answer holds, by dimension; nothing where that is not clear."""
    starts = _points(headers.get("cdb-valid-from", ""))
    ends = _points(headers.get("cdb-valid-until", ""))
    holds = {name: (start, ends[name]) for name, start in starts.items() if name in ends}
    if holds.keys() == {ALL} and ALL not in places:
        # Of several dimensions one only decides, and the service does not say which.
        name = next(iter(places)) if len(places) == 1 else None
        return {name: holds[ALL]} if name else {}
    return holds


def _points(written: str) -> dict[str, Point]:
    found = {}
    for part in written.split("; "):
        name, _, numbers = part.rpartition(":")
        major, minor = (number_of(each) for each in f"{numbers},".split(",")[:2])
        if major is not None and minor is not None:
            found[name] = (major, minor)
    return found
