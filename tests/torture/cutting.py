"""A proxy of TCP that cuts connections in the middle: of a request, of an answer, of a commit."""

import selectors
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

_LONGEST = 30_000
"""Bytes after which a connection that is to be cut is cut at the latest."""

_RESET = struct.pack("ii", 1, 0)
"""Ends a connection by a reset, as a process that dies with unread bytes does."""


Target = int | tuple[str, int] | Path


class Cutter:
    """Passes connections on to a server.

    Args:
        target: a port of this machine, a host and a port, or the path of a socket.
        random: where and how connections are cut is drawn from it.

    Attributes:
        port: where it listens.
        doomed: how many of a hundred new connections are cut after some bytes.
        cut: how many were.

    """

    def __init__(self, target: Target, random: Random) -> None:
        self.doomed = 0
        self.cut = 0
        self._target = target
        self._random = random
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_all(self) -> None:
        """Cut all connections that there are."""
        with self._lock:
            for each in self._open:
                # Its thread notices, and closes both sides.
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            self.cut += len(self._open)

    def close(self) -> None:
        """Take no more connections, and cut those that there are."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut_all()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), self._connect() as server:
            with self._lock:
                self._open.add(client)
                is_doomed = self._random.randrange(100) < self.doomed
                left = int(_LONGEST ** self._random.random()) if is_doomed else None
                is_reset = self._random.random() < 0.5
            try:
                self._pass_on(client, server, left)
            finally:
                with self._lock:
                    self._open.discard(client)
                if is_reset:
                    for each in (client, server):
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    def _connect(self) -> socket.socket:
        if isinstance(self._target, int):
            return socket.create_connection(("127.0.0.1", self._target))
        if isinstance(self._target, tuple):
            return socket.create_connection(self._target)
        made = socket.socket(socket.AF_UNIX)
        try:
            made.connect(str(self._target))
        except OSError:
            made.close()
            raise
        return made

    def _pass_on(self, client: socket.socket, server: socket.socket, left: int | None) -> None:
        """Pass bytes on in both directions, so many where the connection is to be cut."""
        with selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in ready.select():
                    taken = key.fileobj.recv(65536)
                    key.data.sendall(taken[:left])
                    if left is not None:
                        left -= len(taken)
                        if left <= 0:
                            self.cut += 1
                            return
                    if not taken:
                        return


@contextmanager
def cutter(target: Target, random: Random) -> Iterator[Cutter]:
    """Give a proxy before a server."""
    made = Cutter(target, random)
    try:
        yield made
    finally:
        made.close()
