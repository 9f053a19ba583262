"""As of when something is asked: the latest change, one that is named, or a time."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from cdb.domain.points import MAX
from cdb.errors import Invalid, NotYet, Unavailable
from cdb.store.changes import CURRENT, Head, end, latest, now, up_to
from cdb.store.engine import Asked, Reader, reading
from cdb.store.pools import Readable

_FIELD = "asOf"
_DIGITS = len(str(MAX))


class Moment(NamedTuple):
    """The state of the database that something is asked of.

    Attributes:
        change: everything up to this change; CURRENT for the latest.
        is_settled: whether the same question will always mean this change.

    """

    change: int
    is_settled: bool = False

    @property
    def is_current(self) -> bool:
        """Whether it is the state of now."""
        return self.change == CURRENT


LATEST = Moment(CURRENT)


def moment(asked: Asked, as_of: str | None, field: str = _FIELD) -> Moment:
    """Return the state that a text means: the number of a change, or a time in ISO 8601.

    A time means the last change that was made then or before. It is settled
    once there is a later change; until then one that is being made may still
    get this time. A time without an offset is in UTC.

    Args:
        asked: where to read.
        as_of: the text; None for the latest change. A text without a character is wrong: it
            may be a variable of a script that was not set.
        field: what messages call it.

    Raises:
        Invalid: it is neither, or in the future: NotYet where the change is not here yet.

    """
    if as_of is None:
        return LATEST
    with reading(asked) as reader:
        return _moment(reader, as_of, field)


def _moment(reader: Reader, as_of: str, field: str) -> Moment:
    last, last_at = latest(reader)
    if as_of.isascii() and as_of.isdigit():
        # The length comes first: Python refuses to read numbers of thousands of digits.
        if len(as_of) > _DIGITS or int(as_of) > last:
            raise NotYet.field(field, f"There is no change {as_of[:30]} yet, the last is {last}.")
        return Moment(int(as_of), is_settled=True)
    time = parse_time(as_of, field, "the number of a change or ")
    # Before the last change it is not: a clock that was put back would say so.
    if time > max(now(), last_at):
        raise Invalid.field(field, f"{time.isoformat()} is in the future.")
    return Moment(up_to(reader, time), is_settled=last_at > time)


def of_tag(
    reader: Asked, written: str, as_of: str | None = None, field: str = _FIELD
) -> tuple[str, Moment]:
    """Return the name of a global tag and the state that it is asked of: `tag` or `tag@change`.

    Raises:
        Invalid: the state is given twice, wrong, or in the future.

    """
    name, separator, own = written.partition("@")
    if not separator:
        return name, moment(reader, as_of, field)
    if as_of is not None:
        raise Invalid.field(field, f"{written!r} says already as of when it is asked.")
    if not own:
        raise Invalid(f"A change or a time is missing after {written!r}.")
    return name, moment(reader, own, field)


def require(reader: Reader, change: int) -> None:
    """Raise where a change is not here yet.

    Raises:
        Unavailable: the database is behind, as a standby can be.

    """
    last, _ = latest(reader)
    if last < change:
        raise Unavailable(f"Change {change} is not here yet, the last is {last}.")


def require_history(database: Readable, heads: Iterable[Head]) -> None:
    """Raise where changes that an answer was read at are not there any more, or are others.

    What is read page by page at a change is not read at once. Meanwhile the database may have
    been restored, or another server may have taken over that lacked its last changes.

    Raises:
        Unavailable: what was read may be of two histories.

    """
    if any(database.read(end, head.change) != head for head in heads):
        raise Unavailable("The database went back while the answer was read.")


def parse_time(text: str, field: str, also: str = "") -> datetime:
    """Return the time that a text in ISO 8601 says, in UTC, as it is without an offset.

    Args:
        text: as in `2026-11-23T09:30:00Z`.
        field: what messages call it.
        also: what else it could have been, for the message.

    Raises:
        Invalid: it says none, or one outside of the years 1 to 9999 in UTC.

    """
    # A plus sign that was not quoted arrives as a space.
    date, separator, rest = text.partition("T")
    try:
        found = datetime.fromisoformat(f"{date}{separator}{rest.replace(' ', '+')}")
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid.field(
            field, f"{text!r} is not {also}a time in ISO 8601, as 2026-11-23T09:30:00Z."
        ) from None
