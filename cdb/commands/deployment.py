"""Ini files, as operators name them on the command line.

The heavy imports are inside of the functions: `cdb --help` loads every command.
"""

import configparser
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cdb.registry.plugins import Plugins
    from cdb.services.payloads import PayloadStore
    from cdb.services.rules import Rules
    from cdb.settings import Settings
    from cdb.store.engine import Database
    from cdb.store.payload_files import PayloadFiles

INI_PATH = click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path)

INI = click.argument("ini", type=INI_PATH, envvar="CDB_INI")

INI_OPTION = click.option(
    "--ini",
    type=INI_PATH,
    envvar="CDB_INI",
    required=True,
    help="The ini of the service; the variable CDB_INI can name it.",
)
"""For commands that take other arguments, too."""


class Deployment(NamedTuple):
    """What an ini says: settings, plugins, and the rules that follow from both."""

    settings: "Settings"
    plugins: "Plugins"
    rules: "Rules"

    def database(self) -> "Database":
        """Return its database; the folder of an embedded one is made."""
        from cdb.store.engine import Database, embedded_file

        database = Database(self.settings.database_url)
        if file := embedded_file(self.settings.database_url):
            file.parent.mkdir(parents=True, exist_ok=True)
        database.listener = self.plugins.tell
        return database

    def require_file(self) -> None:
        """Raise ClickException where the file of an embedded database is not there yet."""
        from cdb.store.engine import embedded_file

        file = embedded_file(self.settings.database_url)
        if file and not file.exists():
            raise click.ClickException(f"there is no file {file}: run `cdb db upgrade` first")

    def payload_files(self) -> "PayloadFiles | None":
        """Return the payload files of the service; None where it stores none.

        Raises:
            ClickException: they cannot be reached as the settings say.

        """
        store = self.payload_store()
        return store.files if store else None

    def payload_store(self) -> "PayloadStore | None":
        """Return the payload store of the service; None where it has none.

        Raises:
            ClickException: it cannot be reached as the settings say.

        """
        from cdb.services.payloads import PayloadStore
        from cdb.settings import SettingsError

        try:
            return PayloadStore.from_settings(self.settings, self.plugins.layout)
        except SettingsError as error:
            raise click.ClickException(str(error)) from None


def quieten() -> None:
    """Leave out a warning of Pyramid and Cornice, which who serves can do nothing about."""
    import warnings

    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)


def loader_of(ini: Path) -> Any:
    """Return the loader of an ini file, with its logging set up."""
    from cdb import logs, settings

    quieten()
    loader = settings.loader_of(ini)
    if "loggers" in loader.get_sections():
        loader.setup_logging()
    else:
        logs.show_on_terminal()
    return loader


@contextmanager
def reading(ini: Path) -> "Iterator[None]":
    """Read an ini.

    Raises:
        ClickException: it is none, has no section of a service, or its logging sections fail.

    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - what it names is loaded, and can do anything
        raise click.ClickException(f"{ini.name}: {reason_of(error)}") from None


def reason_of(error: Exception) -> str:
    """Return what is wrong with an ini in a line, without what it would repeat of the ini."""
    match error:
        case configparser.MissingSectionHeaderError():
            said = f"line {error.lineno} stands in no section"
        case configparser.ParsingError():
            lines = ", ".join(str(number) for number, _ in error.errors)
            said = f"what stands in line {lines} is no section, and no key with a value"
        case configparser.InterpolationError():
            said = f"[{error.section}] {error.option}: a percent sign is written as %%"
        case LookupError():
            said = f"{type(error).__name__}: {error}"
        case _:
            said = str(error) or type(error).__name__
    return " ".join(said.split())


def deployment_of(ini: Path) -> Deployment:
    """Return the deployment that an ini describes.

    Raises:
        ClickException: a setting or a plugin is wrong; the message names it and the ini.

    """
    import os

    from cdb import settings
    from cdb.registry import plugins
    from cdb.registry.rules import rules_of

    with reading(ini):
        keys = {"__file__": str(ini), **loader_of(ini).get_wsgi_app_settings()}
    try:
        loaded = settings.load(keys, os.environ)
        enabled = plugins.load(loaded, str(ini))
    except settings.SettingsError as error:
        raise click.ClickException(f"{ini.name}: {error}") from None
    return Deployment(loaded, enabled, rules_of(loaded, enabled))


def require_migrated(database: "Database") -> None:
    """Raise ClickException where a database is not at the revision that this version needs."""
    from cdb.store import schema

    with database.snapshot() as reader:
        problem = schema.problem(reader)
    if problem:
        raise click.ClickException(f"{problem}: run `cdb db upgrade` first")


def with_database(deployment: Deployment, verb: "Callable[[Database], None]") -> None:
    """Do something with the database of a deployment.

    Raises:
        ClickException: it cannot be used, there is nothing of the name that was asked for,
            or a file cannot be read or written, as on a disk that is full.

    """
    from alembic.util import CommandError
    from sqlalchemy.exc import DBAPIError

    from cdb.errors import CdbError
    from cdb_client.commands.output import printable

    database = deployment.database()
    try:
        verb(database)
    # Of a damaged file of SQLite's even the message may be no text.
    except (DBAPIError, UnicodeDecodeError) as error:
        told = error.orig if isinstance(error, DBAPIError) else error
        reason = str(told).strip().partition("\n")[0]
        raise click.ClickException(f"the database cannot be used: {reason}") from None
    except CommandError as error:
        raise click.ClickException(str(error)) from None
    except CdbError as error:
        # It can repeat what stands in a file.
        raise click.ClickException(printable(error.detail)) from None
    except BrokenPipeError:
        raise  # who reads what is written wants no more of it, which click knows
    except OSError as error:
        raise click.ClickException(str(error)) from None
    finally:
        database.dispose()
