"""The image of deploy/Dockerfile and the plain machine of docs/deployment.md, without either.

The lines of the one and the commands of the other are performed by tests/image.py, and what comes
of them serves.
"""

import configparser
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import release
from image import DOCKERFILE, ROOT, Container, Image, Machine, context, left_out
from support import program

from cdb.store import schema

INI = """
[app:main]
use = egg:hep-cdb
cdb.database.url = sqlite:////var/lib/cdb/cdb.sqlite
cdb.payload_store = /var/lib/cdb/payloads
cdb.compiled = /var/cache/cdb
cdb.iov_dimensions = major-minor exp-run
cdb.allow_open_writes = true
cdb.payload_validators = root-file

[server:main]
use = egg:waitress#main
listen = 0.0.0.0:8000
"""

PAGES = """
import sys
from http.client import HTTPConnection
connection = HTTPConnection("127.0.0.1", 8000)
for path in sys.argv[1:]:
    connection.request("GET", path)
    answer = connection.getresponse()
    print(answer.status, len(answer.read()) > 30, path)
"""


SERVING = "cdb.app, cdb.commands.workers, cdb.rest.openapi, cdb.rest.views, cdb.store.migrate"
"""What a service and `cdb db upgrade` import."""

EPOCH = 1_700_000_000
"""When the wheels of the image were made, in seconds since 1970."""

DATABASE = "sqlite:////var/lib/cdb/cdb.sqlite"

INSTALLING = ("python3 -m venv", "/opt/cdb/bin/pip")
"""How commands of the page begin that install cdb, which the image has done."""

LEFT_OUT = ("editor", "nginx", "runuser", "systemctl", "systemd-run")
"""Commands of the page that need what is not here: a terminal, systemd, or other services."""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image of Belle II."""
    given = {"VERSION": "1.2.3", "SOURCE_DATE_EPOCH": str(EPOCH), "PLUGINS": "plugins/cdb-belle2"}
    made = Image(tmp_path_factory.mktemp("image"), **given)
    # Where a deployment mounts it.
    (made.root / "etc/cdb/cdb.ini").write_text(INI)
    # The image has all of it compiled, which would take longer here than all the rest.
    made.shell(f"python -c 'import {SERVING}'", PYTHONDONTWRITEBYTECODE="")
    return made


@pytest.fixture(scope="module")
def served(image: Image) -> Iterator[Container]:
    """The image's own command, in two processes, with a database that the image has migrated."""
    migrated = Container(image, "db", "upgrade", "/etc/cdb/cdb.ini")
    status, said = migrated.ended()
    assert status == 0, said
    assert f"The database is at {schema.head()}.\n" in said
    container = Container(image, *image.settings["CMD"], "--workers", "2")
    try:
        assert container.process.stdout
        assert "cdb serves http://0.0.0.0:8000" in container.process.stdout.readline()
        yield container
    finally:
        container.close()


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DOCKERFILE], check=False, capture_output=True, text=True)
    assert done.stdout + done.stderr == ""


def test_wheel_of_the_image_is_the_one_that_is_released(image: Image, tmp_path: Path) -> None:
    """One was built from the sources, the other from the sdist of a copy of them."""
    release.copy_of_sources(tmp_path / "elsewhere")
    release.build(tmp_path / "elsewhere", tmp_path, EPOCH)
    (released,) = tmp_path.glob("*.whl")
    built = image.stages["build"] / "src/wheels" / released.name
    assert built.read_bytes() == released.read_bytes()


def test_what_is_sent_to_be_built_holds_no_tests_and_nothing_of_the_checkout() -> None:
    sent = context()
    assert "cdb/app.py" in sent
    assert "plugins/cdb-cms/setup.cfg" in sent
    tops = {name.split("/")[0] for name in sent if "/" in name}
    assert tops == {"alembic", "cdb", "client", "deploy", "plugins"}
    assert [name for name in sent if "/tests/" in name or "/build/" in name] == []


@pytest.mark.parametrize(
    ("path", "out"),
    [
        ("docs/index.md", True),
        ("cdb/app.py", False),
        ("cdb/__pycache__/app.pyc", True),
        ("client/tests/test_cli.py", True),
        ("deploy/ini/cms.ini", True),
    ],
)
def test_rules_of_dockerignore_are_read_as_an_engine_reads_them(path: str, *, out: bool) -> None:
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    assert left_out(path, rules) is out


def test_image_says_what_it_is_and_who_runs_it(image: Image) -> None:
    about = "org.opencontainers.image"
    assert image.labels[f"{about}.version"] == "1.2.3"
    assert image.labels[f"{about}.licenses"] == "Apache-2.0"
    assert image.settings["USER"] == ["10001"]
    assert image.settings["ENTRYPOINT"] == ["cdb"]
    assert image.settings["CMD"] == ["serve", "/etc/cdb/cdb.ini"]


def test_service_is_healthy_and_answers_a_query(served: Container) -> None:
    assert served.is_healthy()
    loaded = served.run("cdb", "demo", "load", "/etc/cdb/cdb.ini")
    assert "Loaded CMS_2017: 5 payload types, 849 payload IOVs." in loaded.stdout
    asked = served.run("cdb", "query", "CMS_2017", "302635", "1200")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert re.search(r"LumiCertification +\S+ +302635, 1132 +302635, 1207\n", asked.stdout)


def test_web_interface_and_documents_are_there(served: Container) -> None:
    paths = ["/ui/", "/docs", "/ui/static/app.js", "/ui/static/vendor/preact/dist/preact.mjs"]
    shown = served.run("python", "-c", PAGES, *paths)
    assert shown.stdout.splitlines() == [f"200 True {path}" for path in paths]


