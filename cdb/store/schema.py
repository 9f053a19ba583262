"""At which revision a database is, and whether this version of cdb works with it.

Services ask that whenever they are probed, and most commands before they begin. So it is
apart from the migrations, whose library takes a fifth of the time in which a service starts.
"""

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, func, inspect, select, text

from cdb.store.models import SchemaRevision

# The table in which alembic keeps it: with one row, or none where all is taken back.
_CURRENT = text("select max(version_num) from alembic_version")


def scripts() -> Path:
    """Return the folder of the migrations: in the wheel, or beside the package in a checkout.

    It cannot be found by its package name, since an editable install knows no
    package without an `__init__.py`, and with one it would shadow the library.
    """
    package = Path(__file__).parent.parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "alembic"


@cache
def revisions() -> tuple[str, ...]:
    """Return the revisions that this version of cdb knows, by what their files begin with.

    They are numbers of four digits, so that the greater one is the later one.
    """
    files = (scripts() / "versions").glob("[0-9]*_*.py")
    return tuple(sorted(file.name.partition("_")[0] for file in files))


def head() -> str:
    """Return the revision that this version of cdb works with."""
    return revisions()[-1]


def current(connection: Connection) -> str | None:
    """Return the revision that a database has, or None where it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(_CURRENT).scalar_one()
    return found


def is_later(connection: Connection) -> bool:
    """Tell whether a later version of cdb has upgraded a database, and this one lives with it."""
    found = current(connection)
    if found is None or found in revisions():
        return False
    oldest = _lives_with(connection)
    return oldest is not None and oldest <= head()


def problem(connection: Connection) -> str | None:
    """Return why this version of cdb cannot work with a database; None where it can.

    It can where the database is at the revision of this version, or at a later one that
    lives with it. It is half a sentence, as in 'the database has no tables, and 0004 is
    needed'.
    """
    found = current(connection)
    if found == head() or is_later(connection):
        return None
    if found is None:
        return f"the database has no tables, and {head()} is needed"
    if found in revisions():
        return f"the database is at {found}, and {head()} is needed"
    oldest = _lives_with(connection)
    needs = f", which needs a version with {oldest} or later" if oldest else ""
    return f"the database is at {found}, of another version of cdb{needs}; this one has {head()}"


def _lives_with(connection: Connection) -> str | None:
    """Return the oldest revision whose version of cdb lives with a database; None if unknown."""
    if not inspect(connection).has_table(SchemaRevision.__tablename__):
        return None
    return connection.execute(select(func.max(SchemaRevision.lives_with))).scalar_one()


def applied(connection: Connection) -> list[SchemaRevision]:
    """Return which migrations were applied when, and by which version of cdb, since 0005."""
    if not inspect(connection).has_table(SchemaRevision.__tablename__):
        return []
    rows = connection.execute(select(SchemaRevision).order_by(SchemaRevision.revision))
    return [SchemaRevision(**row) for row in rows.mappings()]
