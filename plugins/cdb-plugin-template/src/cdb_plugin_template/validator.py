"""Payloads with one number for each channel, as pedestals are."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import ClassVar

from cdb.plugin import Content, OptionsError, PayloadReference, PayloadValidator

_REASONS = 20
_LONGEST_LINE = 64
_LINE = re.compile(r"([0-9]{1,9})\s+([-+]?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]{1,3})?)")


@dataclass(frozen=True, slots=True)
class ChannelTableOptions:
    """What a payload has to hold."""

    channels: int = field(metadata={"help": "How many channels there are; the first one is 0."})
    low: float = field(default=0.0, metadata={"help": "The smallest value that is possible."})
    high: float = field(default=4095.0, metadata={"help": "The largest value that is possible."})


class ChannelTable(PayloadValidator):
    """Takes text files with a line `channel value` for each channel."""

    requires_cdb: ClassVar[str] = ">=1,<2"
    reads_content = True
    Options: ClassVar[type] = ChannelTableOptions
    options: ChannelTableOptions

    def __init__(self, name: str, options: ChannelTableOptions) -> None:
        super().__init__(name, options)
        if options.channels < 1:
            raise OptionsError("channels is less than 1")
        if options.low > options.high:
            raise OptionsError("low is larger than high: no value would be possible")

    def problems(self, payload: PayloadReference, content: Content | None) -> Iterator[str]:
        """Return what is wrong, with the number of the line: 20 places at most."""
        if content is None:
            yield "The content is not in the payload store, so it cannot be checked."
            return
        longest = self.options.channels * _LONGEST_LINE
        raw = content.read(longest + 1)
        if len(raw) > longest:
            yield f"The file is larger than {longest} bytes."
        elif not raw.isascii():
            yield "The file is not plain text."
        else:
            yield from islice(self._line_problems(raw.decode().splitlines()), _REASONS)

    def _line_problems(self, lines: list[str]) -> Iterator[str]:
        missing = set(range(self.options.channels))
        for number, line in enumerate(lines, start=1):
            found = _LINE.fullmatch(line.strip())
            if found is None:
                yield f"Line {number} is not a channel and a value."
                continue
            channel, value = int(found[1]), float(found[2])
            if channel not in missing:
                yield f"Line {number}: Channel {channel} does not exist, or was there before."
            missing.discard(channel)
            if not self.options.low <= value <= self.options.high:
                low, high = self.options.low, self.options.high
                yield f"Line {number}: {value:g} is not between {low:g} and {high:g}."
        if missing:
            yield f"{len(missing)} channels are missing, the first one is {min(missing)}."
