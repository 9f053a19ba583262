"""The tables. A payload list is an append-only log, a global tag points into logs.

Rows that carry `added_by` and `retired_by` are versions: a row is visible as of
a change `c` where `added_by <= c < retired_by`, and live where `retired_by` is
LIVE. Versions of one object share its `id`. There are no foreign keys between
versions, since the same id stands in several rows; `added_by` and the ids are
given out under the one writer's lock.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    Sequence,
    String,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

LIVE = 2**63 - 1
"""`retired_by` of what nothing has retired: a number, so that visibility is an index condition."""

_IS_LIVE = text(f"retired_by = {LIVE}")

BigInt = BigInteger().with_variant(Integer, "sqlite")
"""64 bits on both; SQLite's INTEGER PRIMARY KEY is the row's own address."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, in UTC; SQLite keeps no time zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store the moment in UTC."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the moment back with its time zone."""
        return None if value is None else as_moment(value)


def as_moment(value: datetime | str) -> datetime:
    """Return a moment that a driver gives, in UTC; SQLite's gives a text."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Base(DeclarativeBase):
    """The base of all tables, with the naming rules that migrations rely on."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Versioned:
    """What every versioned row carries: the changes that added and retired it."""

    added_by: Mapped[int] = mapped_column(BigInt, primary_key=True)
    retired_by: Mapped[int] = mapped_column(BigInt, default=LIVE)


class Change(Base):
    """A write: who, when, what and why. Numbered in commit order, without holes."""

    __tablename__ = "change"

    change: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    nonce: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str] = mapped_column(String(255))
    action: Mapped[str] = mapped_column(String(40))
    object_type: Mapped[str] = mapped_column(String(40))
    object_name: Mapped[str] = mapped_column(String(255))
    comment: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (Index("ix_change_at", "at"),)


class TagChange(Base):
    """A global tag was touched by a change; the last of them is the head of the tag."""

    __tablename__ = "tag_change"

    tag: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    change: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)


class TypeChange(Base):
    """A payload type, or a payload list of it, was touched by a change."""

    __tablename__ = "type_change"

    payload_type: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    change: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)


class RecordedAnswer(Base):
    """What a write answered, for a client that sends it again with its idempotency key."""

    __tablename__ = "recorded_answer"

    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    body: Mapped[str | None] = mapped_column(Text)
    change: Mapped[int | None] = mapped_column(BigInt)

    __table_args__ = (Index("ix_recorded_answer_created", "created"),)


class TagStatus(Base):
    """A status that global tags can have. Statuses are never taken away."""

    __tablename__ = "tag_status"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    mode: Mapped[str] = mapped_column(String(10))
    final: Mapped[bool] = mapped_column(Boolean)
    description: Mapped[str | None] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    added_by: Mapped[int] = mapped_column(BigInt)


class GlobalTag(Versioned, Base):
    """What a global tag is called, and by whom it was made."""

    __tablename__ = "global_tag"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(80))
    author: Mapped[str | None] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    contact: Mapped[str | None] = mapped_column(String(255))
    created: Mapped[datetime] = mapped_column(UtcDateTime)


class TagState(Versioned, Base):
    """The status of a global tag; with one that lets nothing change comes the digest."""

    __tablename__ = "tag_state"

    tag: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    status: Mapped[int] = mapped_column(BigInt)
    digest: Mapped[str | None] = mapped_column(String(64))


class PayloadType(Versioned, Base):
    """A kind of payload."""

    __tablename__ = "payload_type"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(80))
    description: Mapped[str | None] = mapped_column(Text)
    dimension: Mapped[str | None] = mapped_column(String(80))
    validator: Mapped[str | None] = mapped_column(String(80))
    validator_options: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    contact: Mapped[str | None] = mapped_column(String(255))
    created: Mapped[datetime] = mapped_column(UtcDateTime)


class PayloadList(Versioned, Base):
    """What a payload list is called, its type, and what a missing end means in it."""

    __tablename__ = "payload_list"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(100))
    description: Mapped[str | None] = mapped_column(Text)
    contact: Mapped[str | None] = mapped_column(String(255))
    payload_type: Mapped[int] = mapped_column(BigInt)
    ends: Mapped[str] = mapped_column(String(20))
    created: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_payload_list_payload_type", "payload_type"),)


class ListState(Versioned, Base):
    """Where a payload list stands: its tag, its series, and the change it is pinned at.

    A pinned list shows its series as of that change, whatever is written to it
    later: that is what a clone is.
    """

    __tablename__ = "list_state"

    payload_list: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    global_tag: Mapped[int | None] = mapped_column(BigInt)
    series: Mapped[int] = mapped_column(BigInt)
    pinned_at: Mapped[int | None] = mapped_column(BigInt)

    __table_args__ = (
        Index(
            "ix_list_state_live_tag",
            "global_tag",
            postgresql_where=_IS_LIVE,
            sqlite_where=_IS_LIVE,
        ),
        Index("ix_list_state_global_tag", "global_tag", "added_by"),
        Index("ix_list_state_series", "series"),
    )


class Series(Base):
    """The log behind a payload list."""

    __tablename__ = "series"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=True)


class SeriesChange(Base):
    """A series was touched by a change, and has had so many live IOVs since."""

    __tablename__ = "series_change"

    series: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    change: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    n_iov: Mapped[int] = mapped_column(BigInt)


class PayloadReference:
    """What a payload IOV says of its payload, and where it starts."""

    start_major: Mapped[int] = mapped_column(BigInteger)
    start_minor: Mapped[int] = mapped_column(BigInteger)
    payload_url: Mapped[str] = mapped_column(String(255))
    checksum: Mapped[str] = mapped_column(String(255))
    size: Mapped[int | None] = mapped_column(BigInteger)
    extra: Mapped[str | None] = mapped_column(String(255))
    inserted: Mapped[datetime] = mapped_column(UtcDateTime)


IOV_ID = Sequence("iov_id", metadata=Base.metadata)
"""Ids of payload IOVs, staged or not, on PostgreSQL; SQLite counts on from the largest."""


class Iov(PayloadReference, Base):
    """A payload IOV in the log of its series. Ends are exclusive."""

    __tablename__ = "iov"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    series: Mapped[int] = mapped_column(BigInt)
    end_major: Mapped[int] = mapped_column(BigInteger)
    end_minor: Mapped[int] = mapped_column(BigInteger)
    declared_end_major: Mapped[int] = mapped_column(BigInteger)
    declared_end_minor: Mapped[int] = mapped_column(BigInteger)
    added_by: Mapped[int] = mapped_column(BigInt)
    retired_by: Mapped[int] = mapped_column(BigInt, default=LIVE)

    __table_args__ = (
        # Live reads: one descent finds the last start at or before a point.
        Index(
            "uq_iov_live_start",
            "series",
            text("start_major desc"),
            text("start_minor desc"),
            unique=True,
            postgresql_where=_IS_LIVE,
            sqlite_where=_IS_LIVE,
        ),
        # Pinned and as-of reads: the same, with visibility inside the index.
        Index(
            "ix_iov_history",
            "series",
            text("start_major desc"),
            text("start_minor desc"),
            "added_by",
            "retired_by",
        ),
        Index("ix_iov_checksum", "checksum"),
    )


class StagedIov(PayloadReference, Base):
    """A payload IOV that waits to be attached. An end that was not given is null."""

    __tablename__ = "staged_iov"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    end_major: Mapped[int | None] = mapped_column(BigInteger)
    end_minor: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_staged_iov_inserted", "inserted"),)


class Payload(Base):
    """A payload file of the payload store, or one whose revision the service has numbered.

    `checksum` is what payload IOVs refer to it by, the MD5 of a stored file;
    `path` and `sha256` are null where the file is not here.
    """

    __tablename__ = "payload"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    payload_type: Mapped[str] = mapped_column(String(80))
    file_name: Mapped[str] = mapped_column(String(255))
    checksum: Mapped[str] = mapped_column(String(255))
    sha256: Mapped[str | None] = mapped_column(String(64))
    size: Mapped[int | None] = mapped_column(BigInteger)
    revision: Mapped[int | None] = mapped_column(BigInteger)
    path: Mapped[str | None] = mapped_column(String(512), unique=True)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    added_by: Mapped[int] = mapped_column(BigInt)

    __table_args__ = (
        Index("ix_payload_checksum", "checksum"),
        Index("ix_payload_sha256", "sha256"),
        Index("uq_payload_type_revision", "payload_type", "revision", unique=True),
    )


class Token(Base):
    """An API token: only its hash is kept."""

    __tablename__ = "token"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True, autoincrement=False)
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    owner: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    expires: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SchemaRevision(Base):
    """A migration that was applied, and the oldest revision whose version of cdb lives with it."""

    __tablename__ = "schema_revision"

    revision: Mapped[str] = mapped_column(String(32), primary_key=True)
    lives_with: Mapped[str] = mapped_column(String(32))
    version: Mapped[str] = mapped_column(String(40))
    applied: Mapped[datetime] = mapped_column(UtcDateTime)


def _live_unique(table: str, *columns: str) -> Index:
    """Return the index that makes columns unique among what is live."""
    return Index(
        f"uq_{table}_live_{'_'.join(columns)}",
        *(Base.metadata.tables[table].c[column] for column in columns),
        unique=True,
        postgresql_where=_IS_LIVE,
        sqlite_where=_IS_LIVE,
    )


_live_unique("global_tag", "name")
_live_unique("global_tag", "id")
_live_unique("tag_state", "tag")
_live_unique("payload_type", "name")
_live_unique("payload_type", "id")
_live_unique("payload_list", "name")
_live_unique("payload_list", "id")
_live_unique("list_state", "payload_list")
