"""Requests per second of the query at random points, beside those of /health/live."""

import argparse
import random
import re
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from multiprocessing import Pool
from multiprocessing.pool import Pool as PoolType
from urllib.parse import urlsplit

import bench

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)

Driver = Callable[[str | None, int], "list[Result]"]
"""Keeps so many connections busy with queries of a tag, or with the cheapest request for None."""

Result = tuple[list[float], int]
"""Seconds that each request took, and how many were not answered by a 200."""


class Connection:
    """One connection with one request under way."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.socket = socket.create_connection(address, timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.expected = 0
        self.sent = 0.0

    def send(self, path: str, headers: str = "") -> None:
        """Send the next request; each further header ends with its line."""
        self.received, self.expected = b"", 0
        self.sent = time.perf_counter()
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: cdb\r\n{headers}\r\n".encode())

    def receive(self) -> int | None:
        """Take what has come; return the status once the answer is complete."""
        piece = self.socket.recv(2**18)
        if not piece:
            raise SystemExit("the service closed a connection")
        self.received += piece
        if not self.expected:
            head = self.received.find(b"\r\n\r\n")
            if head < 0:
                return None
            length = _LENGTH.search(self.received, 0, head)
            self.expected = head + 4 + (int(length[1]) if length else 0)
        return int(self.received[9:12]) if len(self.received) >= self.expected else None


def query_paths(tag: str, chance: random.Random) -> Iterator[str]:
    """Yield queries at random points."""
    while True:
        major, minor = (chance.randrange(bench.COORDINATES) for _ in range(2))
        yield f"{bench.API}/payloadiovs/?gtName={tag}&majorIOV={major}&minorIOV={minor}"


def live_paths() -> Iterator[str]:
    """Yield the cheapest request that there is."""
    while True:
        yield "/health/live"


def drive(url: str, tag: str | None, connections: int, seconds: float, seed: int) -> Result:
    """Keep some connections busy from one process."""
    paths = query_paths(tag, random.Random(seed)) if tag else live_paths()
    taken: list[float] = []
    failed = 0
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        connection = Connection(url)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send(next(paths))
    stop = time.perf_counter() + seconds
    while (now := time.perf_counter()) < stop:
        for key, _ in selector.select(timeout=stop - now):
            connection = key.data
            status = connection.receive()
            if status is None:
                continue
            taken.append(time.perf_counter() - connection.sent)
            failed += status != 200
            connection.send(next(paths))
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    selector.close()
    return taken, failed


def measure(drive_all: Driver, tag: str | None, connections: int) -> tuple[list[float], int]:
    """Return all request times, sorted, and the number of failures of one run."""
    results = drive_all(tag, connections)
    taken = sorted(t for some, _ in results for t in some)
    if not taken:
        raise SystemExit("not one request was answered in time")
    return taken, sum(f for _, f in results)


def driver(pool: PoolType, options: argparse.Namespace, url: str) -> Driver:
    """Return the function that keeps connections to a service busy from all processes."""

    def drive_all(tag: str | None, connections: int) -> list[Result]:
        share = max(1, connections // options.processes)
        work = [
            (url, tag, share, options.seconds, random.randrange(2**30))
            for _ in range(options.processes)
        ]
        return pool.starmap(drive, work)

    return drive_all


def main() -> None:
    """Load a tag unless one is named, and print a line for each number of connections."""
    parser = bench.parser(__doc__)
    parser.add_argument("--tag", help="an existing tag; without it one is loaded")
    parser.add_argument("--lists", type=int, default=100)
    parser.add_argument("--iovs", type=int, default=5000)
    parser.add_argument("--connections", type=int, nargs="+", default=[4, 50])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--processes", type=int, default=2, help="of the load generator")
    options = parser.parse_args()
    lines = []
    with bench.service(options) as service, Pool(options.processes) as pool:
        tag = options.tag or "Query"
        if not options.tag:
            bench.load(bench.Client(service.url), tag, options.lists, options.iovs)
        drive_all = driver(pool, options, service.url)

        for connections in options.connections:
            rates, live = [], []
            for _ in range(options.runs):
                taken, failed = measure(drive_all, tag, connections)
                rates.append((len(taken) / options.seconds, taken, failed))
                live.append(len(measure(drive_all, None, connections)[0]) / options.seconds)
            rate, taken, failed = sorted(rates, key=lambda run: run[0])[len(rates) // 2]
            middle, slow = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
            alive = bench.median(live)
            lines.append(
                [connections, rate, middle * 1000, slow * 1000, failed, alive, rate / alive]
            )
    header = ["connections", "queries/s", "p50 ms", "p99 ms", "failed", "live/s", "ratio"]
    bench.table(header, lines)


if __name__ == "__main__":
    main()
