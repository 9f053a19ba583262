"""PgBouncer in transaction mode before a primary and its replicas."""

import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cluster import Node, give
from sqlalchemy.engine import make_url
from support import program

_INI = """
[databases]
{databases}
[pgbouncer]
unix_socket_dir = {folder}
listen_port = 5432
auth_type = any
pool_mode = transaction
default_pool_size = {size}
server_login_retry = 1
query_wait_timeout = 3
"""


class Pooler:
    """A PgBouncer that can be killed and started."""

    def __init__(self, folder: Path, nodes: Sequence[Node], size: int) -> None:
        self._program = program("pgbouncer")
        self._user = nodes[0].user
        self.socket = folder / ".s.PGSQL.5432"
        self._ini = folder / "pgbouncer.ini"
        databases = "\n".join(
            f"{node.folder.name} = host={node.folder} dbname=cdb user=postgres" for node in nodes
        )
        self._ini.write_text(_INI.format(databases=databases, folder=folder, size=size))
        give(folder, self._user)
        self._process = self._started()

    def url(self, node: Node, port: int | None = None) -> str:
        """Return the URL of a server through the pooler, or through what is before that."""
        url = make_url(node.url(self.socket.parent)).set(database=node.folder.name)
        if port:
            url = url.set(host="127.0.0.1", port=port, query={})
        return url.render_as_string(hide_password=False)

    def kill(self) -> None:
        """End it at once, with all connections."""
        self._process.kill()
        self._process.wait()

    def start(self) -> None:
        """Start it again after it was killed."""
        self._process = self._started()

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(timeout=30)

    def _started(self) -> subprocess.Popen[bytes]:
        self.socket.unlink(missing_ok=True)
        command = [self._program, "-q", str(self._ini)]
        made = subprocess.Popen(command, user=self._user, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not self.socket.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return made


@contextmanager
def pooler(nodes: Sequence[Node], size: int = 3) -> Iterator[Pooler]:
    """Give a PgBouncer before some servers, each with so many connections at most."""
    with tempfile.TemporaryDirectory(prefix="cdb-pgbouncer-") as folder:
        made = Pooler(Path(folder), nodes, size)
        try:
            yield made
        finally:
            made.stop()
