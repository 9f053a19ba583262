"""Ini files, as operators name them on the command line.

The heavy imports are inside of the functions: `cdb --help` loads every command.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cdb.settings import Settings

INI = click.argument(
    "ini", type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path)
)


def loader_of(ini: Path) -> Any:
    """Return the loader of an ini file, with its logging set up."""
    import warnings

    import plaster

    # Pyramid and Cornice import it; nobody who serves with them can change that.
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    loader = plaster.get_loader(str(ini), protocols=["wsgi"])
    loader.setup_logging()
    return loader


def settings_of(ini: Path) -> "Settings":
    """Return the settings of a deployment.

    Raises:
        ClickException: one is wrong; the message names it and the ini.

    """
    import os

    from cdb import settings

    try:
        return settings.load(loader_of(ini).get_wsgi_app_settings(), os.environ)
    except settings.SettingsError as error:
        raise click.ClickException(f"{ini.name}: {error}") from None
