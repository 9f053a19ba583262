"""The endpoints: what each takes and answers, declared once. The only import of Cornice.

A `Resource` is a set of paths with the same operations. From it come the Cornice
services, and the OpenAPI document. An operation declares the models of its path,
query string and body; the view gets them validated. One that writes gets a
session, which commits when the answer is a success, and is rolled back where
the request is a dry run, which every write knows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cornice
import cornice.service
import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from cdb.errors import CdbError, Invalid, NotJson, ReadOnly, TooLarge
from cdb.observed import OBSERVED
from cdb.plugin import Permission
from cdb.rest import spreading, tries, writing
from cdb.rest.holding import Unchanged
from cdb.rest.inputs import DryRunQuery
from cdb.rest.media import json_response, packed
from cdb.store.pools import BUNDLE

NOT_STORED = "no-store"
"""What `Cache-Control` says of an answer that is not to be given again."""

SERVICE = "Service"
"""The group of what is about the service itself, which is no read of conditions."""

_FIELDS_AT_MOST = 100
"""Of an object in a body, but for what belongs to a plugin."""

_FIELDS_NAMED_AT_MOST = 100
"""Messages about one field in an answer; a wrong bulk could have a hundred thousand."""

_WORDS_OF_ANSWERS = frozenset({"code", "detail"})
"""What an error says in any case; a field called like that has no place of its own."""

_DRY_RUN = "dry_run"

View = Callable[..., object]
"""A function that answers a request; keywords are the inputs that its operation
declares, and `session` where it writes. It returns a Response, or what becomes
the JSON body."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of a resource.

    `answer` is the model of a success; `others` are models of answers with
    another status that are no errors of cdb. `permission` is what the view will
    ask for; who can have it nowhere is refused before the body is read. With
    `raw_body` the view reads the body itself, whatever it is. What `says_how_long`
    its answer holds knows `If-None-Match`; what `streams` comes as lines, too. What
    `is_kept` depends on nothing but its URL and the log, and is short as a rule: a
    process keeps its answers. What is `in_lane`, at paths without variables, is
    answered before the framework is asked. What `is_packed` comes compressed for who
    takes that. What `makes` something answers with it: where that stands then, by a path
    with one variable, which is a field of the answer.
    """

    method: str
    view: View
    summary: str
    answer: Any
    path: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    body: Any = None
    raw_body: bool = False
    errors: Sequence[type[CdbError]] = ()
    others: Mapping[int, Any] = field(default_factory=dict)
    permission: Permission = Permission.READ
    says_how_long: bool = False
    streams: bool = False
    is_kept: bool = False
    in_lane: bool = False
    is_packed: bool = False
    makes: str = ""
    description: str = ""

    @property
    def writes(self) -> bool:
        """Whether the view gets a session and a writer."""
        return self.permission is not Permission.READ


@dataclass(slots=True, eq=False)
class Resource:
    """Paths that mean the same thing, and what can be done there.

    Equal to itself only, so that what is made from it can be kept.

    Args:
        group: the heading under which the documentation shows it.
        paths: relative to the API's base, or to the root where `rooted`.
        rooted: whether the paths stand outside of the API's base: everybody may read there,
            what it says of the process.
        protected: whether it is for who may read all the same.

    """

    group: str
    paths: Sequence[str]
    rooted: bool = False
    protected: bool = False
    operations: list[Operation] = field(default_factory=list)

    @property
    def is_public(self) -> bool:
        """Whether everybody may read it, whatever the service asks otherwise."""
        return self.rooted and not self.protected

    def get(self, answer: Any, **declared: Any) -> Callable[[View], View]:
        """Declare what GET, and so HEAD, answers."""
        return self._declare("GET", answer, declared)

    def post(self, answer: Any, **declared: Any) -> Callable[[View], View]:
        """Declare what POST does; with no permission, it reads."""
        return self._declare("POST", answer, declared)

    def put(self, answer: Any, permission: Permission, **declared: Any) -> Callable[[View], View]:
        """Declare what PUT does."""
        return self._declare("PUT", answer, {**declared, "permission": permission})

    def patch(
        self, answer: Any, permission: Permission, **declared: Any
    ) -> Callable[[View], View]:
        """Declare what PATCH does."""
        return self._declare("PATCH", answer, {**declared, "permission": permission})

    def delete(
        self, answer: Any, permission: Permission, **declared: Any
    ) -> Callable[[View], View]:
        """Declare what DELETE does."""
        return self._declare("DELETE", answer, {**declared, "permission": permission})

    def _declare(
        self, method: str, answer: Any, declared: Mapping[str, Any]
    ) -> Callable[[View], View]:
        def decorate(view: View) -> View:
            summary, _, rest = (view.__doc__ or "").strip().partition("\n")
            description = " ".join(rest.split())
            self.operations.append(
                Operation(
                    method=method,
                    view=view,
                    summary=summary.rstrip("."),
                    description=description,
                    answer=answer,
                    **declared,
                )
            )
            return view

        return decorate


def add_resources(config: Configurator, resources: Iterable[Resource], base: str) -> None:
    """Register the routes and views of resources.

    Routes are tried in order, so those without variables come first: a path such
    as `payload-lists/attach` must not be taken for the list of that id.
    """
    pairs = [(resource, path) for resource in resources for path in resource.paths]
    pairs.sort(key=lambda pair: pair[1].count("{"))
    for resource, path in pairs:
        full = f"/{path}" if resource.rooted else f"{base}/{path}"
        service = cornice.Service(name=full, path=full.rstrip("/") or "/")
        for operation in resource.operations:
            service.add_view(
                operation.method,
                _wrapped(operation, resource),
                validators=(_guard(operation, resource), _validator(operation)),
                renderer="string",
            )
        config.add_cornice_service(service)
    # Cornice would keep what it has made for as long as the process lives, and with it all
    # of the application: the tests make thousands.
    cornice.service.clear_services()


def direct(operation: Operation, resource: Resource) -> Callable[[Request], Response]:
    """Return what answers a read, without what the framework does around it.

    It is for a `Request` that nobody has to permit, and that a path without variables leads to.
    """
    validate, view = _validator(operation), _wrapped(operation, resource)

    def answer(request: Request) -> Response:
        request.validated = {}
        validate(request)
        return view(request)

    return answer


def _wrapped(operation: Operation, resource: Resource) -> Callable[[Request], Response]:
    def view(request: Request) -> Response:
        inputs = dict(request.validated)

        def read() -> Response:
            return _read(operation, request, inputs)

        if operation.writes:
            return _written(operation, request, inputs)
        # What stands outside of the API's base says how this process is.
        response = read() if resource.rooted else spreading.answered(request, read)
        if not resource.rooted and resource.group != SERVICE:
            _note_source(request)
        if getattr(request, "sealed", None) is None:
            _keep_out_of_caches(response)
        return response

    return view


def _note_source(request: Request) -> None:
    observed = request.environ[OBSERVED]
    if observed.source is None:
        observed.source = BUNDLE if observed.server == BUNDLE else "database"


def _keep_out_of_caches(response: Response) -> None:
    """Let no cache keep an answer that does not say for how long: some would, for minutes."""
    response.headers.setdefault("Cache-Control", NOT_STORED)


def _read(operation: Operation, request: Request, inputs: Mapping[str, Any]) -> Response:
    kept = request.cdb.answers
    if operation.is_kept and (given := kept.again(request)):
        return given
    try:
        response = _as_response(operation.view(request, **inputs))
    except Unchanged as unchanged:
        response = unchanged.holding.not_modified()
    if operation.is_kept:
        kept.keep_response(request, response)
    return packed(request, response) if operation.is_packed else response


def _written(operation: Operation, request: Request, inputs: dict[str, Any]) -> Response:
    # A merge can say it in its body, too.
    dry_run = inputs.pop(_DRY_RUN) or getattr(inputs.get("body"), _DRY_RUN, False)
    writer = writing.writer_of(request, dry_run=bool(dry_run))
    key = writing.idempotency_key(request)
    session = request.cdb.database.write_session(request.tm)

    def write() -> Response:
        answer = operation.view(request, session=session, writer=writer, **inputs)
        if operation.permission not in {permission for permission, _ in writer.asked}:
            raise RuntimeError(f"{operation.view.__name__} did not ask for {operation.permission}")
        return _as_response(answer)

    if dry_run:
        return tries.tried(request, session, write, in_full=dry_run == tries.IN_FULL)
    body = None if operation.raw_body else request.body
    response = writing.once(request, session, writer, key, body, write)
    request.written = writing.Written(session, response)
    return response


def _as_response(answer: object) -> Response:
    return answer if isinstance(answer, Response) else json_response(answer)


def _guard(operation: Operation, resource: Resource) -> Callable[..., None]:
    """Return the check that comes first: whether the sender can have the permission."""
    is_public = resource.is_public and not operation.writes

    def check(request: Request, **_: object) -> None:
        security = request.cdb.security
        request.environ[OBSERVED].writes = operation.writes
        if not is_public and (operation.writes or security.protects_reads):
            security.check_early(request, operation.permission)
        if operation.writes and request.cdb.database.is_read_only:
            raise ReadOnly("This service reads a bundle: nobody can write to it.")

    return check


def _validator(operation: Operation) -> Callable[..., None]:
    body = None if operation.body is None else TypeAdapter(operation.body)

    def validate(request: Request, **_: object) -> None:
        if operation.path:
            request.validated["path"] = _checked(
                operation.path.model_validate, dict(request.matchdict)
            )
        if operation.query:
            request.validated["query"] = _checked(operation.query.model_validate, _query(request))
        if operation.writes:
            request.validated[_DRY_RUN] = _dry_run(request)
        if body:
            value = _json(_raw_body(request))
            _refuse_many_fields(value)
            request.validated["body"] = _checked(body.validate_python, value, strict=True)
        elif operation.writes and operation.method != "DELETE" and not operation.raw_body:
            _refuse_body(request)

    return validate


def _dry_run(request: Request) -> bool | str:
    if not request.query_string:
        return False
    query: DryRunQuery = _checked(DryRunQuery.model_validate, _query(request))
    return query.dry_run


def _query(request: Request) -> dict[str, Any]:
    try:
        # A name that comes twice becomes a list, which no single value takes.
        mixed: dict[str, Any] = request.GET.mixed()
    except UnicodeDecodeError:
        raise Invalid("The query string is not UTF-8.") from None
    return mixed


def _raw_body(request: Request) -> bytes:
    limit = request.cdb.max_body
    if (request.content_length or 0) > limit:
        raise TooLarge(f"The body has more than {limit} bytes.")
    raw: bytes = request.body
    if len(raw) > limit:
        raise TooLarge(f"The body has more than {limit} bytes.")
    media_type = request.content_type
    if (
        raw
        and media_type
        and media_type != "application/json"
        and not media_type.endswith("+json")
    ):
        raise NotJson("The body has to be application/json.")
    return raw


def _json(raw: bytes) -> object:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"The body is not JSON: {error}") from None


def _refuse_many_fields(value: object) -> None:
    """Refuse more fields than any body or row has, before each of them becomes an error."""
    objects = value if isinstance(value, list) else [value]
    if any(isinstance(each, dict) and len(each) > _FIELDS_AT_MOST for each in objects):
        raise Invalid(f"The body has an object of more than {_FIELDS_AT_MOST} fields.")


def _refuse_body(request: Request) -> None:
    """Refuse a body where none is taken; clients send none, `null` or an empty object."""
    if (request.content_length or 0) > 64 or request.body.strip() not in (b"", b"null", b"{}"):
        raise Invalid("This request takes no body.")


def _checked(validate: Callable[..., Any], value: object, **options: Any) -> Any:
    try:
        return validate(value, **options)
    except ValidationError as error:
        raise _as_invalid(error) from None


def _as_invalid(error: ValidationError) -> Invalid:
    """Turn what pydantic found into messages by field; rows of a batch are named in them."""
    fields: dict[str, list[str]] = {}
    details: list[str] = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        message = str(problem["msg"]).removeprefix("Value error, ")
        location = list(problem["loc"])
        if location and isinstance(location[0], int):
            message = f"row {location.pop(0)}: {message}"
        if not location or location[0] in _WORDS_OF_ANSWERS:
            details.append(": ".join([*map(str, location[:1]), message]))
            continue
        messages = fields.setdefault(str(location[0]), [])
        if len(messages) < _FIELDS_NAMED_AT_MOST and message not in messages:
            messages.append(message)
    sentences = [*details, *(f"{name}: {messages[0]}" for name, messages in fields.items())]
    # Where not everything belongs to a field, one sentence says it all.
    return Invalid("; ".join(sentences[:10]), None if details else fields)
