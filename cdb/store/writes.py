"""What changes write: versions of objects, and rows of the logs.

Everything here runs under the one writer's lock (`changes.open_change`), but
for staging, and for the copy that prepares a fork, which nobody else sees.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Executable, delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from cdb.domain.points import OPEN, Point
from cdb.domain.series import Plan
from cdb.store import bulk, iovs
from cdb.store.changes import IOVS_TOLD, OpenChange
from cdb.store.engine import connection_of, is_postgresql
from cdb.store.iovs import IovRecord
from cdb.store.models import (
    Iov,
    ListState,
    PayloadList,
    Series,
    StagedIov,
    TagStatus,
    Versioned,
)
from cdb.store.reads import ListRecord, Result, seen

_OBJECT_TABLES = (
    "global_tag",
    "tag_state",
    "tag_change",
    "change",
    "payload_type",
    "payload_list",
    "list_state",
    "series_change",
)


class Payload(NamedTuple):
    """What a payload IOV says of its payload; `id` where it has one already."""

    payload_url: str
    checksum: str
    size: int | None
    extra: str | None
    inserted: datetime
    id: int | None = None


def _run(session: Session, statement: Executable, *parameters: Any) -> Result:
    """Run a statement on the session's connection: there are no objects for the ORM to keep."""
    return connection_of(session).execute(statement, *parameters)


# --- objects ----------------------------------------------------------------


def next_id(session: Session, model: Any) -> int:
    """Return an id that no object of a kind has had; ids are never used again."""
    return int(_run(session, select(func.coalesce(func.max(model.id), 0) + 1)).scalar_one())


def add(change: OpenChange, model: type[Versioned], **values: Any) -> None:
    """Add the first version of an object, or the next one after `retire`."""
    _run(change.session, insert(model), [{**values, "added_by": change.number}])


def add_many(change: OpenChange, model: type[Versioned], rows: Sequence[dict[str, Any]]) -> None:
    """Add the first versions of many objects."""
    # With RETURNING they go as few statements; else it would be one for each row.
    statement = insert(model).returning(model.added_by)
    _run(change.session, statement, [{**row, "added_by": change.number} for row in rows]).all()


def keep_statistics(session: Session, before: int, after: int) -> None:
    """Have PostgreSQL look at the tables of objects each time that they have doubled.

    Its own look comes a minute later. Until then it takes each table for one
    row, and joins them in time that grows with the square of their sizes.

    Args:
        session: of the write.
        before: how many payload lists there were.
        after: how many there are.

    """
    if is_postgresql(session) and before.bit_length() < after.bit_length():
        _run(session, text(f"analyze {', '.join(_OBJECT_TABLES)}"))


def retire(change: OpenChange, model: type[Versioned], **key: Any) -> None:
    """Retire the live version of an object."""
    _run(
        change.session,
        update(model).where(seen(model)).filter_by(**key).values(retired_by=change.number),
    )


def retire_lists(change: OpenChange, tag_id: int) -> None:
    """Retire the payload lists of a global tag, and where they stand."""
    members = select(ListState.payload_list).where(ListState.global_tag == tag_id, seen(ListState))
    _run(
        change.session,
        update(PayloadList)
        .where(PayloadList.id.in_(members), seen(PayloadList))
        .values(retired_by=change.number),
    )
    retire(change, ListState, global_tag=tag_id)


def revise(change: OpenChange, model: type[Versioned], key: dict[str, Any], **values: Any) -> None:
    """Retire the live version of an object and add one that differs in some values."""
    columns = [column for column in model.__mapper__.columns if column.key != "retired_by"]  # type: ignore[attr-defined]
    live = _run(change.session, select(*columns).where(seen(model)).filter_by(**key)).one()
    retire(change, model, **key)
    add(change, model, **{**live._asdict(), **values})


def add_status(change: OpenChange, **values: Any) -> None:
    """Declare a status."""
    _run(
        change.session,
        insert(TagStatus),
        [{**values, "created": change.at, "added_by": change.number}],
    )


# --- series -----------------------------------------------------------------


def new_series(session: Session) -> int:
    """Return an empty log."""
    return int(_run(session, insert(Series).returning(Series.id)).scalar_one())


_INSERT_COUNT = text(
    "insert into series_change (series, change, n_iov) values (:series, :change, :n_iov)"
)


def record_count(change: OpenChange, series_id: int, n_iov: int) -> None:
    """Note how many live IOVs a series has since a change."""
    _run(change.session, _INSERT_COUNT, _count(change, series_id, n_iov))


def _count(change: OpenChange, series_id: int, n_iov: int) -> dict[str, int]:
    return {"series": series_id, "change": change.number, "n_iov": n_iov}


def copy_pinned(session: Session, record: ListRecord) -> int:
    """Copy what a pinned list shows into a series that nothing points to yet."""
    if record.pinned_at is None:
        raise ValueError("only a pinned list is copied")
    target = new_series(session)
    bulk.copy_visible(session, record.series, record.pinned_at, target)
    return target


def drop_copy(session: Session, series_id: int) -> None:
    """Remove a copy that is not needed: somebody else forked the list first."""
    _run(session, delete(Iov).where(Iov.series == series_id))
    _run(session, delete(Series).where(Series.id == series_id))


def point_to(change: OpenChange, record: ListRecord, series_id: int) -> ListRecord:
    """Publish a copy: from this change on the list has a log of its own."""
    revise(change, ListState, {"payload_list": record.id}, series=series_id, pinned_at=None)
    return record._replace(series=series_id, pinned_at=None)


