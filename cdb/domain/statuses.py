"""The statuses of a global tag: what may be written in each, and which may follow which."""

from dataclasses import dataclass
from enum import StrEnum

from cdb.errors import AppendOnly, Closed, Final


class WriteMode(StrEnum):
    """What a status lets happen to the payload lists of a tag."""

    OPEN = "open"
    """Everything."""

    APPEND = "append"
    """What answers already stays as it is; points without an answer may get one."""

    CLOSED = "closed"
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Status:
    """A status: its name, its write mode, and whether it can be left."""

    name: str
    mode: WriteMode
    final: bool


def require_not_final(tag: str, current: Status) -> None:
    """Raise Final where a tag is in a status that is never left.

    What was published stays what it was, whatever a tag policy says.
    """
    if current.final:
        raise Final(f"Global tag {tag!r} is {current.name}: a final status cannot be left.")


def require_open(tag: str, mode: WriteMode, what: str) -> None:
    """Raise where the tag's write mode forbids that something goes away.

    Args:
        tag: the tag's name, for the message.
        mode: its write mode now.
        what: what would happen, as in 'deleting a payload IOV'.

    Raises:
        Closed: nothing may change.
        AppendOnly: only additions are allowed.

    """
    require_not_closed(tag, mode)
    if mode is WriteMode.APPEND:
        raise AppendOnly(f"Global tag {tag!r} only takes additions: {what} is refused.")


def require_not_closed(tag: str, mode: WriteMode) -> None:
    """Raise Closed where nothing in the tag may change."""
    if mode is WriteMode.CLOSED:
        raise Closed(f"Global tag {tag!r} is closed: nothing in it changes any more.")
