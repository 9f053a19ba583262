"""What figures depend on beside the code: the machine, and the versions of what took part."""

import os
import platform
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def program(name: str) -> str | None:
    """Return the path of a program, also where Debian keeps servers."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def machine() -> dict[str, object]:
    """Return what a reader needs to compare this machine with another."""
    return {
        "processor": _first(r"model name\s*: (.+)", Path("/proc/cpuinfo")) or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory GB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> dict[str, str]:
    """Return the versions of what may take part here; what is not installed is left out."""
    found = {"Python": platform.python_version(), "commit": _commit()}
    packages = ["hep-cdb", "pyramid", "sqlalchemy", "psycopg2-binary", "waitress"]
    for package in [*packages, "gunicorn", "granian"]:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {name: each for name, each in found.items() if each}


def printed(*command: str) -> str:
    """Return what a command prints, or nothing where it fails."""
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return (ran.stdout + ran.stderr).strip()


def _commit() -> str:
    return printed("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty")


def _first(pattern: str, path: Path) -> str | None:
    found = re.search(pattern, path.read_text()) if path.exists() else None
    return found[1] if found else None
