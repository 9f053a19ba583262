"""How far the content of global tags goes: the newest start and the last write of each type.

It is asked of whatever runs a statement, tag by tag: what is known of a tag stays right until
that is written to, so a look at all tags costs little more than the tags that were written to.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text

from cdb.store.changes import Head
from cdb.store.models import LIVE, UtcDateTime

Ask = Callable[..., Sequence[Any]]
"""Runs a statement with its parameters, and returns the rows."""


class Last(NamedTuple):
    """The last change, and when it was made."""

    head: Head
    at: datetime


class TagAtHead(NamedTuple):
    """A global tag, the write mode of its status, and its head."""

    id: int
    name: str
    mode: str
    head: Head


class Newest(NamedTuple):
    """How far a payload type of a global tag goes.

    Attributes:
        payload_type: its name.
        start: of the last payload IOV, major and minor; None where there is none.
        written: when its content was last written, also in the tag that this one is a clone of.

    """

    payload_type: str
    start: tuple[int, int] | None
    written: datetime


_LAST = text("select change, nonce, at from change order by change desc limit 1").columns(
    at=UtcDateTime
)

_TAGS = text(f"""
    select tag.id, tag.name, status.mode, change.change, change.nonce
    from global_tag as tag
    join tag_state as state on state.tag = tag.id and state.retired_by = {LIVE}
    join tag_status as status on status.id = state.status
    join change on change.change = (select max(change) from tag_change where tag = tag.id)
    where tag.retired_by = {LIVE}
    order by change.change desc
""")  # noqa: S608 - a constant of the code

_NEWEST = text(f"""
    select payload_type.name, iov.start_major, iov.start_minor, change.at
    from list_state as state
    join payload_list as list on list.id = state.payload_list and list.retired_by = {LIVE}
    join payload_type on payload_type.id = list.payload_type and payload_type.retired_by = {LIVE}
    left join iov on iov.id = (
        select id from iov as shown
        where shown.series = state.series
        and shown.added_by <= coalesce(state.pinned_at, {LIVE - 1})
        and shown.retired_by > coalesce(state.pinned_at, {LIVE - 1})
        order by shown.start_major desc, shown.start_minor desc limit 1
    )
    join change on change.change = (
        select max(written.change) from series_change as written
        where written.series = state.series
        and written.change <= coalesce(state.pinned_at, {LIVE - 1})
    )
    where state.global_tag = :tag and state.retired_by = {LIVE}
    order by payload_type.name
""").columns(at=UtcDateTime)  # noqa: S608 - a constant of the code


def last(ask: Ask) -> Last | None:
    """Return the last change; None where there is none."""
    rows = ask(_LAST)
    return Last(Head(rows[0][0], rows[0][1]), rows[0][2]) if rows else None


def tags(ask: Ask) -> list[TagAtHead]:
    """Return all global tags, those first that were written to last."""
    return [TagAtHead(row[0], row[1], row[2], Head(row[3], row[4])) for row in ask(_TAGS)]


def of_tag(ask: Ask, tag: int) -> list[Newest]:
    """Return how far each payload type of a global tag goes, in order of their names."""
    return [
        Newest(row[0], None if row[1] is None else (row[1], row[2]), row[3])
        for row in ask(_NEWEST, tag=tag)
    ]
