"""A real nginx with the site that cdb ships, in front of a service."""

import datetime
import ipaddress
import os
import random
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support import program

SITE = Path(__file__).parents[1] / "deploy/nginx/cdb.conf"

AS_TESTER = "user root;" if os.geteuid() == 0 else ""
"""Lets the processes of nginx read what belongs to who runs the tests."""


class Front(NamedTuple):
    """Where nginx listens, without TLS and with it, and the certificate of that."""

    url: str
    tls: str
    certificate: Path


def site(folder: Path, service: str, ports: tuple[int, int], files: Path) -> str:
    """Return the site for a service on this machine; what it needs beside that is in a folder."""
    certificate, key = _certificate(folder)
    text = SITE.read_text()
    for shipped, here in {
        "127.0.0.1:8000": urlsplit(service).netloc,
        "/var/cache/nginx-cdb": f"{folder}/cache",
        "</etc/ssl/certs/conditions.pem>": str(certificate),
        "</etc/ssl/private/conditions.key>": str(key),
        "<conditions.example.org>": "localhost",
        "listen 80;": f"listen 127.0.0.1:{ports[0]};",
        "listen 443 ssl;": f"listen 127.0.0.1:{ports[1]} ssl;",
        "/var/lib/cdb/payloads/": f"{files}/",
    }.items():
        assert text.count(shipped) == 1, shipped
        text = text.replace(shipped, here)
    return text


@contextmanager
def nginx(folder: Path, service: str, files: Path | None = None) -> Iterator[Front]:
    """Run nginx with the site in front of a service; its files lie in a folder."""
    ports = free_port(), free_port()
    (folder / "cdb.conf").write_text(site(folder, service, ports, files or folder))
    main = folder / "nginx.conf"
    main.write_text(
        f"{AS_TESTER} daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log info;\n"
        "worker_processes 2; events { worker_connections 1024; }\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body;\n"
        # On a busy machine the first one may need longer than the five seconds that others wait.
        "proxy_cache_lock_timeout 2m; proxy_cache_lock_age 2m;\n"
        f"proxy_temp_path {folder}/proxy; include {folder}/cdb.conf; }}\n"
    )
    with running(main, ports[1]):
        url, tls = f"http://127.0.0.1:{ports[0]}", f"https://127.0.0.1:{ports[1]}"
        yield Front(url, tls, folder / "certificate.pem")


@contextmanager
def running(main: Path, port: int) -> Iterator[None]:
    """Run nginx with a configuration, which is checked before, until it listens at a port."""
    folder = main.parent
    command = [program("nginx"), "-p", folder, "-e", folder / "error.log", "-c", main]
    checked = subprocess.run([*command, "-t"], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    with subprocess.Popen(command) as process:
        try:
            wait_for(port)
            yield
        finally:
            process.terminate()


def seen_errors(folder: Path) -> list[str]:
    """Return what nginx reports as wrong."""
    return re.findall(
        r".*\[(?:warn|error|crit|alert|emerg)\].*", (folder / "error.log").read_text()
    )


def free_port() -> int:
    """Return a port of this machine at which nobody listens.

    It is none of those that the system gives to whoever does not ask for a certain one, so
    that nobody is given it before it is listened at.
    """
    while True:
        port = random.randrange(10_000, 32_768)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port


def wait_for(port: int) -> None:
    """Wait until somebody listens at a port of this machine."""
    deadline = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(here, critical=False)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"
