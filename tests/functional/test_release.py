"""What is released: the distributions, and the image that is built of the same sources.

The lines of deploy/Dockerfile are performed without a container engine, by tests/image.py.
"""

import json
import os
import re
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import cyclonedx.schema
import jsonschema_rs
import pytest
import release
import version as places
from image import DOCKERFILE, ROOT, Container, Image, context, left_out

from cdb.rest import openapi, views

DISTRIBUTIONS = ["cdb_belle2", "cdb_cms", "cdb_sphenix", "hep_cdb", "hep_cdb_client"]

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


SCHEMAS = [
    f"{name}.SNAPSHOT.schema.json" for name in ("bom-1.6", "cryptography-defs", "jsf-0.82", "spdx")
]
"""That of a bill of materials, and those that it refers to."""

EPOCH = 1_700_000_000
"""When what is released here was made, in seconds since 1970."""


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make dist` makes, but for the check of the bill of materials."""
    out = tmp_path_factory.mktemp("released")
    command = [sys.executable, ROOT / "tools/release.py", "--no-validate", "--out", out]
    environ = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environ)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image of Belle II."""
    given = {"VERSION": "1.2.3", "SOURCE_DATE_EPOCH": str(EPOCH), "PLUGINS": "plugins/cdb-belle2"}
    return Image(tmp_path_factory.mktemp("image"), **given)


@pytest.fixture(scope="module")
def served(image: Image) -> Iterator[Container]:
    """The image's own command, in two processes, with a database that the image has migrated."""
    migrated = Container(image, INI, "db", "upgrade", "/etc/cdb/cdb.ini", **COMPILED)
    assert migrated.ended() == (0, "The database is at 0004.\n")
    container = Container(image, INI, *image.settings["CMD"], "--workers", "2", **COMPILED)
    try:
        assert container.process.stdout
        assert "cdb serves http://0.0.0.0:8000" in container.process.stdout.readline()
        yield container
    finally:
        # Sent to bubblewrap, with which all that it runs ends.
        container.process.kill()


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DOCKERFILE], check=False, capture_output=True, text=True)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("wheel", ["cdb_belle2", "hep_cdb", "hep_cdb_client"])
def test_wheel_of_the_image_is_the_one_that_is_released(
    image: Image, released: Path, wheel: str
) -> None:
    """One was built from the sources, the other from the sdist of a copy of them."""
    name = f"{wheel}-{version('hep-cdb')}-py3-none-any.whl"
    built = image.stages["build"] / "src/wheels" / name
    assert built.read_bytes() == (released / name).read_bytes()


def test_sdist_is_the_same_wherever_and_whenever_it_is_built(
    released: Path, tmp_path: Path
) -> None:
    release.copy_of_sources(tmp_path / "elsewhere")
    release.build(tmp_path / "elsewhere/plugins/cdb-cms", tmp_path, EPOCH)
    (again,) = tmp_path.glob("*.tar.gz")
    assert again.read_bytes() == (released / again.name).read_bytes()


def test_each_distribution_is_released_as_sdist_and_as_wheel(released: Path) -> None:
    names = sorted(path.name for path in released.iterdir())
    assert [name.split("-")[0] for name in names if name.endswith(".tar.gz")] == DISTRIBUTIONS
    assert [name.split("-")[0] for name in names if name.endswith(".whl")] == DISTRIBUTIONS
    sums = (released / "SHA256SUMS").read_text()
    assert re.findall(r"  (\S+)\n", sums) == [name for name in names if name != "SHA256SUMS"]


@pytest.mark.parametrize(
    "path",
    [
        "cdb/py.typed",
        "cdb/ui/openapi.html",
        "cdb/ui/index.html",
        "cdb/ui/static/openapi.js",
        "cdb/ui/static/pages/overview.js",
        "cdb/ui/static/vendor/preact/hooks/dist/hooks.mjs",
        "cdb/ui/static/vendor/swagger-ui/swagger-ui-bundle.js",
        "cdb/migrations/env.py",
        "cdb_client/py.typed",
    ],
)
def test_what_is_no_code_comes_with_the_wheel(released: Path, path: str) -> None:
    assert path in names_in(released)


def test_tests_and_checkout_do_not_come_with_the_wheel(released: Path) -> None:
    tops = {name.split("/")[0] for name in names_in(released)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "cdb",
        "cdb_belle2",
        "cdb_client",
        "cdb_cms",
        "cdb_sphenix",
    }


def names_in(released: Path) -> set[str]:
    """Return what is in all wheels."""
    return {name for wheel in released.glob("*.whl") for name in zipfile.ZipFile(wheel).namelist()}


def test_bill_of_materials_is_one_by_its_schema_and_names_all_that_is_pinned(
    released: Path,
) -> None:
    (path,) = released.glob("*.cdx.json")
    bill = json.loads(path.read_text())
    folder = Path(cyclonedx.schema.__file__).parent / "_res"
    schema, *others = (json.loads((folder / name).read_text()) for name in SCHEMAS)
    places = zip(
        (f"http://cyclonedx.org/schema/{name}" for name in SCHEMAS[1:]), others, strict=True
    )
    validator = jsonschema_rs.validator_for(schema, registry=jsonschema_rs.Registry(list(places)))
    assert [str(error) for error in validator.iter_errors(bill)] == []
    named = {
        (re.sub("[._]", "-", each["name"]).lower(), each["version"]) for each in bill["components"]
    }
    # But for what is pinned for some versions of Python only.
    installed = re.compile(r"^([a-z0-9-]+)==(\S+) \\$", re.MULTILINE)
    pinned = set(installed.findall((ROOT / "deploy/requirements.txt").read_text()))
    assert len(pinned) > 60
    assert pinned - named == set()
    assert str(ROOT) not in path.read_text()


def test_licences_are_listed_and_one_that_does_not_fit_is_refused(released: Path) -> None:
    listed = (released / "licences.md").read_text()
    assert re.search(r"\| \[SQLAlchemy\]\(\S+\) \| 2\.\d+\.\d+ \| MIT \|", listed)
    assert release.fits("BSD-3-Clause AND (Apache-2.0 OR MIT)")
    assert not release.fits("GNU General Public License v3 (GPLv3)")
    assert not release.fits("MIT AND AGPL-3.0-only")
    assert not release.fits("UNKNOWN")


def test_every_place_gives_the_same_version_and_every_changelog_has_its_form() -> None:
    assert places.wrong() == []
    document = openapi.document(views.RESOURCES, "/api/cdb_rest", 503)
    assert document["info"]["version"] == places.field(ROOT, "version")


@pytest.mark.parametrize(
    ("changelog", "said"),
    [
        ("# Changelog\n\n## Unreleased\n\n### Added\n\n- A.\n\n## 0.1.0 - 2026-12-01\n", []),
        ("# Changelog\n\n## 0.1.0 - 2026-12-01\n", ["the first section is not Unreleased"]),
        (
            "# Changelog\n\n## Unreleased\n\n### New\n\n- A.\n\n### Fixed\n\n",
            ["Unreleased has the parts New, Fixed", "Unreleased has nothing under Fixed"],
        ),
        (
            "# Changelog\n\n## Unreleased\n\n## 0.1 - 2026-12-01\n\n## 0.1.0\n",
            [
                "'0.1 - 2026-12-01' is no version with its day",
                "'0.1.0' is no version with its day",
            ],
        ),
        (
            "# Changelog\n\n## Unreleased\n\n## 0.1.0 - 2026-12-01\n\n## 0.2.0 - 2026-12-02\n",
            ["the versions do not go from the newest to the oldest"],
        ),
    ],
    ids=["right", "released-first", "kinds", "titles", "order"],
)
def test_what_is_wrong_with_a_changelog_is_said(changelog: str, said: list[str]) -> None:
    assert places.unlike(changelog) == said


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
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nowhere = check.replace("8000", str(taken.getsockname()[1]))
    done = subprocess.run([sys.executable, option, nowhere], check=False, capture_output=True)
    assert done.returncode == 1
    assert b"ConnectionRefusedError" in done.stderr


def test_service_stops_at_the_signal_of_the_image(served: Container) -> None:
    assert served.stop() == (0, "")
