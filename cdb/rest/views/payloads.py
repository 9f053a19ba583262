"""The payload store: files in, files out."""

import re
from collections.abc import Iterator
from threading import BoundedSemaphore
from typing import BinaryIO
from urllib.parse import quote

from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy.orm import Session

from cdb.errors import (
    Invalid,
    NotFound,
    PathTaken,
    PayloadRefused,
    RangeRefused,
    TooLarge,
    Unavailable,
)
from cdb.plugin import Permission, Preview
from cdb.rest import answers, digests, inputs, shapes
from cdb.rest.errors import of_cdb
from cdb.rest.service import Resource
from cdb.services import payloads, usage
from cdb.services.payloads import PayloadStore, Sent
from cdb.services.writer import Writer
from cdb.store.payloads import PayloadRecord, by_checksums
from cdb.store.receiving import CHUNK

_GROUP = "Payload store"

check = Resource(_GROUP, ["payloads/check"])
one = Resource(_GROUP, ["payloads/{checksum}"])
shown = Resource(_GROUP, ["payloads/{checksum}/preview"])
facts = Resource(_GROUP, ["payloads/{checksum}/about"])
sent = Resource(_GROUP, ["payloads/{payload_type}/{file_name}"])

RESOURCES = (check, one, shown, facts, sent)

_RANGE = re.compile(r"bytes=(?=-?[0-9])([0-9]{0,19})-([0-9]{0,19})")
"""One range of bytes, of which one end at least is given."""

_YEAR = 365 * 24 * 3600


@sent.put(
    answers.UploadedPayload,
    permission=Permission.PAYLOAD_WRITE,
    path=inputs.UploadPath,
    raw_body=True,
    errors=[NotFound, TooLarge, PathTaken, PayloadRefused],
)
def upload(
    request: Request, session: Session, writer: Writer, path: inputs.UploadPath
) -> shapes.Json:
    """Send a payload file.

    It is kept once, however often it is sent; `stored` tells whether it was not
    there before. The headers Content-MD5, Digest, Repr-Digest and
    Content-Digest are compared with what arrives. No file can be called
    `preview` or `about`.
    """
    cdb = request.cdb
    file = Sent(
        path.payload_type,
        path.file_name,
        request.body_file_raw,
        _length(request),
        digests.given(request.headers),
    )
    stored = payloads.upload(cdb.database, session, cdb.rules, writer, _store(request), file)
    return {**_shown(stored.record), "stored": stored.is_new}


@one.get(
    answers.File,
    path=inputs.ChecksumPath,
    errors=[NotFound, RangeRefused],
    others={206: answers.File},
)
def send(request: Request, path: inputs.ChecksumPath) -> Response:
    """Fetch a payload file, whole or a range of it."""
    store = _store(request)
    with request.cdb.database.statement() as reader:
        record = payloads.find(reader, path.checksum)
    response = _headers(request, record)
    if _is_known(request, response):
        response.status_int = 304
        response.content_length = response.content_type = None
    elif request.cdb.settings.payload_accel:
        inner = request.cdb.settings.payload_accel.rstrip("/")
        response.headers["X-Accel-Redirect"] = f"{inner}/{quote(record.path)}"
    else:
        return _with_file(request, response, store, record)
    return response


@shown.get(answers.PayloadPreview, path=inputs.ChecksumPath, errors=[NotFound])
def preview(request: Request, path: inputs.ChecksumPath) -> shapes.Json:
    """Show what is in a payload: texts, tables and SVGs."""
    store = _store(request)
    with request.cdb.database.statement() as reader:
        record = payloads.find(reader, path.checksum)
    found = payloads.preview(store, record)
    return {**_part(found), "parts": [_part(each) for each in found.parts]}


@facts.get(answers.PayloadFacts, path=inputs.ChecksumPath, errors=[NotFound])
def about(request: Request, path: inputs.ChecksumPath) -> shapes.Json:
    """Tell what is known of a payload: whether it is stored here, by whom, and what can show it.

    A payload that is elsewhere is known where a payload IOV of any time has its checksum.
    """
    store: PayloadStore | None = request.cdb.payload_store
    with request.cdb.database.snapshot() as reader:
        usage.require_known(reader, path.checksum, usage.meant(reader, path.checksum))
        found = payloads.facts(store, reader, path.checksum) if store else None
    return {
        "checksum": path.checksum,
        "has_store": store is not None,
        "stored": found and _facts(found),
    }


