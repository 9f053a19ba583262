"""The service itself: what it is, how it is, what clients need to know of it."""

import time
from importlib.metadata import version
from importlib.resources import files
from string import Template

from pyramid.httpexceptions import HTTPFound
from pyramid.request import Request
from pyramid.response import Response

from cdb.errors import InvalidCredentials, NotFound, Unavailable
from cdb.plugin import Permission
from cdb.registry import listing
from cdb.rest import answers, inputs, shapes
from cdb.rest.lane import SLASHED
from cdb.rest.media import json_response
from cdb.rest.service import SERVICE, Resource
from cdb.services import intervals, permitted

about = Resource(SERVICE, [""], rooted=True)
live = Resource(SERVICE, ["health/live"], rooted=True)
ready = Resource(SERVICE, ["health/ready"], rooted=True)
metrics = Resource(SERVICE, ["metrics"], rooted=True, protected=True)
page = Resource(SERVICE, ["docs"], rooted=True)
setting = Resource(SERVICE, ["settings/{name}", "user_settings/{name}"])
timeout = Resource(SERVICE, ["timeout"])
web = Resource(SERVICE, ["web"])

plugins = Resource(SERVICE, ["plugins"])
points = Resource(SERVICE, ["points"])
whoami = Resource(SERVICE, ["whoami"])

RESOURCES = (about, live, ready, metrics, page, setting, plugins, points, whoami, timeout, web)

