"""Reading nopayloaddb through its API.

The API tells less than the database: no descriptions of tags and lists, and the
size and revision of a payload only in answers of the query. So each start costs
a query; the database is the faster and the better source.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from operator import index
from typing import Any, TypeVar
from urllib.parse import urlsplit

from cdb.domain.points import MAX, ORIGIN, Point, clamp
from cdb.domain.untangling import LegacyRow
from cdb.errors import Invalid
from cdb.store.nopayloaddb import (
    LegacyAnswer,
    LegacyList,
    LegacyStatus,
    LegacyTag,
    LegacyType,
)
from cdb_client.errors import ClientError, ConfigError, readable
from cdb_client.http import Service

PAGE = 1000
"""Rows that are asked for at a time; a service may give fewer."""

READ_SECONDS = 600.0
"""How long an answer may take: nopayloaddb makes some of them whole."""

_REMEMBERED = 20_000
"""Answers that are kept, since the lists of a tag often have the same starts."""

_Json = Mapping[str, Any]
_Made = TypeVar("_Made")


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
        return list(self._made(_status, self._get("gtstatus")))

    def types(self) -> list[LegacyType]:
        return list(self._made(_type, self._get("pt")))

    def tags(self) -> list[LegacyTag]:
        return sorted(self._made(_tag, self._get("globalTags")), key=lambda each: each.id)

    def lists(self) -> list[LegacyList]:
        return list(self._made(_list, self._pages("payload-lists")))

    def rows(self, which: LegacyList | None) -> Iterator[LegacyRow]:
        if which is None:
            yield from self._detached()
            return
        # In order of id, since the starts do not decide the order of all; so they are
        # sorted here, the rows of one list at a time.
        pages = self._pages("payload-iovs", payload_list=which.name)
        for row in sorted(self._made(_row, pages), key=lambda each: (each.start, each.id)):
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
        return dict(self._made(_answer, self._get("payloadiovs/", **where)))

    def _detached(self) -> Iterator[LegacyRow]:
        """Yield what is in no list: only a look at all of them tells which, if there are any."""
        attached = sum(each.n_iov for each in self.lists())
        first = self._get("payload-iovs", page=1, page_size=1)
        with readable(self._service.base):
            if _number(first, "count") <= attached and not first.get("count_is_lower_bound"):
                return
        detached = (each for each in self._pages("payload-iovs") if each["payload_list"] is None)
        yield from self._made(_row, detached)

    def _pages(self, path: str, **filters: str) -> Iterator[_Json]:
        number = 0
        while True:
            number += 1
            page = self._get(path, page=number, page_size=PAGE, sort="id", order="asc", **filters)
            with readable(self._service.base):
                results = list(page["results"])
                is_last = number >= page["total_pages"] and not page.get("count_is_lower_bound")
                is_short = len(results) < page["page_size"] or not results
            yield from results
            if is_last or is_short:
                return

    def _made(self, make: Callable[[_Json], _Made], found: Iterable[_Json]) -> Iterator[_Made]:
        """Yield what is made of each of the objects that the API gave.

        Raises:
            NotJson: they are none, or lack something.

        """
        with readable(self._service.base):
            yield from map(make, found)

    def _get(self, path: str, **parameters: str | int) -> Any:
        return self._service.get(path, parameters)


def _status(each: _Json) -> LegacyStatus:
    return LegacyStatus(_text(each, "name"), _known(each, "description"))


def _type(each: _Json) -> LegacyType:
    name = _text(each, "name")
    return LegacyType(_number(each, "id"), name, _known(each, "description"), _moment(each))


def _tag(each: _Json) -> LegacyTag:
    return LegacyTag(
        _number(each, "id"),
        _text(each, "name"),
        _known(each, "author"),
        _known(each, "description"),
        _text(each, "status"),
        _moment(each),
    )


def _list(each: _Json) -> LegacyList:
    return LegacyList(
        _number(each, "id"),
        _text(each, "name"),
        _known(each, "description"),
        _text(each, "payload_type"),
        _known(each, "global_tag"),
        _moment(each),
        _number(each, "iov_count"),
    )


def _answer(each: _Json) -> tuple[str, LegacyAnswer]:
    return _text(each, "payload_type_name"), LegacyAnswer(
        _text(each, "payload_url"),
        _text(each, "checksum"),
        _size(each),
        _known(each, "revision"),
        Point(_number(each, "major_iov"), _number(each, "minor_iov")),
        Point(_number(each, "major_iov_end"), _number(each, "minor_iov_end")),
    )


def _row(each: _Json) -> LegacyRow:
    return LegacyRow(
        _number(each, "id"),
        Point(_number(each, "major_iov"), _number(each, "minor_iov")),
        Point(_number(each, "major_iov_end"), _number(each, "minor_iov_end")),
        _text(each, "payload_url"),
        _text(each, "checksum"),
        _size(each),
        _known(each, "revision"),
        _moment(each, "inserted") or datetime.min.replace(tzinfo=UTC),
    )


def _number(each: _Json, field: str) -> int:
    number: int = index(each[field])
    # As a database has it: numbers of points may be below 0 there.
    if not -MAX - 1 <= number <= MAX:
        raise ValueError(f"{field!r} has more than 64 bits")
    return number


def _size(each: _Json) -> int | None:
    return None if each.get("size") is None else _number(each, "size")


def _text(each: _Json, field: str) -> str:
    text: str = each[field]
    text.encode()
    return text


def _known(each: _Json, field: str) -> str | None:
    return None if each.get(field) is None else _text(each, field)


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
