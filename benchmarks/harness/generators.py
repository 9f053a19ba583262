"""Load generators: wrk where it is installed, else one of our own."""

import json
import math
import os
import random
import re
import selectors
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, cycle
from multiprocessing import get_context
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from harness.figures import median, slowest
from harness.machine import printed, program

THREADS = min(2, len(os.sched_getaffinity(0)))
"""Of wrk, and processes of our own generator: the service needs cores, too."""

PATIENCE = 60
"""Seconds until a request that is not answered counts as an error."""

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Answered:
    """What a service made of a load: how many answers in which seconds, and how many errors.

    Of no answers, the milliseconds are 0.
    An error is an answer that is no success, a connection that was cut, or no answer in time.
    """

    count: int
    seconds: float
    median_ms: float
    p99_ms: float
    errors: int

    @classmethod
    def of(cls, taken: Sequence[float], seconds: float, errors: int) -> Self:
        """Return what became of a load, by the seconds that each answer took."""
        if not taken:
            return cls(0, seconds, 0.0, 0.0, errors)
        middle, slow = median(taken), slowest(sorted(taken))
        return cls(len(taken), seconds, middle * 1000, slow * 1000, errors)


class Generator(ABC):
    """Keeps connections busy with GETs, the next one of each as soon as the last is answered."""

    name: str

    @abstractmethod
    def __call__(
        self, url: str, paths: Sequence[str], connections: int, seconds: float
    ) -> Answered:
        """Ask for the paths, again and again, from so many connections for so long."""


class Wrk(Generator):
    """Writes the paths to a file, which a script of ours reads; whole seconds only."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.name = " ".join(printed(path, "--version").split()[:2])

    def __call__(
        self, url: str, paths: Sequence[str], connections: int, seconds: float
    ) -> Answered:
        """Ask for the paths, each thread from elsewhere in them on."""
        script, threads = Path(__file__).with_name("wrk.lua"), min(THREADS, connections)
        with tempfile.NamedTemporaryFile("w", prefix="cdb-benchmark-") as file:
            file.write("\n".join(paths) + "\n")
            file.flush()
            command = [self._path, f"-t{threads}", f"-c{connections}", "--latency"]
            command += [f"-d{math.ceil(seconds)}s", f"--timeout={PATIENCE}s", "-s", str(script)]
            command += [url, "--", file.name, str(threads)]
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
        found = re.search(r"^\{.*\}$", ran.stdout, re.MULTILINE)
        if not found:
            raise SystemExit(f"wrk: {ran.stdout}{ran.stderr}")
        return Answered(**json.loads(found[0]))


class Own(Generator):
    """Some processes, each with some of the connections."""

    name = f"cdb's own, {THREADS} processes"

    def __init__(self) -> None:
        # Not forked: a thread that reads a service's log may hold a lock at that moment.
        self._pool = get_context("spawn").Pool(THREADS)

    def __call__(
        self, url: str, paths: Sequence[str], connections: int, seconds: float
    ) -> Answered:
        """Ask for the paths, each process from elsewhere in them on."""
        processes = min(THREADS, connections)
        work = []
        for number in range(processes):
            first = number * len(paths) // processes
            share = connections // processes + (number < connections % processes)
            work.append((url, [*paths[first:], *paths[:first]], share, seconds))
        results = self._pool.starmap(drive, work, chunksize=1)
        taken = list(chain.from_iterable(times for times, _ in results))
        return Answered.of(taken, seconds, sum(failed for _, failed in results))


class Connection:
    """One connection with one request under way."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.socket = socket.create_connection(address, timeout=PATIENCE)
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
        """Take what has come; return the status once the answer is complete, 0 if it never is."""
        piece = self.socket.recv(2**18)
        if not piece:
            return 0
        self.received += piece
        if not self.expected:
            head = self.received.find(b"\r\n\r\n")
            if head < 0:
                return None
            length = _LENGTH.search(self.received, 0, head)
            self.expected = head + 4 + (int(length[1]) if length else 0)
        return int(self.received[9:12]) if len(self.received) >= self.expected else None


class Load:
    """Connections that are kept busy, and what became of their requests.

    Attributes:
        idle: the connections on which nothing is under way.
        taken: seconds of each answer.
        failed: answers that are no success, and connections that were cut.

    """

    def __init__(self, url: str, connections: int) -> None:
        self._url = url
        self._selector = selectors.DefaultSelector()
        self.idle: list[Connection] = []
        self.taken: list[float] = []
        self.failed = 0
        for _ in range(connections):
            self._open()

    def _open(self) -> None:
        connection = Connection(self._url)
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        self.idle.append(connection)

    def wait(self, until: float) -> None:
        """Take what comes, if anything does before a moment."""
        left = max(0.0, until - time.perf_counter())
        for key, _ in self._selector.select(timeout=left):
            connection: Connection = key.data
            status = connection.receive()
            if status is None:
                continue
            self.failed += status != 200
            if status:
                self.taken.append(time.perf_counter() - connection.sent)
                self.idle.append(connection)
            else:
                self._selector.unregister(connection.socket)
                connection.socket.close()
                self._open()

    def close(self) -> None:
        """Close all connections."""
        for key in list(self._selector.get_map().values()):
            key.data.socket.close()
        self._selector.close()


def drive(
    url: str, paths: Sequence[str], connections: int, seconds: float
) -> tuple[list[float], int]:
    """Keep some connections busy from one process: seconds of each request, number of errors."""
    coming, load = cycle(paths), Load(url, connections)
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop:
        while load.idle:
            load.idle.pop().send(next(coming))
        load.wait(stop)
    load.close()
    return load.taken, load.failed


def at_rate(
    url: str, paths: Sequence[str], connections: int, rate: float, seconds: float
) -> Answered:
    """Ask `rate` times a second at random moments, whether or not earlier answers have come.

    The time of a request counts from when it was due, also where all connections were busy then.
    """
    chance, coming, waiting = random.Random(1), cycle(paths), deque[float]()
    load = Load(url, connections)
    due = time.perf_counter() + chance.expovariate(rate)
    stop = due + seconds
    while (now := time.perf_counter()) < stop + PATIENCE:
        while due <= min(now, stop):
            waiting.append(due)
            due += chance.expovariate(rate)
        while waiting and load.idle:
            connection = load.idle.pop()
            connection.send(next(coming))
            connection.sent = waiting.popleft()
        if due > stop and len(load.idle) == connections:
            break
        load.wait(due if due <= stop else stop + PATIENCE)
    load.close()
    unanswered = len(waiting) + connections - len(load.idle)
    return Answered.of(load.taken, seconds, load.failed + unanswered)


def generator(name: str | None = None) -> Generator:
    """Return the generator `wrk` or `own`; without a name wrk, where it is installed.

    Raises:
        SystemExit: wrk is asked for, and not installed.

    """
    path = program("wrk") if name != "own" else None
    if path is None and name == "wrk":
        raise SystemExit("wrk is not installed")
    return Wrk(path) if path else Own()
