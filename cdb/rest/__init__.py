"""The HTTP interface: parsing, calling one service, rendering."""

from pyramid.config import Configurator


def includeme(config: Configurator) -> None:
    """Register the endpoints, their errors, and the OpenAPI document."""
    # These import this package, so they come once it is there.
    from cdb.rest import errors  # noqa: PLC0415
    from cdb.rest.service import add_resources  # noqa: PLC0415

    base = config.registry.settings["cdb.api_base"]
    config.add_settings(handle_exceptions=False)  # cornice would answer errors its own way
    config.include("cornice")
    config.include(errors)
    add_resources(config, config.registry.cdb_resources, base)
