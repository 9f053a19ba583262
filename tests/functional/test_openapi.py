"""The OpenAPI document: valid, complete, and what the service really does."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import jsonschema_rs
import pytest
from guarded import JWT, ROLES
from pydantic import ValidationError
from schemathesis.specs.openapi.definitions import OPENAPI_31
from support import API, DATA, Client

from cdb.app import make_app
from cdb.domain.points import MAX
from cdb.errors import (
    CdbError,
    Forbidden,
    Invalid,
    InvalidCredentials,
    NotJson,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from cdb.rest import inputs, openapi
from cdb.rest.views import RESOURCES
from cdb.settings import load

ALL = (*RESOURCES, openapi.resource)
DECLARED = [
    (f"/{path}" if resource.rooted else f"{API}/{path}", operation)
    for resource in ALL
    for path in resource.paths
    for operation in resource.operations
]
WHO = {**JWT, **ROLES, "plugin.jwt.secret": "env:PATH"}
EXCHANGES = json.loads((DATA / "contract" / "nopayloaddb-wire.json").read_text())


@pytest.fixture(scope="module")
def service(databases: Any) -> Iterator[Client]:
    """A service that is only asked for its document."""
    with databases("sqlite") as url:
        app = make_app(load({"cdb.database.url": url, "cdb.allow_open_writes": "true"}, {}))
        yield Client(app)
        app.registry.cdb.database.dispose()


@pytest.fixture(scope="module")
def document(service: Client) -> dict[str, Any]:
    """The document as the service sends it."""
    return dict(service.ok("GET", "/openapi.json"))


# --- the document -------------------------------------------------------------


def test_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    jsonschema_rs.Draft202012Validator(OPENAPI_31).validate(document)


def test_who_asks_for_the_document_again_and_again_costs_nothing(
    service: Client, document: dict[str, Any]
) -> None:
    made = openapi.document.cache_info().misses
    assert [service.ok("GET", "/openapi.json") for _ in range(3)] == [document] * 3
    assert openapi.document.cache_info().misses == made


def test_schemas_of_the_document_are_valid_json_schema(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert len(schemas) > 30
    for schema in schemas.values():
        jsonschema_rs.meta.validate(schema)


LIMITS = {
    "array": {"minItems", "maxItems", "uniqueItems"},
    "object": {"minProperties", "maxProperties"},
    "string": {"minLength", "maxLength", "pattern"},
}


def test_every_limit_is_one_of_its_type(document: dict[str, Any]) -> None:
    """JSON Schema lets a limit of another type stand, and heeds it nowhere."""
    wrong = [
        (place, limit)
        for place, schema in walked(document, "")
        if isinstance(schema.get("type"), str)
        for kind, limits in LIMITS.items()
        if kind != schema["type"]
        for limit in limits & schema.keys()
    ]
    assert wrong == []


def walked(part: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield all objects of a document, and where they are."""
    if isinstance(part, dict):
        yield place, part
    for key, each in part.items() if isinstance(part, dict) else enumerate(part):
        if isinstance(each, dict | list):
            yield from walked(each, f"{place}/{key}")


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    used = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert used == set(document["components"]["schemas"])


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [op["operationId"] for item in document["paths"].values() for op in item.values()]
    assert len(ids) == len(set(ids)) == len(DECLARED)


def test_every_write_and_no_read_can_be_tried(document: dict[str, Any]) -> None:
    for path, operation in DECLARED:
        described = document["paths"][path][operation.method.lower()]
        named = [each["name"] for each in described["parameters"] if each["in"] == "query"]
        assert named.count("dry_run") == operation.writes, (path, operation.method)


def test_every_route_is_documented_and_nothing_else(
    service: Client, document: dict[str, Any]
) -> None:
    documented = {
        (path, method.upper()) for path, item in document["paths"].items() for method in item
    }
    assert registered(service) == documented


def registered(service: Client) -> set[tuple[str, str]]:
    """Return the paths and methods that Pyramid has views for."""
    known = service.app.registry.introspector
    patterns = {
        route["introspectable"]["name"]: route["introspectable"]["pattern"]
        for route in known.get_category("routes")
    }
    return {
        (patterns[view["introspectable"]["route_name"]], method)
        for view in known.get_category("views")
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
        if method in str(view["introspectable"]["request_methods"])
    }


