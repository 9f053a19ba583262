"""What plugins can use that look into ROOT files; it needs uproot, from the extra `root`.

A file can come from anybody. So nothing in it is interpreted by what it says about its classes:
for that, uproot would write a program by it, and run that. Records are unpacked within bounds,
and the classes that are shown here are known beforehand.
"""

from cdb.plugin.root.classes import Member, members_of
from cdb.plugin.root.objects import Graph, Histogram, Histogram2D, Words, read_object
from cdb.plugin.root.records import Damaged, Entry, Records, opened
from cdb.plugin.root.showing import RootFilePreview, RootPreviewOptions, shown_text, table_of
from cdb.plugin.root.trees import Column, columns_of

__all__ = [
    "Column",
    "Damaged",
    "Entry",
    "Graph",
    "Histogram",
    "Histogram2D",
    "Member",
    "Records",
    "RootFilePreview",
    "RootPreviewOptions",
    "Words",
    "columns_of",
    "members_of",
    "opened",
    "read_object",
    "shown_text",
    "table_of",
]
