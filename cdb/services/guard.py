"""May this be written to this tag, by this writer, now? Asked afresh under the writer's lock."""

import logging
from collections.abc import Callable

from cdb.domain.statuses import (
    Status,
    WriteMode,
    require_not_closed,
    require_not_final,
    require_open,
)
from cdb.errors import PolicyRefused, TransitionRefused
from cdb.plugin import Permission, Target
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store.reads import ListRecord, TagRecord

log = logging.getLogger(__name__)


def write_to_tag(
    writer: Writer,
    rules: Rules,
    tag: TagRecord,
    permission: Permission,
    target: Target,
    removes: str | None = None,
) -> None:
    """Raise where something may not be written to a global tag.

    Args:
        writer: who writes.
        rules: of the service, with its tag policy.
        tag: the tag.
        permission: what the write needs.
        target: what is written; its tag is filled in.
        removes: what would go away, as in 'deleting a payload IOV'; None where
            the write only adds.

    Raises:
        Unauthenticated, Forbidden: the writer may not.
        Closed, AppendOnly: the tag's write mode forbids it.
        PolicyRefused: the tag policy forbids it.

    """
    status = Status(tag.status, WriteMode(tag.mode), final=bool(tag.final))
    _write(writer, rules, tag.name, status, permission, target, removes)


def write_to_list(
    writer: Writer,
    rules: Rules,
    record: ListRecord,
    permission: Permission,
    removes: str | None = None,
) -> None:
    """Raise where something may not be written to a payload list.

    What may be written to a detached list is a matter of permission only.
    """
    target = target_of(record)
    if record.tag is None or record.status is None or record.mode is None:
        writer.require(permission, target)
        return
    status = Status(record.status, WriteMode(record.mode), final=bool(record.final))
    _write(writer, rules, record.tag, status, permission, target, removes)


def target_of(record: ListRecord) -> Target:
    """Return a payload list, in its tag, as a policy sees it."""
    return Target("payload_list", record.name, record.tag, record.type)


def _write(
    writer: Writer,
    rules: Rules,
    tag: str,
    status: Status,
    permission: Permission,
    target: Target,
    removes: str | None,
) -> None:
    writer.require(permission, Target(target.object_type, target.name, tag, target.payload_type))
    if removes:
        require_open(tag, status.mode, removes)
    else:
        require_not_closed(tag, status.mode)
    policy, identity = rules.tag_policy, writer.identity
    refusal = _answer(rules, lambda: policy.refuses_write(tag, status, permission, identity))
    if refusal:
        raise PolicyRefused(refusal)


def transition(writer: Writer, rules: Rules, tag: str, current: Status, target: Status) -> None:
    """Raise where a tag cannot go from its status to another.

    Raises:
        Final: the status that it has cannot be left.
        TransitionRefused: the tag policy does not let it go there.

    """
    require_not_final(tag, current)
    policy, identity = rules.tag_policy, writer.identity
    refusal = _answer(rules, lambda: policy.refuses_transition(tag, current, target, identity))
    if refusal:
        raise TransitionRefused(refusal)


def _answer(rules: Rules, ask: Callable[[], str | None]) -> str | None:
    """Return why the tag policy refuses; one that fails does."""
    try:
        return ask()
    except Exception:
        log.exception("the tag policy %s failed, and refuses", rules.tag_policy.name)
        return "The tag policy failed on this write."
