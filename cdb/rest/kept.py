"""Answers of reads that a process keeps, as bytes, for as long as they hold.

An answer is kept with the heads of the global tags that it was made from, and
with the window of the axis in which it is the same. It is given again only
where a look at the end of the log shows that these are the heads still; so what
is kept can go to make room, but never becomes wrong. A read of the whole log,
as the list of all global tags, has the end of the log for its head.
"""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pyramid.request import Request
from pyramid.response import Response

from cdb.domain.points import AXIS, ORIGIN, Interval, Point, clamp
from cdb.errors import NotFound
from cdb.observed import OBSERVED, Source
from cdb.rest.holding import Holding, Layers, known_change, min_change
from cdb.rest.media import JSON, json_body, media_type
from cdb.services import resolve
from cdb.services.remembered import Remembered
from cdb.store.looks import Look, Looks
from cdb.store.pools import Readable
from cdb.store.query import TagHead

if TYPE_CHECKING:
    from cdb.services.compiling import CompiledTag

_PATIENCE_WITH_SETTLED = 1.0
"""Seconds: how old a look may be that speaks for what the rules keep from changing. There is
one all the same, since a database can be restored from a backup."""

_LONGEST = 2**20
"""Bytes of an answer that is kept."""

_WEIGHT = 1000
"""Bytes that an answer takes beside its body, about."""

_STATES = 10_000 * _WEIGHT
"""Bytes that questions and their states may take, about: those of 10,000 usual ones."""

_WEIGHT_OF_A_LETTER = 16
"""Bytes that one of a query string takes: each of a list of short words is an object."""


class Kept(NamedTuple):
    """An answer in JSON, where along the axis it holds by dimension, and the window it is in."""

    body: bytes
    holds: Mapping[str, Interval] | None = None
    window: Interval = AXIS

    def response(self, holding: Holding, source: Source | None = None) -> Response:
        """Return the answer to a request."""
        holding.request.environ[OBSERVED].source = source
        return holding.sealed(json_body(self.body), self.holds)


class State:
    """What a question is answered from: global tags at their heads. It holds until one moves.

    Args:
        layers: the tags, as the question means them.
        heads: of the tags.
        route: by which the question came, where that is known.

    Attributes:
        seen_at: the end of the log at which the heads were found to be these; None for never.
        compiled: the tag with its lists compiled, where it is one, and is asked so.

    """

    def __init__(self, layers: Layers, heads: Sequence[TagHead], route: str | None = None) -> None:
        self.layers = layers
        self.route = route
        self.heads = list(heads)
        self.seen_at: tuple[int, str] | None = None
        self.compiled: CompiledTag | None = None
        self._starts: list[Point] = []
        self._lock = threading.Lock()

    @property
    def is_settled(self) -> bool:
        """Whether the rules keep it from ever changing."""
        return self.layers.is_settled or all(tag.is_settled for tag in self.heads)

    @property
    def last(self) -> int:
        """The last of the changes that it was made from."""
        return max(tag.head.change for tag in self.heads)

    def start_before(self, point: Point) -> Point | None:
        """Return where the last window begins that begins at a point or before."""
        with self._lock:
            place = bisect_right(self._starts, point)
            return self._starts[place - 1] if place else None

    def add(self, start: Point) -> None:
        """Note that a window begins at a point."""
        with self._lock:
            place = bisect_left(self._starts, start)
            if self._starts[place : place + 1] != [start]:
                self._starts.insert(place, start)

    def remove(self, start: Point) -> None:
        """Note that the window that begins at a point has gone."""
        with self._lock:
            place = bisect_left(self._starts, start)
            if self._starts[place : place + 1] == [start]:
                del self._starts[place]


class Seen(NamedTuple):
    """A state that holds, and when that was seen to be so, at the earliest: monotonic seconds."""

    state: State
    moment: float

    def holding(self, request: Request) -> Holding:
        """Return the state that the answer to a request is made from."""
        return self.state.layers.holding(request, self.state.heads, self.moment)


