"""Keep the browser libraries of the pages, and of their tests, what the manifests say they are.

python tools/vendor.py --check         compare the files with the manifest's hashes
python tools/vendor.py                 fetch the pinned versions again
python tools/vendor.py NAME@VERSION    move a package to a version, and pin that

Only a move changes a hash. Fetching needs npm; nothing of a package is run. A manifest says what
is rewritten in a file as it comes in: a module is found by a relative path, so that a browser
needs no map of imports. The hash is of what that makes.
Exit status: 0 all as pinned, 1 a difference or a failure.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NotRequired, TypedDict

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (ROOT / "cdb/ui/static/vendor", ROOT / "tests/browser/vendor")
MANIFEST = "manifest.json"


class Package(TypedDict):
    """One entry of a manifest: `files` maps a file's name to its SHA-256 in hex.

    `rewritten` maps a file's name to what is replaced in it, each of which has to be there once.
    """

    name: str
    version: str
    licence: str
    folder: str
    files: dict[str, str]
    rewritten: NotRequired[dict[str, dict[str, str]]]


class VendorError(Exception):
    """A file or a package is not what the manifest says."""


def check(vendor: Path, packages: list[Package]) -> list[str]:
    """Return one sentence for each file that is missing, different or not listed."""
    pinned = {
        f"{package['folder']}/{name}": sha256
        for package in packages
        for name, sha256 in package["files"].items()
    }
    present = {
        path.relative_to(vendor).as_posix(): _sha256(path.read_bytes())
        for path in vendor.rglob("*")
        if path.is_file() and path != vendor / MANIFEST
    }
    return [
        *(f"{name} is missing." for name in sorted(pinned.keys() - present.keys())),
        *(f"{name} is not in the manifest." for name in sorted(present.keys() - pinned.keys())),
        *(
            f"{name} is not what the manifest says."
            for name in sorted(pinned.keys() & present.keys())
            if pinned[name] != present[name]
        ),
    ]


def refresh(vendor: Path, package: Package, version: str) -> None:
    """Replace a package's files by those of `version`, and its entry where that moves it.

    Raises `VendorError`, having changed nothing, where npm fails, a file is
    missing, the licence is another one, or the pinned version has other files.
    """
    files = _fetch(package, version)
    hashes = {name: _sha256(content) for name, content in files.items()}
    if version == package["version"] and hashes != package["files"]:
        raise VendorError(f"{package['name']}@{version} is no longer what was pinned.")
    folder = vendor / package["folder"]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    package["version"] = version
    package["files"] = hashes


def _fetch(package: Package, version: str) -> dict[str, bytes]:
    npm = shutil.which("npm")
    if npm is None:
        raise VendorError("npm is not installed.")
    wanted = f"{package['name']}@{version}"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(  # noqa: S603 - the manifest's own names, and no shell
            [npm, "pack", "--ignore-scripts", "--silent", wanted],
            cwd=folder,
            check=False,
            stdout=subprocess.DEVNULL,
        )
        archives = list(Path(folder).glob("*.tgz"))
        if done.returncode or len(archives) != 1:
            raise VendorError(f"npm could not fetch {wanted}.")
        with tarfile.open(archives[0]) as archive:
            licence = json.loads(_member(archive, "package.json")).get("license")
            if licence != package["licence"]:
                raise VendorError(f"{wanted} has the licence {licence}.")
            rewritten = package.get("rewritten", {})
            return {
                name: _rewritten(_member(archive, name), rewritten.get(name, {}))
                for name in package["files"]
            }


def _rewritten(content: bytes, replaced: dict[str, str]) -> bytes:
    for old, new in replaced.items():
        if content.count(old.encode()) != 1:
            raise VendorError(f"What is to be rewritten is not there once: {old}")
        content = content.replace(old.encode(), new.encode())
    return content


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    try:
        content = archive.extractfile(f"package/{name}")
    except KeyError:
        content = None
    if content is None:
        raise VendorError(f"The package has no file {name}.")
    return content.read()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _versions(moves: list[str], packages: list[Package]) -> dict[str, str]:
    versions = {package["name"]: package["version"] for package in packages}
    for move in moves:
        # The name of a scoped package begins with an @ of its own.
        name, _, version = move.rpartition("@")
        if name not in versions or not version:
            raise VendorError(f"{move} is not NAME@VERSION of a package in the manifest.")
        versions[name] = version
    return versions


def _run(arguments: argparse.Namespace) -> None:
    manifests = {folder: json.loads((folder / MANIFEST).read_text()) for folder in FOLDERS}
    every = [package for manifest in manifests.values() for package in manifest["packages"]]
    versions = _versions(arguments.move, every)
    problems: list[str] = []
    for folder, manifest in manifests.items():
        packages: list[Package] = manifest["packages"]
        if not arguments.check:
            for package in packages:
                refresh(folder, package, versions[package["name"]])
            (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
        problems += check(folder, packages)
    if problems:
        raise VendorError("\n".join(problems))


def main() -> None:
    """Do what the command line says; ends with status 1 and the reasons where it cannot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare only; no network")
    parser.add_argument("move", nargs="*", metavar="NAME@VERSION", help="pin another version")
    arguments = parser.parse_args()
    if arguments.check and arguments.move:
        parser.error("--check takes no package.")
    try:
        _run(arguments)
    except VendorError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