_PAGE_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page of the API loads nothing from elsewhere; Swagger UI styles its own elements."""


@about.get(answers.About)
def show_about(request: Request) -> Response:
    """Show what this service is, and where things are.

    Who asks for a page, as a browser does, is led to the web interface.
    """
    if _prefers_a_page(request):
        response: Response = HTTPFound(location=f"{request.script_name}/ui/")
    else:
        response = json_response(_about(request))
    response.vary = ["Accept"]
    return response


def _prefers_a_page(request: Request) -> bool:
    offers = request.accept.acceptable_offers(["application/json", "text/html"])
    return bool(offers and offers[0][0] == "text/html")


def _about(request: Request) -> shapes.Json:
    metrics_too = {"metrics": "/metrics"} if request.cdb.metrics else {}
    return {
        "name": "cdb",
        "version": version("hep-cdb"),
        "links": {
            "web": "/ui/",
            "api": request.cdb.settings.api_base,
            "documentation": "/docs",
            "openapi": "/openapi.json",
            "live": "/health/live",
            "ready": "/health/ready",
            **metrics_too,
        },
        "payload_store": request.cdb.payload_store is not None,
    }


@live.get(answers.Live)
def show_live(_request: Request) -> shapes.Json:
    """Say that the process answers; the database is not asked."""
    return {"status": "ok"}


@ready.get(answers.Ready, others={503: answers.Ready})
def show_ready(request: Request) -> object:
    """Say of each part of the service whether it is well, and how long it took to see that.

    Each has `cdb.health_timeout` for an answer. Without the database, its tables or the
    statuses of the tag policy nothing is answered: 503. Where anything else is out, such
    as the primary, while replicas answer the reads, the service is `degraded`.
    """
    found = request.cdb.readiness.probe()
    return json_response(found._asdict(), 503 if found.status == "failing" else 200)


@metrics.get(answers.Metrics, errors=[NotFound])
def show_metrics(request: Request) -> Response:
    """Show the metrics of the service, for Prometheus.

    All processes of a service show the same. It takes some seconds where the database is
    silent, and then leaves out what cannot be known.
    """
    shown = request.cdb.metrics
    if shown is None:
        raise NotFound("This service shows no metrics: cdb.metrics is off.")
    body, media_type = shown.text(request.headers.get("Accept", ""))
    response = Response(body)
    response.headers["Content-Type"] = media_type
    response.vary = ["Accept"]
    return response


@page.get(bytes)
def show_page(request: Request) -> Response:
    """Show a page to browse and try the API with; it needs no internet."""
    html = Template(files("cdb.ui").joinpath("openapi.html").read_text("utf-8"))
    shown = html.substitute(root="../" if SLASHED in request.environ else "")
    response = Response(shown, content_type="text/html", charset="utf-8")
    response.headers["Content-Security-Policy"] = _PAGE_POLICY
    return response


@setting.get(dict[str, str], path=inputs.NamePath, errors=[NotFound])
def show_setting(request: Request, path: inputs.NamePath) -> dict[str, str]:
    """Show a setting that clients need: CDB_IOV_MODE or CDB_PAYLOAD_BASE_URL.

    No other name is answered, and never one of the environment.
    """
    settings = request.cdb.settings
    shown = {
        "CDB_IOV_MODE": settings.iov_mode,
        "CDB_PAYLOAD_BASE_URL": settings.payload_base_url,
    }
    if path.name not in shown:
        raise NotFound(f"Setting {path.name!r} does not exist.")
    return {path.name: shown[path.name]}


@plugins.get(list[answers.PluginRow])
def list_plugins(request: Request) -> list[shapes.Json]:
    """List the installed plugins, and which of them this service enables."""
    return [row.as_json() for row in listing.rows(request.cdb.plugins)]


@points.get(list[answers.WrittenPoint], query=inputs.PointsQuery, errors=[])
def read_points(request: Request, query: inputs.PointsQuery) -> list[shapes.Json]:
    """Read points in a notation, and write them in numbers and in that notation."""
    rules = request.cdb.rules
    used = [intervals.dimension(rules, query.dimension).name]
    found = (intervals.read_point(rules, written, used) for written in query.at)
    return [
        {
            "dimension": where.name,
            "major": point.major,
            "minor": point.minor,
            "notation": where.format(point),
        }
        for where, point in found
    ]


@whoami.get(
    answers.Whoami | answers.WhoamiInTag,
    query=inputs.WhoamiQuery,
    errors=[InvalidCredentials, NotFound],
)
def show_whoami(request: Request, query: inputs.WhoamiQuery) -> shapes.Json:
    """Show who sends the request, and which permissions they have somewhere.

    With `global_tag` also which of them hold there, as the status of the tag is now, and
    which statuses they may give it.
    """
    context = request.cdb
    identity = context.security.identity(request)
    is_read_only = context.database.is_read_only
    known = [Permission.READ] if is_read_only else list(Permission)
    shown = {
        "subject": identity.subject,
        "method": identity.method,
        "scopes": None if identity.scopes is None else sorted(identity.scopes),
        "expires": permitted.ends(identity),
        "permissions": [each for each in known if context.security.may_permit(request, each)],
    }
    if query.global_tag is None:
        return shown
    with context.database.snapshot() as reader:
        writer = context.security.writer(request)
        may = permitted.in_tag(reader, context.rules, writer, query.global_tag, query.payload_type)
    there = {
        "global_tag": query.global_tag,
        "permissions": [each for each in may.permissions if each in known],
        "statuses": [] if is_read_only else may.statuses,
    }
    return {**shown, "there": there}


@timeout.get(answers.Deleted, query=inputs.TimeoutQuery, errors=[NotFound, Unavailable])
def sleep(request: Request, query: inputs.TimeoutQuery) -> shapes.Json:
    """Answer after some seconds, for clients that test their time limits; one at a time."""
    if not request.cdb.settings.timeout_endpoint:
        raise NotFound("This service does not sleep: cdb.timeout_endpoint is off.")
    if not request.cdb.sleeping.acquire(blocking=False):
        raise Unavailable("Another request is sleeping.")
    try:
        time.sleep(query.seconds)
    finally:
        request.cdb.sleeping.release()
    return {"detail": f"Slept for {query.seconds} s."}


@web.get(None)
def lead_to_interface(request: Request) -> Response:
    """Lead to the web interface."""
    raise HTTPFound(location=f"{request.script_name}/ui/")