@pytest.mark.parametrize(
    ("path", "operation"), DECLARED, ids=[f"{op.method} {path}" for path, op in DECLARED]
)
def test_every_error_of_an_endpoint_is_documented(
    document: dict[str, Any], path: str, operation: Any
) -> None:
    responses = document["paths"][path][operation.method.lower()]["responses"]
    expected: set[type[CdbError]] = {*operation.errors, Unavailable}
    expected |= {Invalid} if operation.path or operation.query or operation.body else set()
    expected |= {Invalid, NotJson, TooLarge} if operation.body else set()
    expected |= {Unauthenticated, InvalidCredentials, Forbidden} if operation.writes else set()
    missing = [
        error.code
        for error in expected
        if error.status not in operation.others
        and f"`{error.code}`" not in responses[str(error.status)]["description"]
    ]
    assert missing == []


@pytest.mark.parametrize("path", ["/globalTag/{name}", "/global-tags/{name}"])
def test_aliases_are_documented_side_by_side(document: dict[str, Any], path: str) -> None:
    operation = document["paths"][API + path]["get"]
    assert (
        operation["responses"]
        == document["paths"][f"{API}/global-tags/{{name}}"]["get"]["responses"]
    )


def test_document_follows_the_settings(make_client: Callable[..., Client]) -> None:
    client = make_client(api_base="/cond/v1", unavailable_status="504")
    document = client.ok("GET", "/openapi.json")
    responses = document["paths"]["/cond/v1/payloadiovs"]["get"]["responses"]
    assert sorted(responses) == ["200", "304", "400", "404", "409", "504"]


def test_document_names_the_prefix_that_the_service_stands_under(service: Client) -> None:
    answer = service.get("/openapi.json", extra_environ={"SCRIPT_NAME": "/prefix"})
    assert answer.json["servers"] == [{"url": "/prefix"}]


def test_what_makes_something_leads_to_what_can_be_asked_about_it(
    document: dict[str, Any],
) -> None:
    known = {op["operationId"]: op for item in document["paths"].values() for op in item.values()}
    leading = {
        name: operation["responses"]["200"]["links"]
        for name, operation in known.items()
        if "links" in operation["responses"].get("200", {})
    }
    assert len(leading) == 9  # what makes tags, types, lists and IOVs, and each alias of it
    for link in (link for links in leading.values() for link in links.values()):
        place, _, variable = next(iter(link["parameters"])).partition(".")
        described = known[link["operationId"]]["parameters"]
        assert (variable, place) in {(each["name"], each["in"]) for each in described}


def test_document_says_who_is_asked_who_they_are(
    make_client: Callable[..., Client], document: dict[str, Any]
) -> None:
    token = [{"token": []}]
    protected = make_client(read_access="authenticated", **WHO).ok("GET", "/openapi.json")
    guarded = make_client(**WHO).ok("GET", "/openapi.json")

    def asked(document: dict[str, Any], method: str, path: str) -> Any:
        return document["paths"][path][method]["security"]

    assert asked(document, "post", f"{API}/gt") == [{}, *token]
    assert asked(guarded, "post", f"{API}/gt") == token
    assert asked(guarded, "get", f"{API}/globalTags") == [{}, *token]
    assert asked(protected, "get", f"{API}/globalTags") == token
    assert asked(protected, "get", "/health/live") == []
    assert {"401", "403"} < set(protected["paths"][f"{API}/globalTags"]["get"]["responses"])


@pytest.mark.parametrize(
    ("path", "name", "bounds"),
    [
        ("global-tags", "page", (1, 10**12)),
        ("global-tags", "page_size", (1, MAX)),
        ("changes", "limit", (1, MAX)),
        ("changes", "after", (0, MAX)),
        ("global-tags/{name}/timeline", "buckets", (2, 1500)),
        ("timeout", "seconds", (0, 60)),
    ],
)
def test_document_says_the_bounds_of_a_number(
    document: dict[str, Any], path: str, name: str, bounds: tuple[int, int]
) -> None:
    parameters = document["paths"][f"{API}/{path}"]["get"]["parameters"]
    schema = next(each["schema"] for each in parameters if each["name"] == name)
    assert (schema["type"], schema["minimum"], schema["maximum"]) == ("integer", *bounds)


