"""`make stack`: all parts of a deployment run together, and Prometheus sees what becomes of them.

One stack is started for all tests, as an operator does. The last two end a part of it, then all.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from dashboards import BOARDS, queries, rules
from nginx import free_port
from processes import ROOT, environ
from stack.files import DEPLOY, Ports, filled
from stack.parts import Failed, Part, Parts, programs
from stack.whole import running
from support import API, program

PATIENCE_S = 120
"""For what happens at once on a machine that has nothing else to do."""


class Run(NamedTuple):
    """A stack that runs: its process, what it said, and where it is."""

    process: subprocess.Popen[str]
    said: str
    folder: Path
    url: str
    https: str
    prometheus: str

    def asked(self, query: str) -> list[dict[str, Any]]:
        """Return what Prometheus answers to a query."""
        parameters = {"query": query}
        answer = requests.get(f"{self.prometheus}/api/v1/query", parameters, timeout=120)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def write(self, path: str, token: str, **body: Any) -> requests.Response:
        """Send a write through nginx, by TLS."""
        return requests.post(
            f"{self.https}{API}/{path}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            verify=self.folder / "secrets/certificate",
            timeout=120,
        )

    def pid(self, name: str) -> int:
        """Return the number of the process of a part."""
        return int((self.folder / f"{name}.pid").read_text())


def eventually(found: Callable[[], Any]) -> Any:
    """Return what is found, once it is something."""
    until = time.monotonic() + PATIENCE_S
    while not (it := found()):
        assert time.monotonic() < until, "not in time"
        time.sleep(0.1)
    return it


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """The stack, as the command of the Makefile starts it."""
    for name in ("nginx", "openssl", "pgbouncer", "prometheus"):
        program(name)
    # Not below pytest's folder, which only root reaches: the databases have a user of their own.
    with tempfile.TemporaryDirectory(prefix="cdb-stack-") as folder:
        # Those that are free now would be given to others before all parts have begun.
        first = str(free_port())
        command = [sys.executable, "-m", "stack", "--port", first, "--scrape", "1s"]
        with subprocess.Popen(
            [*command, "--folder", folder],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environ(PYTHONPATH=str(ROOT / "tools")),
        ) as process:
            assert process.stdout
            said = ""
            while line := process.stdout.readline():
                said += line
                if line.startswith("Ctrl-C"):
                    break
            addresses = re.search(r"nginx +(\S+) +(\S+)\n(?:.*\n)*Prometheus +(\S+)\n", said)
            assert addresses, said
            yield Run(process, said, Path(folder), *addresses.groups())
            if process.poll() is None:
                process.send_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def token(run: Run) -> str:
    """An API token that may write, made by the command that is printed."""
    (create,) = re.findall(r"token=\$\((.+)\)", run.said)
    made = subprocess.check_output(shlex.split(create), text=True, env=environ())
    return made.strip()


@pytest.fixture(scope="module")
def used(run: Run, token: str) -> Run:
    """The stack after reads, writes, and what is refused, all of which Prometheus has seen."""
    assert run.write("gt", token, name="Mine").status_code == 200
    assert run.write("gt", token, name="a/b").status_code == 400
    assert run.write("gt", "cdb_wrong", name="Other").status_code == 401
    for run_number in range(297047, 297147):
        point = f"gtName=CMS_2017&majorIOV={run_number}&minorIOV=1"
        for _ in range(2):  # the second one is kept
            requests.get(f"{run.url}{API}/payloadiovs/?{point}", timeout=120).raise_for_status()
    eventually(lambda: run.asked("sum(rate(cdb_changes_total[10s]))"))
    eventually(lambda: run.asked("sum(rate(cdb_authentication_failures_total[10s]))"))
    return run


# --- what clients see -------------------------------------------------------------------


def test_service_is_well_through_nginx(run: Run) -> None:
    eventually(lambda: requests.get(f"{run.url}/health/ready", timeout=120).status_code == 200)
    ready = requests.get(f"{run.url}/health/ready", timeout=120)
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")


def test_query_that_is_printed_can_be_pasted(run: Run) -> None:
    (query,) = re.findall(r"curl '(\S+)'", run.said)
    answer = requests.get(query, timeout=120)
    assert answer.status_code == 200
    assert len(answer.json()) == 5
    assert "CDB-Cache" in answer.headers


def test_token_that_is_printed_writes(run: Run, token: str) -> None:
    assert run.write("gt", token, name="Printed").status_code == 200
    names = {tag["name"] for tag in requests.get(f"{run.url}{API}/globalTags", timeout=120).json()}
    assert "Printed" in names


def test_credentials_in_the_clear_are_refused(run: Run, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.post(f"{run.url}{API}/gt", json={"name": "No"}, headers=headers, timeout=120)
    assert answer.status_code == 403


def test_payload_is_sent_by_nginx(run: Run) -> None:
    stored = next(path for path in (run.folder / "payloads").rglob("*_*") if path.is_file())
    checksum = stored.name.partition("_")[0]
    answer = requests.get(f"{run.url}{API}/payloads/{checksum}", timeout=120)
    assert answer.status_code == 200
    # The service leaves it to nginx, by a header that does not go further.
    assert answer.content == stored.read_bytes()
    assert "X-Accel-Redirect" not in answer.headers


def test_metrics_are_not_for_everybody(run: Run) -> None:
    assert requests.get(f"{run.url}/metrics", timeout=120).status_code == 404


# --- what operators see -----------------------------------------------------------------


def test_prometheus_asks_both_services(used: Run) -> None:
    up = used.asked('up{job="cdb"}')
    assert [value["value"][1] for value in up] == ["1", "1"]


def test_replica_answers_reads(used: Run) -> None:
    server = 'sum by (server) (cdb_answers_total{source="database"})'
    counts = {value["metric"]["server"]: value["value"][1] for value in used.asked(server)}
    assert any(float(count) > 0 for name, count in counts.items() if name != "primary"), counts


def test_rules_are_loaded_and_none_fails(used: Run) -> None:
    def loaded() -> list[dict[str, Any]]:
        answer = requests.get(f"{used.prometheus}/api/v1/rules", timeout=120).json()
        return [rule for group in answer["data"]["groups"] for rule in group["rules"]]

    eventually(lambda: all(rule["health"] == "ok" for rule in loaded()))
    assert sorted(rule["name"] for rule in loaded()) == sorted(
        rule.get("record") or rule["alert"] for rule in rules()
    )
    assert [rule["name"] for rule in loaded() if rule.get("state") == "firing"] == []


def test_what_alerts_look_at_is_there(used: Run) -> None:
    """Also where a matcher has a name, as `route="/health/ready"`."""
    selected = {
        selector
        for rule in rules()
        for selector in re.findall(r"[a-z_:]+[a-z0-9_]*{[^}]*}", rule["expr"])
    }
    # There is no answer of these as long as all is well.
    well = {re.sub(r',?status=~?"5[^"]*"', "", each) for each in selected}
    assert {each for each in well if not eventually_asked(used, each)} == set()
    assert len(well) >= 5


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_every_query_of_a_dashboard_returns_data(used: Run, path: Path) -> None:
    empty = {title: query for title, query in queries(path) if not eventually_asked(used, query)}
    assert empty == {}


def eventually_asked(run: Run, query: str) -> Sequence[Any]:
    """Return what a query of a dashboard returns, once it is something."""
    filled_in = re.sub(r"\$(?:instance|global_tag|payload_type)\b", ".*", query)
    filled_in = filled_in.replace("$__rate_interval", "1m")
    assert "$" not in filled_in
    until = time.monotonic() + 120
    while not (found := run.asked(filled_in)) and time.monotonic() < until:
        time.sleep(0.2)
    return found


# --- what cannot be started -------------------------------------------------------------


def test_missing_programs_are_named_by_their_packages() -> None:
    with pytest.raises(Failed) as missing:
        programs("sh", "no-such-pooler", "no-such-server")
    assert str(missing.value) == (
        "missing: on Debian, apt-get install no-such-pooler no-such-server"
    )


def test_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Failed, match=f"port {port} is taken .*; PORT=0 takes free ones"):
            Ports.of(port)


def test_free_ports_are_found() -> None:
    assert len({port for port in Ports.of(0) if port}) == len(Ports._fields)


def test_two_stacks_do_not_run_in_one_folder(run: Run) -> None:
    with pytest.raises(Failed, match=f"a stack runs in {run.folder} already"), running(run.folder):
        pass


def test_part_that_ends_at_the_start_says_why_and_the_others_are_stopped(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    parts.start(Part("waits", ["sleep", "600"], lambda: True))
    parts.start(Part("ends", ["sh", "-c", "echo no room; exit 3"], lambda: False))
    with pytest.raises(Failed) as failed:
        parts.wait()
    assert str(failed.value) == "ends ended with status 3:\n  no room"
    parts.stop()
    assert parts.processes["waits"].returncode == -signal.SIGTERM


def test_file_that_does_not_have_what_is_filled_in_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"pgbouncer.ini has 'listen = 1' 0 times"):
        filled(DEPLOY / "compose/pgbouncer.ini", tmp_path / "x", {"listen = 1": "listen = 2"})


# --- the end ----------------------------------------------------------------------------


def test_service_that_is_killed_is_noticed_and_the_other_one_answers(used: Run) -> None:
    os.kill(used.pid("cdb2"), signal.SIGKILL)
    assert used.process.stdout
    assert used.process.stdout.readline() == "cdb2 ended with status -9:\n"
    eventually(lambda: len(used.asked('up{job="cdb"} == 0')) == 1)
    eventually(lambda: used.asked('ALERTS{alertname="CdbDown",alertstate="pending"}'))
    for number in range(20):
        point = f"gtName=CMS_2017&majorIOV=305045&minorIOV={number}"
        answer = requests.get(f"{used.url}{API}/payloadiovs/?{point}", timeout=120)
        assert answer.status_code == 200


def test_ctrl_c_stops_everything(used: Run) -> None:
    names = [path.stem for path in used.folder.glob("*.pid")]
    assert len(names) == 7
    used.process.send_signal(signal.SIGINT)
    assert used.process.wait(PATIENCE_S) == 0
    for name in names:
        with pytest.raises(ProcessLookupError):
            os.kill(used.pid(name), 0)
    with pytest.raises(requests.ConnectionError):
        requests.get(used.url, timeout=5)
