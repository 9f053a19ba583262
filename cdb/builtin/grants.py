"""What is granted: permissions for the global tags whose names match.

`roles` and `scopes` write grants in their own ways; what a grant covers is the
same. Patterns are those of a shell (`*`, `?`, `[abc]`), and case matters.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from cdb.plugin import Permission, Target

EVERYWHERE = "*"
"""The pattern that is needed for what belongs to no global tag."""

SCOPE_PREFIX = "cdb."
"""What the scopes of this service begin with."""

WRITE = "write"
"""In a grant: every permission but `admin` and `read`."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Permissions, and the patterns of the names of the tags that they are for."""

    permissions: frozenset[Permission]
    patterns: tuple[str, ...] = (EVERYWHERE,)

    def covers(self, permission: Permission, target: Target) -> bool:
        """Tell whether this permits something.

        What belongs to no global tag (a payload type, a detached payload list, a
        staged payload IOV, …) is covered only where one pattern is `*`.
        """
        if permission not in self.permissions:
            return False
        if target.global_tag is None:
            return EVERYWHERE in self.patterns
        return any(fnmatchcase(target.global_tag, pattern) for pattern in self.patterns)


def permissions_named(name: str) -> frozenset[Permission]:
    """Return the permissions that a word of a grant means.

    A permission is itself (`iov.attach`), `iov.*` is all of that object, `write`
    is all but `admin` and `read`, and `admin` is everything.

    Raises:
        ValueError: it means none.

    """
    if name == WRITE:
        return frozenset(Permission) - {Permission.ADMIN, Permission.READ}
    if name == Permission.ADMIN:
        return frozenset(Permission)
    if name.endswith(".*"):
        found = frozenset(one for one in Permission if one.startswith(name.removesuffix("*")))
    else:
        found = frozenset(one for one in Permission if one == name)
    if not found:
        raise ValueError(f"there is no permission {name!r}")
    return found


def scope_grant(scope: str, prefix: str = SCOPE_PREFIX) -> Grant | None:
    """Return what a scope grants, or None where it is not one of this service.

    `cdb.write:/Prod*` is for the tags that match, `cdb.write` for everything. A
    scope that is written wrong grants nothing.
    """
    if not scope.startswith(prefix):
        return None
    name, separator, path = scope.removeprefix(prefix).partition(":")
    if separator and (not path.startswith("/") or path == "/"):
        return None
    try:
        permissions = permissions_named(name)
    except ValueError:
        return None
    return Grant(permissions, (path.removeprefix("/"),) if separator else (EVERYWHERE,))


def scope_allows(
    scopes: Iterable[str], permission: Permission, target: Target, prefix: str = SCOPE_PREFIX
) -> bool:
    """Tell whether scopes allow something; every scope allows to read."""
    if permission is Permission.READ:
        return True
    return any(grant.covers(permission, target) for grant in _grants(scopes, prefix))


def scope_may_allow(
    scopes: Iterable[str], permission: Permission, prefix: str = SCOPE_PREFIX
) -> bool:
    """Tell whether there can be a target for which scopes allow something."""
    if permission is Permission.READ:
        return True
    return any(permission in grant.permissions for grant in _grants(scopes, prefix))


def _grants(scopes: Iterable[str], prefix: str) -> Iterator[Grant]:
    return (grant for scope in scopes if (grant := scope_grant(scope, prefix)) is not None)
