"""What was processed keeps its conditions: no payload starts before the first safe point."""

import pytest

from cdb.plugin import OPEN, Interval, OptionsError, PayloadReference, Point
from cdb_cms.lumi import Packing
from cdb_cms.synchronization import Synchronization, SynchronizationOptions, Workflow

FIRST_SAFE = ("hlt 362104", "express 362104", "prompt 362000:15", "pcl\t 362000", "offline 1")


def synchronized(
    to: Workflow, first_safe: tuple[str, ...] = FIRST_SAFE, packing: Packing = "packed"
) -> Synchronization:
    options = SynchronizationOptions(to, first_safe, packing)
    return Synchronization("cms-synchronization", options)


def problems(validator: Synchronization, run: int, lumi: int = 0) -> list[str]:
    interval = Interval(Point(run << 32 | lumi, 0), OPEN)
    payload = PayloadReference("BeamSpot", "BeamSpot/1.txt", "1", interval=interval)
    return list(validator.problems(payload, None))


@pytest.mark.parametrize(
    ("to", "run", "lumi"),
    [("hlt", 362104, 0), ("express", 362104, 0), ("prompt", 362000, 15), ("offline", 1, 0)],
)
def test_payload_at_the_first_safe_point_is_taken_and_none_before(
    to: Workflow, run: int, lumi: int
) -> None:
    validator = synchronized(to)
    before = divmod((run << 32 | lumi) - 1, 2**32)
    assert problems(validator, run, lumi) == []
    assert problems(validator, *before) == [
        f"It starts at {before[0]}:{before[1]}, and {to} has used what is before {run}:{lumi}."
    ]


def test_type_that_is_not_synchronized_takes_every_start() -> None:
    assert problems(synchronized("any", ()), 1) == []


def test_file_that_is_only_uploaded_has_no_start() -> None:
    payload = PayloadReference("BeamSpot", "BeamSpot/1.txt", "1")
    assert list(synchronized("prompt").problems(payload, None)) == []


def test_pairs_are_compared_as_pairs() -> None:
    validator = synchronized("prompt", ("prompt 362000:15",), "pair")
    interval = Interval(Point(362000, 14), OPEN)
    payload = PayloadReference("BeamSpot", "BeamSpot/1.txt", "1", interval=interval)
    assert list(validator.problems(payload, None)) == [
        "It starts at 362000:14, and prompt has used what is before 362000:15."
    ]


@pytest.mark.parametrize(
    ("first_safe", "reason"),
    [
        ((), "first_safe has no line for 'hlt'"),
        (("prompt 362000",), "first_safe has no line for 'hlt'"),
        (("hlt 1", "hlt 2"), "first_safe has two lines for 'hlt'"),
        (("daq 1",), "'daq' in 'daq 1' is none of hlt, express, prompt, pcl, offline"),
        (("any 1",), "'any' in 'any 1' is none of hlt, express, prompt, pcl, offline"),
        (("hlt now",), "'hlt now': 'now' is not written as 'run:lumi', in decimal digits"),
        (("hlt",), "'hlt': '' is not written as 'run:lumi', in decimal digits"),
    ],
)
def test_wrong_first_safe_points_are_refused(first_safe: tuple[str, ...], reason: str) -> None:
    with pytest.raises(OptionsError, match=f"{reason}$"):
        synchronized("hlt", first_safe)
