"""What somebody may do in a global tag, asked before they try.

Each permission is asked for as a write would ask for it, so that what is told here is what
happens. What a write refuses besides, such as a name that is taken, is not known before.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from cdb.domain.statuses import Status, WriteMode
from cdb.errors import CdbError
from cdb.plugin import Identity, Permission, Target
from cdb.services import guard, lookup
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import reads
from cdb.store.engine import Reader

_LATEST = 253_402_300_799
"""The last second of the year 9999, the last that a date can say."""

_REMOVES = {
    Permission.TAG_DELETE: "deleting it",
    Permission.LIST_DELETE: "deleting a payload list",
    Permission.IOV_DELETE: "deleting a payload IOV",
}

_IN_TAG = {Permission.LIST_ATTACH, Permission.IOV_ATTACH, *_REMOVES}
"""What the status of a tag has a say in. Its description can be changed in any."""

_KINDS = {
    "status": "status",
    "list": "payload_list",
    "iov": "payload_iov",
    "type": "payload_type",
    "payload": "payload",
}
"""What the permissions are about, by how their names begin, as policies see it."""


class Permitted(NamedTuple):
    """What somebody may do in a global tag as it is, and the statuses that they may give it."""

    permissions: list[Permission]
    statuses: list[str]


def in_tag(
    reader: Reader, rules: Rules, writer: Writer, name: str, payload_type: str | None = None
) -> Permitted:
    """Return what a writer may do in a global tag.

    Args:
        reader: of the tag.
        rules: of the service, with its tag policy.
        writer: whose permissions are meant.
        name: of the tag.
        payload_type: of what is written; None where it does not matter.

    Raises:
        NotFound: no live tag has this name.

    """
    tag = lookup.tag(reader, name)
    permissions = [
        each
        for each in Permission
        if _is_let(partial(_require, writer, rules, tag, each, payload_type))
    ]
    if Permission.TAG_STATUS not in permissions:
        return Permitted(permissions, [])
    current = _as_status(tag.status, tag.mode, tag.final)
    others = [
        _as_status(each.name, each.mode, each.final)
        for each in reads.statuses(reader)
        if each.id != tag.status_id
    ]
    next_ones = [
        each.name
        for each in others
        if _is_let(partial(guard.transition, writer, rules, name, current, each))
    ]
    return Permitted(permissions, next_ones)


def ends(identity: Identity) -> datetime | None:
    """Return when the credentials of somebody end to hold; None where nobody knows."""
    moment: Any = identity.claims.get("exp")
    if type(moment) not in (int, float) or not 0 <= moment <= _LATEST:
        return None
    return datetime.fromtimestamp(moment, UTC)


def _require(
    writer: Writer,
    rules: Rules,
    tag: reads.TagRecord,
    permission: Permission,
    payload_type: str | None,
) -> None:
    target = _target(permission, tag.name, payload_type)
    if permission not in _IN_TAG:
        writer.require(permission, target)
        return
    removes = _REMOVES.get(permission)
    if permission is Permission.IOV_DELETE and rules.delete_in_append_mode:
        removes = None
    guard.write_to_tag(writer, rules, tag, permission, target, removes)


def _target(permission: Permission, tag: str, payload_type: str | None) -> Target:
    kind = permission.partition(".")[0]
    if kind == "tag":
        return Target("global_tag", tag, tag)
    if permission in _IN_TAG:
        return Target("payload_list", None, tag, payload_type)
    # What belongs to no tag, whatever it is used for.
    return Target(_KINDS.get(kind, "service"), payload_type=payload_type)


def _is_let(ask: Callable[[], None]) -> bool:
    try:
        ask()
    except CdbError:
        return False
    return True


def _as_status(name: str, mode: str, final: bool) -> Status:
    return Status(name, WriteMode(mode), final=bool(final))