class Answers:
    """The answers that a process keeps.

    Args:
        patience: seconds; how old the look at the log may be that an answer is given after.
        bound: bytes that all of them may take.

    """

    def __init__(self, patience: float, bound: int) -> None:
        self._patience = patience
        self._looks = Looks()
        self._states: Remembered[Hashable, State] = Remembered(_STATES)
        self._kept: Remembered[tuple[State, Point], Kept] = Remembered(
            bound, lambda key: key[0].remove(key[1])
        )

    @property
    def weight(self) -> int:
        """Bytes that all of them take, about."""
        return self._kept.weight

    def seen(self, request: Request, question: Hashable) -> Seen | None:
        """Return what a question is answered from, where that is known and holds still.

        A client that has seen a change, or wants no cached answer, gets a look that begins now.

        Raises:
            DBAPIError: the database cannot be read.

        """
        state = self._states.get(question)
        if state is None:
            return None
        look = self._look(request, state)
        if state.seen_at != look.end:
            if not _is_still(request.cdb.database, state, look):
                return None
            # A look may be older than the state, or of a server that is behind. What was not
            # there yet then is not there either where the database goes back to that end.
            if state.last <= look.end.change:
                state.seen_at = look.end
        return Seen(state, look.began)

    def _look(self, request: Request, state: State) -> Look:
        database: Readable = request.cdb.database
        patience = self._patience
        if state.is_settled:
            patience = max(patience, _PATIENCE_WITH_SETTLED)
        wanted = max(min_change(request), known_change(request))
        if wanted or request.headers.get("Cache-Control") == "no-cache":
            patience = 0.0
        look = self._looks.look(database, patience)
        # Another request may have looked at a replica that is behind what this client has seen.
        return look if look.end.change >= wanted else self._looks.own(database)

    def at(self, state: State, point: Point | None) -> Kept | None:
        """Return the answer at a point, where it is kept."""
        place = ORIGIN if point is None else clamp(point)
        start = state.start_before(place)
        kept = None if start is None else self._kept.get((state, start))
        return kept if kept and place in kept.window else None

    def route(self, request: Request) -> str | None:
        """Return by which route this very URL was answered before, by what can be kept."""
        state = self._states.get(_address(request))
        return state.route if state else None

    def again(self, request: Request) -> Response | None:
        """Return the answer that this very URL had before, where it still holds."""
        seen = self.seen(request, _address(request))
        if seen is None:
            return None
        holding = seen.holding(request)
        if holding.is_known:
            return holding.not_modified()
        kept = self.at(seen.state, None)
        return kept and kept.response(holding, "kept")

    def keep_response(self, request: Request, response: Response) -> None:
        """Keep the answer of a URL, where it is short and says how long it holds."""
        sealed = getattr(request, "sealed", None)
        if sealed is None or response.status_int != 200 or response.content_length is None:
            return
        if media_type(request) == JSON and response.content_length <= _LONGEST:
            self.keep(_address(request), sealed.holding, Kept(response.body))

    def keep(self, question: Hashable, holding: Holding, answer: Kept) -> None:
        """Keep an answer to a question, where that means the same until something changes."""
        if not holding.layers.is_fixed:
            return
        state = self._states.get(question)
        if state is None or state.heads != list(holding.tags):
            route = holding.request.environ[OBSERVED].route
            state = State(holding.layers, holding.tags, route)
            # What a client can make long; else a few thousand of its questions would fill memory.
            length = len(holding.request.query_string)
            self._states.keep(question, state, _WEIGHT + _WEIGHT_OF_A_LETTER * length)
        self.keep_at(state, answer)

    def keep_at(self, state: State, answer: Kept) -> None:
        """Keep an answer that is made from a state."""
        start = answer.window.start
        if self._kept.keep((state, start), answer, len(answer.body) + _WEIGHT):
            state.add(start)


def _is_still(database: Readable, state: State, look: Look) -> bool:
    """Tell whether the heads are what they were, where all is that a look has seen."""
    if (state.layers.as_of or 0) > look.end.change:
        return False  # the database went back, and that change is still to come
    layers = state.layers.tags
    try:
        return state.heads == [resolve.head(database, each, look.end.change) for each in layers]
    except NotFound:
        return False


def _address(request: Request) -> Hashable:
    # The path as it came, since not each is UTF-8.
    return request.environ["PATH_INFO"], request.query_string, media_type(request)
