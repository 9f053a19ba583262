"""nginx: with the site that cdb ships in front of a service, or with constant answers."""

import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.machine import printed, program

SITE = Path(__file__).parents[2] / "deploy/nginx/cdb.conf"

MAIN = """\
daemon off;
worker_processes {workers};
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


@dataclass(frozen=True)
class Nginx:
    """An nginx that runs: its URL, its name and version, and its first process."""

    url: str
    name: str
    pid: int


@contextmanager
def running(path: str, folder: Path, site: str, workers: int) -> Iterator[Nginx]:
    """Run nginx with a site whose one address is `{listen}`; what it keeps is in a folder."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    (folder / "site.conf").write_text(site.replace("{listen}", listen))
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user, workers=workers))
    command = [path, "-p", f"{folder}", "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            _wait(int(listen.rpartition(":")[2]), process)
            version = printed(path, "-v").rpartition("/")[2]
            yield Nginx(f"http://{listen}", f"nginx {version}", process.pid)
        finally:
            process.terminate()


@contextmanager
def in_front(url: str) -> Iterator[Nginx]:
    """Put nginx in front of a service, as cdb ships it but for TLS; its cache is empty.

    Raises:
        SystemExit: nginx is not installed, or does not start.

    """
    path = program("nginx")
    if path is None:
        raise SystemExit("nginx is not installed")
    with tempfile.TemporaryDirectory(prefix="cdb-benchmark-") as folder:
        site = _site(Path(folder), urlsplit(url).netloc)
        with running(path, Path(folder), site, len(os.sched_getaffinity(0))) as front:
            yield front


def _site(folder: Path, service: str) -> str:
    """Return the site that cdb ships, for a service on this machine, and without TLS."""
    text = re.sub(r"^ *(listen 443|ssl_).*\n", "", SITE.read_text(), flags=re.MULTILINE)
    for shipped, here in {
        "127.0.0.1:8000": service,
        "/var/cache/nginx-cdb": f"{folder}/cache",
        "listen 80;": "listen {listen};",
        "<conditions.example.org>": "localhost",
    }.items():
        if shipped not in text:
            raise SystemExit(f"{SITE} has no {shipped}")
        text = text.replace(shipped, here)
    return text


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    log = process.stderr.read().decode() if process.stderr and process.poll() else ""
    raise SystemExit(f"nginx does not start: {log}")
