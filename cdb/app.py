"""The composition root: what the service is made of, in order."""

from collections.abc import Mapping
from copy import copy
from functools import lru_cache
from typing import Any

import pyramid_tm
from pyramid.config import Configurator
from pyramid.events import ContextFound
from pyramid.registry import Registry
from pyramid.request import Request
from pyramid.router import Router
from pyramid_retry import RetryableExecutionPolicy

from cdb.registry.plugins import load as load_plugins
from cdb.rest import openapi, views
from cdb.rest.access import AccessLog
from cdb.rest.context import Context
from cdb.rest.lane import Lane
from cdb.rest.observing import Observing, note_route
from cdb.rest.service import Resource
from cdb.security.exposure import check_open_writes
from cdb.security.policy import OfService
from cdb.settings import Settings

_ATTEMPTS = 3

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def make_app(
    settings: Settings,
    ini: Mapping[str, Any] | None = None,
    file: str | None = None,
    listen: str | None = None,
) -> Router:
    """Return the WSGI application of a service with these settings.

    Args:
        settings: of the service.
        ini: the keys of the ini, for the framework.
        file: the ini, which messages name lines of.
        listen: where the service listens instead of where the ini says.

    Raises:
        SettingsError: a plugin is wrong, or the service would be open to writes.

    """
    plugins = load_plugins(settings, file)
    check_open_writes(settings, plugins, file, listen)
    own = {key: value for key, value in (ini or {}).items() if not key.startswith("cdb.")}
    resources = (*views.RESOURCES, openapi.resource)
    registry = copy(_interface(resources, settings.api_base, frozenset(own.items())))
    registry.cdb = Context.of(settings, plugins, [AccessLog(resources)])
    return Router(registry)


@lru_cache(maxsize=8)
def _interface(
    resources: tuple[Resource, ...], api_base: str, ini: frozenset[tuple[str, Any]]
) -> Registry:
    """Return what services have in common: routes, views, and how requests run.

    It is made once a process, since it takes far longer than all the rest: the
    tests make thousands of services. So it knows of no service, and finds what
    is one's own in the registry of the request.
    """
    config = Configurator(settings={**dict(ini), **_FRAMEWORK, "cdb.api_base": api_base})
    config.registry.cdb_resources = resources
    config.set_security_policy(OfService())
    config.add_request_method(lambda request: request.registry.cdb, "cdb", property=True)
    config.include("pyramid_tm")
    config.include("cdb.rest")
    config.include("cdb.ui")
    retries = RetryableExecutionPolicy(_ATTEMPTS, attempts)
    config.set_execution_policy(Observing(Lane(resources, api_base, retries)))
    config.add_subscriber(note_route, ContextFound)
    config.commit()
    return config.registry


def writes(request: Request) -> bool:
    """Tell whether a request runs in a transaction."""
    return request.method not in _SAFE_METHODS


def attempts(request: Request) -> int | None:
    """Return how often a request is tried; None for as often as can be.

    A body is kept for that: where the server has it, or else in memory. One that
    is refused for its size is not read at all, and a payload file is read once.
    """
    limit = request.registry.cdb.max_body
    if not writes(request) or (request.content_length or 0) > limit or _is_upload(request):
        return 1
    request.request_body_tempfile_limit = limit
    # A server that has the whole body in a file already needs no copy of it.
    stream = request.environ["wsgi.input"]
    request.is_body_seekable = bool(getattr(stream, "seekable", bool)())
    return None


def _is_upload(request: Request) -> bool:
    # Not `path_info`, which fails where the path is not UTF-8.
    path = str(request.environ.get("PATH_INFO", ""))
    folder = f"{request.registry.cdb.settings.api_base}/payloads/"
    return bool(request.method == "PUT" and path.startswith(folder))


_FRAMEWORK: dict[str, Any] = {
    # The thread-local manager would leak between requests of one thread.
    "tm.manager_hook": pyramid_tm.explicit_manager,
    "tm.activate_hook": writes,
    # An error is a returned answer, too, and must not commit.
    "tm.commit_veto": pyramid_tm.default_commit_veto,
    "tm.annotate_user": False,
}