@check.post(answers.CheckedPayloads, body=inputs.Checksums, errors=[NotFound])
def check_many(request: Request, body: list[str]) -> shapes.Json:
    """Tell which payloads are in the store, by their checksums; at most 10,000 at a time."""
    _store(request)
    with request.cdb.database.snapshot() as reader:
        found = by_checksums(reader, body)
    return {
        "present": {checksum: _shown(record) for checksum, record in found.items()},
        "missing": [checksum for checksum in dict.fromkeys(body) if checksum not in found],
    }


def _store(request: Request) -> PayloadStore:
    store: PayloadStore | None = request.cdb.payload_store
    if store is None:
        raise NotFound("This service has no payload store: cdb.payload_store is not set.")
    return store


def _length(request: Request) -> int | None:
    """Return the length that a body was declared with; None where the server ends the body."""
    length: int | None = request.content_length
    if length is None and not request.environ.get("wsgi.input_terminated"):
        raise Invalid("A Content-Length is needed.")
    return length


def _shown(record: PayloadRecord) -> shapes.Json:
    return {
        "payload_type": record.payload_type,
        "file_name": record.file_name,
        "payload_url": record.path,
        "checksum": record.checksum,
        "sha256": record.sha256,
        "size": record.size,
        "revision": None if record.revision is None else str(record.revision),
        "created": record.created,
    }


def _part(shown: Preview) -> shapes.Json:
    return {
        "kind": shown.kind,
        "content": shown.content,
        "is_truncated": shown.is_truncated,
        "title": shown.title,
        "description": shown.description,
    }


def _facts(found: payloads.Facts) -> shapes.Json:
    return {
        **_shown(found.record),
        "change": found.change.change,
        "actor": found.change.actor,
        "preview": found.preview,
    }


def _headers(request: Request, record: PayloadRecord) -> Response:
    """Return an answer without a body; what is stored under a checksum never changes."""
    response = Response(content_type="application/octet-stream")
    response.etag = record.sha256
    response.last_modified = record.created
    response.accept_ranges = "bytes"
    is_open = request.cdb.settings.read_access == "anonymous"
    access = "public" if is_open else "private"
    response.headers["Cache-Control"] = f"{access}, max-age={_YEAR}, immutable"
    name = quote(record.file_name, safe="")
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _is_known(request: Request, response: Response) -> bool:
    """Tell whether the client has the file already."""
    if "If-None-Match" in request.headers:
        return response.etag in request.if_none_match
    since = request.if_modified_since
    return since is not None and response.last_modified <= since


def _with_file(
    request: Request, response: Response, store: PayloadStore, record: PayloadRecord
) -> Response:
    """Put the file, or the range of it that is wanted, behind the headers.

    Raises:
        Unavailable: it is long, and as many long answers are sent as can be.

    """
    wanted = _wanted(request, response, record.size)
    if wanted is None:
        wanted = range(record.size)
    elif not wanted:
        refused = of_cdb(RangeRefused(f"The payload has {record.size} bytes."), request)
        refused.headers["Content-Range"] = f"bytes */{record.size}"
        return refused
    else:
        response.status_int = 206
        response.content_range = (wanted.start, wanted.stop, record.size)
    file = store.files.open(record.path)
    if request.method == "HEAD":
        file.close()
    else:
        response.app_iter = _Sending(file, wanted, _slot(request, file, len(wanted)))
    response.content_length = len(wanted)
    return response


def _wanted(request: Request, response: Response, size: int) -> range | None:
    """Return the bytes of a range request; an empty range where the file has none of them.

    None is the whole file: there is no range, it is not understood, there are
    several, or they are of another file than this one.
    """
    found = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if not found or response not in request.if_range:
        return None
    first, last = found.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    start, stop = int(first), int(last) + 1 if last else size
    if last and stop <= start:
        return None
    return range(start, min(stop, size))


def _slot(request: Request, file: BinaryIO, length: int) -> BoundedSemaphore | None:
    """Take a slot for an answer that is long, so that slow readers never take all threads."""
    slots: BoundedSemaphore = request.cdb.streams
    if length <= CHUNK:
        return None
    if not slots.acquire(blocking=False):
        file.close()
        raise Unavailable("The service sends as many long answers as it can at the moment.")
    return slots


class _Sending:
    """A range of a file on its way; closes the file and gives its slot back, however it ends."""

    def __init__(self, file: BinaryIO, wanted: range, slots: BoundedSemaphore | None) -> None:
        self._file = file
        self._wanted = wanted
        self._slots = slots

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(self._wanted.start)
        left = len(self._wanted)
        while left and (chunk := self._file.read(min(CHUNK, left))):
            yield chunk
            left -= len(chunk)

    def close(self) -> None:
        """Close the file; a server calls it when all is sent or nobody wants it any more."""
        self._file.close()
        slots, self._slots = self._slots, None
        if slots:
            slots.release()
