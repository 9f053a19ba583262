"""What happens to PostgreSQL servers, done to real ones: each is over where its context ends.

with OUTAGES["killed"](servers):
    …  # the server is out, or does not do all that it should
…  # it is there again
"""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from random import Random

import psycopg2
from cluster import Node
from pooler import Pooler
from sqlalchemy.engine import make_url

_WRITERS_LOCK = 0x636462
"""Under which every change is made, as `cdb.store.changes` has it."""


@dataclass
class Servers:
    """A primary, its replicas, and a PgBouncer before it."""

    primary: Node
    replicas: list[Node]
    pooler: Pooler
    random: Random = field(default_factory=Random)
    is_split: bool = False
    """Whether the primary is another one than the others have followed."""

    def join(self) -> None:
        """Let all follow the primary, whatever they were."""
        for node in self.replicas if self.is_split else ():
            node.stop()
            node.follow(self.primary)
        self.is_split = False

    def promote(self, node: Node) -> None:
        """Make one of the replicas the primary, that is gone."""
        node.run("select pg_promote()")
        self.replicas = [self.primary, *(each for each in self.replicas if each is not node)]
        self.primary, self.is_split = node, True

    def confirm_what_is_on(self, node: Node, commit: str) -> None:
        """Let the primary confirm only what a replica has, too.

        Args:
            node: the replica.
            commit: what it has to have done, as `synchronous_commit` says it.

        """
        name = node.folder.name
        self.primary.configure(synchronous_standby_names=name, synchronous_commit=commit)
        deadline = time.monotonic() + 120
        while self.primary.run("show synchronous_standby_names") != name:
            assert time.monotonic() < deadline
            self.primary.dispose()  # a new connection is made when the server has read them
        # Until the checkpointer has, commits do not wait; it reads them before it does anything.
        self.primary.run("checkpoint")

    def replica(self) -> Node:
        """Return one of the replicas."""
        return self.random.choice(self.replicas)


Outage = Callable[[Servers], AbstractContextManager[None]]


@contextmanager
def _killed(servers: Servers) -> Iterator[None]:
    servers.primary.kill()
    yield
    servers.primary.start()


@contextmanager
def _stopped(servers: Servers) -> Iterator[None]:
    servers.primary.stop(servers.random.choice(("immediate", "fast")))
    yield
    servers.primary.start()


@contextmanager
def _backend_killed(servers: Servers) -> Iterator[None]:
    """Kill what works for one connection: the server ends all others, too, and recovers."""
    for pid in servers.random.sample(servers.primary.processes(), 1):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    yield


@contextmanager
def _connections_ended(servers: Servers) -> Iterator[None]:
    for pid in servers.primary.processes():
        if servers.random.random() < 0.5:
            servers.primary.run(f"select pg_terminate_backend({pid})")
    yield


@contextmanager
def _statements_cancelled(servers: Servers) -> Iterator[None]:
    servers.primary.configure(statement_timeout="1ms")
    yield
    servers.primary.configure(statement_timeout=None)


@contextmanager
def _read_only(servers: Servers) -> Iterator[None]:
    servers.primary.configure(default_transaction_read_only="on")
    yield
    servers.primary.configure(default_transaction_read_only=None)


@contextmanager
def _another_writes(servers: Servers) -> Iterator[None]:
    """Hold the lock that all writers take, for longer than one waits."""
    with _connection(servers.primary) as connection, connection.cursor() as cursor:
        cursor.execute(f"select pg_advisory_lock({_WRITERS_LOCK})")
        yield


@contextmanager
def _all_connections_taken(servers: Servers) -> Iterator[None]:
    servers.primary.run("select 1")  # its connection is one that is there already
    with ExitStack() as stack:
        for _ in range(2):  # what was in use is free then, and is taken, too
            with suppress(psycopg2.OperationalError):
                while True:
                    stack.enter_context(_connection(servers.primary))
            servers.primary.run(
                "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = "
                "'client backend' and pid <> pg_backend_pid() and application_name <> 'taken'"
            )
        yield


@contextmanager
def _connection(node: Node) -> Iterator[psycopg2.extensions.connection]:
    url = make_url(node.url())
    connection = psycopg2.connect(
        host=str(node.folder),
        user=url.username,
        dbname=url.database,
        application_name="taken",
        options="-c statement_timeout=0",
    )
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _pooler_killed(servers: Servers) -> Iterator[None]:
    servers.pooler.kill()
    yield
    servers.pooler.start()


@contextmanager
def _replica_stopped(servers: Servers) -> Iterator[None]:
    node = servers.replica()
    node.stop()
    yield
    node.start()


@contextmanager
def _replay_paused(servers: Servers) -> Iterator[None]:
    node = servers.replica()
    node.run("select pg_wal_replay_pause()")
    yield
    node.run("select pg_wal_replay_resume()")


@contextmanager
def _receiver_halted(servers: Servers) -> Iterator[None]:
    """Halt what receives the log: the replica answers as if nothing were written."""
    halted = servers.replica().processes("walreceiver")
    for pid in halted:
        os.kill(pid, signal.SIGSTOP)
    yield
    for pid in halted:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


OUTAGES: Mapping[str, Outage] = {
    "killed": _killed,
    "stopped": _stopped,
    "a backend killed": _backend_killed,
    "connections ended": _connections_ended,
    "statements cancelled": _statements_cancelled,
    "read-only": _read_only,
    "another writes": _another_writes,
    "all connections taken": _all_connections_taken,
    "pooler killed": _pooler_killed,
    "replica stopped": _replica_stopped,
    "replay paused": _replay_paused,
    "receiver halted": _receiver_halted,
}
"""By what a report calls them."""
