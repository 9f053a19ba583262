"""The listener that writes changes to the log."""

import json
import logging
from typing import ClassVar

from cdb.plugin import Event, EventListener

log = logging.getLogger("cdb.changes")


class Log(EventListener):
    """Writes one line for each change, at the level INFO, to the logger `cdb.changes`.

    What clients have chosen stands in quotation marks, as in JSON and in ASCII:
    neither a name nor a comment can end the line or imitate another field.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"

    def committed(self, event: Event) -> None:
        """Write the line."""
        log.info(
            "change=%d actor=%s action=%s type=%s name=%s comment=%s",
            event.change,
            *map(
                json.dumps,
                (
                    event.actor,
                    event.action,
                    event.object_type,
                    event.object_name,
                    event.comment,
                ),
            ),
        )
