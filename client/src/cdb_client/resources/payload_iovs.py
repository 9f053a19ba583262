"""Payload IOVs: listing, inserting and deleting them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Unpack

from cdb_client.errors import Invalid
from cdb_client.http import Answer, Writing, path_of
from cdb_client.points import Point
from cdb_client.resources.base import AsOf, Resource

Row = Mapping[str, Any]
"""A payload IOV to insert, by the API's names of its fields.

`payload_url`, `checksum`; `major_iov` and `minor_iov`, or `begin` in the notation of the
dimension; and, where they are known, `major_iov_end` and `minor_iov_end`, or `end`; `size`
in bytes; `revision`. What an end that is not given means, the payload list says.
"""

TOO_LARGE = 413


class PayloadIovs(Resource):
    """Requests about payload IOVs.

    Every method raises `ServiceError`, by its subclass, where the service refuses, and
    `Unreachable` where it does not answer.
    """

    def show(self, iov_id: int, *, as_of: AsOf = None) -> dict[str, Any]:
        """Return a payload IOV by its number."""
        return self._one(path_of("payload-iovs", iov_id), {"asOf": as_of})

    def of_tag(
        self,
        global_tag: str,
        payload_type: str | None = None,
        *,
        begin: str | None = None,
        end: str | None = None,
        as_of: AsOf = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the payload IOVs of a tag by type and start, as they come in.

        Args:
            global_tag: its name, also with a change, as in `CMS_2017@22`.
            payload_type: only those of this type.
            begin: of a window, in the notation of the dimension; IOVs that overlap it are
                shown whole.
            end: of the window, exclusive.
            as_of: a change or a time.

        """
        params = {"payload_type": payload_type, "from": begin, "to": end, "asOf": as_of}
        return self.service.lines(path_of("global-tags", global_tag, "iovs"), params)

    def of_list(
        self,
        payload_list: str,
        *,
        begin: str | None = None,
        end: str | None = None,
        as_of: AsOf = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the payload IOVs of a list by start, also of one that is in no tag.

        Args:
            payload_list: its name.
            begin: of a window, as `of_tag` takes it.
            end: of the window, exclusive.
            as_of: a change or a time.

        """
        params = {"from": begin, "to": end, "asOf": as_of}
        path = path_of("payload-lists", "by-name", payload_list, "iovs")
        return self.service.lines(path, params)

    def attach(self, global_tag: str, rows: Sequence[Row], **writing: Unpack[Writing]) -> Answer:
        """Insert payload IOVs into the lists of a tag, by their `payload_type`; all or none."""
        return self._send(path_of("global-tags", global_tag, "iovs"), rows, writing)

    def attach_to_list(
        self, payload_list: str, rows: Sequence[Row], **writing: Unpack[Writing]
    ) -> Answer:
        """Insert payload IOVs into a list; all or none."""
        return self._send(path_of("payload-lists", payload_list, "iovs"), rows, writing)

    def bulk(self, rows: Sequence[Row], **writing: Unpack[Writing]) -> Answer:
        """Insert payload IOVs into the `payload_list` that each row names; all or none.

        Without an end one holds until the next start, whatever the list says.
        """
        return self._send("payload-iovs/bulk", rows, writing)

    def delete(
        self,
        global_tag: str,
        payload_type: str,
        start: Point,
        end: Point | None = None,
        **writing: Unpack[Writing],
    ) -> Answer:
        """Delete the payload IOV of a type that starts at a point.

        Its time goes back to the one before it.

        Args:
            global_tag: the name of the tag.
            payload_type: of the list in it.
            start: where it begins, exactly.
            end: where it has to end, as the service shows it; None asks for nothing.
            writing: reason, dry run, condition and key.

        """
        points = (*start, *(end or ()))
        path = path_of("payload-iovs", global_tag, payload_type, *points, "delete")
        return self.service.write("DELETE", path, **writing)

    def _send(self, path: str, rows: Sequence[Row], writing: Writing) -> Answer:
        try:
            return self.service.write("POST", path, list(rows), **writing)
        except Invalid as error:
            if error.status != TOO_LARGE:
                raise
            raise Invalid(
                error.status,
                error.code,
                f"{error} {len(rows):,} rows are too many for one request of this service: "
                "insert them in parts, each of which is done whole or not at all.",
                error.body,
            ) from error
