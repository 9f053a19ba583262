"""Throw-away distributions with plugins, found as if they were installed."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from textwrap import dedent

_numbers = count()


def write(folder: Path, source: str, points: str, name: str = "throwaway") -> Path:
    """Write a distribution of version 1.0 and return the folder that Python has to look in.

    Args:
        folder: where it is made.
        source: of its one module, which is called `{module}` in `points`.
        points: its entry points, as in `[cdb.previews]`, then `mine = {module}:Mine`.
        name: of the distribution.

    """
    module = f"{name}_{next(_numbers)}".replace("-", "_")
    place = folder / module
    information = place / f"{module}-1.0.dist-info"
    information.mkdir(parents=True)
    (place / f"{module}.py").write_text(dedent(source))
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(dedent(points).format(module=module))
    return place


@contextmanager
def installed(*places: Path) -> Iterator[None]:
    """Have distributions installed, and forget what was imported of them."""
    paths, modules = list(sys.path), set(sys.modules)
    sys.path[:0] = map(str, places)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = paths
        for name in set(sys.modules) - modules:
            if name.startswith(tuple(place.name for place in places)):
                del sys.modules[name]
