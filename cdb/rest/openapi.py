"""The OpenAPI 3.1 document, made from the declarations of the endpoints."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from importlib.metadata import version
from typing import Any, NamedTuple

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from pyramid.request import Request

from cdb.errors import (
    CdbError,
    Forbidden,
    Invalid,
    InvalidCredentials,
    KeyUsedOtherwise,
    NotJson,
    PreconditionFailed,
    ReadOnly,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unconfirmed,
)
from cdb.rest import answers, inputs
from cdb.rest.fields import TEXT_PATTERN
from cdb.rest.media import LINES
from cdb.rest.service import Operation, Resource
from cdb.rest.writing import LONGEST_COMMENT, LONGEST_KEY

Json = dict[str, Any]

resource = Resource("Service", ["openapi.json"], rooted=True)

_TEMPLATE = "#/components/schemas/{model}"

_ERROR_BODY = {"application/json": {"schema": {"$ref": _TEMPLATE.format(model="Error")}}}

_FILE: Json = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}

_METRICS: Json = {
    kind: {"schema": {"type": "string"}} for kind in ("text/plain", "application/openmetrics-text")
}

_NO_MODELS = (None, bytes, answers.File, answers.Metrics)
"""Answers that are no JSON: a redirect, a page, a file, metrics."""


def _header(name: str, description: str, **schema: object) -> Json:
    return {
        "name": name,
        "in": "header",
        "schema": {"type": "string", **schema},
        "description": description,
    }


_HEADERS_OF_WRITES = [
    _header(
        "CDB-Comment",
        "Why this is done; kept in the change log. UTF-8.",
        maxLength=LONGEST_COMMENT,
        **TEXT_PATTERN,
    ),
    _header(
        "Idempotency-Key",
        "A word of the client's own: sent again with the same request, the write is done once.",
        maxLength=LONGEST_KEY,
        **TEXT_PATTERN,
    ),
    _header(
        "If-Match",
        "An ETag of the global tag that is written to: a 412 where it has changed since.",
        format="entity-tags",
    ),
]
_CONDITIONS = [_header("If-None-Match", "ETags of what the client has: a 304 where one holds.")]

_TOKEN = "token"  # noqa: S105 - the name of a scheme
_SCHEMES: Json = {
    _TOKEN: {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of the experiment's identity provider, or an API token.",
    }
}


def _said(kind: str, description: str) -> Json:
    return {"schema": {"type": kind}, "description": description}


_HEADERS_OF_DONE = {
    "CDB-Change": _said("integer", "The number of the change; none where nothing changed."),
    "CDB-Dry-Run": _said("string", "`true` where it was only tried: nothing of it is kept."),
    "Idempotency-Replayed": _said("string", "`true` where it was done before."),
}
_HEADERS_OF_ANSWERS = {
    "CDB-Change": _said("integer", "The head of the tag: the last change that touched it."),
    "CDB-As-Of": _said("integer", "The change that it was asked as of."),
    "CDB-Valid-From": _said("string", "Of the query: `major,minor`, from where it holds."),
    "CDB-Valid-Until": _said("string", "Of the query: `major,minor`, the point after that."),
    "ETag": _said("string", "Says the state, for `If-None-Match`, and `If-Match` of writes."),
    "Cache-Control": _said("string", "`immutable` as of a change that is settled."),
}

_HEADERS_OF_ERRORS: dict[int, Json] = {
    401: {"headers": {"WWW-Authenticate": _said("string", "What is asked for, by RFC 6750.")}},
    503: {"headers": {"Retry-After": _said("integer", "Seconds until it may be worth a try.")}},
}

_Entry = tuple[str, int, Resource, Operation]
"""A path, the number of it among those of its resource, and what can be done there."""

_INTRODUCTION = """\
The conditions database: which payloads are valid in a global tag at a point?

