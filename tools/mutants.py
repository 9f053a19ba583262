"""Change a module of the store in one place after another, and see whether its tests notice.

mutmut changes what functions do in Python. Most of the store is SQL, and statements that
a module makes when it is imported, which mutmut leaves as they are. Here comparisons,
conditions, orders and sums are changed wherever they stand, one at a time.

`python tools/mutants.py cdb/store/query.py` runs the tests of the module on SQLite for
each change, in a process that ends with the first failure. What no test notices is printed.
"""

import argparse
import io
import os
import re
import resource
import shutil
import sys
import tokenize
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

# What each process would import again; nothing of cdb, of which each has another one.
_IMPORTED = (
    *("alembic.command", "cornice", "hypothesis.strategies", "jsonschema", "psycopg2", "pydantic"),
    *("pyramid.config", "pytest", "sqlalchemy.orm", "structlog", "waitress", "webtest"),
)

TESTS = {
    "browse": ("browse", "as_of"),
    "bulk": ("rules_over_http", "revert", "merge", "bundles", "from_nopayloaddb"),
    "bundles": ("hostile_bundles", "bundles"),
    "changes": ("rules_over_http", "log", "as_of", "copies", "dry_run", "concurrency"),
    "compare": ("diff", "diff_timeline"),
    "compiled": ("compiled", "kept"),
    "condition": ("health", "readiness", "doctor"),
    "coverage": ("gaps",),
    "engine": (
        "unavailable",
        "transactions",
        "readiness",
        "doctor",
        "rules_over_http",
        "replicas",
    ),
    "iovs": ("list_ranges", "history", "merge", "ranges", "streams", "bundles"),
    "lag": ("metrics", "replicas"),
    "log": ("list_ranges", "log", "history", "dry_run"),
    "logs": ("hostile_bundles", "damage", "verify"),
    "looks": ("tests/unit/test_freshness.py", "replicas"),
    "migrate": ("migrations", "upgrades", "health", "doctor", "unavailable", "backup"),
    "models": ("migrations", "usage", "as_of", "rules_over_http"),
    "newest": ("metrics",),
    "nopayloaddb": ("hostile_imports", "from_nopayloaddb_api", "from_nopayloaddb"),
    "objects": ("hostile_bundles", "damage", "verify"),
    "partial": ("tests/unit/test_partial.py", "bundles"),
    "payload_files": ("payloads", "damage", "verify", "payload_s3"),
    "payloads": ("payloads", "verify"),
    "pools": ("unavailable", "readiness", "kept", "hostile_bundles", "replicas"),
    "query": ("rules_over_http", "reading", "as_of", "validity", "copies", "notation"),
    "reads": ("rules_over_http", "reading", "as_of", "copies", "browse", "dry_run"),
    "receiving": ("payloads", "payload_s3"),
    "repeats": ("repeats",),
    "replicas": ("replicas",),
    "revisions": ("bundles", "plugins/cdb-belle2/tests/test_service.py"),
    "room": ("tests/unit/test_room.py", "compiled"),
    "schema": ("health", "migrations", "doctor", "upgrades"),
    "sqlite_file": ("hostile_bundles", "damage", "verify"),
    "stretches": ("digest", "diff_timeline", "merge"),
    "timeline": ("timeline",),
    "tokens": ("tokens",),
    "usage": ("usage",),
    "views": ("digest", "gaps", "diff", "list_ranges", "timeline", "compiled"),
    "writes": ("rules_over_http", "attaching_at_once", "log", "merge", "revert", "concurrency"),
}
"""The tests that see what a module of the store does: functional ones, or those at a path."""

_MEMORY = 4 * 2**30
"""Bytes that the tests of one change may take: some read on without end."""

_CHANGES = [
    (re.compile(pattern, re.MULTILINE), instead)
    for pattern, instead in (
        (r"<=", "<"),
        (r">=", ">"),
        (r"(?<=[\w)] )<(?= [\w(:])", "<="),
        (r"(?<=[\w)] )>(?= [\w(:])", ">="),
        (r" == ", " != "),
        (r" != ", " == "),
        (r" <> ", " = "),
        (r" = (?=:\w|any\(|[a-z]{1,2}\.\w|tag\.)", " <> "),
        (r"\bis not (?=[nN])", "is "),
        (r"\bis (?=[nN](one|ull))", "is not "),
        (r"\band\b", "or"),
        (r"\bor\b", "and"),
        (r" and (\([\w, ]+\)|[\w.{}]+) [<>=]+ (\([\w:, ]+\)|:?[\w.{}]+)(?= and|[\n\")])", ""),
        (r" \+ ", " - "),
        (r" - ", " + "),
        (r" desc\b|\.desc\(\)", ""),
        (r"\bmax\(", "min("),
        (r"\bmin\(", "max("),
        (r"\bleft join\b", "join"),
        (r"\bdistinct ", ""),
    )
]


