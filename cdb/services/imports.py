"""Bringing a global tag in from a bundle, a file or another database: one change, or nothing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from cdb.domain.names import name_problem, tag_name_problem
from cdb.domain.portable import (
    PortableIov,
    PortableList,
    PortableStatus,
    PortableType,
    Provenance,
    digest_of,
)
from cdb.domain.statuses import Status, WriteMode
from cdb.errors import Corrupt, Invalid, NameTaken
from cdb.plugin import Permission, Target
from cdb.services import loading, lookup, payload_types, statuses
from cdb.services.exports import Source
from cdb.services.global_tags import add_tag
from cdb.services.loading import Filled
from cdb.services.payload_lists import NewList
from cdb.services.rules import Rules
from cdb.services.writer import Writer
from cdb.store import reads
from cdb.store.changes import OpenChange, open_change

Progress = Callable[[int], object]
"""Told how many payload IOVs more have passed."""


class Imported(NamedTuple):
    """A global tag that came in.

    Attributes:
        tag: as it is now.
        digest: of what it answers; the one that its source said, where that said one.
        n_iov: how many payload IOVs came.
        renamed: the payload lists whose name was taken: what they are called now, by
            what they were called.
        without_validator: payload types whose validator this service has not; they have none.

    """

    tag: reads.TagRecord
    digest: str
    n_iov: int
    renamed: dict[str, str]
    without_validator: list[str]


def take(
    session: Session,
    rules: Rules,
    writer: Writer,
    source: Source,
    name: str | None = None,
    progress: Progress = lambda _count: None,
) -> Imported:
    """Bring in a global tag with all its payload lists, its status and its texts.

    Payload types that are there already stay as they are.

    Args:
        session: of the write.
        rules: of the service.
        writer: who writes.
        source: what comes in.
        name: what the tag is called here; None for its own name.
        progress: told how far it is.

    Raises:
        Unauthenticated, Forbidden: the writer may not.
        NameTaken: a live tag has the name.
        Invalid: a name is none, a payload type is here with another dimension, or its dimension is
            none of this service; intervals overlap or are none.
        Corrupt: the content does not have the digest that the source says.

    """
    called = name or source.tag.name
    writer.require(Permission.TAG_CREATE, Target("global_tag", called, called))
    _check_name(called, tag_name_problem(called))
    _check_name(source.tag.status.name, name_problem(source.tag.status.name))
    if reads.tag(session, called):
        raise NameTaken("Global tag", called)
    filled: list[tuple[PortableList, Filled]] = []
    for each, iovs in source.lists():
        _check_name(each.name, name_problem(each.name))
        _check_type(session, rules, each.payload_type)
        filled.append((each, loading.fill(session, _counted(iovs, progress))))
    digest = _checked_digest(source, filled)
    change = open_change(session, writer.origin, rules.lock_timeout_ms)
    status = _status(change, rules, source.tag.status)
    tag_id = add_tag(
        change,
        called,
        status.id,
        source.tag.author,
        source.tag.description,
        source.tag.contact,
        source.tag.created,
        digest if status.mode == WriteMode.CLOSED else None,
    )
    without_validator: list[str] = []
    taken = reads.list_names(session, [each.name for each, _ in filled])
    new = [
        (
            NewList(
                _type(change, rules, each.payload_type, without_validator),
                each.payload_type.name,
                each.ends,
                each.description,
                each.contact,
                tag_id,
                log.series,
                pinned_at=None,
                name=None if each.name in taken else each.name,
                created=each.created,
            ),
            log,
        )
        for each, log in filled
    ]
    names = loading.publish(change, rules, new)
    change.record(
        "import",
        "global_tag",
        called,
        after={"status": status.name, "digest": digest},
        provenance=_as_json(source.provenance),
        global_tags=[called],
        payload_lists=names,
        payload_types=[each.payload_type.name for each, _ in filled],
    )
    were = [each.name for each, _ in filled]
    return Imported(
        lookup.tag(session, called),
        digest,
        sum(log.n_iov for _, log in filled),
        {was: now for was, now in zip(were, names, strict=True) if was != now},
        without_validator,
    )


def _counted(iovs: Iterable[PortableIov], progress: Progress) -> Iterator[PortableIov]:
    count = 0
    for iov in iovs:
        count += 1
        if count == _TOLD_EVERY:
            progress(count)
            count = 0
        yield iov
    progress(count)


_TOLD_EVERY = 5000


def _checked_digest(source: Source, filled: Iterable[tuple[PortableList, Filled]]) -> str:
    found = digest_of((each, log.digest) for each, log in filled)
    said = source.digest()
    if said is not None and said != found:
        raise Corrupt(
            f"The digest of {source.tag.name!r} has to be {said}, and what came has {found}: "
            "nothing was brought in."
        )
    return found


def _check_name(name: str, problem: str | None) -> None:
    if problem:
        raise Invalid(f"{name!r}: {problem}")


def _check_type(session: Session, rules: Rules, wanted: PortableType) -> None:
    _check_name(wanted.name, name_problem(wanted.name))
    found = reads.type_(session, wanted.name)
    if found is None:
        if wanted.dimension not in rules.dimensions:
            raise Invalid(
                f"Payload type {wanted.name!r} has the dimension {wanted.dimension!r}, "
                "which is none of this service (cdb.iov_dimensions)."
            )
        return
    here = found.dimension or rules.default_dimension
    if here != wanted.dimension:
        raise Invalid(
            f"Payload type {wanted.name!r} has the dimension {here!r} here, "
            f"and {wanted.dimension!r} there."
        )


def _type(
    change: OpenChange, rules: Rules, wanted: PortableType, without_validator: list[str]
) -> int:
    """Return the id of a payload type, which is added if need be."""
    _check_type(change.session, rules, wanted)
    if found := reads.type_(change.session, wanted.name):
        return found.id
    choice = payload_types.Choice(wanted.dimension, wanted.validator, wanted.validator_options)
    if wanted.validator is not None and wanted.validator not in rules.validation.validators:
        choice = payload_types.Choice(wanted.dimension)
        without_validator.append(wanted.name)
    return payload_types.add_type(
        change,
        wanted.name,
        wanted.description,
        wanted.contact,
        choice._asdict(),
        wanted.created,
    )


def _status(change: OpenChange, rules: Rules, wanted: PortableStatus) -> reads.StatusRecord:
    """Return the status that has this name; one that nobody knows here is added as it was."""
    own = any(each.name == wanted.name for each in rules.tag_policy.statuses)
    if not own and not reads.status(change.session, wanted.name):
        status = Status(wanted.name, WriteMode(wanted.mode), final=wanted.final)
        statuses.add_status(change, status, wanted.description)
    return statuses.needed(change, rules, wanted.name)


def _as_json(provenance: Provenance) -> dict[str, Any]:
    return {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in asdict(provenance).items()
    }
