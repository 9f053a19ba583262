"""The factory that inis name, as in `use = egg:hep-cdb`.

It is a module of its own since it is imported wherever an ini is read: most commands look
into one, and make no service.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cdb import settings as cdb_settings

if TYPE_CHECKING:
    from pyramid.router import Router


def main(global_config: Mapping[str, str], **ini: Any) -> "Router":
    """Return the WSGI application.

    Args:
        global_config: `__file__` is the ini, `listen` where the service listens
            instead of where the ini says.
        ini: the keys of the `[app:main]` section.

    Raises:
        SettingsError: a setting or a plugin is wrong, or the service would be
            open to writes.

    """
    from cdb.app import make_app  # noqa: PLC0415 - who reads an ini needs none of it

    file = global_config.get("__file__")
    settings = cdb_settings.load({"__file__": file, **ini}, os.environ)
    return make_app(settings, ini, file, global_config.get("listen"))
