"""What all kinds of things have in common."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from cdb_client.errors import NotJson
from cdb_client.http import Answer, Params, Service

PAGE_SIZE = 1000

_BASE = "is this the service's base URL?"

Part = TypeVar("Part")

AsOf = int | str | None
"""A change, or a time in ISO 8601; None for what holds now."""


@dataclass(frozen=True, slots=True)
class Resource:
    """The requests about one kind of thing, sent through one service.

    Every method raises `ServiceError`, by its subclass, where the service refuses, and
    `Unreachable` where it does not answer. Numbers are exact, whatever their length.
    """

    service: Service

    def _one(self, path: str, params: Params | None = None) -> dict[str, Any]:
        """Return one thing."""
        found: dict[str, Any] = self._answer(path, params).body
        return found

    def _answer(self, path: str, params: Params | None = None) -> Answer:
        """Return an answer whose body is an object."""
        answer = self.service.ask("GET", path, params)
        if not isinstance(answer.body, dict):
            raise NotJson(answer.status, f"The answer is no object: {_BASE}")
        return answer

    def _pages(self, path: str, params: Params) -> Iterator[dict[str, Any]]:
        """Yield all items of a list that comes in pages."""
        page = total = 1
        while page <= total:
            asked = {**params, "page": page, "page_size": PAGE_SIZE}
            answer = self.service.get(path, asked)
            total = part_of(answer, "total_pages", int)
            found = items_of(answer, "results")
            yield from found
            # However many are said to follow.
            page = page + 1 if found else total + 1


def part_of(answer: Any, name: str, kind: type[Part]) -> Part:
    """Return a field of an answer.

    Raises:
        NotJson: it has none of this kind, as what another kind of service answers.

    """
    part = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(part, kind):
        raise NotJson(200, f"The answer has no {name!r}: {_BASE}")
    return part


def items_of(answer: Any, name: str) -> list[dict[str, Any]]:
    """Return the objects of a list in an answer; raises as `part_of` does."""
    found = part_of(answer, name, list)
    if not all(isinstance(each, dict) for each in found):
        raise NotJson(200, f"In the answer {name!r} is no list of objects: {_BASE}")
    return found


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def edited(**fields: str | None) -> Mapping[str, str | None]:
    """Return the texts that are not None; an empty one is null, which clears what is there."""
    return {name: value or None for name, value in fields.items() if value is not None}
