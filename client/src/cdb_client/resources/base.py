"""What all kinds of things have in common."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cdb_client.http import Params, Service

PAGE_SIZE = 1000

AsOf = int | str | None
"""A change, or a time in ISO 8601; None for what holds now."""


@dataclass(frozen=True, slots=True)
class Resource:
    """The requests about one kind of thing, sent through one service.

    Every method raises `ServiceError`, by its subclass, where the service refuses, and
    `Unreachable` where it does not answer. Numbers are exact, whatever their length.
    """

    service: Service

    def _pages(self, path: str, params: Params) -> Iterator[dict[str, Any]]:
        """Yield all items of a list that comes in pages."""
        page = total = 1
        while page <= total:
            asked = {**params, "page": page, "page_size": PAGE_SIZE}
            answer = self.service.get(path, asked)
            total = answer["total_pages"]
            yield from answer["results"]
            page += 1


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def edited(**fields: str | None) -> Mapping[str, str | None]:
    """Return the texts that are not None; an empty one is null, which clears what is there."""
    return {name: value or None for name, value in fields.items() if value is not None}
