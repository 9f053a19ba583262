"""Where a service listens, and one process that answers what comes there."""

import logging
import resource
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import click
import waitress
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer
from waitress.task import WSGITask

from cdb.commands.parsing import Strict
from cdb.commands.waiting import Asked, Waiting
from cdb.observed import REFUSED, WAITED

log = logging.getLogger("cdb.serve")

_PLACES = ("listen", "host", "port", "ipv4", "ipv6", "unix_socket", "unix_socket_perms")
"""Options of waitress that say where to listen, which it does not take beside sockets."""

_LAST_REQUEST = 1.0
"""Seconds for which a connection without a request stays open when the process ends."""

_SURPLUS = 100
"""Connections beyond `connection_limit`: who has one is told so, and not left to wait."""

_IDLE = 2.0
"""Seconds after which a connection on which nothing is asked makes room for another one."""

_AT_A_TIME = 8
"""Connections that are taken in a turn of the loop: the rest is for the other processes, too."""

_PAUSE = 0.1
"""Seconds between two looks for a connection that makes room where there was none."""

_LIKELY_GONE = 1.0
"""Seconds of waiting after which a client may have gone, and is looked for."""


def bound(options: Mapping[str, Any]) -> list[socket.socket]:
    """Return sockets where the options of waitress say; nobody is let in before a Server is made.

    Raises:
        ClickException: an option is wrong, or the place is taken.

    """
    try:
        wanted = Adjustments(**options)
        places = [(wanted.unix_socket, socket.AF_UNIX)] if wanted.unix_socket else []
        return [
            _bound(family, place, wanted)
            for place, family in places or [(each[3], each[0]) for each in wanted.listen]
        ]
    except (OSError, ValueError) as error:
        raise click.ClickException(f"cannot listen on {options.get('listen')}: {error}") from None


def _bound(family: int, place: Any, wanted: Adjustments) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if family == socket.AF_UNIX and Path(place).is_socket():
        Path(place).unlink()
    made.bind(place)
    if family == socket.AF_UNIX:
        Path(place).chmod(wanted.unix_socket_perms)
    return made


def address(listening: socket.socket) -> str:
    """Return the address that a socket listens on, for people."""
    if listening.family == socket.AF_UNIX:
        return f"unix:{listening.getsockname()}"
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


_LOOK_S = 1.0
"""Seconds between two looks at who keeps the process waiting."""

_PACE = 1000
"""Bytes a second with which a client keeps the patience that the process has with it.

Who goes on, but slower, loses it: else a byte a minute would hold a connection for ever.
"""


