"""What a file says of the classes of its objects: their members, in words.

That is only shown. Nothing is read by it, and no program is made of it.
"""

from typing import NamedTuple

import numpy as np
import uproot.models.TList
import uproot.models.TObjArray
import uproot.models.TObjString
import uproot.streamers
from uproot.source.chunk import Chunk
from uproot.source.cursor import Cursor

from cdb.plugin.root.records import Damaged, Records

_RECORD = 2**20
"""Bytes of the description of all classes that are read at most."""


class Member(NamedTuple):
    """A data member, or a base, of a class: its type, its name, and the comment beside it."""

    type_name: str
    name: str
    comment: str


def members_of(records: Records, class_name: str) -> list[Member]:
    """Return the members of a class as the file describes them; none where it does not.

    Raises:
        Damaged: the description cannot be read, or is too large.

    """
    root = records.root
    if not root.fSeekInfo:
        return []
    key = records.key_at(root.fSeekInfo)
    if key.fObjlen > _RECORD:
        raise Damaged("The file describes too many classes.")
    raw = np.frombuffer(records.unpacked(key, "the streamer info"), np.uint8)
    place = Cursor(0, origin=-key.fKeylen)
    model = root.class_named("TList")
    described = model.read(Chunk.wrap(root.source, raw), place, {}, root, root, None)
    for each in described:
        if isinstance(each, uproot.streamers.Model_TStreamerInfo) and each.name == class_name:
            return [
                Member(element.typename, element.name, element.title) for element in each.elements
            ]
    return []
