"""Who writes, and what is asked before anything is written."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cdb.errors import Forbidden, Unauthenticated
from cdb.plugin import Identity, Permission, Target
from cdb.store.changes import Head, Origin

Ask = Callable[[Identity, Permission, Target], bool]


def everything(_identity: Identity, _permission: Permission, _target: Target) -> bool:
    """Permit everything: for what an operator does on the machine of the service."""
    return True


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, why, and whether it is permitted.

    Attributes:
        identity: who writes.
        permits: answers whether somebody may do something.
        comment: the reason, for the change log.
        expected: the heads that the tags which are touched have to be at; none of
            them for any, None where it does not matter.
        dry_run: whether the write is only tried: what it does in the database is
            rolled back, so what it does elsewhere is to be left.
        asked: the permissions that were asked for; a write that has not asked
            for the one that it declares is a mistake of ours, and is not committed.

    """

    identity: Identity
    permits: Ask
    comment: str | None = None
    expected: frozenset[Head] | None = None
    dry_run: bool = False
    asked: list[tuple[Permission, Target]] = field(default_factory=list)

    @classmethod
    def operator(cls, name: str, comment: str | None = None) -> "Writer":
        """Return a writer who works on the machine of the service, and may do everything."""
        return cls(Identity(name, "operator"), everything, comment)

    @property
    def origin(self) -> Origin:
        """What the change log says of the writer."""
        return Origin(self.identity.subject, self.comment, self.expected)

    def require(self, permission: Permission, target: Target) -> None:
        """Raise where the writer may not do something to an object.

        Raises:
            Unauthenticated: nobody said who writes, and somebody else might.
            Forbidden: this one may not.

        """
        self.asked.append((permission, target))
        if self.permits(self.identity, permission, target):
            return
        refuse(self.identity, permission, target)


def refuse(identity: Identity, permission: Permission, target: Target | None = None) -> None:
    """Raise what fits somebody who may not do something."""
    if identity.is_anonymous:
        raise Unauthenticated(f"This needs credentials that permit {permission}.")
    where = ""
    if target is not None and target.global_tag is not None:
        where = f" in global tag {target.global_tag!r}"
    elif target is not None and target.name is not None:
        where = f" for {target.object_type.replace('_', ' ')} {target.name!r}"
    raise Forbidden(f"{identity.subject} has no permission {permission}{where}.")
