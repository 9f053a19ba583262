"""How to measure: what, for how long, and how often."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness import nginx
from harness.generators import Generator
from harness.service import Elsewhere, Here, Service, Wanted, here


@dataclass(frozen=True)
class Pace:
    """With how many connections to ask, each time for how many seconds, and how often."""

    connections: Sequence[int] = (4, 50)
    seconds: float = 2.0
    runs: int = 1

    @property
    def turns(self) -> int:
        """How often a read is measured; and once it is asked before, to warm up."""
        return self.runs * len(self.connections)

    @property
    def enough(self) -> float:
        """The seconds after which what one client does alone is not repeated."""
        return 5 * self.seconds

    @property
    def short(self) -> float:
        """The seconds of a load that is not kept: to warm up, or to see what is possible."""
        return min(1.0, self.seconds)


@dataclass(frozen=True)
class Plan:
    """How to measure: what is started where no URL is given, and how long to look."""

    generator: Generator
    url: str | None = None
    wanted: Wanted = field(default_factory=Wanted)
    pace: Pace = field(default_factory=Pace)
    variant: str = "cdb"
    rows: int = 50_000
    """Of a bulk request, at most."""

    data: Path | None = None
    """Where the databases of the services that are started stay."""

    nginx: bool = False
    """Whether all goes through an nginx, as cdb ships it."""

    @contextmanager
    def place(self, name: str) -> Iterator[Elsewhere | Here]:
        """Give where the service is: elsewhere, or here with a database for a scenario."""
        if self.url:
            yield Elsewhere(self.url.rstrip("/"))
            return
        print("starting PostgreSQL", flush=True)
        with here(self.wanted, self.data / name if self.data else None) as place:
            yield place

    @contextmanager
    def service(self, place: Elsewhere | Here) -> Iterator[Service]:
        """Give the service there that is measured, through nginx if that is wanted."""
        with place.service() as service:
            if not self.nginx:
                yield service
                return
            with nginx.in_front(service.url) as front:
                yield replace(service, url=front.url)

    @property
    def setting(self) -> dict[str, object]:
        """What a reader needs to know of what was measured, and how."""
        started = {
            "settings": dict(self.wanted.settings),
            "arguments": self.wanted.arguments,
            "threads": self.wanted.threads,
            "compiled": self.wanted.compiled,
        }
        return {
            "service": {"url": self.url} if self.url else started,
            "nginx": self.nginx,
            "seconds": self.pace.seconds,
            "runs": self.pace.runs,
            "generator": self.generator.name,
        }
