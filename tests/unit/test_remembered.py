"""What is remembered stays within its bound, and goes when nobody asks for it."""

from concurrent.futures import ThreadPoolExecutor

from cdb.services.remembered import Remembered


def test_what_was_asked_for_longest_ago_is_forgotten_first() -> None:
    found: Remembered[str, int] = Remembered(2)
    found.keep("a", 1)
    found.keep("b", 2)
    assert found.get("a") == 1
    found.keep("c", 3)
    assert [found.get(key) for key in "abc"] == [1, None, 3]


def test_weights_count_and_not_values() -> None:
    found: Remembered[str, int] = Remembered(10)
    found.keep("a", 1, 4)
    found.keep("b", 2, 4)
    found.keep("c", 3, 6)
    assert [found.get(key) for key in "abc"] == [None, 2, 3]


def test_a_value_that_is_kept_again_weighs_once() -> None:
    found: Remembered[str, int] = Remembered(10)
    found.keep("a", 1, 4)
    for value in range(9):
        found.keep("b", value, 6)
    assert [found.get(key) for key in "ab"] == [1, 8]


def test_a_value_that_weighs_too_much_is_not_kept_and_leaves_the_others() -> None:
    found: Remembered[str, int] = Remembered(10)
    found.keep("a", 1, 4)
    found.keep("b", 2, 11)
    assert [found.get(key) for key in "ab"] == [1, None]


def test_many_threads_leave_it_within_its_bound() -> None:
    found: Remembered[int, int] = Remembered(50)

    def use(number: int) -> bool:
        found.keep(number % 70, number % 70, 1 + number % 3)
        return found.get(number % 70) in (number % 70, None)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(5000)))
    kept = [number for number in range(70) if found.get(number) is not None]
    assert 16 <= len(kept) <= 50
