"""The directive `api-reference`: every endpoint and model, from the OpenAPI document."""

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from cdb.errors import CdbError
from cdb.rest import openapi, views
from cdb.rest.service import Operation, Resource

Json = dict[str, Any]

_MODEL = "#/components/schemas/"

_LARGEST = 2**63 - 1

_SAID_ONCE = {"dry_run", "CDB-Comment", "Idempotency-Key", "If-Match", "If-None-Match"}
"""Parameters that the page explains for all writes, and all reads of a tag."""


class ApiReference(SphinxDirective):
    """Show every endpoint by group: what it takes and answers, its errors and its permission."""

    has_content = False
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        """Return a section for each group, and one for the models."""
        for name, module in list(sys.modules.items()):
            # The page is built anew when an endpoint changes, or what describes it.
            if name.startswith(("cdb.rest.", "cdb.errors")) and module.__file__:
                self.env.note_dependency(str(Path(module.__file__)))
        return self.parse_text_to_nodes("\n".join(reference()), allow_section_headings=True)


def reference() -> Iterator[str]:
    """Give the reference, in lines of MyST's Markdown."""
    resources = tuple(sorted((*views.RESOURCES, openapi.resource), key=_place))
    document = openapi.document(resources, base="")
    for group, of_group in groupby(resources, key=lambda resource: resource.group):
        yield from (f"## {group}", "")
        for resource in of_group:
            for operation in resource.operations:
                yield from _endpoint(resource, operation, document)
    yield from ("## Models", "", "What bodies and answers are made of, by name.", "")
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield from _model(name, schema)


def _place(resource: Resource) -> int:
    """Return where the group of a resource stands: where its first resource does."""
    return [each.group for each in (*views.RESOURCES, openapi.resource)].index(resource.group)


def _endpoint(resource: Resource, operation: Operation, document: Json) -> Iterator[str]:
    slash = "/" if resource.rooted else ""
    described = document["paths"][f"/{resource.paths[0]}"][operation.method.lower()]
    path, *others = (f"{slash}{each}" for each in resource.paths)
    also = f", also as {', '.join(f'`{other}`' for other in others)}" if others else ""
    yield from (f"### {operation.summary}", "", f"**`{operation.method} {path}`**{also}", "")
    if operation.description:
        yield from (operation.description, "")
    yield from _parameters(
        each for each in described["parameters"] if each["name"] not in _SAID_ONCE
    )
    yield from (*(f"- {line}" for line in _facts(operation, described)), "")


def _facts(operation: Operation, described: Json) -> Iterator[str]:
    """Give what there is to say of an endpoint, each in a sentence."""
    if operation.writes:
        yield f"Writes, and asks for the permission `{operation.permission}`."
    if body := described.get("requestBody"):
        yield f"Body: {_content(body['content'])}."
    yield f"Answer: {_success(operation, described['responses'])}."
    for status, kind in operation.others.items():
        content = described["responses"][str(status)]["content"]
        yield f"Answer with {status}: {_content(content)}. {kind.__doc__ or ''}"
    if operation.says_how_long:
        yield "Says how long it holds, and knows `If-None-Match`: 304 where that is still so."
    if operation.streams:
        yield "Comes in lines, one object in each, for `Accept: application/x-ndjson`."
    yield f"Errors: {', '.join(_errors(described['responses']))}."


def _success(operation: Operation, responses: Json) -> str:
    if operation.answer is None:
        return "302, to another page"
    if operation.answer is bytes:
        return "a page in HTML"
    content = dict(responses["200"]["content"])
    if operation.writes:
        # With `dry_run=change` it is another one, as the page says once, for all writes.
        content = {kind: {"schema": each["schema"]["anyOf"][0]} for kind, each in content.items()}
    return _content(content)


def _content(content: Json) -> str:
    kind, described = next(iter(content.items()))
    return _type(described["schema"]) if kind == "application/json" else f"a file, `{kind}`"


def _errors(responses: Json) -> Iterator[str]:
    """Give the codes that an endpoint answers with, each with its status."""
    for status, response in responses.items():
        for code in _codes_in(response["description"]):
            yield f"[`{code}`](http-api.md#errors) ({status})"


def _codes_in(description: str) -> Iterator[str]:
    codes = {error.code for error in _all_errors(CdbError)}
    yield from (code for code in description.split("`")[1::2] if code in codes)


def _all_errors(kind: type[CdbError]) -> Iterator[type[CdbError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _all_errors(each)


def _parameters(parameters: Iterable[Json]) -> Iterator[str]:
    yield from _table(
        ("Parameter", "In", "Value", "Meaning"),
        (
            (
                f"`{each['name']}`" + ("" if each.get("required") else ", optional"),
                each["in"],
                _value(each["schema"]).removesuffix(" or null"),
                each.get("description", ""),
            )
            for each in parameters
        ),
    )


def _model(name: str, schema: Json) -> Iterator[str]:
    yield from (f"(model-{name.lower()})=", f"### {name}", "")
    if text := schema.get("description"):
        yield from (" ".join(text.split()), "")
    if "properties" not in schema:
        yield from (f"A value: {_type(schema)}.", "")
        return
    required = set(schema.get("required", ()))
    yield from _table(
        ("Field", "Value", "Meaning"),
        (
            (
                f"`{field}`" + ("" if field in required else ", optional"),
                _value(described),
                " ".join(described.get("description", "").split()),
            )
            for field, described in schema["properties"].items()
        ),
    )


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    columns = [column for column in zip(heads, *rows, strict=True) if any(column[1:])]
    if not columns:
        return
    heads, *rows = zip(*columns, strict=True)
    for line in (heads, ["---"] * len(columns), *rows):
        yield " | ".join(cell.replace("|", r"\|") for cell in line)
    yield ""


def _value(schema: Json) -> str:
    """Return what values there can be, and which one holds where none is given."""
    default = schema.get("default")
    return _type(schema) + ("" if default in (None, []) else f"; default `{_written(default)}`")


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _type(schema: Json) -> str:
    """Return in words what a schema lets in."""
    if reference := schema.get("$ref"):
        name = reference.removeprefix(_MODEL)
        return f"[{name}](#model-{name.lower()})"
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(map(_type, options)))
    if "const" in schema:
        return f"`{_written(schema['const'])}`"
    if "enum" in schema:
        return " or ".join(f"`{_written(value)}`" for value in schema["enum"])
    return _KINDS.get(schema.get("type", ""), lambda _: "any value")(schema)


def _array(schema: Json) -> str:
    if parts := schema.get("prefixItems"):
        return f"({', '.join(map(_type, parts))})"
    return f"list of {_type(schema.get('items', {}))}"


def _object(schema: Json) -> str:
    values = schema.get("additionalProperties")
    return f"object, each value {_type(values)}" if isinstance(values, dict) else "object"


def _string(schema: Json) -> str:
    if schema.get("format") == "date-time":
        return "time, ISO 8601"
    if schema.get("format") == "binary":
        return "bytes"
    longest = schema.get("maxLength")
    return f"text, up to {longest} characters" if longest else "text"


def _integer(schema: Json) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is None or most in (None, _LARGEST):
        return "whole number"
    return f"whole number, {least} to {most}"


_KINDS = {
    "array": _array,
    "object": _object,
    "string": _string,
    "integer": _integer,
    "number": lambda _: "number",
    "boolean": lambda _: "`true` or `false`",
    "null": lambda _: "null",
}


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("api-reference", ApiReference)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
