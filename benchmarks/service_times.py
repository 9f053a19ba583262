"""Measure what one request costs the service, the database and a cache: the simulation's input."""

import argparse
import gzip
import json
import os
import random
import resource
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

from harness import reads, special
from harness.client import Client
from harness.constant import constant
from harness.generators import generator
from harness.loading import load
from harness.machine import machine, versions
from harness.memory import family
from harness.scenarios import HOT, scenario
from harness.service import Wanted, here
from sqlalchemy import create_engine, text

FILE = Path(__file__).with_suffix(".json")
FEWER_LISTS = (10, 50)
"""Tags beside the large one, which show how the cost of a query grows with its lists."""
POINTS = 20_000
"""Random points that are asked one after the other: more than a run takes."""

Ask = Callable[[], bytes]
"""Sends one request, and returns the body of its answer."""


def cpu_seconds(pid: int) -> float:
    """Return the seconds of CPU that a process, and all that it started, have taken so far."""
    ticks = 0
    for member in family(pid):
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended since
        # With its children that have ended: a connection to PostgreSQL is one.
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def postgresql_pid(database: str) -> int:
    """Return the first process of a PostgreSQL on this machine."""
    engine = create_engine(database)
    with engine.connect() as connection:
        folder = Path(str(connection.scalar(text("show data_directory"))))
    engine.dispose()
    return int((folder / "postmaster.pid").read_text().split()[0])


def measured(ask: Ask, seconds: float, pids: Mapping[str, int]) -> dict[str, float]:
    """Ask one request after the other; return times and costs of one, in ms, and its size."""
    for _ in range(20):
        body = ask()
    taken: list[float] = []
    spent = {name: cpu_seconds(pid) for name, pid in pids.items()}
    own = time.process_time()
    stop = time.perf_counter() + seconds
    while (start := time.perf_counter()) < stop:
        ask()
        taken.append(time.perf_counter() - start)
    number = len(taken)
    taken.sort()
    figures = {
        "requests": number,
        "median_ms": _ms(taken[number // 2]),
        "p99_ms": _ms(taken[number * 99 // 100]),
        "client_cpu_ms": _ms((time.process_time() - own) / number),
        "bytes": len(body),
        "gzip_bytes": len(gzip.compress(body, 1)),
    }
    return figures | _costs(pids, spent, number)


def _costs(pids: Mapping[str, int], before: Mapping[str, float], number: int) -> dict[str, float]:
    return {
        f"{name}_cpu_ms": _ms((cpu_seconds(pid) - before[name]) / number)
        for name, pid in pids.items()
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 4)


def queries(client: Client, name: str, seed: int) -> Iterator[str]:
    """Yield queries at random points of a scenario."""
    made, chance = scenario(name), random.Random(seed)
    while True:
        yield reads.query(client, made.place(chance))


def operations(
    client: Client, url: str, name: str, seconds: float, pids: Mapping[str, int]
) -> dict[str, object]:
    """Measure each kind of request, with one connection."""
    asker, points = special.Asker(url), queries(client, name, 1)
    hot = next(queries(client, name, 2))
    # A process looks at the change log before each answer of a tag that may change, but only once
    # a second where it is asked as of a change: the difference is what the look costs.
    settled = f"{hot}&asOf={reads.change_of_tag(client, scenario(name).tags[0])}"
    etag = asker.etag(hot)
    asked: dict[str, Ask] = {
        "query": partial(_next, asker, points),
        "hot": lambda: asker(hot),
        "settled": lambda: asker(settled),
        "not-modified": lambda: asker(hot, etag),
        "status": lambda: asker(f"{client.api}/gtstatus"),
        "live": lambda: asker("/health/live"),
    }
    found: dict[str, object] = {kind: measured(ask, seconds, pids) for kind, ask in asked.items()}
    with constant({"answer": asker(hot)}) as server:
        cached = special.Asker(server.url)
        figures = measured(lambda: cached("/answer"), seconds, {"cache": server.pid})
        found["cache-hit"] = {"server": server.name, **figures}
    return found


def growth(
    client: Client, url: str, names: Sequence[str], seconds: float, pids: Mapping[str, int]
) -> list[dict[str, float]]:
    """Measure the query at random points of tags with different numbers of lists."""
    asker, lines = special.Asker(url), []
    for name in names:
        points = queries(client, name, 3)
        figures = measured(partial(_next, asker, points), seconds, pids)
        lines.append({"lists": scenario(name).types, **figures})
    return lines


def _next(asker: special.Asker, points: Iterator[str]) -> bytes:
    return asker(next(points))


def loaded(
    client: Client, url: str, name: str, seconds: float, pids: Mapping[str, int]
) -> list[dict[str, object]]:
    """Measure many connections at once: what the simulation has to foretell."""
    drive, lines = generator(), list[dict[str, object]]()
    hot = list(islice(queries(client, name, 0), HOT))
    for connections in (4, 50):
        at_random = list(islice(queries(client, name, connections), POINTS))
        # The hot points first: of them the generator has few to read, so that its CPU is that of
        # asking.
        for work, paths in {"hot": hot, "query": at_random}.items():
            drive(url, paths[-HOT:], connections, 1.0)  # to warm up
            own = _of_children()
            spent = {part: cpu_seconds(pid) for part, pid in pids.items()}
            answered = drive(url, paths, connections, seconds)
            if answered.errors or not answered.count:
                raise SystemExit(f"{answered.errors} errors, and {answered.count} answers")
            if work == "hot":
                client_cpu = _ms((_of_children() - own) / answered.count)
            lines.append(
                {
                    "generator": drive.name,
                    "work": work,
                    "connections": connections,
                    "per_second": round(answered.count / answered.seconds, 1),
                    "median_ms": answered.median_ms,
                    "p99_ms": answered.p99_ms,
                    "client_cpu_ms": client_cpu,
                    **_costs(pids, spent, answered.count),
                }
            )
    return lines


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _setting(options: argparse.Namespace, database: str) -> dict[str, object]:
    return {
        "command": shlex.join(["python", *sys.argv]),
        "settings": dict(options.set),
        "compiled": options.compiled,
        "at": datetime.now(UTC).date().isoformat(),
        "threads": options.threads,
        "lists": options.lists,
        "iovs": options.iovs,
        **machine(),
        "versions": {**versions(), "PostgreSQL": database},
    }


def main() -> None:
    """Start PostgreSQL and the service, load tags, measure, and write the figures."""
    parser = special.parser(__doc__, lists=200, iovs=5_000)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--compiled", action="store_true", help="with the lists compiled")
    parser.add_argument("--output", type=Path, default=FILE)
    options = parser.parse_args()
    names = [f"{lists}x{options.iovs}" for lists in (*FEWER_LISTS, options.lists)]
    wanted = Wanted(dict(options.set), threads=options.threads, compiled=options.compiled)
    with here(wanted) as place:
        with place.service() as service:
            client = Client(service.url)
            for name in names:
                load(client, scenario(name), rows=50_000)
            client.close()
        version = place.rest()
        place.compile([tag for name in names for tag in scenario(name).tags])
        with place.service() as service:
            client, url = Client(service.url), service.url
            pids = {"service": service.pid, "database": postgresql_pid(service.database)}
            found = {
                "measured": _setting(options, version),
                "operations": operations(client, url, names[-1], options.seconds, pids),
                "growth": growth(client, url, names, options.seconds, pids),
                "loaded": loaded(client, url, names[-1], options.seconds, pids),
            }
    options.output.write_text(json.dumps(found, indent=1) + "\n")
    print(f"written: {options.output}")


if __name__ == "__main__":
    main()