class Server:
    """One process that answers; told to stop, it finishes what it has begun.

    Args:
        app: the WSGI application.
        options: of waitress.
        sockets: what to listen on; other processes may do so, too.
        grace: seconds that answers have to be finished in when it stops.
        max_wait: seconds that a request waits for a thread before it is refused.

    """

    def __init__(
        self,
        app: Any,
        options: Mapping[str, Any],
        sockets: Sequence[socket.socket],
        grace: float,
        max_wait: float,
    ) -> None:
        kept = {key: value for key, value in options.items() if key not in _PLACES}
        # select() fails where more than a thousand files are open.
        kept.setdefault("asyncore_use_poll", "true")
        wanted = int(kept.get("connection_limit", 1000))
        kept["connection_limit"] = limit = _connections(wanted + _SURPLUS)
        # Where files are few, no more than half of them are for those that are refused.
        self._most = min(wanted, max(limit - _SURPLUS, limit // 2, 1))
        # It would write a line for each request that waits for a thread; an ini can ask for them.
        queue = logging.getLogger("waitress.queue")
        queue.setLevel(queue.level or logging.ERROR)
        self._map: dict[int, Any] = {}
        self._waiting = Waiting(Adjustments(**kept).threads, max_wait)
        self._server = waitress.create_server(
            app, map=self._map, _dispatcher=self._waiting, sockets=list(sockets), **kept
        )
        self._listeners = [e for e in self._map.values() if isinstance(e, BaseWSGIServer)]
        for listener in self._listeners:
            listener.channel_class = partial(_Channel, self)
            listener.handle_accept = partial(self._accept, listener.handle_accept)
            # By the wall clock, which can be put forward and back.
            listener.maintenance = lambda _now: None
        self._looked, self._make_room_after = time.monotonic(), 0.0
        self._grace = grace
        self._deadline = float("inf")
        self.is_stopping = False

    def wake_by(self, woken: socket.socket) -> None:
        """Look around whenever something comes on a socket, and stop when that is closed."""
        _Ear(woken, self._map, self.stop)

    def stop(self) -> None:
        """Take no more connections, and end when all is answered; at once when told again."""
        now = time.monotonic()
        self._deadline = now if self.is_stopping else now + self._grace
        self.is_stopping = True

    def stop_on(self, *signals: signal.Signals) -> None:
        """Stop when one of some signals comes."""
        self._woken, self._waking = socket.socketpair()
        self._waking.setblocking(False)
        signal.set_wakeup_fd(self._waking.fileno())
        for number in signals:
            signal.signal(number, lambda *_: self.stop())
        self.wake_by(self._woken)

    def run(self) -> None:
        """Answer until told to stop."""
        adjusted = self._server.adj
        turn = wasyncore.poll2 if adjusted.asyncore_use_poll else wasyncore.poll
        while not self.is_stopping:
            turn(adjusted.asyncore_loop_timeout, self._map)
            self._waiting.refuse_late()
            self._look()
        for listener in self._listeners:
            # Not its own close(): threads go on to tell the loop that they have answered.
            wasyncore.dispatcher.close(listener)
        while self._is_needed() and time.monotonic() < self._deadline:
            turn(0.1, self._map)
            self._waiting.refuse_late()
            self._look()
        wasyncore.close_all(self._map)

    def _is_needed(self) -> bool:
        """Tell whether anybody waits for an answer; let go of those who do not."""
        before = time.time() - _LAST_REQUEST
        channels = self._channels()
        for channel in channels:
            channel.will_close |= channel.is_idle and channel.last_activity < before
        return bool(channels)

    def _look(self) -> None:
        """Close connections whose client has kept the process waiting for too long.

        waitress looks between requests only, and is content with a byte now and then. Where no
        more connections can be taken, those that wait for longest make room for others.
        """
        passed = time.monotonic() - self._looked
        if passed < _LOOK_S:
            return
        self._looked += passed
        waiting = [channel for channel in self._channels() if channel.waits(passed)]
        given_up = [channel for channel in waiting if channel.patience <= 0]
        if len(self._map) >= self._most:
            given_up = sorted(waiting, key=lambda channel: channel.patience)
            given_up = given_up[: self._most // 10 + 1]
        for channel in given_up:
            channel.give_up()

    def _accept(self, accept: Callable[[], None]) -> None:
        """Take connections, as long as some wait; waitress takes one in each turn of the loop.

        With a thousand connections a turn takes so long that others would wait for seconds.
        """
        for _ in range(_AT_A_TIME):
            before = len(self._map)
            if before < self._server.adj.connection_limit:
                accept()
            if len(self._map) == before:
                return

    def has_room(self) -> bool:
        """Tell whether one more connection is not too many; make room for it if that can be."""
        if len(self._map) < self._most:
            return True
        if (now := time.monotonic()) < self._make_room_after:
            return False
        # One that has only just come, or was only just answered, is about to ask something.
        waiting = [each for each in self._channels() if each.answered_at < now - _IDLE]
        idle = [each for each in waiting if each.waits_for_client and not each.will_close]
        if not idle:
            self._make_room_after = now + _PAUSE
            return False
        min(idle, key=lambda channel: channel.answered_at).give_up()
        return True

    def _channels(self) -> "list[_Channel]":
        return [
            channel
            for listener in self._listeners
            for channel in list(listener.active_channels.values())
        ]


def _connections(wanted: int) -> int:
    """Return how many connections can be taken: each can need two of the files of a process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < 2 * wanted:
        soft = 2 * wanted if hard == resource.RLIM_INFINITY else min(2 * wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        if soft < 2 * wanted:
            log.warning("no more than %d connections are taken: see ulimit -n", soft // 2)
            return soft // 2
    return wanted


class _Task(WSGITask):  # type: ignore[misc]  # waitress has no types
    """An answer; one without a body does not end the connection, the end of the process does."""

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[WAITED] = time.monotonic() - self.channel.waits_since
        environ[REFUSED] = self.channel.is_refused
        return environ

    def build_response_header(self) -> bytes:
        if self.channel.process.is_stopping or self.channel.is_surplus:
            self.request.headers["CONNECTION"] = "close"
        return bytes(super().build_response_header())

    def set_close_on_finish(self) -> None:
        # waitress closes it where there is no length, also after a 304, which has none.
        wants_more = self.request.headers.get("CONNECTION", "").lower() != "close"
        if self.has_body or self.version == "1.0" or not wants_more:
            super().set_close_on_finish()


class _Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection of a process.

    Attributes:
        patience: seconds for which the process will wait for its client; whole again after
            each answer, and with what the client sends or takes.
        answered_at: when it came, or the last request on it was answered; monotonic seconds.
        waits_since, is_refused, is_surplus: see `Waits`.

    """

    parser_class = Strict
    task_class = _Task
    requests: list[Asked]

    def __init__(self, process: Server, *arguments: Any, **named: Any) -> None:
        self.process = process
        self.answered_at, self.waits_since = time.monotonic(), 0.0
        self.is_refused, self.is_surplus = False, not process.has_room()
        super().__init__(*arguments, **named)
        self.patience = float(self.adj.channel_timeout)

    def recv(self, size: int) -> bytes:
        """Take what the client sends."""
        data = bytes(super().recv(size))
        self._moved(len(data))
        return data

    def send(self, data: bytes, *arguments: Any, **named: Any) -> int:
        """Give the client as much as it takes."""
        taken = int(super().send(data, *arguments, **named))
        self._moved(taken)
        return taken

    def _moved(self, size: int) -> None:
        self.patience = min(self.patience + size / _PACE, self.adj.channel_timeout)

    def service(self) -> None:
        """Answer the request that has waited, unless nobody wants the answer any more."""
        waited = time.monotonic() - self.waits_since
        if waited > _LIKELY_GONE and self._client_has_gone():
            self.connected = False
        super().service()
        self.patience = self.adj.channel_timeout
        self.answered_at = time.monotonic()
        if not self.connected:
            self.server.pull_trigger()

    def _client_has_gone(self) -> bool:
        """Tell whether the client has closed; the loop does not look while a request waits."""
        try:
            return not self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def waits(self, seconds: float) -> bool:
        """Tell whether it was for the client to go on, as far as can be seen, for some seconds."""
        is_waiting = self.waits_for_client
        self.patience = self.patience - seconds if is_waiting else self.adj.channel_timeout
        return is_waiting

    def writable(self) -> bool:
        """Tell whether the loop has something to send here now.

        waitress says yes while a thread is about to answer, and then sends nothing: the loop
        turns without a pause, and the thread waits five milliseconds for the interpreter's
        lock (`wrk -c4` on /health/live: 330 requests/s so, 3,000 like this).
        """
        if self.will_close or self.close_when_flushed:
            return True
        if not self.total_outbufs_len:
            return False
        if self.requests and self.total_outbufs_len < self.adj.send_bytes:
            return False
        with self.outbuf_lock:  # a thread that is sending is waited for, and not asked again
            return bool(self.total_outbufs_len)

    @property
    def waits_for_client(self) -> bool:
        """Whether it is for the client to go on: to send a request, or to take an answer."""
        with self.outbuf_lock:  # what a thread has just written is on its way first
            return bool(not self.requests or self.total_outbufs_len)

    def give_up(self) -> None:
        """Let the loop close it, which would not look at it while the client takes nothing."""
        self.will_close = True
        with suppress(OSError):  # the client may have gone
            self.socket.shutdown(socket.SHUT_RDWR)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked and nothing is being sent."""
        return not (self.requests or self.request or self.total_outbufs_len)


class _Ear(wasyncore.dispatcher):  # type: ignore[misc]  # waitress has no types
    """A socket that wakes the loop; what comes on it means nothing more."""

    def __init__(self, woken: socket.socket, sockets: dict[int, Any], at_end: Any) -> None:
        super().__init__(woken, sockets)
        self._at_end = at_end

    def writable(self) -> bool:
        return False

    def handle_read(self) -> None:
        self.recv(4096)

    def handle_close(self) -> None:
        self.close()
        self._at_end()
