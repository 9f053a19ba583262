"""The metrics of a service: all that `/metrics` shows is declared here."""

from dataclasses import dataclass

BUCKETS = (
    *(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    *(1.0, 2.0, 5.0, 10.0, 30.0),
)
"""Seconds, from answers that are kept to those that clients give up on."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its name, its type as Prometheus calls it, what it tells, and its labels."""

    name: str
    kind: str
    tells: str
    labels: tuple[str, ...] = ()


REQUESTS = Metric(
    "cdb_http_requests_total",
    "counter",
    "Requests that were answered, by method, route and status of the answer.",
    ("method", "route", "status"),
)
DURATION = Metric(
    "cdb_http_request_duration_seconds",
    "histogram",
    "Seconds from when a request came until its answer was ready to be sent.",
    ("method", "route"),
)
ANSWERS = Metric(
    "cdb_answers_total",
    "counter",
    "Reads of conditions that were answered, by what the answer came from and the server.",
    ("source", "server"),
)
CHANGES = Metric(
    "cdb_changes_total",
    "counter",
    "Changes that were committed, by action.",
    ("action",),
)
REJECTED = Metric(
    "cdb_rejected_writes_total",
    "counter",
    "Writes that were answered with an error, by its code.",
    ("code",),
)
FAILURES = Metric(
    "cdb_authentication_failures_total",
    "counter",
    "Requests without the credentials that they need, or with wrong ones, by code.",
    ("code",),
)
REFUSED = Metric(
    "cdb_refused_requests_total",
    "counter",
    "Requests that were refused since the service has more of them than it can answer.",
)
WAITED = Metric(
    "cdb_waited_seconds_total",
    "counter",
    "Seconds that requests have waited for a thread, all together.",
)
LISTENERS = Metric(
    "cdb_listener_failures_total",
    "counter",
    "Changes that an event listener failed on.",
    ("listener",),
)
CONNECTIONS = Metric(
    "cdb_database_connections",
    "gauge",
    "Connections to databases that are open, by pool and state: idle or busy.",
    ("pool", "state"),
)
LIMIT = Metric(
    "cdb_database_connections_limit",
    "gauge",
    "Connections that a pool can have.",
    ("pool",),
)
KEPT = Metric(
    "cdb_kept_bytes",
    "gauge",
    "Bytes that kept answers take in memory.",
)
PROCESSES = Metric(
    "cdb_processes",
    "gauge",
    "Processes of the service that answer.",
)
MEMORY = Metric(
    "process_resident_memory_bytes",
    "gauge",
    "Resident memory of the processes; what they share counts in each.",
)
FILES = Metric(
    "process_open_fds",
    "gauge",
    "Files and connections that the processes have open.",
)
CPU = Metric(
    "process_cpu_seconds_total",
    "counter",
    "Seconds of CPU that the processes have used.",
)

COUNTED = (
    *(REQUESTS, DURATION, ANSWERS, CHANGES, REJECTED, FAILURES, REFUSED, WAITED, LISTENERS),
    *(CONNECTIONS, LIMIT, KEPT, PROCESSES, MEMORY, FILES, CPU),
)
"""What processes count, each for itself; it is added up."""

BUILD = Metric(
    "cdb_build_info",
    "gauge",
    "1, with the versions of cdb and Python.",
    ("version", "python"),
)
UP = Metric(
    "cdb_database_up",
    "gauge",
    "1 where a database server answers and has tables, 0 where not.",
    ("server",),
)
REPLICA_UP = Metric(
    "cdb_replica_up",
    "gauge",
    "1 where reads are answered by a replica, 0 where it is out or too far behind.",
    ("replica",),
)
LAG = Metric(
    "cdb_replica_lag_seconds",
    "gauge",
    "Nothing that was confirmed so many seconds ago is missing on a replica. Not there where "
    "the primary cannot be asked.",
    ("replica",),
)
CHANGE = Metric(
    "cdb_change",
    "gauge",
    "The number of the last change.",
)
CHANGED = Metric(
    "cdb_change_timestamp_seconds",
    "gauge",
    "When the last change was made, in seconds since 1970.",
)
MAJOR = Metric(
    "cdb_newest_start_major",
    "gauge",
    "Where the last payload IOV of a payload type starts, in a global tag: the first number.",
    ("global_tag", "payload_type"),
)
MINOR = Metric(
    "cdb_newest_start_minor",
    "gauge",
    "Where the last payload IOV of a payload type starts, in a global tag: the second number.",
    ("global_tag", "payload_type"),
)
WRITTEN = Metric(
    "cdb_written_timestamp_seconds",
    "gauge",
    "When the content of a payload type was last written, in a global tag or in the one that "
    "it is a clone of, in seconds since 1970.",
    ("global_tag", "payload_type"),
)
LEFT_OUT = Metric(
    "cdb_global_tags_left_out",
    "gauge",
    "Global tags whose newest starts are not told, since there are too many payload lists.",
)
COMPILED = Metric(
    "cdb_compiled_bytes",
    "gauge",
    "Bytes that compiled lists take in their file.",
)
COMPILED_LIMIT = Metric(
    "cdb_compiled_limit_bytes",
    "gauge",
    "Bytes that compiled lists may take.",
)

READ = (
    *(BUILD, UP, REPLICA_UP, LAG, CHANGE, CHANGED, MAJOR, MINOR, WRITTEN, LEFT_OUT),
    *(COMPILED, COMPILED_LIMIT),
)
"""What the process that is asked reads."""

METRICS = (*COUNTED, *READ)
