"""What is installed from a wheel works without the checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_SOURCE = (".*", "var", "build", "*.egg-info", "tests", "docs", "__pycache__")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both distributions as their wheels have them."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    # A copy, since setuptools builds in place, and takes up what an earlier build left.
    checkout = tmp_path_factory.mktemp("checkout") / "cdb"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    for source in (checkout, checkout / "client"):
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
                *("--no-build-isolation", "--wheel-dir", wheels, source),
            ],
            check=True,
            capture_output=True,
            cwd=wheels,
        )
    for wheel in wheels.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(target)
    return target


def run(installed: Path, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run `cdb` from the folder of the wheels; what cdb needs comes from this environment."""
    script = (
        "import sys; sys.meta_path = [f for f in sys.meta_path if 'Editable' not in str(f)];"
        "import cdb; from cdb_client.cli import main; print(cdb.__file__); main()"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CDB_")}
    environ |= {
        "PYTHONPATH": str(installed),
        "CDB_DATABASE_URL": f"sqlite:///{folder}/cdb.sqlite",
        "CDB_ALLOW_OPEN_WRITES": "true",
    }
    return subprocess.run(
        [sys.executable, "-c", script, *command],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environ,
        timeout=60,
    )


@pytest.fixture
def ini(tmp_path: Path) -> Path:
    path = tmp_path / "service.ini"
    path.write_text((ROOT / "development.ini").read_text())
    return path


def test_migrations_come_with_the_wheel(installed: Path, ini: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "db", "upgrade", str(ini))
    assert (done.returncode, done.stderr) == (0, "")
    code, said = done.stdout.splitlines()
    assert code == str(installed / "cdb" / "__init__.py")
    assert said == "The database is at 0004."


def test_sample_data_comes_with_the_wheel(installed: Path, ini: Path, tmp_path: Path) -> None:
    run(installed, tmp_path, "db", "upgrade", str(ini))
    done = run(installed, tmp_path, "demo", "load", str(ini))
    assert done.returncode == 0, done.stderr
    assert "Loaded CMS_2017: 5 payload types, 849 payload IOVs." in done.stdout


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
def test_what_is_no_code_comes_with_the_wheel(installed: Path, path: str) -> None:
    assert (installed / path).is_file()


def test_tests_and_checkout_do_not_come_with_the_wheel(installed: Path) -> None:
    names = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert names == {"cdb", "cdb_client"}