Every path is also served with a trailing slash, and every GET also as HEAD.
Paths that stand side by side under the same operation are aliases: the readable
one, and the one that clients of nopayloaddb use. Coordinates are whole numbers
from 0 to 9223372036854775807 (2**63 - 1), beyond what JavaScript keeps exact.
An error has a `code`, a stable word, and either `detail`, one sentence, or
messages by field. A read with the header `CDB-Min-Change` is unavailable where
the service does not have that change yet."""


@resource.get(dict[str, Any])
def show(request: Request) -> Json:
    """Show this document."""
    settings = request.cdb.settings
    security = request.cdb.security
    asks = Asks(security.protects_reads, security.protects_writes)
    made = document(
        request.registry.cdb_resources, settings.api_base, settings.unavailable_status, asks
    )
    return {**made, "servers": [{"url": request.script_name or "/"}]}


class Asks(NamedTuple):
    """Whether a service asks who reads, and who writes."""

    reads: bool
    writes: bool

    def whoever(self, resource: Resource, operation: Operation) -> bool:
        """Tell whether it asks who does this."""
        if operation.writes:
            return self.writes
        return self.reads and not resource.is_public


_ASKS_WRITERS = Asks(reads=False, writes=True)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@lru_cache(maxsize=8)
def document(
    resources: tuple[Resource, ...],
    base: str,
    unavailable: int = Unavailable.status,
    asks: Asks = _ASKS_WRITERS,
) -> Json:
    """Return the document of some resources, without the servers.

    It is made once: that takes a hundred times as long as to send it, to whoever asks.

    Args:
        resources: all of the service.
        base: the path that the API stands under.
        unavailable: the status that `unavailable` has in this service.
        asks: whom it asks who they are.

    """
    entries = [
        (_full_path(resource, path, base), number, resource, operation)
        for resource in resources
        for number, path in enumerate(resource.paths)
        for operation in resource.operations
    ]
    used = list(_types_of(operation for *_, operation in entries))
    references, definitions = TypeAdapter.json_schemas(
        [(kind, mode, _adapter(kind)) for kind, mode in used], ref_template=_TEMPLATE
    )
    named = {(repr(kind), mode): schema for (kind, mode), schema in references.items()}
    paths: dict[str, Json] = {}
    for path, number, resource, operation in entries:
        described = _operation(path, number, resource, operation, named)
        described["responses"] |= _failures(resource, operation, unavailable, asks)
        described["responses"] |= _others(operation, named)
        described["security"] = _security(resource, operation, asks)
        paths.setdefault(path, {})[operation.method.lower()] = described
    _link(paths, entries)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "cdb",
            "version": version("hep-cdb"),
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": definitions.get("$defs", {}), "securitySchemes": _SCHEMES},
    }


def _full_path(resource: Resource, path: str, base: str) -> str:
    return f"/{path}" if resource.rooted else f"{base}/{path}"


def _types_of(operations: Iterable[Operation]) -> Iterator[tuple[Any, JsonSchemaMode]]:
    seen = set()
    yield answers.Error, "serialization"
    yield answers.Tried, "serialization"
    for operation in operations:
        kinds: Sequence[tuple[Any, JsonSchemaMode]] = (
            (operation.body, "validation"),
            (operation.answer, "serialization"),
            *((kind, "serialization") for kind in operation.others.values()),
        )
        for kind, mode in kinds:
            if kind not in _NO_MODELS and (repr(kind), mode) not in seen:
                seen.add((repr(kind), mode))
                yield kind, mode


def _operation(
    path: str,
    number: int,
    resource: Resource,
    operation: Operation,
    named: dict[Any, Json],
) -> Json:
    described: Json = {
        "operationId": _operation_id(path, operation),
        "summary": operation.summary,
        "tags": [resource.group],
        "parameters": [
            *_parameters(operation.path, "path"),
            *_parameters(operation.query, "query"),
            *(_parameters(inputs.DryRunQuery, "query") if operation.writes else ()),
            *_headers(operation),
        ],
        "responses": _success(operation, named),
    }
    notes = [operation.description] if operation.description else []
    if number:
        notes.append(f"The same as `{_full_path(resource, resource.paths[0], '')}`.")
    if notes:
        described["description"] = " ".join(notes)
    if operation.body is not None:
        schema = named[repr(operation.body), "validation"]
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    elif operation.raw_body:
        described["requestBody"] = {"required": True, "content": _FILE}
    return described


def _security(resource: Resource, operation: Operation, asks: Asks) -> list[Json]:
    if asks.whoever(resource, operation):
        return [{_TOKEN: []}]
    return [] if resource.is_public else [{}, {_TOKEN: []}]


def _link(paths: dict[str, Json], entries: Sequence[_Entry]) -> None:
    """Say of what makes something which operations can be asked about it then."""
    for path, _, _, operation in entries:
        if operation.makes:
            made = paths[path][operation.method.lower()]["responses"]["200"]
            made["links"] = dict(_links(operation.makes, entries))


def _links(makes: str, entries: Sequence[_Entry]) -> Iterator[tuple[str, Json]]:
    variable = makes.partition("{")[2].rstrip("}")
    for path, number, resource, operation in entries:
        first = resource.paths[0]
        if number == 0 and first.startswith(makes) and first.count("{") == 1:
            name = _operation_id(path, operation)
            parameters = {f"path.{variable}": f"$response.body#/{variable}"}
            yield name, {"operationId": name, "parameters": parameters}


def _operation_id(path: str, operation: Operation) -> str:
    words = re.sub(r"[^A-Za-z0-9]+", "_", path).strip("_")
    return f"{operation.method.lower()}_{words or 'root'}"


def _parameters(model: type[BaseModel] | None, place: str) -> Iterator[Json]:
    if model is None:
        return
    schema = model.model_json_schema(schema_generator=GenerateJsonSchema)
    required = set(schema.get("required", ()))
    for name, described in schema.get("properties", {}).items():
        kind = _given({key: value for key, value in described.items() if key != "title"})
        parameter: Json = {"name": name, "in": place, "schema": kind}
        if place == "path" or name in required:
            parameter["required"] = True
        if text := kind.get("description"):
            parameter["description"] = text
        yield parameter


def _given(schema: Json) -> Json:
    """Return the schema of what is there: a parameter can be left out, but it cannot be null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    rest = {key: value for key, value in schema.items() if key not in {"anyOf", "default"}}
    return {**kinds[0], **rest}


