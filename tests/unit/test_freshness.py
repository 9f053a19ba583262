"""How long caches on the way may give an answer again, and the looks that requests share."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier, Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import TextClause
from sqlalchemy.exc import DBAPIError

from cdb.rest.holding import while_fresh
from cdb.store.changes import Head
from cdb.store.engine import Database
from cdb.store.looks import Looks

moments = st.floats(1.6e9, 2e9)
spans = st.floats(-5, 1e5) | st.floats(0, 4)


def parsed(said: Mapping[str, str]) -> dict[str, int]:
    words = said["Cache-Control"].split(", ")
    numbers = dict(word.split("=") for word in words if "=" in word)
    return {name: int(number) for name, number in numbers.items()}


@given(moment=moments, left=spans)
def test_no_cache_gives_an_answer_after_it_has_ceased_to_be_fresh(
    moment: float, left: float
) -> None:
    said, nginx = while_fresh(left, moment)
    ages = dict(word.split("=") for word in said.split(", ") if "=" in word)
    given_for = sum(int(seconds) for seconds in ages.values())
    assert given_for <= max(left, 0)
    assert (said == "no-cache") == (given_for == 0)
    # nginx looks at whole seconds: it gives a copy until the one that it is told has passed.
    last = int(nginx.removeprefix("@"))
    assert last == 1 or int(moment) <= last <= moment + left - 1


def test_nginx_may_keep_what_is_fresh_for_a_second() -> None:
    assert while_fresh(1.0, 1000.25) == ("max-age=1, must-revalidate", "@1000")
    assert while_fresh(0.9, 1000.25) == ("no-cache", "@1000")
    assert while_fresh(0.7, 1000.25) == ("no-cache", "@1")
    said = "max-age=2, must-revalidate, stale-while-revalidate=2"
    assert while_fresh(4.5, 1000.25) == (said, "@1003")


# --- looks ------------------------------------------------------------------


class Gated(Database):
    """A database of which each look is counted, and waits until it is let go on."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.came, self.go = Event(), Event()
        self.looks = 0

    def rows(
        self, statement: TextClause, parameters: Mapping[str, Any], min_change: int = 0
    ) -> Sequence[Any]:
        self.looks += 1
        self.came.set()
        assert self.go.wait(120)
        return super().rows(statement, parameters, min_change)


@pytest.fixture
def gated(databases: Any) -> Any:
    with databases("sqlite") as url:
        database = Gated(url)
        yield database
        database.dispose()


def test_who_comes_during_a_look_shares_the_next_one(gated: Gated) -> None:
    looks, others = Looks(), 6
    with ThreadPoolExecutor(1 + others) as pool:
        first = pool.submit(looks.look, gated)
        assert gated.came.wait(120)
        inside = Barrier(others)

        def join() -> Any:
            inside.wait(120)
            return looks.look(gated)

        shared = [pool.submit(join) for _ in range(others)]
        while looks.waiting < others:
            assert not first.done()
        gated.go.set()
        found = {each.result() for each in shared}
    assert gated.looks == 2
    [second] = found
    assert second.began > first.result().began


def test_a_look_is_used_again_while_it_is_young_enough(gated: Gated) -> None:
    gated.go.set()
    ticks = count(100)
    looks = Looks(lambda: float(next(ticks)))
    first = looks.look(gated, 10.0)
    assert first.began == 100.0
    assert looks.look(gated, 1.0) is first
    assert looks.look(gated, 1.0).began > 101.0
    assert gated.looks == 2


def test_without_patience_each_look_is_a_new_one(gated: Gated) -> None:
    gated.go.set()
    looks = Looks()
    assert [looks.look(gated).end, looks.look(gated).end] == [Head(0, "")] * 2
    assert gated.looks == 2


def test_a_look_that_fails_fails_for_all_who_wait_and_not_for_who_comes_later(
    tmp_path: Any,
) -> None:
    broken = Gated(f"sqlite:///{tmp_path}/without-tables.sqlite")
    looks = Looks()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(looks.look, broken)
        assert broken.came.wait(120)
        others = [pool.submit(looks.look, broken) for _ in range(2)]
        while looks.waiting < 2:
            assert not first.done()
        broken.go.set()
        for each in (first, *others):
            with pytest.raises(DBAPIError):
                each.result()
    with pytest.raises(DBAPIError):
        looks.look(broken)
    broken.dispose()