class Mutant(NamedTuple):
    """A change of a text: what stands between two places is replaced."""

    start: int
    end: int
    instead: str

    def of(self, text: str) -> str:
        """Return the text with the change."""
        return text[: self.start] + self.instead + text[self.end :]

    def shown(self, path: Path, text: str) -> str:
        """Return where it is, with the lines before and after it."""
        first = text.rfind("\n", 0, self.start) + 1
        line, was = text.count("\n", 0, self.start) + 1, text[first : self.end]
        rest = text[self.end :].partition("\n")[0] if self.instead else ""
        became = text[first : self.start] + self.instead
        return f"{path}:{line}: {(was + rest).strip()}  ->  {(became + rest).strip() or 'gone'}"


def mutants(text: str) -> list[Mutant]:
    """Return all changes of a module, in their order."""
    left = bytearray(len(text))
    for start, end in _words(text):
        left[start:end] = b"\1" * (end - start)
    found = (
        Mutant(match.start(), match.end(), instead)
        for pattern, instead in _CHANGES
        for match in pattern.finditer(text)
        if not any(left[match.start() : match.end()])
    )
    return sorted(found)


def _words(text: str) -> Iterator[tuple[int, int]]:
    """Yield where comments and texts for people are: docstrings, and what begins as a sentence."""
    lines = [0]
    for line in text.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_docstring = before in (tokenize.NEWLINE, tokenize.INDENT)
        is_sentence = re.match(r"""[rf]*["']+[A-Z]""", token.string)
        is_text = token.type == tokenize.STRING and (is_docstring or is_sentence)
        if is_text or token.type == tokenize.COMMENT:
            (row, column), (end_row, end_column) = token.start, token.end
            yield lines[row - 1] + column, lines[end_row - 1] + end_column
        if token.type not in (tokenize.NL, tokenize.COMMENT):
            before = token.type


def tried(folder: Path, tests: Sequence[str], other: str, cpu_s: int) -> int:
    """Run tests with the cdb of a folder in a process of its own; return its status.

    Args:
        folder: that has the package.
        tests: paths of their files.
        other: the database on which they are not run.
        cpu_s: seconds that it may compute.

    """
    if process := os.fork():
        return os.waitpid(process, 0)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    sys.path.insert(0, str(folder))
    quick = (
        "-x",
        "--assert=plain",
        "--hypothesis-profile=first-failure",
        "-pno:xdist",
        "-pno:cacheprovider",
    )
    os._exit(int(import_module("pytest").main([*quick, "-k", f"not {other}", *tests])))


def main() -> int:
    """Try the changes of one module; return 1 where its tests fail without any."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("module", type=Path, help="as in cdb/store/query.py")
    parser.add_argument("--sample", type=int, help="so many of the changes, drawn at random")
    parser.add_argument("--postgresql", action="store_true", help="there instead of on SQLite")
    asked = parser.parse_args()
    other = "sqlite" if asked.postgresql else "postgresql"
    tests = [
        name if "/" in name else f"tests/functional/test_{name}.py"
        for name in TESTS[asked.module.stem]
    ]
    text = asked.module.read_text()
    found = mutants(text)
    if asked.sample and asked.sample < len(found):
        found = sorted(Random(0).sample(found, asked.sample))  # noqa: S311 - the same always
    # What is compiled is taken for the newest where it is as long, and of the same second.
    sys.dont_write_bytecode = True
    for name in _IMPORTED:
        import_module(name)
    with TemporaryDirectory() as made:
        folder = Path(made)
        for name in ("cdb", "alembic"):
            shutil.copytree(name, folder / name)
        changed = folder / asked.module
        for compiled in (changed.parent / "__pycache__").glob(f"{changed.stem}.*"):
            compiled.unlink()
        if tried(folder, tests, other, 600):
            print(f"the tests fail as it is: {' '.join(tests)}")
            return 1
        cpu_s = int(2 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime) + 10
        survived = 0
        for mutant in found:
            changed.write_text(mutant.of(text))
            if tried(folder, tests, other, cpu_s) == 0:
                survived += 1
                print(mutant.shown(asked.module, text), flush=True)
    print(f"{asked.module}: {len(found)} of {len(mutants(text))} changes, {survived} not noticed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
