"""Run the notebook of the documentation on the service at CDB_URL, and keep what it shows.

    make run    # in another terminal: the sample data
    .venv/bin/python tools/notebook.py [OUTPUT]

Without OUTPUT, the notebook itself is written.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebook.ipynb"
SECONDS = 60


def main() -> None:
    """Run it, and write it with its outputs, without the times at which they came."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=SECONDS, record_timing=False).execute()
    # Which patch version of Python it was is of no interest.
    notebook.metadata.language_info = {"name": "python"}
    nbformat.write(notebook, Path(sys.argv[1]) if sys.argv[1:] else NOTEBOOK)


if __name__ == "__main__":
    main()
