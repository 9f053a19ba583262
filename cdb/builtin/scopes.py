"""Authorization by the scopes of a token: the issuer decides."""

import re
from dataclasses import dataclass, field
from typing import ClassVar

from cdb.builtin.grants import SCOPE_PREFIX, scope_allows, scope_may_allow
from cdb.plugin import AuthorizationPolicy, Identity, OptionsError, Permission, Target

# What RFC 6749 lets a scope have, without the colon that ends the permission.
_PREFIX = re.compile(r"[!#-9;-\[\]-~]+")


@dataclass(frozen=True, slots=True)
class ScopesOptions:
    """How the scopes of this service are told from those of others."""

    prefix: str = field(
        default=SCOPE_PREFIX,
        metadata={"help": "What the scopes of this service begin with."},
    )


class Scopes(AuthorizationPolicy):
    """Permits what a scope says: `cdb.write:/Prod*`, `cdb.iov.attach`, `cdb.admin`.

    The name of a permission, `iov.*`, `write` or `admin` after the prefix; then,
    after `:/`, the pattern of the tags that it is for. A pattern has no space,
    since scopes are divided by them: `?` stands for one. Scopes of other services
    are passed over. Everybody who is not anonymous may read.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    Options: ClassVar[type] = ScopesOptions
    options: ScopesOptions

    def __init__(self, name: str, options: ScopesOptions) -> None:
        super().__init__(name, options)
        if not _PREFIX.fullmatch(options.prefix):
            raise OptionsError("prefix is empty, or has a character that no scope has before ':'")

    def permits(self, identity: Identity, permission: Permission, target: Target) -> bool:
        """Tell whether one of the scopes permits something to an object."""
        if identity.is_anonymous:
            return False
        return scope_allows(identity.scopes or (), permission, target, self.options.prefix)

    def may_permit(self, identity: Identity, permission: Permission) -> bool:
        """Tell whether one of the scopes permits something to some object."""
        if identity.is_anonymous:
            return False
        return scope_may_allow(identity.scopes or (), permission, self.options.prefix)
