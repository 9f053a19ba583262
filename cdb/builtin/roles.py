"""Authorization by roles: the token or the ini says who has which, the ini what they may do."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, ClassVar

from cdb.builtin.credentials import subject_problem
from cdb.builtin.grants import EVERYWHERE, Grant, permissions_named
from cdb.plugin import AuthorizationPolicy, Identity, Lines, OptionsError, Permission, Target

_SEPARATORS = re.compile(r"[,\s]+")

_GRANT = re.compile(r"(?P<role>\S+):\s+(?P<permissions>.+?)(?:\s+on\s+(?P<patterns>.+))?")

# Subjects have colons of their own; the one that ends a subject has a space after it.
_MEMBER = re.compile(r"(?P<subject>.+):\s+(?P<roles>.+)")


@dataclass(frozen=True, slots=True)
class RolesOptions:
    """Who has which role, and what a role may do."""

    claim: str = field(
        default="roles",
        metadata={
            "help": "The claim with the roles, a list or a text; `realm_access.roles` is the "
            "claim `roles` within `realm_access`."
        },
    )
    members: Lines = field(
        default=(),
        metadata={"help": "A line for each subject with its roles: `alice: expert, shifter`."},
    )
    grants: Lines = field(
        default=(),
        metadata={
            "help": "A line for each role with what it may do, and for which tags: "
            "`expert: tag.create iov.* on Prod*, Test*`; without `on` for everything."
        },
    )


class Roles(AuthorizationPolicy):
    """Permits what is granted to one of the roles that somebody has.

    A grant names permissions (`iov.attach`), all of an object (`iov.*`), `write`
    (all but `admin` and `read`), or `admin`, which is everything; after `on` the
    patterns of the tags' names, in which `?` stands for a space or a comma.
    Everybody who is not anonymous may read; whoever is anonymous has no role.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    Options: ClassVar[type] = RolesOptions
    options: RolesOptions

    def __init__(self, name: str, options: RolesOptions) -> None:
        super().__init__(name, options)
        if not options.claim:
            raise OptionsError("claim is empty")
        self._grants = _grants(options.grants)
        self._members = _members(options.members, known=self._grants)

    def permits(self, identity: Identity, permission: Permission, target: Target) -> bool:
        """Tell whether a role of somebody permits something to an object."""
        if identity.is_anonymous:
            return False
        if permission is Permission.READ:
            return True
        return any(grant.covers(permission, target) for grant in self._granted(identity))

    def may_permit(self, identity: Identity, permission: Permission) -> bool:
        """Tell whether a role of somebody permits something to some object."""
        if identity.is_anonymous:
            return False
        if permission is Permission.READ:
            return True
        return any(permission in grant.permissions for grant in self._granted(identity))

    def _granted(self, identity: Identity) -> Iterable[Grant]:
        roles = self._members.get(identity.subject, frozenset())
        roles |= _words(_claim(identity.claims, self.options.claim))
        return chain.from_iterable(self._grants.get(role, ()) for role in roles)


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """Return a claim, or None; one that has the dots in its own name goes first."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def _words(value: Any) -> frozenset[str]:
    """Return the roles in a claim; what is no role in it is passed over."""
    if isinstance(value, str):
        value = _SEPARATORS.split(value)
    if not isinstance(value, list | tuple):
        return frozenset()
    return frozenset(word for word in value if isinstance(word, str) and word)


def _grants(lines: Iterable[str]) -> Mapping[str, list[Grant]]:
    grants = defaultdict(list)
    for line in lines:
        parts = _GRANT.fullmatch(line)
        names = sorted(_words(parts["permissions"])) if parts else ()
        patterns = _words(parts["patterns"] or EVERYWHERE) if parts else ()
        if parts is None or not names or not patterns:
            raise OptionsError(f"grants: {line!r} is not `role: permissions on patterns`")
        try:
            permissions = frozenset(chain.from_iterable(map(permissions_named, names)))
        except ValueError as error:
            raise OptionsError(f"grants: {line!r}: {error}") from error
        grants[parts["role"]].append(Grant(permissions, tuple(sorted(patterns))))
    return dict(grants)


def _members(lines: Iterable[str], known: Iterable[str]) -> Mapping[str, frozenset[str]]:
    members: dict[str, frozenset[str]] = {}
    for line in lines:
        parts = _MEMBER.fullmatch(line)
        roles = _words(parts["roles"]) if parts else frozenset()
        if parts is None or not roles:
            raise OptionsError(f"members: {line!r} is not `subject: roles`")
        subject = parts["subject"]
        if problem := subject_problem(subject):
            raise OptionsError(f"members: the subject in {line!r} {problem}")
        if unknown := sorted(roles - set(known)):
            raise OptionsError(f"members: {line!r}: nothing is granted to {', '.join(unknown)}")
        members[subject] = members.get(subject, frozenset()) | roles
    return members
