"""The directive `plugin-reference`: the built-in plugins with their options, from the code."""

import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from datetime import timedelta
from enum import Enum
from inspect import getdoc, getfile
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from docutils import nodes
from pydantic import TypeAdapter
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from cdb.plugin import KINDS, Plugin, Secret
from cdb.registry.installed import installed

_DISTRIBUTION = "hep-cdb"

_TYPES = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    timedelta: "ISO 8601 duration, or seconds",
    Path: "path of a file",
    Secret: "secret",
    dict: "JSON object",
    tuple: "words",
    frozenset: "words",
}


class PluginReference(SphinxDirective):
    """Show every built-in plugin: what it does, and its options."""

    has_content = False
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """Return a section for each kind."""
        found: list[nodes.Node] = []
        for group, kind in KINDS.items():
            title = title_of(kind)
            section = nodes.section(ids=[nodes.make_id(title)], names=[title])
            section += nodes.title(text=title)
            for name, plugin in built_in(group):
                # The page is built anew when the plugin changes.
                self.env.note_dependency(getfile(plugin))
                section += self.parse_text_to_nodes("\n".join(described(name, plugin)))
            found.append(section)
        return found


def title_of(kind: type[Plugin]) -> str:
    """Return what a kind is called: 'IOV dimension' for IovDimension."""
    words = re.findall("[A-Z][a-z]+", kind.__name__)
    return " ".join(words).capitalize().replace("Iov", "IOV")


def built_in(group: str) -> Iterator[tuple[str, type[Plugin]]]:
    """Give name and class of the plugins of a kind that come with cdb."""
    for each in installed():
        if (each.group, each.distribution) == (group, _DISTRIBUTION):
            yield each.name, each.load()


def described(name: str, plugin: type[Plugin]) -> Iterator[str]:
    """Give what a plugin does and its options, in lines of MyST's Markdown."""
    yield from (f"**`{name}`**", "", getdoc(plugin) or "", "")
    options = fields(plugin.Options)
    if not options:
        return
    kinds = get_type_hints(plugin.Options, include_extras=True)
    yield from ("```{list-table}", ":header-rows: 1", ":widths: 20 20 20 40", "")
    yield from ("* - Option", "  - Value", "  - Default", "  - Meaning")
    for option in options:
        yield from (
            f"* - `{option.name}`",
            f"  - {type_of(kinds[option.name])}",
            f"  - {default_of(option, kinds[option.name])}",
            f"  - {option.metadata['help']}",
        )
    yield from ("```", "")


def type_of(kind: Any) -> str:
    """Return in words what an option takes."""
    origin = get_origin(kind)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in get_args(kind))
    if origin is Annotated:
        return "lines" if "lines" in get_args(kind)[1:] else type_of(get_args(kind)[0])
    if origin in (UnionType, Union):
        return " or ".join(type_of(part) for part in get_args(kind) if part is not NoneType)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " or ".join(f"`{each.value}`" for each in kind)
    return _TYPES[origin or kind]


def default_of(option: Field[Any], kind: Any) -> str:
    """Return what holds where an option is not given, as an ini would write it."""
    value = option.default
    if option.default_factory is not MISSING:
        value = option.default_factory()
    if value is MISSING:
        return "none: it has to be given"
    written = TypeAdapter(kind).dump_python(value, mode="json")
    if isinstance(written, bool):
        written = str(written).lower()
    if isinstance(written, list):
        written = " ".join(written)
    return "empty" if written in ("", None, {}) else f"`{written}`"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("plugin-reference", PluginReference)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
