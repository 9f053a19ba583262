"""Payload lists: which payload of a type is valid when, in one global tag."""

from collections.abc import Iterator
from typing import Any, Literal, Unpack

from cdb_client.http import Answer, Writing, path_of
from cdb_client.resources.base import AsOf, Resource, edited, given


class PayloadLists(Resource):
    """Requests about payload lists."""

    def list(
        self,
        *,
        search: str | None = None,
        global_tag: str | None = None,
        payload_type: str | None = None,
        as_of: AsOf = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the lists by name, each with the number of its payload IOVs, `iov_count`.

        Args:
            search: a part of the name of a list, its tag or its type, in whatever case.
            global_tag: only lists of this tag.
            payload_type: only lists of this type.
            as_of: a change or a time.

        """
        params = {
            "search": search,
            "global_tag": global_tag,
            "payload_type": payload_type,
            "asOf": as_of,
            "sort": "name",
        }
        return self._pages("payload-lists", params)

    def show(self, name: str, *, as_of: AsOf = None) -> dict[str, Any]:
        """Return a list with the number of its payload IOVs, `iov_count`."""
        return self._one(path_of("payload-lists", "by-name", name), {"asOf": as_of})

    def create(
        self,
        payload_type: str,
        *,
        ends: Literal["explicit", "next-start"] | None = None,
        description: str | None = None,
        contact: str | None = None,
        **writing: Unpack[Writing],
    ) -> Answer:
        """Make an empty list; the service makes its name, which is in the answer.

        Args:
            payload_type: what it is a list of.
            ends: what a payload IOV without an end means: open, or until the next start.
                The service's default where it is not given.
            description: what it is for.
            contact: whom to ask.
            writing: reason, dry run, condition and key.

        """
        body = given(
            payload_type=payload_type, ends=ends, description=description, contact=contact
        )
        return self.service.write("POST", "payload-lists", body, **writing)

    def edit(
        self,
        name: str,
        *,
        description: str | None = None,
        contact: str | None = None,
        **writing: Unpack[Writing],
    ) -> Answer:
        """Change what is given; an empty text clears it."""
        body = edited(description=description, contact=contact)
        path = path_of("payload-lists", "by-name", name)
        return self.service.write("PATCH", path, body, **writing)

    def attach(self, name: str, global_tag: str, **writing: Unpack[Writing]) -> Answer:
        """Put a list into a tag, in place of the one of its type, which is detached."""
        body = {"payload_list": name, "global_tag": global_tag}
        return self.service.write("PUT", "payload-lists/attach", body, **writing)

    def delete(self, name: str, **writing: Unpack[Writing]) -> Answer:
        """Delete an empty list."""
        return self.service.write("DELETE", path_of("payload-lists", name, "delete"), **writing)
