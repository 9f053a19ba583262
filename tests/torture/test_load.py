"""Mixed work for as long as one wants: nothing grows, and answers come as soon as at first."""

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from itertools import combinations
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

import pytest
import requests
from forging import SECRET
from processes import Command, served
from scraped import read
from sqlalchemy import create_engine, make_url, text
from support import API
from torture.campaign import Campaign
from torture.journal import Exchange, Journal
from torture.mixed import Names, Visitor
from torture.workload import Workload

from cdb_client.http import Service as Asking

_ANSWERS_MB, _POOL, _THREADS, _WORKERS = 2, 4, 6, 2

_CLIENTS, _VISITORS = 3, 3

_STORED = 5000
"""Payload IOVs that are there to be asked for at once."""

_REFUSED = "cdb_refused_requests_total"

_LINES = 80
"""Lines of the log that are shown of a failure."""

_MOST_MB = 12.0
"""MiB by which a process may grow in the judged part of an hour: a megabyte is some thousand
requests that leave a kilobyte each, of which there are hundreds of thousands."""

_MOST_SLOWER = 3.0
"""How many times as long answers may take at the end: other programs have the machine, too."""

_QUESTIONS = (
    "payloadiovs/?gtName={tag}&majorIOV=1&minorIOV=0", "globalTags", "gtstatus",
    "global-tags/{tag}/iovs", "changes?limit=20",
)  # fmt: skip
"""What is asked to see how long it takes."""


class Forgetful(Journal):
    """A journal that only counts: the histories of an hour would not fit into memory."""

    def add(self, exchange: Exchange) -> None:
        self.answered += exchange.status is not None


class Sample(NamedTuple):
    """What there is at a moment: by process, and of the whole service."""

    at: float
    megabytes: dict[int, float]
    threads: dict[int, int]
    files: dict[int, int]
    connections: int
    temporary: int
    series: int
    kept: float
    tables: int
    seconds: float
    """Of the questions whose time is taken, together."""


