"""Payload lists."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from cdb.domain.statuses import WriteMode
from cdb.errors import AppendOnly, NameTaken, NotEmpty
from cdb.plugin import Permission, Target
from cdb.services import guard, lookup
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import reads, writes
from cdb.store.changes import OpenChange, open_change
from cdb.store.models import ListState, PayloadList


class NewList(NamedTuple):
    """A payload list to add: what it says of itself, and where its log is.

    Without a name it gets one from its type; without a time, that of the change.
    """

    type_id: int
    type_name: str
    ends: str
    description: str | None
    contact: str | None
    global_tag: int | None
    series: int
    pinned_at: int | None
    name: str | None = None
    created: datetime | None = None


def create(
    session: Session,
    rules: Rules,
    writer: Writer,
    type_name: str,
    ends: str | None = None,
    description: str | None = None,
    contact: str | None = None,
) -> reads.ListRecord:
    """Make an empty payload list that belongs to no tag; its name is made from its type.

    Raises:
        Unauthenticated, Forbidden: the writer may not.
        NotFound: no live type has this name.

    """
    writer.require(Permission.LIST_CREATE, Target("payload_list", payload_type=type_name))
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    payload_type = lookup.type_(session, type_name)
    series_id = writes.new_series(session)
    [name] = add_lists(
        change,
        [
            NewList(
                payload_type.id,
                payload_type.name,
                ends or rules.default_ends,
                description,
                contact,
                global_tag=None,
                series=series_id,
                pinned_at=None,
            )
        ],
    )
    writes.record_count(change, series_id, 0)
    made = lookup.list_(session, name)
    after = {"payload_type": type_name, "ends": made.ends}
    change.record("create", "payload_list", name, after=after, **_touched(made))
    return made


def add_lists(change: OpenChange, new: Sequence[NewList]) -> list[str]:
    """Add payload lists and return their names, those without one made from type and id.

    Raises:
        NameTaken: a live list has a name that was given.

    """
    if not new:
        return []
    first = writes.next_id(change.session, PayloadList)
    numbered = list(enumerate(new, start=first))
    names = _names(change, new, first)
    writes.add_many(
        change,
        PayloadList,
        [
            {
                "id": list_id,
                "name": name,
                "description": each.description,
                "contact": each.contact,
                "payload_type": each.type_id,
                "ends": each.ends,
                "created": each.created or change.at,
            }
            for (list_id, each), name in zip(numbered, names, strict=True)
        ],
    )
    writes.add_many(
        change,
        ListState,
        [
            {
                "payload_list": list_id,
                "global_tag": each.global_tag,
                "series": each.series,
                "pinned_at": each.pinned_at,
            }
            for list_id, each in numbered
        ],
    )
    for each in new:
        change.touch(each.global_tag, each.type_id)
    writes.keep_statistics(change.session, first - 1, first - 1 + len(new))
    return names


def _names(change: OpenChange, new: Sequence[NewList], first: int) -> list[str]:
    made = [
        each.name or f"{each.type_name}_{list_id}" for list_id, each in enumerate(new, start=first)
    ]
    taken = reads.list_names(change.session, made)
    # Those that were given first: the others make way.
    for place in sorted(range(len(made)), key=lambda place: new[place].name is None):
        name = made[place]
        if name in taken and new[place].name:
            raise NameTaken("Payload list", name)
        # Lists that came from elsewhere with their names can have one that would be made here.
        number = 1
        while made[place] in taken:
            number += 1
            made[place] = f"{name}_{number}"
            taken |= reads.list_names(change.session, [made[place]])
        taken.add(made[place])
    return made


def describe(
    session: Session, rules: Rules, writer: Writer, name: str, values: Mapping[str, str | None]
) -> reads.ListRecord:
    """Change the description or the contact of a payload list.

    Raises:
        NotFound: no live list has this name.
        Unauthenticated, Forbidden: the writer may not.

    """
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    record = lookup.list_(session, name)
    writer.require(Permission.LIST_CREATE, guard.target_of(record))
    writes.revise(change, PayloadList, {"id": record.id}, **values)
    change.touch(record.tag_id, record.type_id)
    before = {key: getattr(record, key) for key in values}
    change.record("describe", "payload_list", name, before, values, **_touched(record))
    return lookup.list_(session, name)


def attach(
    session: Session, rules: Rules, writer: Writer, list_name: str, tag_name: str
) -> reads.ListRecord:
    """Put a payload list into a global tag, in place of the one of its type.

    The list that it replaces is detached, and so is the list itself from the tag
    that it was in. Attaching it to the tag that it is in changes nothing.

    Raises:
        NotFound: no live list or tag has this name.
        Unauthenticated, Forbidden: the writer may not, in one of the two tags.
        Closed: one of the two tags is closed.
        AppendOnly: a list would be taken away from a tag that only takes additions.
        PolicyRefused: the tag policy forbids it in one of the two tags.

    """
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    target = lookup.tag(session, tag_name)
    record = lookup.list_(session, list_name)
    attached = Target("payload_list", list_name, payload_type=record.type)
    guard.write_to_tag(writer, rules, target, Permission.LIST_ATTACH, attached)
    if record.tag_id == target.id:
        return record
    if record.tag is not None:
        guard.write_to_list(
            writer, rules, record, Permission.LIST_ATTACH, "taking a payload list out of it"
        )
    replaced = reads.list_of_type(session, target.id, record.type_id)
    if replaced:
        if target.mode == WriteMode.APPEND:
            raise AppendOnly(
                f"Global tag {tag_name!r} only takes additions, and has the payload list "
                f"{replaced.name!r} of type {replaced.type!r} already."
            )
        writes.revise(change, ListState, {"payload_list": replaced.id}, global_tag=None)
    writes.revise(change, ListState, {"payload_list": record.id}, global_tag=target.id)
    change.touch(record.tag_id, record.type_id)
    change.touch(target.id)
    change.record(
        "attach",
        "payload_list",
        list_name,
        before={"global_tag": record.tag, "replaced": replaced and replaced.name},
        after={"global_tag": tag_name},
        global_tags=sorted({tag_name, *([record.tag] if record.tag else [])}),
        payload_lists=[list_name, *([replaced.name] if replaced else [])],
        payload_types=[record.type],
    )
    return lookup.list_(session, list_name)


def delete(session: Session, rules: Rules, writer: Writer, name: str) -> None:
    """Delete an empty payload list.

    Raises:
        NotFound: no live list has this name.
        Unauthenticated, Forbidden: the writer may not.
        NotEmpty: it holds payload IOVs.
        Closed, AppendOnly, PolicyRefused: its tag does not let a list go.

    """
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    record = lookup.list_(session, name)
    writer.require(Permission.LIST_DELETE, guard.target_of(record))
    if record.n_iov:
        raise NotEmpty(f"Payload list {name!r} holds {record.n_iov} payload IOVs.")
    guard.write_to_list(writer, rules, record, Permission.LIST_DELETE, "deleting a payload list")
    writes.retire(change, PayloadList, id=record.id)
    writes.retire(change, ListState, payload_list=record.id)
    change.touch(record.tag_id, record.type_id)
    before = {"global_tag": record.tag, "payload_type": record.type}
    change.record("delete", "payload_list", name, before, **_touched(record))


def _touched(record: reads.ListRecord) -> dict[str, Any]:
    return {
        "global_tags": [record.tag] if record.tag else [],
        "payload_lists": [record.name],
        "payload_types": [record.type],
    }
