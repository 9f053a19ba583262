"""What a write mode and a final status refuse, and what they say."""

import pytest

from cdb.domain.statuses import (
    Status,
    WriteMode,
    require_not_closed,
    require_not_final,
    require_open,
)
from cdb.errors import AppendOnly, CdbError, Closed, Final


@pytest.mark.parametrize(
    ("mode", "error", "says"),
    [
        (WriteMode.APPEND, AppendOnly, "'T' only takes additions: deleting a list is refused"),
        (WriteMode.CLOSED, Closed, "'T' is closed"),
    ],
)
def test_nothing_goes_away_but_from_an_open_tag(
    mode: WriteMode, error: type[CdbError], says: str
) -> None:
    require_open("T", WriteMode.OPEN, "deleting a list")
    with pytest.raises(error, match=says):
        require_open("T", mode, "deleting a list")


def test_a_closed_tag_alone_takes_no_additions() -> None:
    require_not_closed("T", WriteMode.OPEN)
    require_not_closed("T", WriteMode.APPEND)
    with pytest.raises(Closed, match="'T' is closed"):
        require_not_closed("T", WriteMode.CLOSED)


def test_a_final_status_is_never_left_whatever_its_mode() -> None:
    for mode in WriteMode:
        require_not_final("T", Status("draft", mode, final=False))
        with pytest.raises(Final, match="'T' is done: a final status cannot be left"):
            require_not_final("T", Status("done", mode, final=True))
