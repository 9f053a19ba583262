"""How long answers are given again, and which of those that are kept holds at a point."""

import math

import pytest

from cdb_client import holding
from cdb_client.conditions import ALL, Answer
from cdb_client.holding import Held, Kept, age_of
from cdb_client.points import LAST, OPEN

COMPARED = "public, max-age=5, must-revalidate, stale-while-revalidate=4"


@pytest.mark.parametrize(
    ("headers", "age"),
    [
        ({"cache-control": "public, max-age=31536000, immutable"}, math.inf),
        ({"cache-control": "public, max-age=86400"}, 86400),
        ({"cache-control": "private, max-age=86400", "age": "400"}, 86000),
        ({"cache-control": "max-age=5", "age": "9"}, 0),
        ({"cache-control": COMPARED}, 5),
        ({"cache-control": "public, no-cache"}, 0),
        ({"cache-control": "no-store, max-age=5"}, 0),
        ({"cache-control": "s-maxage=7"}, 0),
        ({}, 0),
    ],
)
def test_the_service_says_how_long_an_answer_may_be_given(headers, age):
    assert age_of(headers) == age


def held(start, end, etag='"7:ab:1234"', places=None):
    return Held(Answer({}, {ALL: (start, end)}, etag=etag), places or {ALL: start}, 100.0, 0.0)


def test_an_answer_is_fresh_from_when_it_was_confirmed():
    answer = held((0, 0), OPEN)

    assert answer.is_fresh(109.0, 10)
    assert not answer.is_fresh(110.0, 10)
    assert answer.is_fresh(110.0, 10, confirmed=101.0)
    assert not answer.is_fresh(99.0, 10)
    assert not answer.is_fresh(100.0, 0)


def test_the_answer_at_a_point_is_found_among_many():
    kept = Kept()
    for start in (5, 1, 3, 8):
        kept.keep(held((start, 0), (start + 1, 0)))

    assert kept.at({ALL: (3, 7)}).answer.holds == {ALL: ((3, 0), (4, 0))}
    assert kept.at({ALL: (4, 0)}) is None
    assert kept.at({ALL: (0, 9)}) is None
    kept.keep(held((9, 0), OPEN))
    assert kept.at({ALL: OPEN}) is kept.at({ALL: LAST}) is not None


def test_a_new_state_of_the_tag_takes_the_place_of_all_before():
    kept = Kept()
    kept.keep(held((1, 0), (2, 0)))
    kept.keep(held((2, 0), (3, 0), etag='"8:cd:5678"'))

    assert kept.at({ALL: (1, 0)}) is None
    assert kept.at({ALL: (2, 0)})


def test_no_more_is_kept_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(holding, "AT_MOST", 10)
    kept = Kept()
    for start in range(100):
        kept.keep(held((start, 0), (start, 5)))
        assert kept.at({ALL: (start, 1)})
        assert len(kept) <= 10


def test_a_point_that_only_the_service_reads_is_found_by_its_notation():
    kept = Kept()
    kept.keep(held((1, 0), (2, 0), places={ALL: "e1r5"}))

    assert kept.at({ALL: "e1r5"})
    assert kept.at({ALL: "e1r6"}) is None
