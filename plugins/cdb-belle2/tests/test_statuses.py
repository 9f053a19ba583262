"""The statuses of Belle II's global tags, and lines of transitions."""

import pytest

from cdb.plugin import Identity, OptionsError, Status, WriteMode
from cdb_belle2.statuses import STATUSES, Statuses, StatusesOptions

JANE = Identity("jane", "jwt")
NAMED = {status.name: status for status in STATUSES}


def refusal(policy: Statuses, current: str, target: str) -> str | None:
    return policy.refuses_transition("data_1", NAMED[current], NAMED[target], JANE)


def with_transitions(*lines: str) -> Statuses:
    return Statuses("belle2", StatusesOptions(lines))


def test_statuses_are_those_that_basf2_knows() -> None:
    assert {name: (status.mode, status.final) for name, status in NAMED.items()} == {
        "OPEN": (WriteMode.OPEN, False),
        "TESTING": (WriteMode.CLOSED, False),
        "VALIDATED": (WriteMode.CLOSED, False),
        "PUBLISHED": (WriteMode.CLOSED, False),
        "RUNNING": (WriteMode.APPEND, False),
        "INVALID": (WriteMode.CLOSED, True),
    }


def test_refusal_says_what_can_follow() -> None:
    policy = Statuses("belle2", StatusesOptions())
    assert refusal(policy, "OPEN", "PUBLISHED") == (
        "Global tag 'data_1' is OPEN, which only INVALID or TESTING can follow, not PUBLISHED."
    )
    assert refusal(policy, "INVALID", "OPEN") == (
        "Global tag 'data_1' is INVALID, which nothing can follow, not OPEN."
    )


def test_transitions_are_those_of_the_option() -> None:
    policy = with_transitions("OPEN: RUNNING", "RUNNING : INVALID OPEN")
    assert refusal(policy, "OPEN", "RUNNING") is None
    assert refusal(policy, "RUNNING", "OPEN") is None
    assert refusal(policy, "OPEN", "TESTING")
    assert refusal(policy, "TESTING", "INVALID")


def test_tag_with_a_status_of_others_follows_the_line_of_all() -> None:
    policy = Statuses("belle2", StatusesOptions())
    unlocked = Status("unlocked", WriteMode.OPEN, final=False)
    assert policy.refuses_transition("data_1", unlocked, NAMED["INVALID"], JANE) is None
    assert policy.refuses_transition("data_1", unlocked, NAMED["OPEN"], JANE)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (("OPEN TESTING",), "'OPEN TESTING' is not `status: statuses`"),
        (("OPEN:",), "'OPEN:' is not `status: statuses`"),
        (("OPEN: TESTED DONE",), "there is no DONE, TESTED"),
        (("LOCKED: OPEN",), "there is no LOCKED"),
        (("OPEN: *",), "there is no *"),
        (("OPEN: TESTING", "OPEN: INVALID"), "OPEN has two lines"),
        (("INVALID: OPEN",), "INVALID is the end of a global tag"),
        (("PUBLISHED: OPEN",), "what is PUBLISHED can only become INVALID"),
        (("*: OPEN",), "what is PUBLISHED can only become INVALID"),
    ],
)
def test_transitions_that_cannot_be_are_refused(lines: tuple[str, ...], problem: str) -> None:
    with pytest.raises(OptionsError) as refused:
        with_transitions(*lines)
    assert problem in str(refused.value)
