"""The tables of nopayloaddb, as they are read to be imported.

They are named as Django makes them. Older databases lack some columns, which
read as null then. Times are kept there without a zone, and mean UTC.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import Connection, TextClause, inspect, text

from cdb.domain.points import Point, combined
from cdb.domain.untangling import Asked, LegacyRow
from cdb.errors import Invalid

PAGE = 5000
"""Rows that are fetched at a time."""

_TABLES: Mapping[str, tuple[str, ...]] = {
    "GlobalTagStatus": ("id", "name"),
    "GlobalTag": ("id", "name", "status_id", "created"),
    "PayloadType": ("id", "name", "created"),
    "PayloadList": ("id", "name", "global_tag_id", "payload_type_id", "created"),
    "PayloadIOV": (
        "id",
        "payload_url",
        "checksum",
        "major_iov",
        "minor_iov",
        "major_iov_end",
        "minor_iov_end",
        "payload_list_id",
        "created",
    ),
}
"""The tables, with the columns that each has in every version."""

_SLACK = Decimal("1e-9")
"""How far a combined start can be rounded: Python keeps 28 digits, the column 38."""


class LegacyStatus(NamedTuple):
    """A status of global tags."""

    name: str
    description: str | None


class LegacyType(NamedTuple):
    """A payload type."""

    id: int
    name: str
    description: str | None
    created: datetime | None


class LegacyTag(NamedTuple):
    """A global tag."""

    id: int
    name: str
    author: str | None
    description: str | None
    status: str
    created: datetime | None


class LegacyList(NamedTuple):
    """A payload list, by the names of its type and of its tag; `tag` of None is detached."""

    id: int
    name: str
    description: str | None
    type: str
    tag: str | None
    created: datetime | None
    n_iov: int


class LegacyAnswer(NamedTuple):
    """What the last start at or before a point has, whether it has ended or not."""

    payload_url: str
    checksum: str
    size: int | None
    revision: str | None
    start: Point
    end: Point


class Tables:
    """The tables, on a connection whose statements all see one state."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def check(self) -> None:
        """Raise Invalid where a table or a column is missing that every version has."""
        for table, needed in _TABLES.items():
            missing = set(needed).difference(self._columns.get(table, ()))
            if missing:
                raise Invalid(
                    f"This is no database of nopayloaddb: the table {table!r} has no "
                    f"{', '.join(sorted(missing))}."
                )

    def statuses(self) -> list[LegacyStatus]:
        """Return the statuses in the order in which they were made."""
        description = self._or_null("GlobalTagStatus", "description")
        rows = self._run(f'select name, {description} from "GlobalTagStatus" order by id')  # noqa: S608 - constants
        return [LegacyStatus._make(row) for row in rows]

    def types(self) -> list[LegacyType]:
        """Return the payload types in the order in which they were made."""
        description = self._or_null("PayloadType", "description")
        rows = self._run(f'select id, name, {description}, created from "PayloadType" order by id')  # noqa: S608 - constants
        return [LegacyType._make((*row[:3], _utc(row[3]))) for row in rows]

    def tags(self) -> list[LegacyTag]:
        """Return the global tags in the order in which they were made."""
        author, description = (
            self._or_null("GlobalTag", column, "t") for column in ("author", "description")
        )
        rows = self._run(
            f"""
            select t.id, t.name, {author}, {description}, s.name, t.created
            from "GlobalTag" t join "GlobalTagStatus" s on s.id = t.status_id order by t.id
            """  # noqa: S608 - constants
        )
        return [LegacyTag._make((*row[:5], _utc(row[5]))) for row in rows]

    def lists(self) -> list[LegacyList]:
        """Return the payload lists in the order in which they were made."""
        description = self._or_null("PayloadList", "description", "l")
        rows = self._run(
            f"""
            with counts as (
                select payload_list_id, count(*) n from "PayloadIOV" group by payload_list_id
            )
            select l.id, l.name, {description}, p.name, t.name, l.created, coalesce(c.n, 0)
            from "PayloadList" l
            join "PayloadType" p on p.id = l.payload_type_id
            left join "GlobalTag" t on t.id = l.global_tag_id
            left join counts c on c.payload_list_id = l.id
            order by l.id
            """  # noqa: S608 - constants
        )
        return [LegacyList._make((*row[:5], _utc(row[5]), row[6])) for row in rows]

    def rows(self, which: LegacyList | None) -> Iterator[LegacyRow]:
        """Yield the payload IOVs of a list in order of start and id; of None those in no list."""
        where = "payload_list_id = :list" if which else "payload_list_id is null"
        statement = f"""
            select id, major_iov, minor_iov, major_iov_end, minor_iov_end, payload_url, checksum,
                {self._or_null("PayloadIOV", "size")}, {self._or_null("PayloadIOV", "extra")},
                created, {self._asked()}
            from "PayloadIOV" where {where} order by major_iov, minor_iov, id
        """  # noqa: S608 - constants
        found = self._connection.execute(
            text(statement),
            {"list": which.id} if which else {},
            execution_options={"stream_results": True, "yield_per": PAGE},
        )
        for row in found:
            start, end = Point(row[1], row[2]), Point(row[3], row[4])
            yield LegacyRow._make((row[0], start, end, *row[5:9], _utc(row[9]), _ASKED[row[10]]))

    def answers(self, tag: str, point: Point) -> dict[str, LegacyAnswer]:
        """Return what its query finds at a point, ended or not, by payload type.

        Where a tag has several lists of a type, the newest one counts.
        """
        parameters = {"tag": tag, "major": point.major, "minor": point.minor}
        if self._combines:
            parameters["near"] = Decimal(combined(*point)) + _SLACK
        rows = self._connection.execute(self._query, parameters)
        return {
            row[0]: LegacyAnswer._make((*row[1:5], Point(row[5], row[6]), Point(row[7], row[8])))
            for row in rows
        }

    @cached_property
    def _query(self) -> TextClause:
        # By the combined start, since that is what the index there has; starts that were
        # rounded to the same one, or beyond the point, are told apart by their numbers.
        near = "and comb_iov <= cast(:near as numeric)" if self._combines else ""
        order = "comb_iov desc nulls last," if self._combines else ""
        return text(
            f"""
            with l as (
                select max(l.id) id, l.payload_type_id from "PayloadList" l
                join "GlobalTag" t on t.id = l.global_tag_id where t.name = :tag
                group by l.payload_type_id
            )
            select p.name, i.* from l join "PayloadType" p on p.id = l.payload_type_id
            join lateral (
                select payload_url, checksum, {self._or_null("PayloadIOV", "size")},
                    {self._or_null("PayloadIOV", "extra")},
                    major_iov, minor_iov, major_iov_end, minor_iov_end
                from "PayloadIOV"
                where payload_list_id = l.id and (major_iov, minor_iov) <= (:major, :minor) {near}
                order by {order} major_iov desc, minor_iov desc, id desc limit 1
            ) i on true
            """  # noqa: S608 - constants
        )

    def _asked(self) -> str:
        if not self._combines:
            return "0"
        exact = "major_iov + minor_iov * 0.0000000000000000001"
        return f"case when comb_iov is null then 2 when comb_iov <> {exact} then 1 else 0 end"

    @cached_property
    def _combines(self) -> bool:
        """Whether queries compare the combined start: versions before it have it nowhere."""
        if "comb_iov" not in self._columns["PayloadIOV"]:
            return False
        used = self._run('select exists (select 1 from "PayloadIOV" where comb_iov is not null)')
        return bool(used[0][0])

    @cached_property
    def _columns(self) -> dict[str, set[str]]:
        found = inspect(self._connection)
        present = set(found.get_table_names())
        return {
            table: {column["name"] for column in found.get_columns(table)}
            for table in _TABLES
            if table in present
        }

    def _or_null(self, table: str, column: str, alias: str | None = None) -> str:
        if column not in self._columns[table]:
            return f"null as {column}"
        return f"{alias}.{column}" if alias else column

    def _run(self, statement: str) -> list[Any]:
        return list(self._connection.execute(text(statement)))


_ASKED = (Asked.RIGHT, Asked.ROUNDED, Asked.NEVER)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
