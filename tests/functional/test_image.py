"""The image of deploy/Dockerfile: its own lines, performed without a container engine."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from image import DOCKERFILE, ROOT, Container, Image, context, left_out

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
    print(answer.status, len(answer.read()) > 100, path)
"""


# What Python makes of a module once it is compiled, for the processes of this test: the image has
# it, but to make all of it takes longer than to make the rest of the image.
COMPILED = {"PYTHONPYCACHEPREFIX": "/var/cache/cdb/compiled", "PYTHONDONTWRITEBYTECODE": ""}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(tmp_path_factory.mktemp("image"), VERSION="1.2.3")


@pytest.fixture(scope="module")
def served(image: Image) -> Iterator[Container]:
    """The image's own command, in two processes, with a database that the image has migrated."""
    migrated = Container(image, INI, "db", "upgrade", "/etc/cdb/cdb.ini", **COMPILED)
    assert migrated.ended() == (0, "The database is at 0004.\n")
    container = Container(image, INI, *image.settings["CMD"], "--workers", "2", **COMPILED)
    try:
        assert container.process.stdout
        assert container.process.stdout.readline().startswith("cdb serves http://0.0.0.0:8000")
        yield container
    finally:
        # Sent to bubblewrap, with which all that it runs ends.
        container.process.kill()


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DOCKERFILE], check=False, capture_output=True, text=True)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("name", ["requirements.txt", "build-requirements.txt"])
def test_every_pinned_version_has_its_hashes_and_no_place_that_it_comes_from(name: str) -> None:
    text = (ROOT / "deploy" / name).read_text()
    pinned = re.split(r"\n(?=[a-z])", text)[1:]
    assert pinned
    assert [
        each for each in pinned if not re.match(r"\S+==\S+ .*\\\n +--hash=sha256:", each)
    ] == []
    assert "://" not in text


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


def test_packages_of_experiments_are_installed(served: Container) -> None:
    listed = served.run("cdb", "plugins", "/etc/cdb/cdb.ini").stdout
    for package in ("cdb-belle2", "cdb-cms", "cdb-sphenix"):
        assert package in listed


def test_user_of_the_image_writes_to_the_volumes_and_to_nothing_else(served: Container) -> None:
    assert served.run("id", "-u").stdout == "10001\n"
    for place in ("/var/lib/cdb", "/var/lib/cdb/payloads", "/var/cache/cdb", "/tmp"):  # noqa: S108 - its own
        assert served.run("touch", f"{place}/new").returncode == 0, place
    for place in ("/", "/etc/cdb", "/opt/cdb/bin", "/var/lib"):
        refused = served.run("touch", f"{place}/new")
        assert "Read-only file system" in refused.stderr, place


def test_health_check_notices_that_nothing_answers(image: Image) -> None:
    _, option, check = image.settings["HEALTHCHECK"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nowhere = check.replace("8000", str(taken.getsockname()[1]))
    done = subprocess.run([sys.executable, option, nowhere], check=False, capture_output=True)
    assert done.returncode == 1
    assert b"ConnectionRefusedError" in done.stderr


def test_service_stops_at_the_signal_of_the_image(served: Container) -> None:
    assert served.stop() == (0, "")
