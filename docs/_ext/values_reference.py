"""The directive `values-reference`: a table of the values of the Helm chart, from their file.

In that file what has a comment above it is a value, and what has none is a group of them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FILE = Path(__file__).parents[2] / "deploy/helm/cdb/values.yaml"

_SHOWN = 40
"""Characters of a default; a longer one is in the file."""


class Value(NamedTuple):
    """One of the chart: its path, its default as YAML, and what it means."""

    path: str
    default: str
    meaning: str


class ValuesReference(SphinxDirective):
    """Show every value: path, default, meaning."""

    has_content = False
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        # The page is built anew when the values change.
        self.env.note_dependency(str(FILE))
        return self.parse_text_to_nodes(reference())


def reference() -> str:
    """Return the table of all values, in MyST's Markdown."""
    lines = [
        "```{list-table}",
        ":header-rows: 1",
        ":widths: 45 55",
        "",
        "* - Value, and its default",
        "  - Meaning",
    ]
    for value in values(FILE.read_text()):
        shown = f"`{value.default}`" if len(value.default) <= _SHOWN else "see `values.yaml`"
        lines += [f"* - `{value.path}`", "", f"    {shown}", f"  - {value.meaning}"]
    return "\n".join([*lines, "```"])


def values(text: str) -> Iterator[Value]:
    """Give the values of a file, in its order.

    Raises:
        ValueError: one has no comment.

    """
    yield from _below(yaml.compose(text, yaml.SafeLoader), text.splitlines())


def _below(group: Any, lines: list[str], path: str = "") -> Iterator[Value]:
    for key, value in group.value:
        name = f"{path}.{key.value}".lstrip(".")
        meaning = _comment(lines[: key.start_mark.line], key.start_mark.column)
        if meaning:
            yield Value(name, _default(value), meaning)
        elif isinstance(value, yaml.MappingNode) and not value.flow_style:
            yield from _below(value, lines, name)
        else:
            raise ValueError(f"{name} has no comment")


def _comment(before: list[str], column: int) -> str:
    """Return the comment that ends above a line, at a column."""
    start, found = f"{' ' * column}# ", []
    while before and before[-1].startswith(start):
        found.append(before.pop().removeprefix(start))
    return " ".join(reversed(found))


def _default(value: yaml.Node) -> str:
    plain = yaml.safe_load(yaml.serialize(value, Dumper=yaml.SafeDumper))
    written: str = yaml.safe_dump(plain, default_flow_style=True, width=10**6)
    return written.removesuffix("...\n").strip()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("values-reference", ValuesReference)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
