"""The version of a release, which every place that gives one gives alike.

python tools/version.py            say which one it is, and what is wrong with places or changelogs
python tools/version.py 0.2.0      write it into all places, and close the changelog's Unreleased

It is that of hep-cdb and of hep-cdb-client, which make one command together, and of the chart.
The packages of experiments have versions and changelogs of their own, since they change when an
experiment does. Everything else asks for the version of what is installed.
Exit status: 0, or 1 where something is wrong.
"""

import datetime
import re
import sys
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACES = {
    "setup.cfg": r"(?m)^(version = )(\S+)$",
    "client/setup.cfg": r"(?m)^(version = )(\S+)$",
    "deploy/helm/cdb/Chart.yaml": r"(?m)^(appVersion: )(\S+)$",
}
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_RELEASE = re.compile(rf"{_VERSION.pattern} - \d{{4}}-\d\d-\d\d")


def field(source: Path, name: str) -> str:
    """Return what the setup.cfg of a distribution says of its name or version."""
    found = re.search(rf"^{name} = (\S+)$", (source / "setup.cfg").read_text(), re.MULTILINE)
    assert found, f"{source} has no {name}"
    return found[1]


def wrong() -> list[str]:
    """Return what does not agree, one sentence each."""
    given = {
        place: re.findall(pattern, (ROOT / place).read_text()) for place, pattern in PLACES.items()
    }
    version = field(ROOT, "version")
    said = [
        f"{place} gives {[each for _, each in found]}, not {version}"
        for place, found in given.items()
        if [each for _, each in found] != [version]
    ]
    for path in (ROOT / "CHANGELOG.md", *ROOT.glob("plugins/*/CHANGELOG.md")):
        said += [f"{path.relative_to(ROOT)}: {each}" for each in unlike(path.read_text())]
    return said


def unlike(changelog: str) -> list[str]:
    """Return where a changelog is not as Keep a Changelog has it, one sentence each."""
    said = [] if changelog.startswith("# Changelog\n") else ["it begins with another heading"]
    first, *releases = re.split(r"(?m)^## ", changelog)[1:] or [""]
    if not first.startswith("Unreleased\n"):
        said.append("the first section is not Unreleased")
    titles = [release.splitlines()[0] for release in releases]
    said += [
        f"{title!r} is no version with its day"
        for title in titles
        if not _RELEASE.fullmatch(title)
    ]
    numbers = [tuple(map(int, found.groups())) for found in map(_VERSION.match, titles) if found]
    if any(newer <= older for newer, older in pairwise(numbers)):
        said.append("the versions do not go from the newest to the oldest")
    for release in (first, *releases):
        title, *parts = re.split(r"(?m)^### ", release)
        kinds = [part.partition("\n")[0] for part in parts]
        if kinds != sorted(set(kinds), key=[*KINDS, *kinds].index) or not set(kinds) <= set(KINDS):
            said.append(f"{title.split()[0]} has the parts {', '.join(kinds)}")
        said += [
            f"{title.split()[0]} has nothing under {part.splitlines()[0]}"
            for part in parts
            if not part.partition("\n")[2].lstrip().startswith("- ")
        ]
    return said


def give(version: str, day: datetime.date) -> None:
    """Write a version into all places, and put what is Unreleased under it."""
    for place, pattern in PLACES.items():
        path = ROOT / place
        path.write_text(re.sub(pattern, rf"\g<1>{version}", path.read_text()))
    path = ROOT / "CHANGELOG.md"
    title = f"## Unreleased\n\n## {version} - {day}\n"
    path.write_text(path.read_text().replace("## Unreleased\n", title, 1))


def main(arguments: list[str]) -> int:
    """Give a version, or say which one it is and what is wrong."""
    if arguments and not _VERSION.fullmatch(arguments[0]):
        print(f"Error: {arguments[0]} is no version such as 0.2.0", file=sys.stderr)
        return 1
    if arguments:
        give(arguments[0], datetime.datetime.now(datetime.UTC).date())
    print(field(ROOT, "version"))
    for each in (said := wrong()):
        print(each, file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
