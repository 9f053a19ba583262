"""The listener that writes changes to the log."""

import logging
from typing import ClassVar

from cdb.plugin import Event, EventListener

log = logging.getLogger("cdb.changes")


class Log(EventListener):
    """Writes one line for each change, at the level INFO, to the logger `cdb.changes`.

    What clients have chosen is in fields of the line: neither a name nor a comment is a part of
    its sentence, which could end there.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"

    def committed(self, event: Event) -> None:
        """Write the line."""
        said = {
            "change": event.change,
            "actor": event.actor,
            "action": event.action,
            "object_type": event.object_type,
            "object_name": event.object_name,
            "comment": event.comment,
        }
        log.info("change %d", event.change, extra=said)
