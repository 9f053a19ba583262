"""Where a payload is used."""

import re
from collections.abc import Collection, Iterator

from cdb.errors import NotFound
from cdb.services import contents
from cdb.services.contents import ListPage
from cdb.store import payloads, usage
from cdb.store.engine import Database, Reader
from cdb.store.reads import ListRecord

_DIGEST = re.compile("[0-9a-fA-F]{32}|[0-9a-fA-F]{64}")
"""An MD5 or a SHA-256, which is the same one in either case."""


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
        checksums = meant(reader, checksum)
        require_known(reader, checksum, checksums)
        records = usage.lists_with(reader, checksums, change)
    return (
        ListPage(record, page)
        for record in sorted(records, key=_place)
        for page in contents.iovs_at(database, record, change, checksums=checksums)
    )


def meant(reader: Reader, checksum: str) -> set[str]:
    """Return the checksums that payload IOVs can have which refer to the same payload."""
    found = {checksum}
    for record in payloads.by_checksums(reader, [checksum]).values():
        found |= {record.checksum, record.sha256}
    hexadecimal = {each for each in found if _DIGEST.fullmatch(each)}
    return found | {each.lower() for each in hexadecimal} | {each.upper() for each in hexadecimal}


def require_known(reader: Reader, checksum: str, checksums: Collection[str]) -> None:
    """See to it that a payload is stored, or was ever referred to.

    Raises:
        NotFound: no payload in the store, and no payload IOV of any time has it;
            those that wait to be attached do not count.

    """
    stored = payloads.by_checksums(reader, [checksum])
    if not stored and not usage.is_known(reader, checksums):
        raise NotFound(f"No payload has the checksum {checksum!r}.")


def _place(record: ListRecord) -> tuple[bool, str, str, int]:
    return record.tag is None, record.tag or "", record.type, record.id
