"""The directive `diagram`: a graph in Graphviz' language, drawn in the build, or one of the code.

A page shows it as part of itself and not as a picture, so that the colours are those of the page,
in light and in dark (`_static/diagram.css`). What draws is in a wheel of pip, and asks nothing of
the machine. `diagram-layers` and `diagram-tables` make the graph from what the checks and the
database themselves go by, so that it cannot drift from them.
"""

import ast
import os
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from html import escape
from inspect import getfile
from itertools import pairwise
from pathlib import Path
from textwrap import wrap
from typing import Any, ClassVar

import pygraphviz
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sqlalchemy import Table

from cdb.store.models import Base

_ROOT = Path(__file__).parents[2]

_FRAME = """\
digraph {{
  graph [bgcolor=transparent, rankdir={direction}, fontname="Helvetica", fontsize=11,
         nodesep=0.3, ranksep=0.4, pad=0.1]
  node [shape=box, style=rounded, fontname="Helvetica", fontsize=11,
        margin="0.15,0.08", height=0.3]
  edge [fontname="Helvetica", fontsize=10, arrowsize=0.7]
  {content}
}}"""

_STANDS_FOR = {"tag": "global_tag", "status": "tag_status"}
"""Columns that name a row of another table, and are not called as it is."""


class Diagram(SphinxDirective):
    """Draw the graph that is written in the directive."""

    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "alt": directives.unchanged_required,
        "sideways": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        """Return the drawing, and what it shows in words for who cannot see it."""
        if "alt" not in self.options:
            raise self.error("A diagram needs :alt:, what it shows in a sentence.")
        direction = "LR" if "sideways" in self.options else "TB"
        graph = _FRAME.format(direction=direction, content=self.graph())
        label = escape(self.options["alt"])
        html = f'<div class="diagram" role="img" aria-label="{label}">{drawn(graph)}</div>'
        return [nodes.raw("", html, format="html")]

    def graph(self) -> str:
        """Return the nodes and edges."""
        return "\n".join(self.content)


class LayersDiagram(Diagram):
    """Draw the layers of the code, from the contract that `make check` holds it to."""

    has_content = False

    def graph(self) -> str:
        """Return a row for each layer, the highest first."""
        self.env.note_dependency(_ROOT / ".importlinter")
        return "\n".join(layers(_ROOT))


class TablesDiagram(Diagram):
    """Draw the tables, from the models."""

    has_content = False

    def graph(self) -> str:
        """Return a node for each table, and an edge for each column that names a row."""
        self.env.note_dependency(getfile(Base))
        return "\n".join(tables())


def layers(root: Path) -> Iterator[str]:
    """Give the layers of the import contract, each with what its package says that it is."""
    contracts = ConfigParser()
    contracts.read(root / ".importlinter")
    rows = [
        [name.strip() for name in row.split("|")]
        for row in contracts["importlinter:contract:layers"]["layers"].split("\n")
        if row.strip()
    ]
    for row in rows:
        described = "; ".join(f"{name} [label={_layer(root, name)}]" for name in row)
        yield f"{{ rank=same; {described} }}"
    for above, below in pairwise(rows):
        yield f"{above[0]} -> {below[0]}"


def _layer(root: Path, name: str) -> str:
    module = root / "cdb" / name / "__init__.py"
    if not module.exists():
        module = root / "cdb" / f"{name}.py"
    said = (ast.get_docstring(ast.parse(module.read_text())) or "").partition("\n")[0]
    return f"<<b>{name}</b><br/>{_wrapped(said.rstrip('.').replace('`', ''), 48)}>"


def tables() -> Iterator[str]:
    """Give the tables with their columns, and what their columns name."""
    for table in Base.metadata.sorted_tables:
        key = ", ".join(column.name for column in table.primary_key)
        rest = ", ".join(column.name for column in table.c if not column.primary_key)
        rows = [f"<b>{table.name}</b>", f"<u>{_wrapped(key, 30)}</u>", _wrapped(rest, 30)]
        label = "<br/>".join(filter(None, rows))
        yield f"{table.name} [label=<{label}>]"
    for table in Base.metadata.sorted_tables:
        for named in sorted(_named(table)):
            yield f"{table.name} -> {named}"


def _named(table: Table) -> set[str]:
    """Return the tables that the columns of a table name rows of."""
    names = {_STANDS_FOR.get(column.name, column.name) for column in table.c}
    return (names & Base.metadata.tables.keys()) - {table.name}


def _wrapped(text: str, width: int) -> str:
    return "<br/>".join(escape(line) for line in wrap(text, width))


def drawn(graph: str) -> str:
    """Return a graph as SVG, to stand within a page.

    Raises:
        ValueError: it is not written in Graphviz' language.

    """
    with _quiet():
        svg = pygraphviz.AGraph(string=graph).draw(format="svg", prog="dot").decode()
    # What stands before the element is for a file of its own.
    return svg[svg.index("<svg") :]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the drawing library itself writes to stderr: it finds the machine's fonts odd."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives, and the style of what they draw."""
    app.add_directive("diagram", Diagram)
    app.add_directive("diagram-layers", LayersDiagram)
    app.add_directive("diagram-tables", TablesDiagram)
    app.add_css_file("diagram.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
