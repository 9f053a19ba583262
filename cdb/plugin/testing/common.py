# ruff: noqa: S101 - tests are made of assertions.
"""What all kinds have to pass, and what their tests draw from."""

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from cdb import plugin as api

_THREADS = 8

inherited = settings(
    deadline=None,
    # Without the last phase, which looks for what else would fail: it takes many seconds.
    phases=set(Phase) - {Phase.explain},
    suppress_health_check=[
        HealthCheck.differing_executors,
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
)
"""For a test that runs in the class of every plugin of its kind, with its fixtures."""

numbers = st.integers(0, api.MAX) | st.sampled_from([0, 1, api.MAX - 1, api.MAX])
points = st.builds(api.Point, numbers, numbers)
texts = st.text(max_size=20)

_letters = st.characters(exclude_categories=["C", "Z"], exclude_characters="/@\\")


def names(max_size: int = 80) -> st.SearchStrategy[str]:
    """Return names that the service takes for its objects, and for payload files."""
    return st.text(_letters, min_size=1, max_size=max_size).filter(
        lambda name: name not in (".", "..")
    )


_claims = st.dictionaries(texts, texts | st.booleans() | st.lists(texts, max_size=3), max_size=3)
identities = st.builds(
    api.Identity,
    subject=names(),
    method=names(),
    claims=_claims,
    scopes=st.none() | st.frozensets(texts, max_size=3),
)
permissions = st.sampled_from(list(api.Permission))


class PluginTests:
    """What all kinds have to pass.

    Attributes:
        plugin: the instance that is tested.

    """

    plugin: ClassVar[api.Plugin]

    def answers(self) -> object:
        """Return what the plugin says to its examples, to be compared."""
        raise NotImplementedError

    def test_it_works_with_this_version_of_cdb(self) -> None:
        """`requires_cdb` is a specifier of versions that admits this one."""
        assert SpecifierSet(self.plugin.requires_cdb).contains(api.API_VERSION)

    def test_it_is_of_one_kind(self) -> None:
        """The class inherits from exactly one kind, so that one entry-point group fits."""
        assert [isinstance(self.plugin, kind) for kind in api.KINDS.values()].count(True) == 1

    def test_its_options_are_a_frozen_dataclass(self) -> None:
        """Options do not change, and the instance has those of its class."""
        options: Any = type(self.plugin).Options
        assert dataclasses.is_dataclass(options)
        parameters: Any = vars(options)["__dataclass_params__"]
        assert parameters.frozen
        assert type(self.plugin.options) is options

    def test_each_option_says_what_it_is_for(self) -> None:
        """Every field has `metadata={"help": "…"}`, which the documentation shows."""
        options: Any = type(self.plugin).Options
        unexplained = [
            each.name for each in dataclasses.fields(options) if not each.metadata.get("help")
        ]
        assert unexplained == []

    def test_it_says_the_same_again(self) -> None:
        """The same question has the same answer."""
        assert self.answers() == self.answers()

    def test_it_says_the_same_in_many_threads(self) -> None:
        """The service calls one instance from many threads at once."""
        expected = self.answers()
        with ThreadPoolExecutor(_THREADS) as pool:
            found = [pool.submit(self.answers) for _ in range(4 * _THREADS)]
        assert all(each.result() == expected for each in found)


def outcome(call: Callable[..., Any], *arguments: Any) -> object:
    """Return what a call returns, or the exception that it raises, comparable."""
    try:
        return call(*arguments)
    except Exception as error:  # noqa: BLE001 - what it may raise, the tests of the kinds say
        return type(error), str(error)
