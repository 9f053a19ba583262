"""The notebook of the documentation gives what it shows."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
from pages import ROOT, sample_service
from processes import environ
from support import API

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"
TEXTS = ("text/plain", "text/html")


def shown(path: Path) -> list[Any]:
    """Return each cell's source with what it shows: texts, and of pictures that they are there."""
    cells = nbformat.read(path, as_version=4).cells
    return [(cell.source, list(map(_shown, cell.get("outputs", [])))) for cell in cells]


def _shown(output: Any) -> Any:
    if output.output_type == "stream":
        return output.name, output.text
    return {kind: output.data[kind] if kind in TEXTS else "" for kind in sorted(output.data)}


def test_notebook_gives_what_it_shows(databases: Any, tmp_path: Path) -> None:
    given = tmp_path / "given.ipynb"
    with sample_service(databases, tmp_path) as root:
        done = subprocess.run(
            [sys.executable, ROOT / "tools" / "notebook.py", given],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environ(CDB_URL=root + API, IPYTHONDIR=str(tmp_path)),
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    assert shown(given) == shown(NOTEBOOK)
    assert sum("image/png" in output for _, outputs in shown(given) for output in outputs) >= 1
