"""Make what is released: the distributions, what they need, and under which licences that is.

python tools/release.py [--out dist]

For each distribution an sdist, and the wheel that is built from it, in files that are the same
whenever and wherever they are built, with the time of the last commit or `SOURCE_DATE_EPOCH`.
They are installed into an environment of their own, with what deploy/requirements.txt pins; of
that come the bill of materials (CycloneDX) and the list of licences. SHA256SUMS has all of them.
Exit status: 1 where something cannot be built or installed, or a licence does not fit.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from version import ROOT, field

BIN = Path(sys.executable).parent
SOURCES = ("client", ".", "plugins/cdb-belle2", "plugins/cdb-cms", "plugins/cdb-sphenix")

FITTING = {
    # They ask for a notice, and for nothing else of who uses them.
    "0BSD", "3-Clause BSD License", "Apache Software License", "Apache-2.0", "BSD License",
    "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "DFSG approved", "ISC",
    "LicenseRef-Repoze-BSD-derived", "MIT", "MIT License", "MIT-0", "OLDAP-2.8", "PSF-2.0",
    "Python Software Foundation License", "Repoze Public License", "ZPL-2.1",
    "Zlib", "Zope Public License",
    # They ask for the changes of their own files, which cdb uses as they are.
    "GNU Library or Lesser General Public License (LGPL)", "MPL-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)",
}  # fmt: skip
"""The licences under which something may be that an Apache-2.0 project needs, as packages say."""


class Failed(Exception):
    """Something that cannot be released; says what."""


def release(out: Path, *, validate: bool = True) -> None:
    """Make all files of a release in a folder, which is emptied before.

    Args:
        out: the folder.
        validate: whether the bill of materials is compared with its schema, which takes a while.

    Raises:
        Failed: something cannot be built or installed, or a licence does not fit.

    """
    shutil.rmtree(out, ignore_errors=True)
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or _call("git", "log", "-1", "--format=%ct"))
    with tempfile.TemporaryDirectory() as folder:
        checkout, environment = Path(folder, "cdb"), Path(folder, "environment")
        copy_of_sources(checkout)
        for source in SOURCES:
            build(checkout / source, out, epoch)
        install(environment, out)
        python = str(environment / "bin" / "python")
        kind = "--validate" if validate else "--no-validate"
        bill = str(out / f"hep-cdb-{field(ROOT, 'version')}.cdx.json")
        reproducible = ("--output-reproducible", "--output-file", bill)
        _call(BIN / "cyclonedx-py", "environment", kind, *reproducible, python)
        (out / "licences.md").write_text(licences(python))
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files(out)
    ]
    (out / "SHA256SUMS").write_text("".join(sums))


def files(out: Path) -> list[Path]:
    """Return the files of a release, but for the sums."""
    return sorted(path for path in out.iterdir() if path.name != "SHA256SUMS")


def copy_of_sources(target: Path) -> None:
    """Copy what Git has of the checkout, or would have, each file readable by all."""
    listed = _call("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy)
            copy.chmod(0o644)


def build(source: Path, out: Path, epoch: int) -> None:
    """Build the sdist of a distribution, and of that its wheel, which shows that it has all.

    Args:
        source: the folder of the distribution, where building leaves something.
        out: where the two files go.
        epoch: the time that their contents have, in seconds since 1970.

    """
    pinned = ("--require-hashes", "--build-constraint", ROOT / "deploy/build-requirements.txt")
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch)
    _call(BIN / "uv", "build", "--quiet", *pinned, "--out-dir", out.absolute(), source)
    _settle(
        out / f"{field(source, 'name').replace('-', '_')}-{field(source, 'version')}.tar.gz", epoch
    )
    # uv makes the folder one that Git leaves alone, which is nothing of a release.
    (out / ".gitignore").unlink(missing_ok=True)


def _settle(sdist: Path, epoch: int) -> None:
    """Pack an sdist anew, with its files in order and without the time and who it was."""
    with tarfile.open(sdist) as packed:
        members = sorted(packed.getmembers(), key=lambda member: member.name)
        contents = {each.name: packed.extractfile(each) for each in members if each.isfile()}
        read = {name: content.read() for name, content in contents.items() if content}
    with (
        sdist.open("wb") as raw,
        gzip.GzipFile("", "wb", mtime=epoch, fileobj=raw) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as packed,
    ):
        for member in members:
            made = tarfile.TarInfo(member.name)
            made.type, made.mtime = member.type, epoch
            made.mode = 0o755 if member.isdir() else 0o644
            data = read.get(member.name, b"")
            made.size = len(data)
            packed.addfile(made, io.BytesIO(data))


def install(environment: Path, wheels: Path) -> None:
    """Make an environment of the wheels in a folder, and of what is pinned for them."""
    uv, into = BIN / "uv", ("--quiet", "--python", environment)
    _call(uv, "venv", "--quiet", "--python", sys.executable, environment)
    pinned = ("--require-hashes", "--requirement", ROOT / "deploy/requirements.txt")
    _call(uv, "pip", "install", *into, *pinned)
    # By name, since of a path it would be noted where it was.
    names = sorted({path.name.split("-")[0] for path in wheels.glob("*.whl")})
    ours = ("--no-deps", "--no-index", "--find-links", wheels.absolute(), *names)
    _call(uv, "pip", "install", *into, *ours)
    _call(uv, "pip", "check", *into)


def licences(python: str) -> str:
    """Return the table of what an environment has, with the licence of each.

    Raises:
        Failed: one of them does not fit that of cdb.

    """
    asked = ("--python", python, "--from=mixed", "--with-system", "--with-urls")
    rows = json.loads(_call(BIN / "pip-licenses", *asked, "--format=json"))
    if wrong := [f"{row['Name']}: {row['License']}" for row in rows if not fits(row["License"])]:
        raise Failed(f"These licences do not fit that of cdb: {', '.join(wrong)}")
    lines = [f"| [{r['Name']}]({r['URL']}) | {r['Version']} | {r['License']} |\n" for r in rows]
    return "# Licences\n\n| package | version | licence |\n|---|---|---|\n" + "".join(lines)


def fits(licence: str) -> bool:
    """Tell whether all that a licence names fits: names with AND and OR, or with semicolons."""
    names = re.split("; | AND | OR ", licence)
    return all(name in FITTING or name.strip("()") in FITTING for name in names)


def _call(*command: object) -> str:
    done = subprocess.run(
        list(map(str, command)), check=False, capture_output=True, text=True, cwd=ROOT
    )
    if done.returncode:
        raise Failed(f"{command[0]} {command[1]}: {done.stdout}{done.stderr}")
    return done.stdout


def main() -> int:
    """Make a release, and say what is in it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--no-validate", dest="validate", action="store_false", help="quicker")
    asked = parser.parse_args()
    try:
        release(asked.out, validate=asked.validate)
    except Failed as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print("\n".join(str(path) for path in files(asked.out)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