@pytest.mark.parametrize(
    ("model", "is_right", "body"),
    [
        ("NewIov", True, {"major_iov": 1, "minor_iov": 0}),
        ("NewIov", True, {"begin": "1,0"}),
        ("NewIov", True, {"begin": "1,0", "major_iov": None, "minor_iov": None}),
        ("NewIov", False, {"major_iov": 1}),
        ("NewIov", False, {"major_iov": 1, "minor_iov": 0, "begin": "1,0"}),
        ("NewIov", False, {}),
        ("Merge", True, {"mode": "fill", "sources": ["A"]}),
        ("Merge", True, {"mode": "append", "sources": ["A"], "from": "1,0", "full": True}),
        ("Merge", False, {"mode": "append", "sources": ["A"]}),
        ("Merge", False, {"mode": "append", "sources": ["A"], "from": "1,0", "to": "2,0"}),
        ("Merge", False, {"mode": "fill", "sources": ["A"], "closed": "fix"}),
        ("TagDescription", True, {"contact": None}),
        ("TagDescription", False, {}),
    ],
)
def test_document_says_which_fields_go_together(
    document: dict[str, Any], model: str, is_right: bool, body: dict[str, Any]
) -> None:
    whole = {"payload_url": "x", "checksum": "c", **body} if model == "NewIov" else body
    schema = {"$ref": f"#/components/schemas/{model}", "components": document["components"]}
    assert jsonschema_rs.Draft202012Validator(schema).is_valid(whole) is is_right
    validate = getattr(inputs, model).model_validate
    if is_right:
        validate(whole, strict=True)
    else:
        with pytest.raises(ValidationError):
            validate(whole, strict=True)


def test_parameter_that_is_left_out_is_not_called_null(document: dict[str, Any]) -> None:
    for item in document["paths"].values():
        for operation in item.values():
            for parameter in operation["parameters"]:
                assert {"type": "null"} not in parameter["schema"].get("anyOf", ()), parameter


# --- the page -----------------------------------------------------------------


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
def test_page_and_its_assets_are_served(service: Client, path: str) -> None:
    page = service.get(path, status=200)
    assets = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    own = [asset for asset in assets if not asset.startswith("data:")]
    assert len(own) == 4
    for asset in own:
        assert service.get(urljoin(path, asset), status=200).body


def test_page_refers_to_its_own_origin_only(service: Client) -> None:
    page = service.get("/docs", status=200)
    assert re.findall(r"(?:https?:)?//[\w.]+", page.text) == []
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self';")


def test_script_of_the_page_refers_to_its_own_origin_only(service: Client) -> None:
    script = service.get("/static/openapi.js", status=200)
    assert re.findall(r"https?://", script.text) == []


def test_vendored_files_are_what_the_manifest_says() -> None:
    tool = Path(__file__).parents[2] / "tools" / "vendor.py"
    done = subprocess.run(
        [sys.executable, tool, "--check"], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- what the service does is what the document says ---------------------------


class Schema:
    """The document, with validators of its answers."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._paths = {
            path: re.compile(re.sub(r"\{\w+\}", "[^/]+", path)) for path in document["paths"]
        }

    def problems(self, method: str, path: str, answer: Any) -> list[str]:
        """Return what an answer has that the document does not say."""
        matching = [name for name, pattern in self._paths.items() if pattern.fullmatch(path)]
        name = min(matching, key=lambda each: each.count("{"))
        responses = self._document["paths"][name][method.lower()]["responses"]
        if str(answer.status_int) not in responses:
            return [f"{method} {path}: {answer.status_int}"]
        schema = responses[str(answer.status_int)]["content"]["application/json"]["schema"]
        whole = {**schema, "components": self._document["components"]}
        validator = jsonschema_rs.Draft202012Validator(whole)
        return [f"{method} {path}: {error}" for error in validator.iter_errors(answer.json)]


def test_every_answer_of_the_contract_is_as_the_document_says(
    client: Client, document: dict[str, Any]
) -> None:
    schema = Schema(document)
    problems = []
    for exchange in EXCHANGES:
        answer = client.api(exchange["method"], exchange["path"], exchange["body"])
        path = exchange["path"].partition("?")[0].rstrip("/")
        problems += schema.problems(exchange["method"], f"{API}/{path}", answer)
    assert problems == []
