"""A database laid out as nopayloaddb's, as Django makes its tables."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import create_engine, text

from cdb.services import contents
from cdb.store import reads
from cdb.store.changes import CURRENT
from cdb.store.engine import Database

TABLES = """
create table "GlobalTagStatus" (
    id bigserial primary key, name varchar(80) not null unique, description varchar(255),
    created timestamp not null
);
create table "GlobalTag" (
    id bigserial primary key, name varchar(80) not null unique, author varchar(80),
    description varchar(255), status_id bigint not null references "GlobalTagStatus",
    created timestamp not null, updated timestamp not null
);
create table "PayloadType" (
    id bigserial primary key, name varchar(80) not null unique, description varchar(255),
    created timestamp not null
);
create table "PayloadListIdSequence" (id bigserial primary key);
create table "PayloadList" (
    id bigint primary key, name varchar(255) not null unique, description varchar(255),
    global_tag_id bigint references "GlobalTag",
    payload_type_id bigint not null references "PayloadType",
    created timestamp not null, updated timestamp not null
);
create table "PayloadIOV" (
    id bigserial primary key, payload_url varchar(255) not null, checksum varchar(255) not null,
    size bigint, major_iov bigint not null, minor_iov bigint not null,
    major_iov_end bigint not null, minor_iov_end bigint not null,
    payload_list_id bigint references "PayloadList", extra varchar(255),
    description varchar(255), created timestamp not null, updated timestamp not null,
    comb_iov numeric(38, 19)
);
create index covering_idx on "PayloadIOV" (payload_list_id, comb_iov desc nulls last);
"""

OLDER = """
alter table "GlobalTag" drop author, drop description;
alter table "PayloadList" drop description;
alter table "PayloadType" drop description;
alter table "GlobalTagStatus" drop description;
alter table "PayloadIOV" drop size, drop extra, drop comb_iov, drop description;
"""
"""From the tables of today to those of the first versions."""

THEN = "2022-03-04 05:06:07.000089"
MAX = 2**63 - 1


class Legacy:
    """Such a database, and what is put into it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = create_engine(url)
        self.run(TABLES)

    def run(self, statement: str, parameters: Any = None) -> None:
        with self._engine.begin() as connection:
            connection.execute(text(statement), parameters or {})

    def close(self) -> None:
        self._engine.dispose()

    def objects(
        self,
        tags: Mapping[str, str],
        types: Iterable[str],
        lists: Iterable[tuple[int, str, str, str | None]],
    ) -> None:
        """Add tags by name and status, types, and lists: id, name, type, tag."""
        for status in ("unlocked", "locked", "frozen"):
            self.run(
                """insert into "GlobalTagStatus" (name, description, created)
                values (:name, 'a status', :then)""",
                {"name": status, "then": THEN},
            )
        for name, status in tags.items():
            self.run(
                """insert into "GlobalTag" (name, author, description, status_id, created, updated)
                select :name, 'alice', 'a tag', id, :then, :then from "GlobalTagStatus"
                where name = :status""",
                {"name": name, "status": status, "then": THEN},
            )
        for name in types:
            self.run(
                """insert into "PayloadType" (name, description, created)
                values (:name, 'a type', :then)""",
                {"name": name, "then": THEN},
            )
        for list_id, name, type_name, tag in lists:
            self.run(
                """insert into "PayloadList" (id, name, description, global_tag_id,
                    payload_type_id, created, updated)
                select :id, :name, 'a list', (select id from "GlobalTag" where name = :tag), id,
                    :then, :then
                from "PayloadType" where name = :type""",
                {"id": list_id, "name": name, "tag": tag, "type": type_name, "then": THEN},
            )

    def iovs(self, list_id: int | None, *rows: tuple[Any, ...]) -> None:
        """Add payload IOVs: start, end, and optionally the revision and the combined start.

        The names of the payloads count up from p1; `None` for an end is none.
        """
        for start, end, *rest in rows:
            revision = rest[0] if rest else "1"
            comb = rest[1] if len(rest) > 1 else _combined(*start)
            major_end, minor_end = end or (MAX, MAX)
            self.run(
                """insert into "PayloadIOV" (payload_url, checksum, size, major_iov, minor_iov,
                    major_iov_end, minor_iov_end, payload_list_id, extra, created, updated,
                    comb_iov)
                select 'p' || coalesce(max(id), 0) + 1, 'c', 7, :major, :minor, :major_end,
                    :minor_end, :list, :extra, :then, :then, :comb
                from "PayloadIOV" """,
                {
                    "major": start[0],
                    "minor": start[1],
                    "major_end": major_end,
                    "minor_end": minor_end,
                    "list": list_id,
                    "extra": revision,
                    "then": THEN,
                    "comb": comb,
                },
            )


def _combined(major: int, minor: int) -> Decimal:
    return Decimal(f"{major}.{minor:019d}") if min(major, minor) >= 0 else Decimal(major)


def shown(database: Database, tag: str) -> dict[str, list[tuple[Any, ...]]]:
    """What the lists of a tag show, by type: start, end, payload, revision."""
    with database.statement() as reader:
        found = reads.tag(reader, tag)
    assert found
    return {
        record.type: [
            (tuple(iov.start), iov.end and tuple(iov.end), iov.payload_url, iov.extra)
            for page in contents.iovs_at(database, record, CURRENT)
            for iov in page
        ]
        for record in contents.lists_at(database, CURRENT, found.id)
    }


def state(database: Database) -> list[Any]:
    """The names of all that is live, and the number of changes."""
    with database.snapshot() as reader:
        return [
            [(each.name, each.status) for each in reads.tags(reader)],
            [each.name for each in reads.types(reader)],
            [(each.name, each.tag, each.n_iov) for each in reads.lists(reader)],
        ]
