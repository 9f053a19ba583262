"""Global tags: listing, making, changing and comparing them."""

from collections.abc import Iterator
from typing import Any, Unpack

from cdb_client.http import Answer, Writing, path_of
from cdb_client.resources.base import Resource

AsOf = int | str | None
"""A change, or a time in ISO 8601; None for what holds now."""


class GlobalTags(Resource):
    """Requests about global tags.

    Every method raises `ServiceError`, by its subclass, where the service refuses, and
    `Unreachable` where it does not answer. A name can carry a change, as in
    `CMS_2017@22`, wherever it is only read.
    """

    def list(
        self, *, search: str | None = None, status: str | None = None, as_of: AsOf = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the tags by name, with the numbers of their lists and payload IOVs.

        Args:
            search: a part of a name or an author, in whatever case.
            status: only those that have it.
            as_of: a change or a time.

        """
        params = {"search": search, "status": status, "asOf": as_of, "sort": "name"}
        return self._pages("global-tags", params)

    def show(self, name: str, *, as_of: AsOf = None) -> dict[str, Any]:
        """Return a tag with the numbers of its lists and payload IOVs."""
        found: dict[str, Any] = self.service.get(
            path_of("global-tags", name), {"light": 1, "asOf": as_of}
        )
        return found

    def payload_lists(self, name: str, *, as_of: AsOf = None) -> dict[str, str]:
        """Return the name of the tag's list for each payload type."""
        found: dict[str, str] = self.service.get(
            path_of("global-tags", name, "payload-lists"), {"asOf": as_of}
        )
        return found

    def create(
        self,
        name: str,
        *,
        description: str | None = None,
        author: str | None = None,
        contact: str | None = None,
        status: str | None = None,
        **writing: Unpack[Writing],
    ) -> Answer:
        """Make a tag, empty."""
        fields = {
            "description": description,
            "author": author,
            "contact": contact,
            "status": status,
        }
        given = {key: value for key, value in fields.items() if value is not None}
        return self.service.write("POST", "gt", {"name": name, **given}, **writing)
