"""The migrations of the database, from a checkout and from an installed wheel alike."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from cdb.store.engine import Database


def _scripts() -> Path:
    """Return the folder of the migrations: in the wheel, or beside the package in a checkout.

    It cannot be found by its package name, since an editable install knows no
    package without an `__init__.py`, and with one it would shadow the library.
    """
    package = Path(__file__).parent.parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "alembic"


def config() -> Config:
    """Return how alembic finds the migrations of cdb."""
    made = Config()
    # A percent sign of a path would be taken for an interpolation.
    made.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


@cache
def head() -> str:
    """Return the revision that this version of cdb works with."""
    return str(ScriptDirectory.from_config(config()).get_current_head())


def current(connection: Connection) -> str | None:
    """Return the revision that a database has, or None where it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring a database to a revision; nothing happens where it has it already."""
    _run(database, command.upgrade, revision)


def downgrade(database: Database, revision: str) -> None:
    """Take a database back to an earlier revision, `base` for an empty one."""
    _run(database, command.downgrade, revision)


def _run(database: Database, verb: Callable[[Config, str], None], revision: str) -> None:
    configured = config()
    with database.engine.begin() as connection:
        configured.attributes["connection"] = connection
        verb(configured, revision)
