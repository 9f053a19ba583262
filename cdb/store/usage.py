"""Which payload lists have to do with a checksum."""

from collections.abc import Collection
from functools import cache

from sqlalchemy import bindparam, literal, select

from cdb.store import reads
from cdb.store.engine import Reader
from cdb.store.models import Iov, ListState

_HAS_CHECKSUM = Iov.checksum.in_(bindparam("checksums", expanding=True))
_ANY = select(literal(1)).where(_HAS_CHECKSUM).limit(1)


@cache
def _lists() -> reads.Statement:
    series = select(Iov.series).where(_HAS_CHECKSUM)
    return reads.select_lists(current=False).where(ListState.series.in_(series))


def is_known(reader: Reader, checksums: Collection[str]) -> bool:
    """Tell whether a payload IOV, live or not, has one of some checksums."""
    return reads.run(reader, _ANY, checksums=list(checksums)).one_or_none() is not None


def lists_with(reader: Reader, checksums: Collection[str], at: int) -> list[reads.ListRecord]:
    """Return the payload lists, as of a change, whose logs have ever had one of some checksums.

    What such a list shows need not have it.
    """
    rows = reads.run(reader, _lists(), at, checksums=list(checksums))
    return [reads.ListRecord._make(row) for row in rows]