@pytest.fixture(scope="module")
def service(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Service"]:
    """A service on PostgreSQL with two processes, as in production; the last test ends it."""
    tmp_path = tmp_path_factory.mktemp("load")
    with databases("postgresql") as url:
        (tmp_path / "temporary").mkdir()
        ini = tmp_path / "load.ini"
        ini.write_text(
            "[app:main]\nuse = egg:hep-cdb\n"
            f"cdb.database.pool_size = {_POOL}\ncdb.answers_mb = {_ANSWERS_MB}\n"
            f"cdb.payload_store = {tmp_path}/payloads\ncdb.allow_open_writes = true\n"
            "cdb.authenticators = jwt anonymous\ncdb.plugin.jwt.secret = env:SIGNING_KEY\n"
            f"[server:main]\nuse = egg:waitress#main\nthreads = {_THREADS}\n"
        )
        variables = {
            "CDB_DATABASE_URL": _named(url),
            "SIGNING_KEY": SECRET,
            "TMPDIR": str(tmp_path / "temporary"),
            # As the image has it; else what glibc keeps for each thread comes and goes.
            "MALLOC_ARENA_MAX": "2",
        }
        with served(ini, "--workers", str(_WORKERS), **variables) as (root, process):
            made = Service(root, process, url, tmp_path / "temporary")
            yield made
            made.close()


def _named(url: str) -> str:
    """Return the URL of a database on which the connections of the service have a name."""
    named = make_url(url).update_query_dict({"application_name": "soak"})
    return named.render_as_string(hide_password=False)


class Service:
    """A running service, and what can be seen of it from outside."""

    def __init__(self, url: str, process: Command, database: str, folder: Path) -> None:
        self.url, self.process, self.folder = url, process, folder
        self.tracebacks: list[str] = []
        self._engine = create_engine(database, isolation_level="AUTOCOMMIT")
        self._session = requests.Session()
        self._session.trust_env = False
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def _listen(self) -> None:
        for line in self.process.lines():
            if line.startswith("Traceback") or 0 < len(self.tracebacks) < _LINES:
                self.tracebacks.append(line)

    def close(self) -> None:
        self._session.close()
        self._engine.dispose()

    def get(self, path: str) -> requests.Response:
        return self._session.get(self.url + path, timeout=120)

    @property
    def processes(self) -> list[int]:
        parent = self.process.pid
        told = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        return [parent, *map(int, told.split())]

    def asked(self, statement: str) -> int:
        with self._engine.connect() as connection:
            return int(connection.scalar(text(statement)) or 0)

    @property
    def connections(self) -> int:
        """Connections of the service to its database."""
        return self.asked(
            "select count(*) from pg_stat_activity "
            "where datname = current_database() and application_name = 'soak'"
        )

    def sample(self, tag: str) -> Sample:
        scraped = read(self.get("/metrics").text)
        pids = self.processes
        return Sample(
            at=time.monotonic(),
            megabytes={pid: _said(pid, "smaps_rollup", "Pss") / 1024 for pid in pids},
            threads={pid: _said(pid, "status", "Threads") for pid in pids},
            files={pid: len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids},
            connections=self.connections,
            temporary=sum(1 for _ in self.folder.rglob("*")),
            series=len(scraped),
            kept=scraped.value("cdb_kept_bytes") or 0,
            tables=self.asked(
                "select count(*) from pg_class where relnamespace = 'public'::regnamespace"
            ),
            seconds=median(self._time(tag) for _ in range(5)),
        )

    def make_tag(self, name: str) -> None:
        """Make a global tag with a payload list, in which each major number has a payload."""
        rows = [
            {"payload_url": f"{major}.root", "checksum": "c", "major_iov": major, "minor_iov": 0}
            for major in range(_STORED)
        ]
        for method, path, body in (
            ("POST", "gt", {"name": name}),
            ("POST", "pt", {"name": name}),
            ("POST", "pl", {"payload_type": name}),
            ("PUT", "pl_attach", {"global_tag": name, "payload_list": f"{name}_1"}),
            ("POST", f"payload-lists/{name}_1/iovs", rows),
        ):
            url = f"{self.url}{API}/{path}"
            assert self._session.request(method, url, json=body, timeout=120).status_code == 200

    def ask_as_a_job(self, tag: str, major: int) -> str:
        """Ask the query as the client of cdb does, which comes again where it is refused."""
        asked = {"gtName": tag, "majorIOV": str(major), "minorIOV": "0"}
        with Asking(self.url + API, read=120, patience=300) as job:
            [payload] = job.get("payloadiovs", {**asked, "shape": "dict"})
        return str(payload["payload_url"])

    def counted(self, name: str, **labels: str) -> float:
        """Return how much of something was counted, whatever its other labels are."""
        scraped = read(self.get("/metrics").text)
        return sum(
            value
            for series, value in scraped.items()
            if series.name == name and series.labels >= labels.items()
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let every query hang."""
        with self._engine.connect().execution_options(isolation_level="READ COMMITTED") as held:
            held.execute(text("lock table iov in access exclusive mode"))
            yield
            held.rollback()

    def refuses_and_says_so(self) -> None:
        """Wait until requests are refused; it tells how it is meanwhile."""
        before, deadline = self.counted(_REFUSED), time.monotonic() + 300
        while self.counted(_REFUSED) == before:
            assert time.monotonic() < deadline
            assert self.get("/health/live").status_code == 200
            assert self.get("/health/ready").status_code == 200
            time.sleep(0.2)

    def _time(self, tag: str) -> float:
        began = time.perf_counter()
        for path in _QUESTIONS:
            self.get(f"{API}/{path.format(tag=tag)}")
        return time.perf_counter() - began


def _said(pid: int, file: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", Path(f"/proc/{pid}/{file}").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def growth(values: Sequence[tuple[float, float]]) -> float:
    """Return by how much something grows from the first moment to the last.

    By the median of the slopes between any two moments (Theil and Sen), which neither a peak
    nor a step shifts.
    """
    some = values[:: max(1, len(values) // 300)]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(some, 2)]
    return median(slopes) * (values[-1][0] - values[0][0])


@contextmanager
def visited(service: Service, names: Names, campaign: Campaign) -> Iterator[list[Visitor]]:
    seeds = [campaign.random.getrandbits(64) for _ in range(_VISITORS)]
    visitors = [Visitor(service.url, names, Random(seed), campaign) for seed in seeds]
    for visitor in visitors:
        visitor.start()
    yield visitors
    for visitor in visitors:
        visitor.ends.set()
    for visitor in visitors:
        visitor.join(timeout=120)
        assert not visitor.is_alive()


# --- storms ---------------------------------------------------------------------------


def test_storm(campaign: Campaign, service: Service) -> None:
    """Many jobs begin at once, and ask alike or each for itself, some while a table is locked."""
    jobs = 400 if campaign.is_long else 40
    service.make_tag("Storm")
    most = 0.0
    with ThreadPoolExecutor(jobs) as pool:
        for number in campaign.rounds(at_least=2):
            is_alike, is_locked = number % 2 == 0, campaign.is_long and number % 3 == 0
            first = campaign.random.randrange(_STORED - jobs)
            points = [first if is_alike else first + job for job in range(jobs)]
            before = service.counted("cdb_answers_total", source="database")
            with service.locked() if is_locked else nullcontext():
                asked = [pool.submit(service.ask_as_a_job, "Storm", point) for point in points]
                if is_locked:
                    service.refuses_and_says_so()
            assert [each.result() for each in asked] == [f"{point}.root" for point in points]
            campaign.count("jobs", jobs)
            if is_alike:
                computed = service.counted("cdb_answers_total", source="database") - before
                # Each thread at most works it out before it is kept.
                assert computed <= _WORKERS * _THREADS
                most = max(most, computed)
    campaign.note("times at most that the same was worked out", round(most))


# --- the soak -------------------------------------------------------------------------


def test_soak(campaign: Campaign, service: Service) -> None:
    journal = Forgetful()
    samples = []
    with Workload([service.url], campaign, journal, clients=_CLIENTS) as workload:
        names = Names(workload.tags, workload.types, workload.lists)
        with visited(service, names, campaign) as visitors:
            for _ in campaign.rounds(at_least=3):
                workload.goes_on(200 if campaign.is_long else 25)
                samples.append(service.sample(workload.tags[0]))
                failed = [each for visitor in visitors for each in visitor.failed[:3]]
                assert not failed, "".join(service.tracebacks)
    campaign.note("reads and writes beside that", journal.answered)
    report(campaign, samples)
    check_bounds(samples)
    if campaign.is_long:
        check_growth(samples)
    check_end(service)


def report(campaign: Campaign, samples: Sequence[Sample]) -> None:
    judged = samples[len(samples) // 3 :]
    first, last = judged[: len(judged) // 3 + 1], judged[-(len(judged) // 3 + 1) :]
    before, after = (median(each.seconds for each in part) for part in (first, last))
    campaign.note("% of the first time that answers take at last", round(100 * after / before))
    for number, pid in enumerate(samples[0].megabytes):
        grown = growth([(each.at, each.megabytes[pid]) for each in judged])
        campaign.note(f"KiB at last in process {number}", round(judged[-1].megabytes[pid] * 1024))
        campaign.note(f"KiB grown in process {number}", round(grown * 1024))
    for name in ("connections", "series", "temporary"):
        campaign.note(f"{name} at most", max(getattr(each, name) for each in samples))
    campaign.note("files at most", max(max(each.files.values()) for each in samples))
    campaign.note("threads at most", max(max(each.threads.values()) for each in samples))


def check_bounds(samples: Sequence[Sample]) -> None:
    """Hold what is there at any moment against what there may be."""
    assert len({tuple(each.megabytes) for each in samples}) == 1, "a process was replaced"
    for each in samples:
        # Of both kinds, twice the size each, and one for the metrics.
        assert each.connections <= _WORKERS * (4 * _POOL + 1)
        assert each.kept <= _WORKERS * _ANSWERS_MB * 2**20
        # That answer, that answer at once, and for pictures; the loop, what compiles and counts,
        # and a thread for each part of health while it is looked at.
        assert max(each.threads.values()) <= _THREADS + 4 + 4 + 11
        assert max(each.files.values()) <= 120
        assert each.tables == samples[0].tables


def check_growth(samples: Sequence[Sample]) -> None:
    """Hold the second and the last third against each other, when all is warm."""
    judged = samples[len(samples) // 3 :]
    looks: dict[str, tuple[Callable[[Sample], float], float]] = {
        "temporary files": (lambda each: each.temporary, 3),
        "series": (lambda each: each.series, 30),
        "connections": (lambda each: each.connections, 4),
    }
    for pid in samples[0].megabytes:
        looks[f"MiB of {pid}"] = (lambda each, pid=pid: each.megabytes[pid], _MOST_MB)
        looks[f"files of {pid}"] = (lambda each, pid=pid: each.files[pid], 4)
        looks[f"threads of {pid}"] = (lambda each, pid=pid: each.threads[pid], 2)
    grown = {name: growth([(s.at, look(s)) for s in judged]) for name, (look, _) in looks.items()}
    assert {name: by for name, by in grown.items() if by > looks[name][1]} == {}
    third = len(judged) // 3 + 1
    before, after = (
        median(each.seconds for each in part) for part in (judged[:third], judged[-third:])
    )
    assert after < _MOST_SLOWER * before


def check_end(service: Service) -> None:
    """Stop it, and see that nothing is left."""
    assert service.connections
    service.process.terminate()
    assert service.process.wait(timeout=120) == 0
    # PostgreSQL ends its process for a connection after that is closed.
    deadline = time.monotonic() + 120
    while service.connections:
        assert time.monotonic() < deadline
    assert list(service.folder.rglob("*")) == []
    assert service.tracebacks == []


def test_growth_sees_a_leak_in_noise_and_none_where_there_is_none() -> None:
    random = Random(1)
    noise = [(float(at), 100 + random.gauss(0, 5)) for at in range(200)]
    leak = [(at, value + 0.1 * at) for at, value in noise]
    peaks = [(at, value + (500 if at % 50 == 7 else 0)) for at, value in noise]
    assert abs(growth(noise)) < 3
    assert abs(growth(peaks)) < 3
    assert 15 < growth(leak) < 25
