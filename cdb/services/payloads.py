"""The payload store: files that come in, and what is known of them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from cdb.errors import CdbError, Invalid, NotFound, PathTaken, PayloadRefused
from cdb.plugin import (
    Content,
    PayloadLayout,
    PayloadPreview,
    PayloadReference,
    Permission,
    Preview,
    Target,
    Upload,
)
from cdb.services import lookup
from cdb.services.rules import Rules
from cdb.services.validation import problems_of
from cdb.services.writer import Writer
from cdb.settings import Settings
from cdb.store import payloads
from cdb.store.changes import Origin, open_change
from cdb.store.engine import Database, Reader
from cdb.store.log import ChangeRecord
from cdb.store.payload_files import PayloadFiles, checked_path, open_files
from cdb.store.payloads import PayloadRecord
from cdb.store.reads import TypeRecord
from cdb.store.receiving import Received, Source

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PayloadStore:
    """Where payload files lie, and how they are shown.

    Attributes:
        files: the files.
        layout: says where each goes.
        limit: the largest size of a file, in bytes.
        previews: asked in this order.

    """

    files: PayloadFiles
    layout: PayloadLayout
    limit: int
    previews: Sequence[PayloadPreview] = ()

    @classmethod
    def from_settings(
        cls, settings: Settings, layout: PayloadLayout, previews: Sequence[PayloadPreview] = ()
    ) -> Self | None:
        """Return the payload store of a service; None where it has none.

        Raises:
            SettingsError: it cannot be as the settings say.

        """
        if not settings.payload_store:
            return None
        files = open_files(settings.payload_store, settings.payload_store_options)
        return cls(files, layout, settings.max_payload_mb * 2**20, previews)

    def contents(
        self, session: Session, payload_type: str, checksums: Sequence[str]
    ) -> dict[str, Content]:
        """Return the contents of those payloads of a type that are stored, by checksum."""
        found = payloads.by_reference(session, payload_type, checksums)
        return {checksum: self.content(record) for checksum, record in found.items()}

    def content(self, record: PayloadRecord) -> Content:
        """Return the content of a stored payload."""
        return Content(lambda: self.files.open(record.path), record.size)


class Digest(NamedTuple):
    """What a client says that the checksum of its file is.

    `algorithm` is `md5` or `sha256`, `value` hexadecimal in lower case.
    """

    algorithm: str
    value: str


class Sent(NamedTuple):
    """A file that a client sends; `length` is in bytes, None where it was not declared."""

    payload_type: str
    file_name: str
    source: Source
    length: int | None
    digests: Sequence[Digest] = ()


class Stored(NamedTuple):
    """A payload in the store, and whether it was not there before."""

    record: PayloadRecord
    is_new: bool


def upload(
    database: Database,
    session: Session,
    rules: Rules,
    writer: Writer,
    store: PayloadStore,
    sent: Sent,
) -> Stored:
    """Take a file into the payload store, unless it is there.

    The file is received, validated and brought near before the writer's lock is
    asked for; under it, it only gets its name.

    Args:
        database: read before the write begins.
        session: of the write.
        rules: of the service.
        writer: who writes; whose dry run leaves the store as it is.
        store: where it goes.
        sent: the file.

    Raises:
        Unauthenticated, Forbidden: the writer may not.
        NotFound: no live type has this name.
        TooLarge: the file has more bytes than the service takes.
        Invalid: it broke off, is not what its digests say, or has a name that
            cannot be stored.
        PathTaken: another payload is stored where it would go.
        PayloadRefused: a validator of its type refuses it.
        Unavailable: the payload store cannot be used.

    """
    target = Target("payload", sent.file_name, payload_type=sent.payload_type)
    writer.require(Permission.PAYLOAD_WRITE, target)
    with database.snapshot() as reader:
        payload_type = lookup.type_(reader, sent.payload_type)
    with store.files.receive(sent.source, sent.length, store.limit) as received:
        _check_digests(received, sent.digests)
        arrived = Upload(
            sent.payload_type, sent.file_name, received.md5, received.sha256, received.size
        )
        with database.snapshot() as reader:
            place = _place(reader, store.layout, arrived)
        if place.stored:
            if not writer.dry_run:
                _restore(store, place.stored, received)
            return Stored(place.stored, is_new=False)
        _validate(rules, payload_type, place, received)
        with store.files.bring(received) as brought:
            return _keep(session, rules, writer, store, arrived, brought)


def find(reader: Reader, checksum: str) -> PayloadRecord:
    """Return the first stored payload with a checksum, MD5 or SHA-256, in either case.

    Raises:
        NotFound: there is none.

    """
    found = payloads.by_checksums(reader, [checksum])
    if not found:
        raise NotFound(f"No payload with checksum {checksum!r} is stored.")
    return found[checksum]


class Facts(NamedTuple):
    """A stored payload, the change that it came with, and the name of what can show it."""

    record: PayloadRecord
    change: ChangeRecord
    preview: str | None


def facts(store: PayloadStore, reader: Reader, checksum: str) -> Facts | None:
    """Return what is known of a payload that is stored here; None where it is not."""
    record = payloads.by_checksums(reader, [checksum]).get(checksum)
    if record is None:
        return None
    change = lookup.change(reader, record.added_by)
    shows = _showing(store, _reference(record))
    return Facts(record, change, shows.name if shows else None)


def preview(store: PayloadStore, record: PayloadRecord) -> Preview:
    """Return how a stored payload is shown.

    Raises:
        NotFound: nothing can show it.
        Unavailable: it cannot be read.

    """
    payload = _reference(record)
    try:
        if shows := _showing(store, payload):
            return shows.preview(payload, store.content(record))
    except CdbError:
        raise
    except ValueError as error:
        raise NotFound(f"This payload cannot be shown: {error}") from None
    except Exception as error:
        log.exception("the preview of %s failed", record.path)
        raise NotFound("This payload cannot be shown.") from error
    raise NotFound("Nothing here can show a payload like this one.")


def _reference(record: PayloadRecord) -> PayloadReference:
    revision = None if record.revision is None else str(record.revision)
    return PayloadReference(
        record.payload_type, record.path, record.checksum, record.size, revision
    )


def _showing(store: PayloadStore, payload: PayloadReference) -> PayloadPreview | None:
    return next((each for each in store.previews if _accepts(each, payload)), None)


def _accepts(shows: PayloadPreview, payload: PayloadReference) -> bool:
    try:
        return shows.accepts(payload)
    except Exception:
        log.exception("the preview %s cannot say whether it shows %s", shows.name, payload)
        return False


class _Place(NamedTuple):
    """Where an upload goes; what is there already; what is known of it without its file."""

    path: str
    revision: int | None = None
    stored: PayloadRecord | None = None
    known: payloads.Numbered | None = None


def _place(reader: Reader, layout: PayloadLayout, arrived: Upload) -> _Place:
    """Find the place of an upload; a new revision is only certain under the writer's lock.

    Raises:
        Invalid: its name cannot be stored.
        PathTaken: another payload is there.

    """
    known = None
    if layout.numbers_revisions:
        known = payloads.numbered(reader, arrived.payload_type, arrived.md5)
        if known and known.path:
            return _Place(known.path, known.revision, _same(reader, known.path, arrived), known)
        revision = known.revision if known else None
        revision = revision or payloads.next_revision(reader, arrived.payload_type)
        path = checked_path(layout.path(replace(arrived, revision=str(revision))))
        return _Place(path, revision, _same(reader, path, arrived), known)
    path = checked_path(layout.path(arrived))
    return _Place(path, None, _same(reader, path, arrived))


def _same(reader: Reader, path: str, arrived: Upload) -> PayloadRecord | None:
    """Return what is stored at a path, if it is the same: two files can have one MD5."""
    found = payloads.at_path(reader, path)
    if found and (found.payload_type, found.sha256) != (arrived.payload_type, arrived.sha256):
        raise PathTaken(f"Another payload is stored as {path!r}; what is stored is never changed.")
    return found


def _check_digests(received: Received, digests: Sequence[Digest]) -> None:
    for digest in digests:
        actual = received.md5 if digest.algorithm == "md5" else received.sha256
        if digest.value != actual:
            raise Invalid(
                f"The {digest.algorithm} of what arrived is {actual}, not {digest.value}."
            )


def _validate(rules: Rules, type_: TypeRecord, place: _Place, received: Received) -> None:
    validators = rules.validation.of_type(type_.name, type_.validator, type_.validator_options)
    revision = None if place.revision is None else str(place.revision)
    payload = PayloadReference(type_.name, place.path, received.md5, received.size, revision)
    problems = problems_of(validators, payload, received.content)
    if problems:
        raise PayloadRefused(problems)


def _restore(store: PayloadStore, record: PayloadRecord, received: Received) -> None:
    """Put a file back that is known and was lost."""
    if store.files.size(record.path) == record.size:
        return
    log.warning("the payload file %s was lost, and is put back", record.path)
    with store.files.bring(received) as brought:
        store.files.keep(brought, record.path)


def _keep(
    session: Session,
    rules: Rules,
    writer: Writer,
    store: PayloadStore,
    arrived: Upload,
    brought: str,
) -> Stored:
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    payload_type = lookup.type_(session, arrived.payload_type)
    place = _place(session, store.layout, arrived)
    if place.stored:
        return Stored(place.stored, is_new=False)
    engine = session.get_bind().engine
    if not writer.dry_run:
        payloads.unless_committed(session, lambda: _remove_orphan(engine, store.files, place.path))
        store.files.keep(brought, place.path)
    stored = {"path": place.path, "sha256": arrived.sha256, "size": arrived.size}
    named = {"file_name": arrived.file_name, **stored}
    if place.known:
        record = payloads.complete(change, place.known.id, **named)
    else:
        record = payloads.add(
            change,
            payload_type=arrived.payload_type,
            checksum=arrived.md5,
            revision=place.revision,
            **named,
        )
    change.touch(payload_type=payload_type.id)
    after = {"checksum": arrived.md5, "sha256": arrived.sha256, "size": arrived.size}
    change.record(
        "upload", "payload", place.path, after=after, payload_types=[arrived.payload_type]
    )
    return Stored(record, is_new=True)


def _remove_orphan(engine: Engine, files: PayloadFiles, path: str) -> None:
    """Remove a file whose write did not happen.

    Whether it did is not always known, and another one may have stored the
    same file since, so the table decides, under the writer's lock.
    """
    try:
        with Session(engine) as session:
            open_change(session, Origin("cdb"))
            if payloads.at_path(session, path) is None:
                files.remove(path)
    except (CdbError, SQLAlchemyError):
        log.exception("the payload file %s may be left without a row", path)
