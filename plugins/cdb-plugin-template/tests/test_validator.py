# ruff: noqa: RUF012 - the examples are class attributes, which the kit annotates.
"""What a payload has to hold; the kit has the tests that every validator has to pass."""

import pytest

from cdb.plugin import Content, OptionsError, PayloadReference
from cdb.plugin.testing import PayloadValidatorTests
from cdb_plugin_template.validator import ChannelTable, ChannelTableOptions

PEDESTALS = PayloadReference("Pedestals", "pedestals/1.txt", "")
GOOD = b"0 101.5\n1 99\n2 1e2\n"


class TestChannelTable(PayloadValidatorTests):
    plugin = ChannelTable("channel-table", ChannelTableOptions(channels=3))
    good_payloads = [(PEDESTALS, GOOD), (PEDESTALS, b"2 0\n1 0\n0 4095")]
    bad_payloads = [(PEDESTALS, b""), (PEDESTALS, b"0 1\n"), (PEDESTALS, b"\xff")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"0 101.5\n1 99\n", "1 channels are missing, the first one is 2."),
        (GOOD + b"2 1\n", "Line 4: Channel 2 does not exist, or was there before."),
        (GOOD + b"3 1\n", "Line 4: Channel 3 does not exist, or was there before."),
        (GOOD.replace(b"99", b"x"), "Line 2 is not a channel and a value."),
        (GOOD.replace(b"99", b"-99"), "Line 2: -99 is not between 0 and 4095."),
        (GOOD + b" " * 200, "The file is larger than 192 bytes."),
    ],
)
def test_what_is_wrong_is_named(content: bytes, reason: str) -> None:
    validator = ChannelTable("channel-table", ChannelTableOptions(channels=3))
    assert reason in validator.problems(PEDESTALS, Content.of(content))


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(OptionsError, match="low is larger than high"):
        ChannelTable("channel-table", ChannelTableOptions(channels=3, low=1, high=0))