def test_image_has_the_packages_that_were_asked_for(served: Container) -> None:
    listed = served.run("cdb", "plugins", "/etc/cdb/cdb.ini").stdout
    assert "cdb-belle2" in listed
    assert "cdb-sphenix" not in listed


def test_user_of_the_image_writes_to_the_volumes_and_to_nothing_else(served: Container) -> None:
    assert served.run("id", "-u").stdout == "10001\n"
    for place in ("/var/lib/cdb", "/var/lib/cdb/payloads", "/var/cache/cdb", "/tmp"):  # noqa: S108 - its own
        assert served.run("touch", f"{place}/new").returncode == 0, place
    for place in ("/", "/etc/cdb", "/opt/cdb/bin", "/var/lib"):
        refused = served.run("touch", f"{place}/new")
        assert "Read-only file system" in refused.stderr, place


def test_health_check_notices_that_nothing_answers(image: Image) -> None:
    _, option, check = image.settings["HEALTHCHECK"]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens at it
        nowhere = check.replace("8000", str(taken.getsockname()[1]))
        done = subprocess.run([sys.executable, option, nowhere], check=False, capture_output=True)
    assert done.returncode == 1
    assert b"ConnectionRefusedError" in done.stderr


def test_service_stops_at_the_signal_of_the_image(served: Container) -> None:
    assert served.stop()[0] == 0


@pytest.fixture(scope="module")
def machine(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine on which the commands of docs/deployment.md were given."""
    if os.geteuid() != 0:
        pytest.skip("only root can make the user of a service")
    made = Machine(tmp_path_factory.mktemp("machine"))
    # Installed by the image, of the same files.
    cdb = made.root / "opt/cdb"
    shutil.copytree(image.root / "opt/cdb", cdb, symlinks=True, copy_function=os.link)
    release.copy_of_sources(made.root / "src")
    for name in ("etc/nginx/conf.d", "etc/systemd/system", "var/backups"):
        (made.root / name).mkdir(parents=True)
    made.settings["WORKDIR"] = ["/src"]
    given = [each for each in commands() if not each.startswith((*LEFT_OUT, *INSTALLING))]
    assert len(given) > 8
    made.shell("set -e\n" + "\n".join(given))
    return made


def commands() -> list[str]:
    """Return the commands of the page for a plain machine, with SQLite instead of PostgreSQL."""
    page = (ROOT / "docs/deployment.md").read_text()
    section = page.partition("## A plain machine")[2].partition("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [re.sub("postgresql.psycopg2:///cdb", DATABASE, line) for line in lines]


def started(machine: Machine, unit: str) -> Container:
    """Start what a unit starts: as its user, with its variables and its directories."""
    units = machine.root / "etc/systemd/system"
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names as they are
    parser.read([units / unit, units / "cdb-.service.d/10-cdb.conf"])
    service = parser["Service"]
    passwd = (machine.root / "etc/passwd").read_text()
    user = re.search(rf"^{service['User']}:[^:]*:(\d+:\d+):", passwd, re.MULTILINE)
    assert user
    places = [f"/var/lib/{name}" for name in service["StateDirectory"].split()]
    places += [f"/var/cache/{name}" for name in service["CacheDirectory"].split()]
    machine.shell(f"install -d -o {user[1].replace(':', ' -g ')} -m 0750 {' '.join(places)}")
    machine.settings |= {"USER": [user[1]], "VOLUME": places}
    machine.settings["WORKDIR"] = [service["WorkingDirectory"]]
    environment = machine.root / service["EnvironmentFile"].lstrip("/")
    lines = [*environment.read_text().splitlines(), *service["Environment"].split()]
    variables = dict(line.split("=", 1) for line in lines)
    return Container(machine, *service["ExecStart"].split(), **variables)


def test_secrets_of_a_plain_machine_are_read_by_root_alone(machine: Machine) -> None:
    assert (machine.root / "etc/cdb/cdb.env").stat().st_mode & 0o777 == 0o600
    assert (machine.root / "var/backups/cdb").stat().st_mode & 0o777 == 0o700


def test_systemd_finds_nothing_wrong_with_the_units(machine: Machine) -> None:
    program("systemd-analyze", "systemd")
    units = " ".join(path.name for path in (ROOT / "deploy/systemd").iterdir() if path.is_file())
    assert machine.shell(f"systemd-analyze verify --man=no {units} 2>&1") == ""


def test_units_expose_little_of_the_machine(machine: Machine) -> None:
    """Of ten points, where ten is a service that may do whatever root may."""
    program("systemd-analyze", "systemd")
    for unit in ("cdb-serve", "cdb-upgrade", "cdb-backup"):
        said = machine.shell(f"systemd-analyze security --offline=true --no-pager {unit}.service")
        found = re.search(rf"exposure level for {unit}.service: ([\d.]+)", said)
        assert found, said
        assert float(found[1]) < 1.5


def test_plain_machine_upgrades_and_serves_by_its_units(machine: Machine) -> None:
    status, said = started(machine, "cdb-upgrade.service").ended()
    assert status == 0, said
    served = started(machine, "cdb-serve.service")
    try:
        assert served.process.stdout
        assert "cdb serves http://127.0.0.1:8000" in served.process.stdout.readline()
        shown = served.run("/opt/cdb/bin/python", "-c", PAGES, "/health/ready", "/ui/")
        assert shown.stdout.splitlines() == ["200 True /health/ready", "200 True /ui/"]
        looked = served.run("/opt/cdb/bin/cdb", "doctor", "/etc/cdb/cdb.ini")
        assert "failed" not in looked.stdout
        assert served.stop()[0] == 0
    finally:
        served.close()
