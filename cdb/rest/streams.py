"""Answers that can be of any length, written piece by piece."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from threading import BoundedSemaphore

from pyramid.request import Request
from pyramid.response import Response

from cdb.domain.points import IovMode
from cdb.errors import Unavailable
from cdb.rest import shapes
from cdb.rest.media import JSON, LINES, dumps, media_type
from cdb.services import contents, moments
from cdb.store import reads
from cdb.store.changes import Head
from cdb.store.engine import Database
from cdb.store.pools import Readable

_SHORT = 2**20
"""Bytes up to which an answer is sent at once, like any other."""


_ITEMS = 500
"""Items of a list that are written at a time."""


def listed(request: Request, items: Iterable[shapes.Json], heads: Sequence[Head]) -> Response:
    """Return a list of any length: as an array, or as lines where the client asks for them.

    Lines end with one that says how many there were, and as of which change: who
    does not get it has not got all. The rest is as `streamed` has it.

    """
    media = media_type(request)
    change = max(head.change for head in heads)
    pieces = _lines(items, change) if media == LINES else array(items)
    return streamed(request, pieces, heads, media)


def _lines(items: Iterable[shapes.Json], change: int) -> Iterator[bytes]:
    count, left = 0, iter(items)
    while some := list(islice(left, _ITEMS)):
        count += len(some)
        yield b"".join(dumps(item) + b"\n" for item in some)
    yield dumps({"count": count, "change": change}) + b"\n"


def array(items: Iterable[shapes.Json]) -> Iterator[bytes]:
    """Yield an array of some items."""
    return _array(_batches(items))


def _batches(items: Iterable[shapes.Json]) -> Iterator[Iterable[bytes]]:
    left = iter(items)
    while some := list(islice(left, _ITEMS)):
        yield [dumps(some)[1:-1]]


def streamed(
    request: Request, pieces: Iterable[bytes], heads: Sequence[Head], media: str = JSON
) -> Response:
    """Return an answer of any length.

    A long one takes one of a bounded number of slots until it is sent or the
    client goes away, so that slow readers never take all threads.

    Args:
        request: what is answered.
        pieces: of the answer, which are read while it is sent.
        heads: the changes that it is read at. Where they are lost meanwhile, what was sent
            by then is never ended as if it were all.
        media: what it is.

    Raises:
        Unavailable: the answer is long, and all slots are taken; or the database went back.

    """
    slots = request.cdb.streams
    pieces = _of_one_history(request.cdb.database, pieces, heads)
    beginning, size = [], 0
    for piece in pieces:
        beginning.append(piece)
        size += len(piece)
        if size > _SHORT:
            break
    else:
        return Response(b"".join(beginning), content_type=media)
    if not slots.acquire(blocking=False):
        raise Unavailable("The service sends as many long answers as it can at the moment.")
    return Response(app_iter=_Sending(beginning, pieces, slots), content_type=media)


def _of_one_history(
    database: Readable, pieces: Iterable[bytes], heads: Sequence[Head]
) -> Iterator[bytes]:
    last = b""
    for piece in pieces:
        yield last
        last = piece
    moments.require_history(database, heads)
    yield last


class _Sending:
    """The rest of a long answer; gives its slot back once, however it ends."""

    def __init__(
        self, beginning: Iterable[bytes], rest: Iterator[bytes], slots: BoundedSemaphore
    ) -> None:
        self._pieces = iter([b"".join(beginning)])
        self._rest = rest
        self._slots: BoundedSemaphore | None = slots

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        yield from self._rest

    def close(self) -> None:
        """Give the slot back; a server calls it when the answer is sent or nobody wants it."""
        slots, self._slots = self._slots, None
        if slots:
            slots.release()


def tags(database: Database, change: int, mode: IovMode) -> Iterator[bytes]:
    """Yield an array of all global tags with everything in them."""
    statuses = contents.statuses(database)
    return _array(
        tag(database, record, statuses[record.status_id], change, mode)
        for record in contents.tags_at(database, change)
    )


def tag(
    database: Database,
    record: reads.TagRecord,
    status: reads.StatusRecord,
    change: int,
    mode: IovMode,
    *,
    with_iovs: bool = True,
) -> Iterator[bytes]:
    """Yield a global tag with its lists, and their payload IOVs."""
    shown = {**shapes.tag(record), "status": shapes.status(status)}
    yield dumps(shown)[:-1] + b',"payload_lists":'
    yield from _array(
        list_(database, member, change, mode, with_iovs=with_iovs)
        for member in contents.lists_at(database, change, record.id)
    )
    yield b"}"


def lists(database: Database, change: int, mode: IovMode) -> Iterator[bytes]:
    """Yield an array of all payload lists with their payload IOVs."""
    return _array(
        list_(database, record, change, mode) for record in contents.lists_at(database, change)
    )


def list_(
    database: Database,
    record: reads.ListRecord,
    change: int,
    mode: IovMode,
    *,
    with_iovs: bool = True,
) -> Iterator[bytes]:
    """Yield a payload list with its payload IOVs."""
    yield dumps(shapes.list_(record))[:-1] + b',"payload_iov":'
    yield from _array(_iovs(database, record, change, mode) if with_iovs else ())
    yield b"}"


def iovs(
    database: Database, change: int, mode: IovMode, *, with_staged: bool = True
) -> Iterator[bytes]:
    """Yield an array of all payload IOVs: those of each list, then those that wait."""
    return _array(_all_iovs(database, change, mode, with_staged=with_staged))


def _all_iovs(
    database: Database, change: int, mode: IovMode, *, with_staged: bool
) -> Iterator[Iterable[bytes]]:
    for record in contents.lists_at(database, change):
        yield from _iovs(database, record, change, mode)
    for page in contents.staged(database) if with_staged else ():
        yield [dumps([shapes.iov(record, None, mode) for record in page])[1:-1]]


def _iovs(
    database: Database, record: reads.ListRecord, change: int, mode: IovMode
) -> Iterator[Iterable[bytes]]:
    """Yield the payload IOVs of a list, each item a page of them without the brackets."""
    for page in contents.shown_at(database, record, change):
        yield [dumps(shapes.iovs(page, record.name, mode))[1:-1]]


def _array(items: Iterable[Iterable[bytes]]) -> Iterator[bytes]:
    yield b"["
    for number, item in enumerate(items):
        if number:
            yield b","
        yield from item
    yield b"]"
