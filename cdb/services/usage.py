"""Where a payload is used."""

from collections.abc import Iterator

from cdb.errors import NotFound
from cdb.services import contents
from cdb.services.contents import ListPage
from cdb.store import payloads, usage
from cdb.store.engine import Database
from cdb.store.reads import ListRecord


def of_checksum(database: Database, checksum: str, change: int) -> Iterator[ListPage]:
    """Return the payload IOVs that have a checksum, by the payload lists that show them.

    Each list that shows an IOV names it, clones as well. Lists come in order of
    their tags, those without one last, and of their types.

    Args:
        database: read page by page, while the answer is taken.
        checksum: as payload IOVs write it. MD5 and SHA-256 of a stored payload
            mean each other, in either case.
        change: as of when.

    Raises:
        NotFound: no payload in the store, and no payload IOV of any time has it;
            those that wait to be attached do not count.

    """
    with database.statement() as reader:
        stored = payloads.by_checksums(reader, [checksum])
        meant = {checksum}
        for record in stored.values():
            meant |= {record.checksum, record.sha256}
        if not stored and not usage.is_known(reader, meant):
            raise NotFound(f"No payload has the checksum {checksum!r}.")
        records = usage.lists_with(reader, meant, change)
    return (
        ListPage(record, page)
        for record in sorted(records, key=_place)
        for page in contents.iovs_at(database, record, change, checksums=meant)
    )


def _place(record: ListRecord) -> tuple[bool, str, str, int]:
    return record.tag is None, record.tag or "", record.type, record.id
