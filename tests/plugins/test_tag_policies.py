"""The standard policy of global tags."""

import pytest

from cdb.builtin.standard import Standard
from cdb.plugin import Identity, NoOptions, Permission, Status, WriteMode

STANDARD = Standard("standard", NoOptions())
JANE = Identity("jane", "test")
UNLOCKED, LOCKED, FROZEN = STANDARD.statuses
ADDED = Status("validated", WriteMode.OPEN, final=False)
ARCHIVED = Status("archived", WriteMode.CLOSED, final=True)


def test_a_new_tag_takes_everything_a_locked_one_additions_a_frozen_one_nothing() -> None:
    declared = [(status.name, status.mode, status.final) for status in STANDARD.statuses]
    assert declared == [
        ("unlocked", WriteMode.OPEN, False),
        ("locked", WriteMode.APPEND, False),
        ("frozen", WriteMode.CLOSED, True),
    ]


@pytest.mark.parametrize("current", [UNLOCKED, LOCKED, ADDED])
@pytest.mark.parametrize("target", [UNLOCKED, LOCKED, FROZEN, ADDED, ARCHIVED])
def test_status_that_is_not_final_can_become_every_other(current: Status, target: Status) -> None:
    assert STANDARD.refuses_transition("X", current, target, JANE) is None


@pytest.mark.parametrize("target", [UNLOCKED, LOCKED, ADDED, ARCHIVED])
def test_frozen_tag_stays_frozen(target: Status) -> None:
    reason = STANDARD.refuses_transition("X", FROZEN, target, JANE)
    assert reason == "Global tag 'X' is frozen: a final status cannot be left."


def test_added_final_status_cannot_be_left_either() -> None:
    reason = STANDARD.refuses_transition("X", ARCHIVED, UNLOCKED, JANE)
    assert reason == "Global tag 'X' is archived: a final status cannot be left."


@pytest.mark.parametrize("status", [FROZEN, ARCHIVED])
def test_final_status_can_be_set_again(status: Status) -> None:
    assert STANDARD.refuses_transition("X", status, status, JANE) is None


def test_writes_are_left_to_the_write_mode() -> None:
    assert STANDARD.refuses_write("X", FROZEN, Permission.IOV_ATTACH, JANE) is None
