"""The statuses that every service knows."""

from collections.abc import Sequence
from typing import ClassVar

from cdb.plugin import Identity, Status, TagPolicy, WriteMode


class Standard(TagPolicy):
    """A tag is unlocked, locked (it only takes additions) or frozen (for ever).

    Every status can follow every other, also those that were added, but a final
    one is never left: what was published stays what it was.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"

    @property
    def statuses(self) -> Sequence[Status]:
        """The three; a new tag is unlocked."""
        return (
            Status("unlocked", WriteMode.OPEN, final=False),
            Status("locked", WriteMode.APPEND, final=False),
            Status("frozen", WriteMode.CLOSED, final=True),
        )

    def refuses_transition(
        self, tag: str, current: Status, target: Status, identity: Identity
    ) -> str | None:
        """Return why a tag stays as it is: its status is final."""
        if current.final and target.name != current.name:
            return f"Global tag {tag!r} is {current.name}: a final status cannot be left."
        return None
