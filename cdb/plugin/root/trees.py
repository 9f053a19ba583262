"""The columns of a tree, where each entry has one number in them: enough for tables of constants.

uproot knows the layout of a tree; the baskets that hold the numbers are unpacked as all records.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from uproot.models.TTree import Model_TTree  # noqa: F401 - it makes uproot know trees
from uproot.source.chunk import Chunk
from uproot.source.cursor import Cursor

from cdb.plugin.root.records import Damaged, Entry, Records, shortened

_LEAVES = {
    "TLeafB": ("i1", "u1"),
    "TLeafS": ("i2", "u2"),
    "TLeafI": ("i4", "u4"),
    "TLeafL": ("i8", "u8"),
    "TLeafF": ("f4", "f4"),
    "TLeafD": ("f8", "f8"),
    "TLeafO": ("?", "?"),
}
"""The class of a leaf → what it holds, with a sign and without."""

_RECORD = 2**20
"""Bytes of a tree's own record, without its baskets, that are read at most."""

_COLUMNS = 500
_BASKETS = 1000


class Column(NamedTuple):
    """A branch with one number in each entry.

    Attributes:
        name: of the branch.
        values: those of the first entries.

    """

    name: str
    values: NDArray[Any]


def columns_of(records: Records, entry: Entry, limit: int) -> list[Column]:
    """Return the columns of a tree.

    Args:
        records: of the file.
        entry: the tree.
        limit: how many entries are read at most.

    Returns:
        What has one number in each entry; other branches are left out.

    Raises:
        Damaged: the tree cannot be read, or is too large.

    """
    called = shortened(entry.path)
    if entry.size > _RECORD:
        raise Damaged(f"The tree {called!r} has too many branches.")
    try:
        return list(_columns(records, entry, limit))
    except Damaged:
        raise
    # A damaged tree makes uproot raise anything, also IndexError and struct.error.
    except Exception as error:
        raise Damaged(f"The tree {called!r} cannot be read ({type(error).__name__}).") from error


def _columns(records: Records, entry: Entry, limit: int) -> Iterator[Column]:
    raw = np.frombuffer(records.content(entry), np.uint8)
    chunk = Chunk.wrap(records.root.source, raw)
    place = Cursor(0, origin=-entry.key.fKeylen)
    model = records.root.class_named(entry.class_name)
    tree = model.read(chunk, place, {"reading": True}, records.root, records.root, entry.key)
    for branch in list(tree.member("fBranches"))[:_COLUMNS]:
        if (dtype := _dtype(branch)) is not None:
            yield Column(branch.member("fName"), _values(records, branch, dtype, limit))


def _dtype(branch: Any) -> np.dtype[Any] | None:
    """Return what a branch holds; None where it is not one number in each entry."""
    leaves = list(branch.member("fLeaves"))
    if len(leaves) != 1 or leaves[0].member("fLen") != 1 or len(branch.member("fBranches")):
        return None
    (leaf,) = leaves
    if leaf.member("fLeafCount") is not None or leaf.classname not in _LEAVES:
        return None
    signed, unsigned = _LEAVES[leaf.classname]
    return np.dtype(unsigned if leaf.member("fIsUnsigned") else signed).newbyteorder(">")


def _values(records: Records, branch: Any, dtype: np.dtype[Any], limit: int) -> NDArray[Any]:
    """Return the first values of a branch: from its baskets, and what is in the tree itself."""
    parts: list[NDArray[Any]] = []
    count = 0
    written = min(branch.member("fWriteBasket"), _BASKETS)
    for place in branch.member("fBasketSeek")[:written]:
        if count >= limit:
            break
        raw = records.unpacked(records.key_at(int(place)), "a basket")
        parts.append(np.frombuffer(raw, dtype, len(raw) // dtype.itemsize))
        count += len(parts[-1])
    embedded = branch.embedded_baskets
    parts += [np.ascontiguousarray(basket.data).view(dtype) for basket in embedded]
    return np.concatenate(parts)[:limit] if parts else np.empty(0, dtype)
