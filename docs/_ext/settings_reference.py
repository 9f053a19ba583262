"""The directive `settings-reference`: a table of all settings, from the class that checks them."""

from datetime import timedelta
from inspect import getfile
from types import NoneType
from typing import Any, ClassVar, Literal, get_args, get_origin

from docutils import nodes
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from cdb.settings import Settings, key_of, variable_of

_KINDS = {
    str: "text",
    int: "whole number",
    bool: "`true` or `false`",
    timedelta: "ISO 8601 duration",
    tuple[str, ...]: "names, separated by white space",
    tuple[tuple[str, str], ...]: "lines of two words",
    dict[str, Any]: "JSON object",
}


class SettingsReference(SphinxDirective):
    """Show every setting: key, environment variable, type, default, meaning."""

    has_content = False
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        # The page is built anew when the settings change.
        self.env.note_dependency(getfile(Settings))
        return self.parse_text_to_nodes(reference())


def reference() -> str:
    """Return the table of all settings, in MyST's Markdown."""
    lines = [
        "```{list-table}",
        ":header-rows: 1",
        ":widths: 34 18 18 30",
        "",
        "* - Key, and its variable",
        "  - Type",
        "  - Default",
        "  - Meaning",
    ]
    for name, field in Settings.model_fields.items():
        key = key_of(name)
        lines += [
            f"* - `{key}`",
            "",
            f"    `{variable_of(key)}`",
            f"  - {type_of(field)}",
            f"  - {default_of(field)}",
            f"  - {field.description}",
        ]
    return "\n".join([*lines, "```"])


def type_of(field: FieldInfo) -> str:
    """Return what values a setting takes, in words."""
    kind = field.annotation
    if get_origin(kind) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(kind))
    parts = (kind,) if kind in _KINDS else get_args(kind)
    names = [_KINDS[part] for part in parts if part is not NoneType]
    bounds = {
        sign: getattr(rule, name)
        for rule in field.metadata
        for name, sign in (("ge", "from"), ("gt", "more than"), ("le", "to"))
        if isinstance(getattr(rule, name, None), int)
    }
    return " ".join([" or ".join(names), *(f"{sign} {bound}" for sign, bound in bounds.items())])


def default_of(field: FieldInfo) -> str:
    """Return what holds where a setting is not given, as an ini file would write it."""
    if field.is_required():
        return "none: it has to be given"
    written = TypeAdapter(field.annotation).dump_python(field.default, mode="json")
    if isinstance(written, list):
        written = " ".join(written)
    if isinstance(written, bool):
        written = str(written).lower()
    return "empty" if written in ("", None, {}) else f"`{written}`"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("settings-reference", SettingsReference)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
