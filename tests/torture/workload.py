"""Many clients of a service that read and write at random, on few global tags.

    journal = Journal()
    with Workload(urls, campaign, journal) as workload:
        workload.goes_on()  # before a fault
        …
        workload.goes_on()  # and after it
    assert check(journal, urls[0]) == []

An error ends no client: it is written down, and the client goes on.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from threading import Event, Thread
from typing import Any, NamedTuple

import requests
from slots import NewRow
from support import API
from torture.answers import path_of
from torture.campaign import Campaign
from torture.journal import HEADERS, Exchange, Journal, Question, Write
from torture.states import GRID, Source

from cdb.domain.points import MAX, OPEN, ORIGIN, Point

_STARTS = GRID[:-1]
_TIMEOUT_S = 30.0
_COPIES = 40
"""So many answers each client keeps, to ask whether they still hold."""


class Request(NamedTuple):
    """A write as it is sent."""

    kind: str
    arguments: tuple[Any, ...]
    method: str
    path: str
    body: object = None


class Workload:
    """Clients that run for as long as this context lasts.

    Args:
        urls: of the services, up to the port; each request goes to one of them.
        campaign: what they do comes from its seed, and what they did is counted there.
        journal: where all is written down.
        clients: how many there are.
        writing: how many of a hundred requests write.

    """

    def __init__(
        self,
        urls: Sequence[str],
        campaign: Campaign,
        journal: Journal,
        clients: int = 8,
        writing: int = 30,
    ) -> None:
        self.urls = urls
        self.journal = journal
        self.writing = writing
        self.types = [f"{journal.name}-{name}" for name in "TU"]
        self.tags = [f"{journal.name}-{name}" for name in "ABC"]
        self.lists: list[str] = []
        """Names of payload lists that somebody has seen; the last ones."""
        self.staging = f"{journal.name}-S"
        """A global tag with what others may go on with."""
        self.final = [f"{journal.name}-F{number}" for number in range(3)]
        """Global tags that are cloned and frozen, and then stay as they are."""
        self.ends = Event()
        self._campaign = campaign
        seeds = [campaign.random.getrandbits(64) for _ in range(clients)]
        self._clients = [Client(self, number, Random(seed)) for number, seed in enumerate(seeds)]

    def __enter__(self) -> "Workload":
        self._begin()
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ends.set()
        for client in self._clients:
            client.join(timeout=4 * _TIMEOUT_S)
            assert not client.is_alive()
        done = self.journal.exchanges
        self._campaign.count("requests", len(done))
        self._campaign.count("changes", sum(_is_change(each) for each in done))
        self._campaign.count("without an answer", sum(each.status is None for each in done))
        self._campaign.count("answered 503", sum(each.status == 503 for each in done))
        unconfirmed = sum(each.status == 503 and not each.is_refused for each in done)
        self._campaign.count("unconfirmed", unconfirmed)

    def goes_on(self, answers: int = 100) -> None:
        """Wait until so many more requests are answered; at most some minutes."""
        enough = self.journal.answered + answers
        deadline = time.monotonic() + 300
        while self.journal.answered < enough:
            assert time.monotonic() < deadline, "no client is answered any more"
            assert all(client.is_alive() for client in self._clients), "a client has broken"
            time.sleep(0.02)

    def _begin(self) -> None:
        """Make types, tags, and a list of each type in each tag."""
        client = Client(self, len(self._clients), Random(0))
        feed = client.session.get(f"{self.urls[0]}{API}/changes?limit=1", timeout=_TIMEOUT_S)
        self.journal.began = feed.json()["latest"]
        for name in self.types:
            client.write(Request("make type", (name,), "POST", "pt", {"name": name}))
        for tag in (*self.tags, self.staging):
            client.write(client.make_tag(tag))
            for name in self.types:
                client.write(client.make_list(name))
                client.write(client.attach_list(tag, self.lists[-1]))


def _is_change(exchange: Exchange) -> bool:
    return isinstance(exchange.about, Write) and exchange.status == 200


class Client(Thread):
    """A client with connections of its own, which remembers what it was told."""

    def __init__(self, workload: Workload, number: int, random: Random) -> None:
        super().__init__(name=f"client {number}", daemon=True)
        self.session = requests.Session()
        self.session.trust_env = False
        self._workload = workload
        self._number = number
        self._random = random
        self._written = 0
        self._change = 0
        """The last change that it has seen."""
        self._copies: OrderedDict[str, Mapping[str, str]] = OrderedDict()
        """By path, the headers of an answer that it has."""

    def run(self) -> None:
        while not self._workload.ends.is_set():
            if self._random.randrange(100) < self._workload.writing:
                write = self._random.choices(_WRITES, _WRITE_WEIGHTS)[0](self)
                if write is not None:
                    self.write(write, self._random.choice(("", "", "key", "key", "match")))
            else:
                self._read_something()
        self.session.close()

    # --- asking --------------------------------------------------------------------------

    def _read_something(self) -> None:
        kind = self._random.choices(_READS, _READ_WEIGHTS)[0]
        arguments: tuple[Any, ...] = ()
        if kind in ("query", "objects"):
            arguments = (self._tag(), *self._random.choice(_STARTS))
        elif kind == "diff":
            arguments = (self._tag(), self._tag())
        elif kind not in ("counts", "tags", "lists"):
            arguments = (self._tag(),)
        began, as_of, headers = self._workload.journal.began, None, {}
        if self._random.random() < 0.2 and self._change > began:
            as_of = self._random.randint(max(began, self._change - 200), self._change)
        question = Question(kind, arguments, as_of)
        copy = self._copies.get(path_of(question))
        if copy and self._random.random() < 0.7:
            headers["If-None-Match"] = copy["ETag"]
        if self._random.random() < 0.2:
            headers["CDB-Min-Change"] = str(self._change)
        self.read(question, headers)

    def read(self, question: Question, headers: Mapping[str, str] | None = None) -> None:
        """Ask a question, and keep the answer."""
        path = path_of(question)
        got = self._send("GET", path, question, headers or {})
        if got.status == 200 and "ETag" in got.headers:
            self._copies[path] = got.headers
            self._copies.move_to_end(path)
            if len(self._copies) > _COPIES:
                self._copies.popitem(last=False)
        if got.status == 200 and question.kind == "names":
            self._know(*self._json(got).values())

    def write(self, request: Request, how: str = "") -> None:
        """Send a write; with a key again and again until it is answered."""
        self._written += 1
        name = f"{self._workload.journal.name} {self._number}-{self._written}"
        write = Write(name, request.kind, request.arguments)
        headers = {"CDB-Comment": name}
        copy = self._copies.get(path_of(Question("tag", (request.arguments[0],))))
        if how == "key":
            headers["Idempotency-Key"] = name
        elif how == "match" and copy and request.kind in _OF_ONE_TAG:
            headers["If-Match"] = copy["ETag"]
            write = write._replace(needs=int(copy["CDB-Change"]))
        got = self._send(request.method, request.path, write, headers, request.body)
        while how == "key" and got.status in (None, 503) and not self._workload.ends.is_set():
            got = self._send(request.method, request.path, write, headers, request.body)
        if got.status == 200 and request.kind == "make list":
            self._know(self._json(got)["name"])

    def _send(
        self,
        method: str,
        path: str,
        about: Write | Question,
        headers: Mapping[str, str],
        body: object = None,
    ) -> Exchange:
        url = self._random.choice(self._workload.urls)
        status, said, answer = None, {}, b""
        sent = time.monotonic()
        try:
            got = self.session.request(
                method, f"{url}{API}/{path}", json=body, headers=dict(headers), timeout=_TIMEOUT_S
            )
            _require_all_headers(got)
            status, answer = got.status_code, got.content
            said = {name: got.headers[name] for name in HEADERS if name in got.headers}
        except requests.RequestException:
            # Nobody tells what became of it; and whoever asks again at once asks in vain.
            self._workload.ends.wait(0.1)
        made = Exchange(
            self._number, path, about, headers, sent, time.monotonic(), status, said, answer
        )
        self._workload.journal.add(made)
        self._change = max(self._change, made.change or 0)
        return made

    @staticmethod
    def _json(got: Exchange) -> Any:
        return requests.models.complexjson.loads(got.body)

    def _know(self, *names: str) -> None:
        lists = self._workload.lists
        lists.extend(name for name in names if name not in lists)
        del lists[:-12]

    # --- what is written -----------------------------------------------------------------

    def _tag(self) -> str:
        is_final = self._random.random() < 0.1
        return self._random.choice(self._workload.final if is_final else self._workload.tags)

    def _type(self) -> str:
        return self._random.choice(self._workload.types)

    def _list(self) -> str:
        return self._random.choice(self._workload.lists)

    def _row(self, number: int) -> NewRow:
        start = self._random.choice(_STARTS)
        ends = [None, None, OPEN, *(point for point in GRID if point > start)]
        name = f"{self._workload.journal.name}/{self._number}-{self._written + 1}/{number}"
        return NewRow(start, self._random.choice(ends), name)

    def make_tag(self, tag: str | None = None) -> Request:
        tag = tag or self._tag()
        return Request("make tag", (tag,), "POST", "gt", {"name": tag})

    def make_list(self, type_name: str | None = None) -> Request:
        type_name = type_name or self._type()
        ends = self._random.choice(("explicit", "next-start"))
        body = {"payload_type": type_name, "ends": ends}
        return Request("make list", (type_name, ends), "POST", "pl", body)

    def attach_list(self, tag: str | None = None, name: str | None = None) -> Request:
        tag, name = tag or self._tag(), name or self._list()
        body = {"global_tag": tag, "payload_list": name}
        return Request("attach list", (tag, name), "PUT", "pl_attach", body)

    def _delete_list(self) -> Request:
        name = self._list()
        return Request("delete list", (name,), "DELETE", f"deletePayloadList/{name}")

    def _describe(self) -> Request:
        tag, path = self._tag(), "global-tags/{}"
        body = {"description": str(self._random.random())}
        return Request("describe tag", (tag,), "PATCH", path.format(tag), body)

    def _attach(self) -> Request:
        some = range(self._random.randint(1, 3))
        return self.attach(self._tag(), [(self._type(), self._row(number)) for number in some])

    @staticmethod
    def attach(tag: str, rows: Sequence[tuple[str, NewRow]]) -> Request:
        body = [{"payload_type": name, **fields(row)} for name, row in rows]
        return Request("attach", (tag, rows), "POST", f"global-tags/{tag}/iovs", body)

    def _bulk(self) -> Request:
        rows = [(self._list(), self._row(number)) for number in range(self._random.randint(2, 6))]
        body = [{"payload_list": name, **fields(row)} for name, row in rows]
        return Request("bulk", (rows,), "POST", "bulk_piov", body)

    def _attach_staged(self) -> Request | None:
        name, row = self._list(), self._row(0)
        question = Question("stage", ())
        got = self._send("POST", "piov", question, {}, fields(row))
        if got.status != 200:
            return None
        made = NewRow(row.start, row.end, row.payload, self._json(got)["id"])
        body = {"payload_list": name, "piov_id": made.id}
        return Request("attach staged", (name, made), "PUT", "piov_attach", body)

    def _delete(self) -> Request:
        tag, type_name, start = self._tag(), self._type(), self._random.choice(_STARTS)
        path = f"deletePayloadIOV/{tag}/{type_name}/{start.major}/{start.minor}"
        return Request("delete", (tag, type_name, start, None), "DELETE", path)

    def _change_status(self) -> Request:
        tag, status = self._tag(), self._random.choice(("unlocked", "unlocked", "locked"))
        if tag in self._workload.final:
            status = "frozen"
        path = f"gt_change_status/{tag}/{status}"
        return Request("change status", (tag, status), "PUT", path)

    def _delete_tag(self) -> Request:
        tag = self._tag()
        return Request("delete tag", (tag,), "DELETE", f"deleteGlobalTag/{tag}")

    def _clone(self) -> Request:
        source, target = self._tag(), self._tag()
        return Request("clone", (source, target), "POST", f"cloneGlobalTag/{source}/{target}")

    def _merge(self) -> Request:
        return self.merge(self._tag(), self._sources(), self._random.choice(("fill", "override")))

    def _sources(self) -> list[Source]:
        at = [None, None, self._earlier()]
        return [
            (self._tag(), self._random.choice(at)) for _ in range(self._random.choice((1, 1, 2)))
        ]

    @staticmethod
    def merge(tag: str, sources: Sequence[Source], mode: str) -> Request:
        body = {"mode": mode, "sources": _written(sources)}
        return Request("merge", (tag, sources, mode), "POST", f"global-tags/{tag}/merge", body)

    def _stage_update(self) -> Request:
        """Put into the tag for it what an update begins with, and at times what follows."""
        starts = self._random.choice(([ORIGIN], [ORIGIN], [ORIGIN, _STARTS[-1]], _STARTS[-2:]))
        rows = [replace(self._row(number), start=at, end=OPEN) for number, at in enumerate(starts)]
        type_name = self._type()
        return self.attach(self._workload.staging, [(type_name, row) for row in rows])

    def _update(self) -> Request:
        is_staged = self._random.random() < 0.7
        return self.update(
            self._tag(),
            [(self._workload.staging, None)] if is_staged else self._sources(),
            self._random.choice(_STARTS[-4:]),
            self._random.choice(("refuse", "allow", "fix")),
            full=self._random.random() < 0.3,
        )

    @staticmethod
    def update(
        tag: str, sources: Sequence[Source], begin: Point, closed: str, *, full: bool
    ) -> Request:
        """A merge by `append`."""
        start = f"{begin.major},{begin.minor}"
        body = {"mode": "append", "from": start, "closed": closed, "full": full}
        body["sources"] = _written(sources)
        arguments = (tag, sources, begin, closed, full)
        return Request("update", arguments, "POST", f"global-tags/{tag}/merge", body)

    def _earlier(self) -> int | None:
        """Return one of the last changes, as far as they are of this workload."""
        first = self._workload.journal.began + 1
        if self._change < first:
            return None
        return self._random.randint(max(first, self._change - 30), self._change)

    def _revert(self) -> Request | None:
        tag, to = self._tag(), self._earlier()
        if to is None:
            return None
        return Request("revert", (tag, to), "POST", f"global-tags/{tag}/revert?to={to}")


def _written(sources: Sequence[Source]) -> list[str]:
    return [name if at is None else f"{name}@{at}" for name, at in sources]


def _require_all_headers(got: requests.Response) -> None:
    """Raise where an answer was cut in its headers, which the library takes for its end."""
    ends = ("Content-Length", "Transfer-Encoding")
    if got.status_code != 304 and not any(name in got.headers for name in ends):
        raise requests.ConnectionError("cut in the headers")


def fields(row: NewRow) -> dict[str, object]:
    """The fields of a payload IOV; half an end stands for an end of (x, MAX)."""
    fields: dict[str, object] = {
        "payload_url": row.payload,
        "checksum": "sum",
        "major_iov": row.start.major,
        "minor_iov": row.start.minor,
    }
    if row.end is not None:
        fields["major_iov_end"] = row.end.major
        if row.end.minor != MAX:
            fields["minor_iov_end"] = row.end.minor
    return fields


_Make = Callable[[Client], Request | None]

_OFTEN: Mapping[_Make, int] = {
    Client._attach: 30,
    Client._bulk: 12,
    Client._attach_staged: 8,
    Client._delete: 6,
    Client._describe: 4,
    Client._change_status: 6,
    Client.make_tag: 4,
    Client._delete_tag: 2,
    Client._clone: 6,
    Client._revert: 5,
    Client._merge: 8,
    Client._update: 8,
    Client._stage_update: 4,
    Client.make_list: 4,
    Client.attach_list: 5,
    Client._delete_list: 2,
}
_WRITES, _WRITE_WEIGHTS = list(_OFTEN), list(_OFTEN.values())

_READ_OFTEN = {
    "query": 50, "objects": 8, "names": 6, "ranges": 5, "tag": 6, "diff": 4,
    "counts": 5, "tags": 2, "lists": 2,
}  # fmt: skip
_READS, _READ_WEIGHTS = list(_READ_OFTEN), list(_READ_OFTEN.values())

_OF_ONE_TAG = ("attach", "delete", "describe tag", "change status", "delete tag", "revert")
