"""Processes that answer at one place: started, watched, renewed and stopped by their parent.

The parent has the sockets, and nothing else: no application, no thread, no connection to a
database, so that it can be forked at any time. A process makes the application anew, and so
reads the ini as it is then.
"""

import gc
import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress

import click

from cdb.commands.listening import Server

log = logging.getLogger("cdb.serve")

Boot = Callable[[], Server]
"""Makes the server of a process; raises ClickException where a setting is wrong."""

_READY = b"+"
"""What a process says when it answers; anything else is the reason why it cannot, or no longer."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

_TO_EXIT = 2.0
"""Seconds that a process has beyond those for its answers, before it is killed."""

_LONG = 10.0
"""Seconds; one that ends sooner than that is not replaced at once."""

_PAUSES = (1.0, 30.0)
"""Seconds until it is replaced: the first time, and at most. They double in between."""


class _Worker:
    """A process, as its parent sees it."""

    def __init__(self, pid: int, line: socket.socket, generation: int) -> None:
        line.setblocking(False)
        self.pid, self.line, self.generation = pid, line, generation
        self.began = time.monotonic()
        self.deadline: float | None = None
        self._said = b""

    @property
    def is_ready(self) -> bool:
        return self._said.startswith(_READY)

    @property
    def reason(self) -> str:
        """Why it could not begin or go on, where it said so."""
        return self._said.removeprefix(_READY).decode()

    def hear(self) -> None:
        """Take what it has said."""
        with suppress(BlockingIOError, ConnectionResetError):
            while said := self.line.recv(4096):
                self._said += said

    def stop(self, seconds: float) -> None:
        """Let it finish its answers, for so many seconds."""
        deadline = time.monotonic() + seconds
        if self.deadline is None:
            os.kill(self.pid, signal.SIGTERM)
        self.deadline = min(deadline, self.deadline or deadline)

    def end_when_due(self) -> None:
        """Kill it where it had the time to end."""
        if self.deadline is not None and self.deadline <= time.monotonic():
            os.kill(self.pid, signal.SIGKILL)

    def ended(self) -> str | None:
        """Return how it ended; None while it lives."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return None
        code = os.waitstatus_to_exitcode(status)
        return f"status {code}" if code >= 0 else signal.Signals(-code).name


