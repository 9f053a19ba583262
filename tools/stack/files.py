"""The configuration of deploy/, with the addresses and paths of this machine filled in."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from stack.parts import Failed

DEPLOY = Path(__file__).parents[2] / "deploy"


class Ports(NamedTuple):
    """Where the parts listen on this machine."""

    http: int
    https: int
    cdb1: int
    cdb2: int
    pgbouncer: int
    primary: int
    replica: int
    prometheus: int

    @classmethod
    def of(cls, first: int) -> "Ports":
        """Return ports one after the other, or free ones where the first is 0.

        Raises:
            Failed: one is taken.

        """
        wanted = [first + number if first else 0 for number in range(len(cls._fields))]
        taken = []
        try:
            for port in wanted:
                taken.append(socket.create_server(("127.0.0.1", port)))  # noqa: PERF401 - closed below
            return cls(*(each.getsockname()[1] for each in taken))
        except OSError as error:
            port = wanted[len(taken)]
            raise Failed(
                f"port {port} is taken ({os.strerror(error.errno or 0)}); PORT=0 takes free ones"
            ) from None
        finally:
            for each in taken:
                each.close()


def filled(shipped: Path, place: Path, here: Mapping[str, str]) -> Path:
    """Write a shipped file with other words for some of it, and return where it is.

    Args:
        shipped: the file of deploy/.
        place: where it goes.
        here: what stands in the file, each once, and what it is on this machine.

    Raises:
        Failed: the file does not have it, or not once.

    """
    text = shipped.read_text("utf-8")
    for there, own in here.items():
        if text.count(there) != 1:
            raise Failed(f"{shipped} has {there!r} {text.count(there)} times instead of once")
        text = text.replace(there, own)
    place.write_text(text, "utf-8")
    return place


def pgbouncer(place: Path, ports: Ports, secrets: Path) -> Path:
    """Write the configuration of PgBouncer."""
    here = {
        "host=postgres port=5432": f"host=127.0.0.1 port={ports.primary}",
        "host=replica port=5432": f"host=127.0.0.1 port={ports.replica}",
        "listen_addr = *": "listen_addr = 127.0.0.1",
        "listen_port = 6432": f"listen_port = {ports.pgbouncer}",
        "/run/secrets/": f"{secrets}/",
    }
    return filled(DEPLOY / "compose/pgbouncer.ini", place, here)


def service(place: Path, folder: Path, secrets: Path) -> Path:
    """Write the ini of the service."""
    here = {
        "/run/secrets/database_url": f"{secrets}/database_url",
        "/run/secrets/database_replicas": f"{secrets}/database_replicas",
        "/run/secrets/jwt_secret": f"{secrets}/jwt_secret",
        "/var/lib/cdb/payloads": f"{folder}/payloads",
        "/var/cache/cdb": f"{folder}/compiled",
        "listen = 0.0.0.0:8000": "listen = 127.0.0.1:8000",
        "trusted_proxy = *": "trusted_proxy = 127.0.0.1",
    }
    return filled(DEPLOY / "compose/cdb.ini", place, here)


def prometheus(place: Path, ports: Ports, scrape: str) -> Path:
    """Write the configuration of Prometheus, which asks every `scrape`, such as 15s."""
    here = {
        "scrape_interval: 15s": f"scrape_interval: {scrape}",
        "evaluation_interval: 15s": f"evaluation_interval: {scrape}",
        "- rules.yml": f"- {DEPLOY}/prometheus/rules.yml",
        "cdb1:8000": f"127.0.0.1:{ports.cdb1}",
        "cdb2:8000": f"127.0.0.1:{ports.cdb2}",
    }
    return filled(DEPLOY / "prometheus/prometheus.yml", place, here)


def nginx(run: Path, ports: Ports, folder: Path, secrets: Path) -> dict[str, str]:
    """Return the variables that nginx.sh fills the site in with."""
    return {
        "SITE": str(DEPLOY / "nginx/cdb.conf"),
        "MAIN": str(DEPLOY / "compose/nginx.conf"),
        "RUN": str(run),
        "SERVICES": f"127.0.0.1:{ports.cdb1} 127.0.0.1:{ports.cdb2}",
        "LISTEN": f"127.0.0.1:{ports.http}",
        "LISTEN_TLS": f"127.0.0.1:{ports.https}",
        "CERTIFICATE": str(secrets / "certificate"),
        "CERTIFICATE_KEY": str(secrets / "certificate_key"),
        "NGINX_CACHE": str(run / "answers"),
        "PAYLOADS": str(folder / "payloads"),
        "SERVER_NAME": "localhost",
    }