def _headers(operation: Operation) -> list[Json]:
    """Return the headers that an operation reads."""
    if operation.writes:
        return _HEADERS_OF_WRITES
    return _CONDITIONS if operation.says_how_long else []


def _success(operation: Operation, named: dict[Any, Json]) -> Json:
    if operation.answer is None:
        return {"302": {"description": "Found"}}
    if operation.answer is bytes:
        return {"200": {"description": "A page", "content": {"text/html": {}}}}
    success: Json = {"description": "OK", "content": _content(operation.answer, named)}
    if operation.writes:
        success["content"] = _or_tried(success["content"], named)
    if operation.streams:
        success["content"] |= {LINES: {"schema": {"type": "string"}}}
    if operation.writes:
        success["headers"] = _HEADERS_OF_DONE
    if not operation.says_how_long:
        return {"200": success}
    success["headers"] = _HEADERS_OF_ANSWERS
    not_modified = {"description": "What the client has still holds."}
    return {"200": success, "304": not_modified}


def _others(operation: Operation, named: dict[Any, Json]) -> Json:
    return {
        str(status): {
            "description": (kind.__doc__ or "").partition("\n")[0],
            "content": _content(kind, named),
        }
        for status, kind in operation.others.items()
    }


def _content(kind: Any, named: dict[Any, Json]) -> Json:
    if kind is answers.File:
        return _FILE
    if kind is answers.Metrics:
        return _METRICS
    return {"application/json": {"schema": named[repr(kind), "serialization"]}}


def _or_tried(content: Json, named: dict[Any, Json]) -> Json:
    """Return what a write answers, or answers where it is tried with `dry_run=change`."""
    tried = _content(answers.Tried, named)
    return {
        kind: {"schema": {"anyOf": [content[kind]["schema"], tried[kind]["schema"]]}}
        for kind in content
    }


def _failures(resource: Resource, operation: Operation, unavailable: int, asks: Asks) -> Json:
    """Return the errors of an operation: its own, and those that its inputs bring."""
    errors: list[type[CdbError]] = list(operation.errors)
    if operation.path or operation.query or operation.body or operation.writes:
        errors.append(Invalid)
    if operation.body:
        errors += [TooLarge, NotJson]
    if operation.writes:
        errors += [PreconditionFailed, KeyUsedOtherwise, ReadOnly]
    if operation.writes or asks.whoever(resource, operation):
        errors += [Unauthenticated, InvalidCredentials, Forbidden]
    errors += [Unavailable, Unconfirmed] if operation.writes else [Unavailable]
    by_status: dict[int, list[type[CdbError]]] = {}
    for error in errors:
        status = unavailable if issubclass(error, Unavailable) else error.status
        if error not in by_status.setdefault(status, []):
            by_status[status].append(error)
    return {
        str(status): {
            "description": " ".join(f"`{e.code}`: {_sentence(e)}" for e in by_status[status]),
            "content": _ERROR_BODY,
            **_HEADERS_OF_ERRORS.get(status, {}),
        }
        for status in sorted(by_status)
    }


def _sentence(error: type[CdbError]) -> str:
    return (error.__doc__ or "").strip().partition("\n")[0]
