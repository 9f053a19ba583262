"""The clock of answers: whatever is done to that of the machine, it goes on."""

import pytest

from cdb_client.clock import Clock

DAY = 24 * 3600.0


class Machine:
    """A machine whose clock can be put."""

    def __init__(self) -> None:
        self.wall, self.ticks = 1_000 * DAY, 17.0

    def wait(self, seconds: float, put: float = 0.0) -> None:
        """Let time pass, and put the clock forward, or back."""
        self.ticks += seconds
        self.wall += seconds + put


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def clock(machine: Machine) -> Clock:
    return Clock(lambda: machine.wall, lambda: machine.ticks)


def test_it_is_the_clock_of_the_machine(machine: Machine, clock: Clock) -> None:
    machine.wait(5)
    assert clock.now() == machine.wall


@pytest.mark.parametrize("put", [-1.0, -DAY, -365 * DAY])
def test_where_that_is_put_back_it_goes_on(machine: Machine, clock: Clock, put: float) -> None:
    began = clock.now()
    machine.wait(5, put)
    assert clock.now() == began + 5
    machine.wait(5)
    assert clock.now() == began + 10


@pytest.mark.parametrize("put", [1.0, DAY, 365 * DAY])
def test_where_that_is_put_forward_it_follows(machine: Machine, clock: Clock, put: float) -> None:
    machine.wait(5, put)
    assert clock.now() == machine.wall


def test_what_is_put_forward_and_back_again_does_not_go_back(
    machine: Machine, clock: Clock
) -> None:
    machine.wait(5, DAY)
    ahead = clock.now()
    machine.wait(5, -DAY)
    assert clock.now() == ahead + 5
