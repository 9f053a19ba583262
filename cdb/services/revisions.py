"""The revisions of payloads where the service numbers them, as Belle II's clients expect.

The same content of a type keeps its number, wherever its file is. The number is
decided under the writer's lock, when the payload first becomes valid or is
uploaded.
"""

from collections.abc import Sequence
from posixpath import basename

from cdb.domain.points import MAX
from cdb.errors import PayloadRefused
from cdb.store import revisions
from cdb.store.changes import OpenChange
from cdb.store.revisions import NewRevision
from cdb.store.writes import Payload


def numbered(change: OpenChange, payload_type: str, payloads: Sequence[Payload]) -> list[Payload]:
    """Return payloads of a type with their revisions; those without one get the next.

    A revision that a client states is taken where the payload has none yet and
    no other payload has had a larger one: so numbers of another service can be
    brought along, in order.

    Raises:
        PayloadRefused: a payload has no checksum to be known by, or another
            revision than the one that is stated.

    """
    known = revisions.of_checksums(
        change.session, payload_type, (payload.checksum.lower() for payload in payloads)
    )
    following = revisions.last(change.session, payload_type) + 1
    new: list[NewRevision] = []
    result = []
    for payload in payloads:
        checksum = payload.checksum.lower()
        if not checksum:
            raise PayloadRefused(["A checksum is needed: payloads are numbered by their content."])
        if checksum not in known:
            known[checksum] = _first_number(payload, following)
            following = known[checksum] + 1
            name = basename(payload.payload_url)
            new.append(NewRevision(checksum, name, payload.size, known[checksum]))
        if payload.extra not in (None, str(known[checksum])):
            problem = f"is revision {known[checksum]} of its type, not {payload.extra!r}."
            raise PayloadRefused([f"The payload {payload.checksum!r} {problem}"])
        result.append(payload._replace(extra=str(known[checksum])))
    if new:
        revisions.add(change, payload_type, new)
    return result


def adopt(change: OpenChange, payload_type: str, series: int) -> None:
    """Note the numbers that payloads bring along in a log that comes from elsewhere.

    What is numbered later goes on after them. Where a payload has a number here, or
    another one has that number, it stays so: what the log says is what was true there.
    """
    stated = revisions.stated_in(change.session, series)
    numbers = {each: number for each in stated if (number := _number(each.revision)) is not None}
    known = revisions.of_checksums(
        change.session, payload_type, (each.checksum for each in numbers)
    )
    taken = revisions.taken(change.session, payload_type, numbers.values())
    new: dict[str, NewRevision] = {}
    for each, number in sorted(numbers.items(), key=lambda pair: (pair[1], pair[0].checksum)):
        if each.checksum in known or each.checksum in new or number in taken:
            continue
        taken.add(number)
        name = basename(each.payload_url)
        new[each.checksum] = NewRevision(each.checksum, name, each.size, number)
    if new:
        revisions.add(change, payload_type, list(new.values()))


def _first_number(payload: Payload, following: int) -> int:
    stated = _number(payload.extra)
    return stated if stated is not None and stated >= following else following


def _number(stated: str | None) -> int | None:
    if stated is None or not (stated.isascii() and stated.isdigit() and len(stated) < 19):
        return None
    return int(stated) if 0 < int(stated) < MAX else None
