"""The composition root: what the service is made of, in order."""

import os
from collections.abc import Mapping
from typing import Any

import pyramid_tm
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.router import Router

from cdb import settings as cdb_settings
from cdb.registry.plugins import load as load_plugins
from cdb.rest.context import Context
from cdb.security.exposure import check_open_writes

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def main(global_config: Mapping[str, str], **ini: Any) -> Router:
    """Return the WSGI application; the factory that ini files name.

    Args:
        global_config: `__file__` is the ini, `listen` where the service listens
            instead of where the ini says.
        ini: the keys of the `[app:main]` section.

    Raises:
        SettingsError: a setting or a plugin is wrong, or the service would be
            open to writes.

    """
    file = global_config.get("__file__")
    settings = cdb_settings.load({"__file__": file, **ini}, os.environ)
    return make_app(settings, ini, file, global_config.get("listen"))


def make_app(
    settings: cdb_settings.Settings,
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
    context = Context.of(settings, plugins)
    config = Configurator(settings={**(ini or {}), **_FRAMEWORK})
    config.registry.cdb = context
    config.set_security_policy(context.security)
    config.add_request_method(lambda _request: context, "cdb", property=True)
    config.include("pyramid_retry")
    config.include("pyramid_tm")
    config.include("cdb.rest")
    return config.make_wsgi_app()


def writes(request: Request) -> bool:
    """Tell whether a request runs in a transaction."""
    return request.method not in _SAFE_METHODS


def attempts(request: Request) -> int | None:
    """Return how often a request is tried; None leaves it to `retry.attempts`.

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
    "retry.attempts": 3,
    "retry.activate_hook": attempts,
}
