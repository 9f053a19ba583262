"""How long a campaign goes on, what it draws at random, and what it writes down."""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random, SystemRandom

MINUTES = float(os.environ.get("TORTURE_MINUTES", "0"))
"""How long each campaign goes on; with 0 each makes its few first rounds, the same ones always."""

SEED = int(os.environ.get("TORTURE_SEED", "0")) or (
    SystemRandom().getrandbits(32) if MINUTES else 1
)
"""What everything is drawn from; named to repeat a run, as far as threads and processes repeat."""


class Campaign:
    """One of the campaigns, while it goes on."""

    def __init__(self, name: str, folder: Path | None) -> None:
        self.name = name
        self.random = Random(f"{SEED} {name}")
        self.figures: Counter[str] = Counter()
        self.folder = folder
        self._began = time.monotonic()

    @property
    def is_long(self) -> bool:
        """Whether it goes on for minutes, and not for a few rounds within all other tests."""
        return MINUTES > 0

    def rounds(self, at_least: int = 1) -> Iterator[int]:
        """Number the rounds: so many, and as many more as the time allows."""
        done = 0
        while done < at_least or time.monotonic() < self._began + 60 * MINUTES:
            yield done
            done += 1
            self.figures["rounds"] = done

    def count(self, what: str, by: int = 1) -> None:
        """Count what was tried or found, under the words that the report has for it."""
        self.figures[what] += by

    def note(self, what: str, figure: int) -> None:
        """Write down a figure that is no sum, such as the longest time in milliseconds."""
        self.figures[what] = figure

    def report(self) -> dict[str, object]:
        """Return what was done, as it is printed and kept."""
        return {
            "campaign": self.name,
            "seed": SEED,
            "seconds": round(time.monotonic() - self._began),
            "figures": dict(self.figures),
        }

    def end(self) -> None:
        """Keep the report where one is asked for."""
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"{self.name}.json"
            path.write_text(json.dumps(self.report(), indent=2) + "\n", "utf-8")
