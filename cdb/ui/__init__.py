"""The web interface: one page, and the files that it is made of. It reads the public API only."""

from pyramid.config import Configurator


def includeme(config: Configurator) -> None:
    """Register the page and the files."""
    from cdb.ui import pages  # noqa: PLC0415 - it imports this package

    config.include(pages)
