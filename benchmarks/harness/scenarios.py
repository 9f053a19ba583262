"""What is in the database, and what is asked of it."""

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

COORDINATES = 2**31
"""Starts and points are random below this, in both components."""

HOT = 100
"""Points that are asked again and again."""

Place = tuple[str, int, int]
"""A global tag and a point in it: major and minor, 0 … 2**31 - 1."""

Row = tuple[str, int, int]
"""A payload IOV that is to come: its payload list, and where it starts."""


@dataclass(frozen=True)
class Scenario(ABC):
    """What is in the database: `types` payload types with a list in each of the tags.

    The same scenario is the same data always, so that a service which has it already can be
    measured without loading it again.
    """

    name: str
    types: int

    @property
    @abstractmethod
    def tags(self) -> Sequence[str]:
        """The names of its global tags; the first is the one that most is asked of."""

    @property
    @abstractmethod
    def iovs(self) -> int:
        """How many payload IOVs it has."""

    @abstractmethod
    def batches(self, lists: Mapping[str, Sequence[str]], size: int) -> Iterator[list[Row]]:
        """Yield what is loaded, a bulk request each, of at most `size` rows.

        `lists` are the names of the payload lists of each tag.
        """

    @abstractmethod
    def edges(self) -> tuple[Place, Place]:
        """Return a point where the first intervals hold, and one where the last ones do."""

    @abstractmethod
    def place(self, chance: random.Random) -> Place:
        """Return a point that somebody may ask for."""

    @abstractmethod
    def interval(self, number: int, chance: random.Random) -> dict[str, int]:
        """Return when a payload IOV holds that is attached to what is there: its fields."""

    def places(self, number: int, seed: object) -> list[Place]:
        """Return points; those of one seed are always the same."""
        chance = random.Random(f"{self.name} {seed}")
        return [self.place(chance) for _ in range(number)]

    def payload_type(self, index: int) -> str:
        """Return the name of a payload type."""
        return f"Bench_{self.name}_T{index:03d}"


@dataclass(frozen=True)
class Random(Scenario):
    """One tag, whose starts and points are random: what others have published figures for."""

    each: int
    """Payload IOVs in a list."""

    @property
    def tags(self) -> Sequence[str]:
        """One tag."""
        return [f"Bench_{self.name}"]

    @property
    def iovs(self) -> int:
        """As many in each list."""
        return self.types * self.each

    def batches(self, lists: Mapping[str, Sequence[str]], size: int) -> Iterator[list[Row]]:
        """Yield one list after the other."""
        for index, name in enumerate(lists[self.tags[0]]):
            starts = self._starts(index)
            for first in range(0, self.each, size):
                yield [(name, *start) for start in starts[first : first + size]]

    def edges(self) -> tuple[Place, Place]:
        """Return the earliest point that all lists have, and the latest of all."""
        firsts = (min(self._starts(index)) for index in range(self.types))
        return (self.tags[0], *max(firsts)), (self.tags[0], COORDINATES - 1, COORDINATES - 1)

    def place(self, chance: random.Random) -> Place:
        """Return any point."""
        return self.tags[0], chance.getrandbits(31), chance.getrandbits(31)

    def interval(self, _number: int, chance: random.Random) -> dict[str, int]:
        """Return an interval that begins anywhere, and ends within its major number."""
        _, major, minor = self.place(chance)
        end = {"major_iov_end": major, "minor_iov_end": COORDINATES}
        return {"major_iov": major, "minor_iov": minor, **end}

    def _starts(self, index: int) -> list[tuple[int, int]]:
        # Two of 26,000 are the same once in 10**10 lists, and in none of these.
        bits = random.Random(f"{self.name} {index}").getrandbits
        return [(bits(31), bits(31)) for _ in range(self.each)]


