"""Whether a history of many clients can have been: what a service that is right never does.

Every write that was confirmed is in the change log once, with the number that was told; one
without an answer is there once or not at all, and what was refused is not. What the writes do is
worked out change by change (`torture.states`), so that half a write shows. Every answer is that of
one state: with freshness 0 of one between the last change that anybody was told of before the
request was sent, and the last one that was begun before the answer came.
"""

import time
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from operator import is_not
from random import Random
from typing import Any, NamedTuple

import requests
from support import API
from torture.answers import expected, path_of, shown
from torture.journal import HEADERS, Exchange, Journal, Question, Write
from torture.states import Logged, Replay, State, TagState, needed_of

_TIMEOUT_S = 60.0
_AGAIN = 50
"""So many answers as of a change are asked for again at the end, or fewer after few requests."""
_AS_OF = 10
"""So many changes are asked for as a whole at the end, or fewer."""


def check(
    journal: Journal, url: str, stale_s: float = 0.0, lost: list[str] | None = None
) -> list[str]:
    """Return what cannot have been; nothing where all is well.

    Args:
        journal: of a workload that has ended.
        url: of a service up to the port, which has to answer as it should again.
        stale_s: how many seconds behind an answer may be: freshness and lag together.
        lost: where confirmed writes may be lost, since a database went back to an earlier state,
            as with asynchronous replication: what is lost is added here, each write by its name,
            and each answer that showed it. None where nothing may.

    """
    with requests.Session() as session:
        session.trust_env = False
        return _Check(journal, _Service(session, url), stale_s, lost).problems()


class _Service:
    """The service, at the end."""

    def __init__(self, session: requests.Session, url: str) -> None:
        self._session = session
        self._base = url + API

    def ask(self, question: Question, path: str | None = None) -> Exchange:
        """Ask as a client does."""
        path, sent = path or path_of(question), time.monotonic()
        got = self._session.get(f"{self._base}/{path}", timeout=_TIMEOUT_S)
        said = {name: got.headers[name] for name in HEADERS if name in got.headers}
        received = time.monotonic()
        return Exchange(-1, path, question, {}, sent, received, got.status_code, said, got.content)

    def log(self, after: int) -> list[Logged]:
        """Return all changes after one."""
        found: list[Logged] = []
        while True:
            path = f"{self._base}/changes?light=1&limit=1000&after={after}"
            got = self._session.get(path, timeout=_TIMEOUT_S)
            got.raise_for_status()
            page = got.json()
            found += page["changes"]
            if not page["changes"]:
                return found
            after = page["next_after"]


class _Known(NamedTuple):
    """When changes became known: in order of time, and the last one known by then."""

    times: Sequence[float]
    changes: Sequence[int]

    @classmethod
    def of(cls, told: Iterable[tuple[float, int]], began: int) -> "_Known":
        ordered = sorted(told)
        changes = list(accumulate((change for _, change in ordered), max, initial=began))
        return cls([moment for moment, _ in ordered], changes)

    def by(self, moment: float) -> int:
        """Return the last change that was known before a moment."""
        return self.changes[bisect_left(self.times, moment)]


