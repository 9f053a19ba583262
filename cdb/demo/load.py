"""Put the sample data into an empty database, through the same services as any client."""

from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

from sqlalchemy.orm import Session

from cdb.demo.content import Iov, TagContent, TypeContent, stored_files, tags
from cdb.domain.points import IovMode
from cdb.services import (
    global_tags,
    lookup,
    payload_iovs,
    payload_lists,
    payload_types,
    payloads,
)
from cdb.services.entering import Reference
from cdb.services.payloads import PayloadStore, Sent
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import reads
from cdb.store.changes import open_change
from cdb.store.engine import Database

WRITER = Writer.operator("demo", "Sample data.")


class Loaded(NamedTuple):
    """A global tag that was loaded, with how many types and payload IOVs it has."""

    tag: str
    types: int
    iovs: int


def load(database: Database, rules: Rules, store: PayloadStore | None = None) -> list[Loaded]:
    """Load the sample data where the database has no global tags: all tags, or none.

    Args:
        database: migrated.
        rules: of the service that the data is for.
        store: gets the files of the payloads afterwards, also where an earlier attempt failed
            at them; None where the service has none.

    Returns:
        What was loaded; nothing where there were tags already.

    """
    with database.writing() as session:
        # Two that load at once: the second waits here, and then sees the tags of the first.
        open_change(session, WRITER.origin, rules.lock_timeout_ms)
        present = {record.name for record in reads.tags(session)}
        loaded = [] if present else [_load_tag(session, rules, content) for content in tags()]
    if store and (loaded or tags()[0].name in present):
        _store_files(database, rules, store)
    return loaded


def _load_tag(session: Session, rules: Rules, content: TagContent) -> Loaded:
    global_tags.create(
        session, rules, WRITER, content.name, author="demo", description=content.description
    )
    for payload_type in content.types:
        _load_type(session, rules, content.name, payload_type)
    tag_id = lookup.tag(session, content.name).id
    _, iovs = reads.tag_counts(session, [tag_id])[tag_id]
    return Loaded(content.name, len(content.types), iovs)


def _store_files(database: Database, rules: Rules, store: PayloadStore) -> None:
    """Store the files that are not there yet, of types that nobody has deleted since."""
    for type_name, name, content in stored_files():
        with database.writing() as session:
            if not reads.type_(session, type_name):
                continue
            sent = Sent(type_name, name, BytesIO(content), len(content))
            payloads.upload(database, session, rules, WRITER, store, sent)


def _load_type(session: Session, rules: Rules, tag: str, content: TypeContent) -> None:
    # A type outlives the tags that used it.
    if not reads.type_(session, content.name):
        known = content.dimension if content.dimension in rules.dimensions else None
        choice = payload_types.Choice(dimension=known)
        payload_types.create(
            session, rules, WRITER, content.name, content.description, choice=choice
        )
    target = payload_lists.create(session, rules, WRITER, content.name, ends="explicit").name
    payload_lists.attach(session, rules, WRITER, target, tag)
    for write in content.writes:
        rows = list(enumerate(_references(write, rules.iov_mode)))
        payload_iovs.attach_many(session, rules, WRITER, {target: rows})


def _references(iovs: Sequence[Iov], mode: IovMode) -> list[Reference]:
    """Return what the service takes: ends are as the interface writes them."""
    return [
        Reference(
            payload_url=iov.payload_url,
            checksum=iov.checksum,
            start=iov.interval.start,
            end=mode.end_to_interface(iov.interval.end),
            size=iov.size,
            revision=iov.revision,
        )
        for iov in iovs
    ]
