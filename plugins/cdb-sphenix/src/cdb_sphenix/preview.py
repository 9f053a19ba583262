"""How ROOT files of sPHENIX are shown: with the constants that CDBTTree writes."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cdb.plugin import PayloadReference, Preview
from cdb.plugin.root import (
    Column,
    Entry,
    Records,
    RootFilePreview,
    columns_of,
    shown_text,
    table_of,
)

SINGLE, MULTIPLE = "Single", "Multiple"
"""The two trees: one value of each name, and values by channel."""

_CHANNEL = "IID"
_CHANNELS = 200
"""Channels that are shown at most."""

_UNSET = {"i4": np.iinfo(np.int32).min, "u8": np.iinfo(np.uint64).max}
"""What stands for a value that a channel does not have; of floating-point numbers it is NaN."""


class Constants(RootFilePreview):
    """Shows the constants in a file of CDBTTree, and all that a ROOT file has.

    A branch is called by its constant, with a letter in front that says what it holds: `F`, `D`,
    `I` or `g`. `IID` is the channel.
    """

    def parts(
        self, payload: PayloadReference, records: Records, entries: Sequence[Entry]
    ) -> Iterator[Preview]:
        """Yield what is the same for all channels, and what each channel has."""
        for entry in entries:
            if (entry.path, entry.class_name) == (SINGLE, "TTree"):
                yield _single(columns_of(records, entry, 1))
            elif (entry.path, entry.class_name) == (MULTIPLE, "TTree"):
                columns = columns_of(records, entry, _CHANNELS + 1)
                yield table_of("Constants by channel", _by_channel(columns), _CHANNELS)


def _single(columns: Sequence[Column]) -> Preview:
    rows = [
        (shown_text(column.name[1:]), _shown(value))
        for column in columns
        for value in column.values[:1]
    ]
    return Preview("table", (("constant", "value"), *rows), title="Constants")


def _by_channel(columns: Sequence[Column]) -> list[Column]:
    """Return the columns by the names of their constants, the channel first."""
    ordered = sorted(columns, key=lambda column: column.name != _CHANNEL)
    return [
        Column("channel" if column.name == _CHANNEL else column.name[1:], _set(column.values))
        for column in ordered
    ]


def _set(values: Any) -> Any:
    """Return values with an empty text for each that a channel does not have."""
    texts = np.array([_shown(value) for value in values], dtype=object)
    unset = _UNSET.get(values.dtype.str[1:])
    missing = np.isnan(values) if values.dtype.kind == "f" else values == unset
    texts[missing] = ""
    return texts


def _shown(value: Any) -> str:
    return f"{value:.7g}" if isinstance(value, np.floating) else str(value)