class _Check:
    def __init__(
        self, journal: Journal, service: _Service, stale_s: float, lost: list[str] | None
    ) -> None:
        self._journal = journal
        self._service = service
        self._stale_s = stale_s
        self._lost = lost
        self._found: list[str] = []
        self._log = service.log(journal.began)
        self._writes: dict[str, list[Exchange]] = defaultdict(list)
        self._reads: list[Exchange] = []
        for each in journal.exchanges:
            if isinstance(each.about, Write):
                self._writes[each.about.name].append(each)
            else:
                self._reads.append(each)
        self._logged: dict[str, list[int]] = defaultdict(list)
        for entry in self._log:
            self._logged[entry["comment"] or ""].append(entry["change"])

    def problems(self) -> list[str]:
        """Look at all, and return what was found."""
        self._look_at_log()
        self._look_at_failures()
        self._known = self._when_known()
        for name, attempts in self._writes.items():
            self._look_at_write(name, attempts)
        self._states = self._replay()
        self._begun = self._when_begun()
        self._copies = {
            (each.path, each.headers["ETag"]): each
            for each in reversed(self._reads)
            if each.status == 200 and "ETag" in each.headers
        }
        for each in self._reads:
            if each.status is None or each.status >= 500 or each.path == "piov":
                continue
            if not self._is_of_what_is_lost(each):
                self._look_at_read(each)
        self._look_at_past()
        self._look_at_the_end()
        return self._found

    def _say(self, what: str, about: Exchange | None = None) -> None:
        self._found.append(f"{what}: {_told(about)}" if about else what)

    # --- the log, and the writes in it ---------------------------------------------------

    def _look_at_log(self) -> None:
        numbers = [entry["change"] for entry in self._log]
        began = self._journal.began
        if numbers != list(range(began + 1, began + 1 + len(numbers))):
            self._say(f"changes are not dense after {began}: {numbers}")
        for left, right in pairwise(self._log):
            if left["at"] > right["at"]:
                self._say(f"change {right['change']} is from before the one before it")
        for name in self._logged:
            if name.startswith(f"{self._journal.name} ") and name not in self._writes:
                self._say(f"{name} is in the change log, and nobody has sent it")

    def _look_at_failures(self) -> None:
        for each in self._journal.exchanges:
            wrong = {500, 422, *(() if isinstance(each.about, Write) else (400,))}
            if each.status in wrong and not self._is_of_what_is_lost(each):
                self._say("nobody asked for what is wrong in itself", each)

    def _is_of_what_is_lost(self, read: Exchange) -> bool:
        """Tell whether the answer is that a change is not there, which was until it was lost."""
        is_missing = read.status == 400 and isinstance(read.about, Question)
        return self._lost is not None and is_missing and bool(read.about.as_of)

    def _look_at_write(self, name: str, attempts: Sequence[Exchange]) -> None:
        done = self._logged.get(name, [])
        told = {each.change for each in attempts if each.status == 200}
        if len(done) > 1:
            self._say(f"done {len(done)} times, as the changes {done}", attempts[0])
        if told and not done and told != {None}:
            self._lose(f"{name}, confirmed as change {told}, is lost", attempts[0])
        elif done and not told.issubset({done[0], None}):
            self._say(f"done as change {done[0]}, and confirmed as {told}", attempts[0])
        if done and all(_is_certain(each) and each.change is None for each in attempts):
            self._say(f"not done, it was said, and is change {done[0]}", attempts[-1])
        if done and done[0] <= self._known.by(attempts[0].sent):
            self._say(f"done as change {done[0]}, which was known before it was sent", attempts[0])

    def _lose(self, what: str, about: Exchange) -> None:
        if self._lost is None:
            self._say(what, about)
        else:
            self._lost.append(what)

    # --- time ----------------------------------------------------------------------------

    def _when_known(self) -> _Known:
        """Find when each change was told of, by whatever answer."""
        told = [
            (each.received, each.change)
            for each in self._journal.exchanges
            if each.change is not None and (self._lost is None or self._is_there(each))
        ]
        return _Known.of(told, self._journal.began)

    def _is_there(self, exchange: Exchange) -> bool:
        """Tell whether a change that an answer named is that write, and not one that is lost."""
        about = exchange.about
        return isinstance(about, Write) and self._logged.get(about.name) == [exchange.change]

    def _when_begun(self) -> list[float]:
        """Return for each state when the last of its writes was sent first."""
        sent = {name: attempts[0].sent for name, attempts in self._writes.items()}
        moments = (sent.get(entry["comment"] or "", 0.0) for entry in self._log)
        return list(accumulate(moments, max, initial=0.0))

    def _window(self, read: Exchange) -> range:
        """Return the places of the states that a read may have shown."""
        began, question = self._journal.began, read.about
        assert isinstance(question, Question)
        if question.as_of is not None:
            place = question.as_of - began
            return range(place, min(place + 1, len(self._states)))
        first = self._known.by(read.sent - self._stale_s)
        first = max(first, int(read.sent_headers.get("CDB-Min-Change", 0)))
        copy = self._copies.get((read.path, read.sent_headers.get("If-None-Match", "")))
        if copy and not self._may_have_shown_what_is_lost(copy):
            first = max(first, copy.change or 0)
        return range(first - began, bisect_right(self._begun, read.received))

    # --- what was read -------------------------------------------------------------------

    def _replay(self) -> list[State]:
        writes = {name: attempts[0].about for name, attempts in self._writes.items()}
        needed = {
            change
            for write in writes.values()
            if isinstance(write, Write)
            for change in needed_of(write)
        }
        replay = Replay(self._journal.began, needed)
        for entry in self._log:
            write = writes.get(entry["comment"] or "")
            replay.follow(entry, write if isinstance(write, Write) else None)
        self._found += replay.problems
        return replay.states

    def _look_at_read(self, read: Exchange) -> None:
        assert isinstance(read.about, Question)
        answer = read
        if read.status == 304:
            copied = self._copies.get((read.path, read.sent_headers["If-None-Match"]))
            if copied is None or copied.sent > read.received:
                self._say("a 304 for what the client cannot have seen", read)
                return
            answer = copied
        try:
            said = shown(answer, self._journal.name)
        except ValueError as error:
            self._say(f"no answer that can be read ({error})", read)
            return
        window = self._window(read)
        states = [self._states[place] for place in window if place >= 0]
        if any(said == answered for answered in _answers(read.about, states)):
            self._look_at_holding(read, states)
        elif self._lost is not None and self._may_have_shown_what_is_lost(read):
            self._lost.append(f"an answer of before showed what is not there: {_told(read)}")
        else:
            self._say(f"{self._meant(read.about, said)}, not of {_named(states)}", read)

    def _meant(self, question: Question, said: object) -> str:
        """Name the states that an answer is of, for who looks for what is wrong."""
        found = [state for state in self._states if expected(question, state) == said]
        return f"an answer of {_named(found)}"

    def _may_have_shown_what_is_lost(self, read: Exchange) -> bool:
        """Tell whether an answer came before the last thing that was done to the service."""
        marks = self._journal.marks
        return self._lost is not None and bool(marks) and read.sent < marks[-1][0]

    def _look_at_holding(self, read: Exchange, states: Sequence[State]) -> None:
        """Look whether what may be kept for long without being compared never changes."""
        question, said = read.about, read.headers.get("Cache-Control", "")
        assert isinstance(question, Question)
        if "immutable" in said and question.as_of is None:
            self._say("immutable, and not as of a change", read)
        if "max-age=86400" in said and not any(_is_frozen(question, state) for state in states):
            self._say("kept for a day, and not frozen", read)

    def _look_at_past(self) -> None:
        """See that what was answered as of a change is always the same, byte by byte."""
        first: dict[str, Exchange] = {}
        for each in self._reads:
            if isinstance(each.about, Question) and each.about.as_of and each.status in (200, 404):
                before = first.setdefault(each.path, each)
                self._compare(before, each)
        again = Random(len(first)).sample(sorted(first), min(_AGAIN, 1 + len(first) // 3))
        for path in again:
            question = first[path].about
            assert isinstance(question, Question)
            self._compare(first[path], self._service.ask(question, path))

    def _compare(self, before: Exchange, after: Exchange) -> None:
        if (before.status, before.body) == (after.status, after.body):
            return
        if self._may_have_shown_what_is_lost(before):
            return
        self._say(f"as of a change, and not {_told(before)}", after)

    def _look_at_the_end(self) -> None:
        """Compare all that is there, now and as of some changes, with what has to be."""
        last = self._states[-1].change
        some = Random(last).sample(self._states, min(_AS_OF, 1 + len(self._states) // 30))
        for as_of in (None, *(state.change for state in some)):
            for kind in ("tags", "lists", "counts"):
                self._look_at_read(self._service.ask(Question(kind, (), as_of)))


def _is_certain(exchange: Exchange) -> bool:
    return exchange.status == 200 or exchange.is_refused


def _answers(question: Question, states: Iterable[State]) -> Iterator[object]:
    """Return what states answer; of those that have the very same tag, once."""
    before: list[TagState | None] | None = None
    for state in states:
        tags = [state.tags.get(name) for name in question.arguments if isinstance(name, str)]
        if before is None or not tags or any(map(is_not, tags, before)):
            before = tags
            yield expected(question, state)


def _is_frozen(question: Question, state: State) -> bool:
    tags = [state.tags.get(name) for name in question.arguments if isinstance(name, str)]
    return all(tag is not None and tag.status == "frozen" for tag in tags)


def _named(states: Sequence[State]) -> str:
    if not states:
        return "no state"
    return f"the states {states[0].change} to {states[-1].change}"


def _told(exchange: Exchange) -> str:
    about: Any = exchange.about
    name = about.name if isinstance(about, Write) else ""
    headers: Mapping[str, str] = {**exchange.sent_headers, **exchange.headers}
    return (
        f"{name} {about.kind} {exchange.path} by client {exchange.client} from {exchange.sent:.3f}"
        f" to {exchange.received:.3f} s: {exchange.status} {headers} {exchange.body[:300]!r}"
    ).strip()
