"""Reading nopayloaddb through its API.

The API tells less than the database: no descriptions of tags and lists, and the
size and revision of a payload only in answers of the query. So each start costs
a query; the database is the faster and the better source.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cdb.domain.points import ORIGIN, Point, clamp
from cdb.domain.untangling import LegacyRow
from cdb.errors import Invalid
from cdb.store.nopayloaddb import (
    LegacyAnswer,
    LegacyList,
    LegacyStatus,
    LegacyTag,
    LegacyType,
)
from cdb_client.errors import ClientError, ConfigError
from cdb_client.http import Service

PAGE = 1000
"""Rows that are asked for at a time; a service may give fewer."""

READ_SECONDS = 600.0
"""How long an answer may take: nopayloaddb makes some of them whole."""

_REMEMBERED = 20_000
"""Answers that are kept, since the lists of a tag often have the same starts."""

_Json = Mapping[str, Any]


class HttpSource:
    """An API of nopayloaddb.

    Args:
        url: its base, such as `http://host:8000/api/cdb_rest`.

    Raises:
        Invalid: that cannot be a base.

    """

    def __init__(self, url: str) -> None:
        try:
            self._service = Service(url, read=READ_SECONDS)
        except ConfigError as error:
            raise Invalid(str(error)) from None
        parts = urlsplit(url)
        self.name = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")

    @contextmanager
    def state(self) -> Iterator["_Api"]:
        """Give what it answers; each request sees the state of its own moment.

        Raises:
            Invalid: an answer was an error, or none came.

        """
        try:
            yield _Api(self._service)
        except ClientError as error:
            raise Invalid(f"{self.name}: {error}") from None

    def close(self) -> None:
        """Close the connections."""
        self._service.close()


class _Api:
    """What the API answers, as the rows of the tables."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._answers: OrderedDict[tuple[str, Point], dict[str, LegacyAnswer]] = OrderedDict()

    def statuses(self) -> list[LegacyStatus]:
        return [
            LegacyStatus(each["name"], each.get("description")) for each in self._get("gtstatus")
        ]

    def types(self) -> list[LegacyType]:
        return [
            LegacyType(each["id"], each["name"], each.get("description"), _moment(each))
            for each in self._get("pt")
        ]

    def tags(self) -> list[LegacyTag]:
        found = [
            LegacyTag(
                each["id"],
                each["name"],
                each["author"],
                each.get("description"),
                each["status"],
                _moment(each),
            )
            for each in self._get("globalTags")
        ]
        return sorted(found)

    def lists(self) -> list[LegacyList]:
        return [
            LegacyList(
                each["id"],
                each["name"],
                each.get("description"),
                each["payload_type"],
                each["global_tag"],
                _moment(each),
                each["iov_count"],
            )
            for each in self._pages("payload-lists")
        ]

    def rows(self, which: LegacyList | None) -> Iterator[LegacyRow]:
        if which is None:
            yield from self._detached()
            return
        # In order of id, since the starts do not decide the order of all; so they are
        # sorted here, the rows of one list at a time.
        pages = self._pages("payload-iovs", payload_list=which.name)
        for row in sorted(map(_row, pages), key=lambda each: (each.start, each.id)):
            known = self.answers(which.tag, row.start) if which.tag else {}
            yield _completed(row, known.get(which.type))

    def answers(self, tag: str, point: Point) -> dict[str, LegacyAnswer]:
        place = (tag, clamp(max(point, ORIGIN)))
        if place not in self._answers:
            self._answers[place] = self._query(*place)
            if len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)
        return self._answers[place]

    def _query(self, tag: str, point: Point) -> dict[str, LegacyAnswer]:
        where: dict[str, str | int] = {"gtName": tag, "majorIOV": point.major}
        where |= {"minorIOV": max(point.minor, 0), "shape": "dict"}
        return {
            each["payload_type_name"]: LegacyAnswer(
                each["payload_url"],
                each["checksum"],
                each["size"],
                each["revision"],
                Point(each["major_iov"], each["minor_iov"]),
                Point(each["major_iov_end"], each["minor_iov_end"]),
            )
            for each in self._get("payloadiovs/", **where)
        }

    def _detached(self) -> Iterator[LegacyRow]:
        """Yield what is in no list: only a look at all of them tells which, if there are any."""
        attached = sum(each.n_iov for each in self.lists())
        first = self._get("payload-iovs", page=1, page_size=1)
        if first["count"] <= attached and not first.get("count_is_lower_bound"):
            return
        for each in self._pages("payload-iovs"):
            if each["payload_list"] is None:
                yield _row(each)

    def _pages(self, path: str, **filters: str) -> Iterator[_Json]:
        number = 0
        while True:
            number += 1
            page = self._get(path, page=number, page_size=PAGE, sort="id", order="asc", **filters)
            yield from page["results"]
            is_last = number >= page["total_pages"] and not page.get("count_is_lower_bound")
            if is_last or len(page["results"]) < page["page_size"]:
                return

    def _get(self, path: str, **parameters: str | int) -> Any:
        return self._service.get(path, parameters)


def _row(each: _Json) -> LegacyRow:
    return LegacyRow(
        each["id"],
        Point(each["major_iov"], each["minor_iov"]),
        Point(each["major_iov_end"], each["minor_iov_end"]),
        each["payload_url"],
        each["checksum"],
        each.get("size"),
        each.get("revision"),
        _moment(each, "inserted") or datetime.min.replace(tzinfo=UTC),
    )


def _completed(row: LegacyRow, known: LegacyAnswer | None) -> LegacyRow:
    """Return a row with what only the query tells, if it answers with this very row."""
    if known is None or (known.payload_url, known.checksum, known.start, known.end) != (
        row.payload_url,
        row.checksum,
        row.start,
        row.end,
    ):
        return row
    return row._replace(size=known.size, revision=known.revision)


def _moment(each: _Json, field: str = "created") -> datetime | None:
    written = each.get(field)
    if written is None:
        return None
    moment = datetime.fromisoformat(written)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
