"""What was measured, as JSON: a file for each scenario and variant."""

import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.figures import Figure
from harness.machine import machine, versions
from harness.memory import Memory


@dataclass(frozen=True)
class Result:
    """The figures of a scenario, and all that is needed to take them again.

    A variant is a way to run the service, or another service: `cdb`, `cdb-2-workers`.
    """

    scenario: str
    variant: str
    figures: Sequence[Figure] = ()
    setting: Mapping[str, Any] = field(default_factory=dict)
    """How the service was started, or its URL; the load generator and its ceilings."""

    memory: Mapping[str, Sequence[Memory]] = field(default_factory=dict)
    """Of each process of the service, by when it was looked at."""

    sweeps: Mapping[str, Sequence[tuple[int, Sequence[Figure]]]] = field(default_factory=dict)
    """How figures grow: by what grows, its sizes with their figures."""

    command: str = ""
    taken: str = ""
    machine: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def figure(self, work: str, connections: int | None = None) -> Figure | None:
        """Return the figure of some work, if it was measured."""
        found = (
            figure
            for figure in self.figures
            if figure.work == work and connections in (None, figure.connections)
        )
        return next(found, None)


def path_of(folder: Path, scenario: str, variant: str) -> Path:
    """Return where a result is kept."""
    return folder / f"{scenario}.{variant}.json"


def write(folder: Path, result: Result, database: str | None) -> Path:
    """Keep a result, with the command, the machine and the versions; return where."""
    known = versions() | ({"PostgreSQL": database} if database else {})
    made = asdict(result) | {
        "command": shlex.join(["python", *sys.argv]),
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": known,
    }
    path = path_of(folder, result.scenario, result.variant)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(made, indent=1) + "\n")
    return path


def read(folder: Path) -> Iterator[Result]:
    """Return the results that are kept in a folder."""
    for path in sorted(folder.glob("*.json")):
        found = json.loads(path.read_text())
        figures = [Figure(**each) for each in found.pop("figures")]
        sweeps = {
            name: [(size, [Figure(**each) for each in some]) for size, some in points]
            for name, points in found.pop("sweeps").items()
        }
        yield Result(**found, figures=figures, sweeps=sweeps)