@dataclass(frozen=True)
class Realistic(Scenario):
    """Runs that were taken one after the other; jobs that cluster on few of them.

    There are three tags. Of the payload types a fifth changes with each run, a fifth with each
    fifth one, and so on; the IOVs are appended in order, as data taking does. Nine jobs of ten
    belong to campaigns over a few runs, most of them with one tag; within a run they ask for
    sections of it.
    """

    runs: int = 2_000
    first_run: int = 300_000

    CADENCES = (1, 5, 20, 100, 500)
    """A payload type changes with each so many runs."""

    AT_ONCE = 50
    """Runs whose IOVs come in one request."""

    CAMPAIGNS = 20
    """Runs that most jobs work on."""

    SECTIONS = 500
    """Minor numbers that jobs ask for in a run."""

    @property
    def tags(self) -> Sequence[str]:
        """Three tags, of different uses."""
        return [f"Bench_{self.name}_{use}" for use in ("prompt", "online", "reprocessing")]

    @property
    def iovs(self) -> int:
        """Fewer in lists that change seldom."""
        of_a_run = (self._changed(run) for run in range(self.runs))
        return len(self.tags) * sum(len(changed) for changed in of_a_run)

    def batches(self, lists: Mapping[str, Sequence[str]], size: int) -> Iterator[list[Row]]:
        """Yield run after run, with all tags and lists in a batch."""
        batch: list[Row] = []
        for run in range(self.runs):
            for tag in self.tags:
                batch += [
                    (lists[tag][index], self.first_run + run, 0) for index in self._changed(run)
                ]
            full = len(batch) > size - len(self.tags) * self.types
            if full or run % self.AT_ONCE == self.AT_ONCE - 1 or run == self.runs - 1:
                yield batch
                batch = []

    def edges(self) -> tuple[Place, Place]:
        """Return the first and the last run."""
        last = self.first_run + self.runs - 1
        return (self.tags[0], self.first_run, 0), (self.tags[0], last, self.SECTIONS)

    def place(self, chance: random.Random) -> Place:
        """Return a point that a job asks for."""
        tag = chance.choices(self.tags, weights=(80, 15, 5))[0]
        campaigns = _campaigns(tag, self.runs, self.CAMPAIGNS)
        run = chance.choice(campaigns) if chance.random() < 0.9 else chance.randrange(self.runs)
        return tag, self.first_run + run, chance.randrange(self.SECTIONS)

    def interval(self, number: int, _chance: random.Random) -> dict[str, int]:
        """Return an open interval that begins with the next run."""
        return {"major_iov": self.first_run + self.runs + number, "minor_iov": 0}

    def _changed(self, run: int) -> list[int]:
        """Return the payload types that have a new IOV with a run."""
        cadences = self.CADENCES
        return [i for i in range(self.types) if run % cadences[i % len(cadences)] == 0]


@cache
def _campaigns(tag: str, runs: int, number: int) -> list[int]:
    return random.Random(f"{tag} campaigns").sample(range(runs), number)


def _random(types: int, each: int) -> Random:
    return Random(f"{types}x{each}", types, each)


PUBLISHED = [
    _random(*each) for each in ((10, 10), (10, 200), (100, 200), (100, 5000), (200, 26000))
]
"""Of which figures of nopayloaddb have been published: payload types × IOVs in each list."""

SCENARIOS: dict[str, Scenario] = {
    each.name: each for each in [*PUBLISHED, Realistic("realistic", types=60)]
}

DEFAULT = "10x200"


def scenario(name: str) -> Scenario:
    """Return a scenario by its name; any `TYPESxIOVS` is one, beside those that are listed.

    Raises:
        ValueError: it is neither.

    """
    if name in SCENARIOS:
        return SCENARIOS[name]
    types, _, each = name.partition("x")
    if not (types.isdecimal() and each.isdecimal() and int(types) and int(each)):
        raise ValueError(f"{name}: no scenario. There are: {', '.join(SCENARIOS)}, TYPESxIOVS")
    return _random(int(types), int(each))
