"""How long to look."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """With how many connections to ask, each time for how many seconds, and how often."""

    connections: Sequence[int] = (4, 50)
    seconds: float = 2.0
    runs: int = 1

    @property
    def enough(self) -> float:
        """The seconds after which what one client does alone is not repeated."""
        return 5 * self.seconds

    @property
    def short(self) -> float:
        """The seconds of a load that is only looked at."""
        return min(1.0, self.seconds)