def apply(
    change: OpenChange, record: ListRecord, plan: Plan, payloads: Sequence[Payload] = ()
) -> list[int | None]:
    """Carry out a plan on the log of a list, which touches its tag and its type.

    Args:
        change: the open change.
        record: the list, as read under the lock; not pinned.
        plan: what to retire and to add.
        payloads: what `Piece.new` counts in.

    Returns:
        The ids of what was added; None for what is left of what was retired, as a rule.

    """
    kept = iovs.retire(change.session, change.number, plan.retired, _told_of(plan))
    return _add(change, record, record.series, plan, payloads, kept)


def rewrite(
    change: OpenChange, record: ListRecord, plan: Plan, payloads: Sequence[Payload] = ()
) -> None:
    """Carry out a plan that replaces much of a list by giving it a log of its own.

    What stays is copied into that, and the old log stays as it is: so nothing is retired
    row by row, nor copied first where the list is pinned. Takes what `apply` does.
    """
    session = change.session
    series = new_series(session)
    stays = iovs.ids_in(session, record.view(change.number)) - plan.retired
    bulk.copy_rows(session, stays, series)
    point_to(change, record, series)
    kept = iovs.by_id(session, _told_of(plan))
    _add(change, record, series, plan, payloads, list(kept.values()))


def _told_of(plan: Plan) -> set[int]:
    """Return the ids of retired rows of which something is left, or which the log tells of."""
    left = {piece.row for piece in plan.added if piece.row is not None}
    return left.union(sorted(plan.retired - left)[:IOVS_TOLD])


def _add(
    change: OpenChange,
    record: ListRecord,
    series: int,
    plan: Plan,
    payloads: Sequence[Payload],
    retired: Sequence[IovRecord],
) -> list[int | None]:
    kept = {iov.id: iov for iov in retired}
    are_few = bulk.are_few(change.session, len(plan.added))
    sources: list[Payload | IovRecord] = [
        payloads[piece.new] if piece.new is not None else kept[piece.row or 0]
        for piece in plan.added
    ]
    given = [None if piece.new is None else payloads[piece.new].id for piece in plan.added]
    # What is left of another one gets its id where it is stored: nobody asks for it.
    lacks_id = [
        iov_id is None and not (are_few and piece.new is None)
        for iov_id, piece in zip(given, plan.added, strict=True)
    ]
    ids = iter(bulk.new_iov_ids(change.session, sum(lacks_id)))
    rows = [
        bulk.IovRow(
            next(ids) if lacks else iov_id,
            series,
            piece.start,
            piece.end,
            piece.declared,
            source.payload_url,
            source.checksum,
            source.size,
            source.extra,
            source.inserted,
            change.number,
        )
        for lacks, iov_id, piece, source in zip(lacks_id, given, plan.added, sources, strict=True)
    ]
    if are_few:
        for row in rows:
            change.write_last(bulk.INSERT, bulk.values_of(row))
    else:
        bulk.insert_iovs(change.session, rows)
    change.write_last(_INSERT_COUNT, _count(change, series, record.n_iov + plan.growth))
    change.touch(record.tag_id, record.type_id)
    change.before.add(
        (
            _told(record, iov.start, iov.end or OPEN, iov)
            for iov in sorted(retired, key=lambda iov: iov.start)
        ),
        len(plan.retired),
    )
    added = sorted(rows, key=lambda row: row.start)
    change.after.add((_told(record, row.start, row.end, row) for row in added), len(rows))
    return [row.id for row in rows]


def told(
    payload_list: str,
    start: Point,
    end: Point,
    payload_url: str,
    checksum: str,
    size: int | None,
    revision: str | None,
) -> dict[str, object]:
    """Return a payload IOV as the change log tells of it; its end is exclusive."""
    return {
        "payload_list": payload_list,
        "start": list(start),
        "end": list(end),
        "payload_url": payload_url,
        "checksum": checksum,
        "size": size,
        "revision": revision,
    }


def _told(
    record: ListRecord, start: Point, end: Point, payload: IovRecord | bulk.IovRow
) -> dict[str, object]:
    url, checksum = payload.payload_url, payload.checksum
    return told(record.name, start, end, url, checksum, payload.size, payload.extra)


# --- staged payload IOVs ----------------------------------------------------


@cache
def _stage(on_postgresql: bool) -> Executable:
    new_id = bulk.new_iov_id(on_postgresql=on_postgresql)
    return insert(StagedIov).values(id=new_id).returning(StagedIov.id)


_UNSTAGE = text("delete from staged_iov where id = :waiting")


def stage(session: Session, payload: Payload, start: Point, end: Point | None) -> int:
    """Keep a payload IOV until it is attached; return its id."""
    values = {
        "payload_url": payload.payload_url,
        "checksum": payload.checksum,
        "size": payload.size,
        "extra": payload.extra,
        "inserted": payload.inserted,
        "start_major": start.major,
        "start_minor": start.minor,
        "end_major": end and end.major,
        "end_minor": end and end.minor,
    }
    return int(_run(session, _stage(is_postgresql(session)), values).scalar_one())


def unstage(change: OpenChange, iov_id: int) -> None:
    """Take a payload IOV out of the waiting ones."""
    change.write_last(_UNSTAGE, {"waiting": iov_id})


def expire_staged(session: Session, before: datetime) -> None:
    """Remove what was staged before a time and never attached.

    On SQLite the newest one stays, since ids count on from it.
    """
    statement = delete(StagedIov).where(StagedIov.inserted < before)
    if not is_postgresql(session):
        statement = statement.where(
            StagedIov.id < select(func.max(StagedIov.id)).scalar_subquery()
        )
    _run(session, statement)
