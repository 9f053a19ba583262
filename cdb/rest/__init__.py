"""The HTTP interface: parsing, calling one service, rendering."""

from pyramid.config import Configurator
from pyramid.events import NewRequest


def includeme(config: Configurator) -> None:
    """Register the endpoints, their errors, and the OpenAPI document."""
    # These import this package, so they come once it is there.
    from cdb.rest import errors  # noqa: PLC0415
    from cdb.rest.service import add_resources  # noqa: PLC0415

    base = config.registry.settings["cdb.api_base"]
    config.add_settings(handle_exceptions=False)  # cornice would answer errors its own way
    config.include("cornice")
    config.include(errors)
    config.add_subscriber(_without_trailing_slash, NewRequest)
    add_resources(config, config.registry.cdb_resources, base)
    config.add_static_view(
        "static", "cdb:ui/static", cache_max_age=3600, request_method=("GET", "HEAD")
    )


def _without_trailing_slash(event: NewRequest) -> None:
    """Take every path with and without a trailing slash, never by a redirect."""
    environ = event.request.environ
    path = environ.get("PATH_INFO", "")
    if len(path) > 1 and path.endswith("/"):
        environ["PATH_INFO"] = path[:-1]
