"""Everything that tags and lists hold, read in pages at one change.

History is never lost, so what a change saw can be read page by page for as long
as a client takes, each page in a short read of its own, with nothing held open
in between.
"""

from collections.abc import Iterator

from cdb.store import iovs, reads
from cdb.store.changes import latest
from cdb.store.engine import Database

PAGE = 5000
"""Payload IOVs read at a time."""


def current_change(database: Database) -> int:
    """Return the change that a long answer is read at."""
    with database.statement() as reader:
        return latest(reader)[0]


def tags_at(database: Database, change: int) -> list[reads.TagRecord]:
    """Return all global tags as of a change."""
    with database.statement() as reader:
        return reads.tags(reader, change)


def lists_at(database: Database, change: int, tag_id: int | None = None) -> list[reads.ListRecord]:
    """Return the payload lists of a tag, or all, as of a change."""
    with database.statement() as reader:
        if tag_id is None:
            return reads.lists(reader, change)
        return reads.lists_of(reader, tag_id, change)


def statuses(database: Database) -> dict[int, reads.StatusRecord]:
    """Return all statuses by id."""
    with database.statement() as reader:
        return {record.id: record for record in reads.statuses(reader)}


def iovs_at(
    database: Database, record: reads.ListRecord, change: int
) -> Iterator[list[iovs.IovRecord]]:
    """Yield the payload IOVs that a list shows as of a change, in order, in pages."""
    if not record.n_iov:
        return
    view = record.view(change)
    after = None
    while True:
        with database.statement() as reader:
            page = iovs.page_at(reader, view, after, PAGE)
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = page[-1].start


def staged(database: Database) -> Iterator[list[iovs.IovRecord]]:
    """Yield the payload IOVs that wait to be attached, by id, in pages."""
    after = 0
    while True:
        with database.statement() as reader:
            page = iovs.staged_page(reader, after, PAGE)
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = page[-1].id
