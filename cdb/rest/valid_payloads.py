"""The payloads that are valid at a point, as the answer of the query shows them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cdb.domain.points import IovMode, Point
from cdb.rest.media import dumps
from cdb.rest.shapes import row_in_notation
from cdb.services.rules import Rules
from cdb.store.query import Valid

_COLUMNS = 9
"""What a row of the answer has: what nopayloaddb's clients read."""


def rows(found: Sequence[Valid], mode: IovMode) -> list[Any]:
    """Show the answer of the query as rows of nine columns."""
    return [_with_shown_end(row, mode)[:_COLUMNS] for row in found]


class ValidPayloads(ABC):
    """How the payloads of the query's answer are written as JSON.

    Each in two parts, of which the second is kept where lists are compiled: so the name
    of the payload type is not in it, nor that of the global tag.
    """

    @abstractmethod
    def opening(self, payload_type: str, global_tag: str) -> bytes:
        """Return what the payload of a type in a tag begins with."""

    @abstractmethod
    def rest(self, row: Valid, rules: Rules) -> bytes:
        """Return what follows of a payload."""

    def body(self, found: Iterable[Valid], rules: Rules) -> bytes:
        """Return the answer."""
        return joined(
            self.opening(row.payload_type, row.global_tag) + self.rest(row, rules) for row in found
        )


class ValidRows(ValidPayloads):
    """Rows of nine columns."""

    def opening(self, payload_type: str, global_tag: str) -> bytes:
        """Return the first column."""
        return b"[" + dumps(payload_type) + b","

    def rest(self, row: Valid, rules: Rules) -> bytes:
        """Return all others."""
        return dumps(_with_shown_end(row, rules.iov_mode)[1:_COLUMNS])[1:]


class ValidObjects(ValidPayloads):
    """Objects, with numbers and in notation."""

    def opening(self, payload_type: str, global_tag: str) -> bytes:
        """Return the names of the type and the tag."""
        return dumps({"payload_type_name": payload_type, "global_tag": global_tag})[:-1] + b","

    def rest(self, row: Valid, rules: Rules) -> bytes:
        """Return the payload and its interval."""
        shown = _with_shown_end(row, rules.iov_mode)
        return dumps(
            {
                "payload_url": shown.payload_url,
                "checksum": shown.checksum,
                "size": shown.size,
                "major_iov": shown.start_major,
                "minor_iov": shown.start_minor,
                "major_iov_end": shown.end_major,
                "minor_iov_end": shown.end_minor,
                "revision": shown.extra,
                **row_in_notation(row, rules),
            }
        )[1:]


VALID_PAYLOADS: Mapping[str, ValidPayloads] = {"list": ValidRows(), "dict": ValidObjects()}
"""How they are written, by the `shape` of the query."""


def joined(payloads: Iterable[bytes]) -> bytes:
    """Return the JSON of an array."""
    return b"[" + b",".join(payloads) + b"]"


def _with_shown_end(row: Valid, mode: IovMode) -> Valid:
    if mode is IovMode.CONTINUOUS:
        return row
    end = mode.end_to_interface(Point(row.end_major, row.end_minor))
    return row._replace(end_major=end.major, end_minor=end.minor)
