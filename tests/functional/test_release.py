"""What is released: distributions, the same wherever they are built, and what they need."""

import configparser
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import cyclonedx.schema
import jsonschema_rs
import pytest
import release
import version as places
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from version import ROOT

from cdb.rest import openapi, views

DISTRIBUTIONS = ["cdb_belle2", "cdb_cms", "cdb_sphenix", "hep_cdb", "hep_cdb_client"]

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


def test_what_each_distribution_needs_is_pinned() -> None:
    """If not, `make lock` does it: an image is installed from what is pinned, and nothing else."""
    text = (ROOT / "deploy/requirements.txt").read_text()
    pinned = dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", text, re.MULTILINE))
    ours = {name.replace("_", "-") for name in DISTRIBUTIONS}
    needed = [each for source in release.SOURCES for each in needs(ROOT / source)]
    missing = [
        str(each)
        for each in needed
        if each.name not in ours
        and not each.specifier.contains(pinned.get(canonicalize_name(each.name), "0"))
    ]
    assert missing == []


def needs(source: Path) -> list[Requirement]:
    """Return what a distribution needs, with the extras that are pinned."""
    setup = configparser.ConfigParser(inline_comment_prefixes="#")
    setup.read(source / "setup.cfg")
    lines = setup["options"]["install_requires"]
    chosen = (ROOT / "deploy/requirements.in").read_text()
    relative = source.relative_to(ROOT)
    place = "." if relative == Path() else f"./{relative}"
    for extra in re.findall(rf"^{re.escape(place)}\[(.*)\]$", chosen, re.MULTILINE):
        for name in extra.split(","):
            lines += "\n" + setup["options.extras_require"][name]
    return [Requirement(line) for line in lines.split("\n") if line.strip()]
