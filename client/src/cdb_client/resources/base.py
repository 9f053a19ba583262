"""What all kinds of things have in common."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cdb_client.http import Params, Service

PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True)
class Resource:
    """The requests about one kind of thing, sent through one service."""

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
