"""The digest of a tag, as the documentation computes it: by the few lines that it shows."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "digest.md"

_blocks = re.findall(r"^```(python|text)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def _run() -> tuple[dict[str, Any], str]:
    shown: dict[str, Any] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for language, block in _blocks:
            if language == "python":
                exec(block, shown)  # noqa: S102 - what the page says
    return shown, printed.getvalue()


SHOWN, PRINTED = _run()
"""What the Python of the page defines, and what it prints."""

DOCUMENTED = "".join(block for language, block in _blocks if language == "text")
"""What the page says that it prints."""


def tag_digest(lists: list[tuple[str, str, list[list[Any]]]]) -> str:
    """Return the digest of lists, each as type, dimension and intervals."""
    digest: str = SHOWN["tag_digest"](lists)
    return digest


def list_digest(intervals: list[list[Any]]) -> str:
    """Return the digest of a list."""
    digest: str = SHOWN["digest"](SHOWN["joined"](intervals))
    return digest
