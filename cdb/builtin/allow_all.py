"""No authorization at all, for a service that only its own machine reaches."""

from typing import ClassVar

from cdb.plugin import AuthorizationPolicy, Identity, Permission, Target


class AllowAll(AuthorizationPolicy):
    """Permits everything to everybody."""

    requires_cdb: ClassVar[str] = ">=1,<2"
    is_open: ClassVar[bool] = True

    def permits(self, identity: Identity, permission: Permission, target: Target) -> bool:
        """Return True."""
        return True
