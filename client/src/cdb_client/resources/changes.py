"""The change log: who did what, when and why."""

import sys
from collections.abc import Iterator
from typing import Any

from cdb_client.http import Params, Service, path_of
from cdb_client.resources.base import Resource, items_of, part_of

_PAGE_SIZE = 200  # each of them can tell two hundred payload IOVs


class Changes(Resource):
    """Requests about the changes of the whole database."""

    def list(
        self,
        *,
        after: int | None = None,
        global_tag: str | None = None,
        payload_type: str | None = None,
        actor: str | None = None,
        action: str | None = None,
        since: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield changes in the order in which they were made, or the newest first.

        Args:
            after: only changes after this one.
            global_tag: only changes of the tags that have, or had, this name.
            payload_type: only changes of this type, or of its lists.
            actor: only what this one did.
            action: only this verb, as `bulk`.
            since: only changes at this time or later; ISO 8601.
            newest_first: instead of in the order in which they were made.
            limit: how many at most.

        """
        wanted = {
            "after": after,
            "global_tag": global_tag,
            "payload_type": payload_type,
            "actor": actor,
            "action": action,
            "since": since,
        }
        return pages_of(self.service, "changes", wanted, newest_first=newest_first, limit=limit)

    def show(self, change: int) -> dict[str, Any]:
        """Return one change."""
        return self._one(path_of("changes", change))


def pages_of(
    service: Service, path: str, wanted: Params, *, newest_first: bool, limit: int | None
) -> Iterator[dict[str, Any]]:
    """Yield the changes of a log, page by page, for as long as somebody takes them."""
    left = sys.maxsize if limit is None else limit
    asked = {**wanted, "order": "desc" if newest_first else "asc"}
    while left > 0:
        size = min(left, _PAGE_SIZE)
        found = items_of(service.get(path, {**asked, "limit": size}), "changes")
        yield from found
        if len(found) < size:
            return
        left -= size
        asked["before" if newest_first else "after"] = part_of(found[-1], "change", int)