class Workers:
    """The parent of the processes.

    Args:
        boot: makes the server of a process, in that.
        count: gives the number of processes; asked again when they are renewed.
        sockets: what all listen on; the parent closes them when it stops.
        grace: seconds in which a process has to finish its answers.
        on_ready: called when all processes answer for the first time.
        on_turn: called with the ids of those that live, at least once a second.

    """

    def __init__(
        self,
        boot: Boot,
        count: Callable[[], int],
        sockets: Sequence[socket.socket],
        grace: float,
        on_ready: Callable[[], None],
        on_turn: Callable[[Collection[int]], None],
    ) -> None:
        self._boot, self._ask, self._sockets = boot, count, sockets
        self._limit = grace + _TO_EXIT
        self._on_ready: Callable[[], None] | None = on_ready
        self._on_turn = on_turn
        self._workers: list[_Worker] = []
        self._generation, self._count = 1, count()
        self._established = (0, 0)
        self._is_stopping = self._has_to_renew = False
        self._not_before = self._pause = 0.0

    def run(self) -> None:
        """Keep the processes running until SIGTERM or SIGINT; SIGHUP renews them.

        Raises:
            ClickException: the first process cannot begin.

        """
        gc.collect()
        with selectors.DefaultSelector() as self._selector, self._signals() as woken:
            self._selector.register(woken, selectors.EVENT_READ)
            try:
                while self._workers or not self._is_stopping:
                    self._turn()
                    self._selector.select(timeout=1.0)
                    with suppress(BlockingIOError):
                        woken.recv(4096)
            finally:
                for worker in self._workers:
                    os.kill(worker.pid, signal.SIGKILL)

    # --- what happens -----------------------------------------------------------

    @contextmanager
    def _signals(self) -> Iterator[socket.socket]:
        """Take signals; each of them makes a socket readable."""
        woken, waking = socket.socketpair()
        woken.setblocking(False)
        waking.setblocking(False)
        signal.set_wakeup_fd(waking.fileno())
        for number, handler in {
            signal.SIGTERM: self._stop,
            signal.SIGINT: self._stop,
            signal.SIGHUP: self._renew,
            signal.SIGCHLD: lambda *_: None,
        }.items():
            signal.signal(number, handler)
        with woken, waking:
            yield woken
            signal.set_wakeup_fd(-1)

    def _stop(self, *_: object) -> None:
        self._limit = 0.0 if self._is_stopping else self._limit
        self._is_stopping = True

    def _renew(self, *_: object) -> None:
        self._has_to_renew = True

    def _turn(self) -> None:
        """Look at all processes, and do what is due."""
        for worker in list(self._workers):
            worker.hear()
            if how := worker.ended():
                worker.hear()
                self._forget(worker)
                self._lost(worker, how)
        self._on_turn({worker.pid for worker in self._workers})
        if self._is_stopping:
            for each in self._sockets:
                each.close()
            for worker in self._workers:
                worker.stop(self._limit)
        else:
            self._begin_to_renew()
            self._balance()
        for worker in self._workers:
            worker.end_when_due()

    def _forget(self, worker: _Worker) -> None:
        self._selector.unregister(worker.line)
        worker.line.close()
        self._workers.remove(worker)

    def _lost(self, worker: _Worker, how: str) -> None:
        """Say what is wrong where a process ended by itself, and see that another one comes."""
        if self._is_stopping or worker.deadline is not None:
            return
        reason = worker.reason or f"process {worker.pid} ended ({how})"
        if worker.generation > self._established[0]:
            if not self._established[0]:
                raise click.ClickException(reason)
            log.error("%s; the processes of before go on", reason)
            self._generation, self._count = self._established
            return
        now = time.monotonic()
        shortest, longest = _PAUSES
        lived_long = now - worker.began > _LONG
        self._pause = 0.0 if lived_long else min(max(2 * self._pause, shortest), longest)
        self._not_before = now + self._pause
        when = "now" if lived_long else f"in {self._pause:.0f} s"
        log.error("%s; another one is started %s", reason, when)

    def _begin_to_renew(self) -> None:
        if not self._has_to_renew or self._generation != self._established[0]:
            return
        self._has_to_renew = False
        try:
            self._count = self._ask()
        except click.ClickException as error:
            log.error("%s; the processes of before go on", error.message)  # noqa: TRY400 - it is a sentence for the operator
        else:
            self._generation += 1
            self._not_before = 0.0

    def _balance(self) -> None:
        """Start a process where one is missing, and let one go for each that came in its place."""
        staying = [worker for worker in self._workers if worker.deadline is None]
        new = [worker for worker in staying if worker.generation == self._generation]
        ready = [worker for worker in new if worker.is_ready]
        old = [worker for worker in staying if worker.generation != self._generation]
        if ready:
            self._established = (self._generation, self._count)
            for worker in old[: max(0, len(ready) + len(old) - self._count)]:
                worker.stop(self._limit)
        if len(ready) >= self._count:
            if self._on_ready:
                self._on_ready()
                self._on_ready = None
        # One after the other, since each takes all of a core while it begins.
        elif len(ready) == len(new) and time.monotonic() >= self._not_before:
            self._start()

    # --- processes ----------------------------------------------------------------

    def _start(self) -> None:
        line, end = socket.socketpair()
        gc.freeze()  # what is there stays in pages that all share
        # Between the fork and the handlers of the process a signal would be lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        pid = os.fork()
        if not pid:
            line.close()
            self._become_worker(end)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        end.close()
        worker = _Worker(pid, line, self._generation)
        self._workers.append(worker)
        self._selector.register(line, selectors.EVENT_READ)

    def _become_worker(self, end: socket.socket) -> None:
        """Be a process that answers; does not return."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            # A terminal sends these to all; what they mean is the parent's to say.
            for number in (signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            self._selector.close()
            for other in self._workers:
                other.line.close()
            server = self._boot()
            server.stop_on(signal.SIGTERM)
            server.wake_by(end)
            end.sendall(_READY)
            server.run()
            status = 0
        except click.ClickException as error:
            end.sendall(error.message.encode())
        except BrokenPipeError:
            log.warning("a process ends before it has begun: its parent was killed")
        except BaseException as error:  # nothing of the parent's may go on here
            log.exception("a process cannot go on")
            end.sendall(f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(status)
