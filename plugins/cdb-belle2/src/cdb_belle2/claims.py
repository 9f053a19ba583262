"""Authorization by the claims of Belle II's tokens."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from cdb.plugin import AuthorizationPolicy, Identity, Permission, Target
from cdb_belle2.patterns import any_fits, patterns_of

ADMIN = "b2cdb:admin"
CREATE_IOV = "b2cdb:createiov"
CREATE_PAYLOAD = "b2cdb:createpayload"

EVERYTHING = ".*"
"""The pattern, exactly so written, that makes `b2cdb:admin` the claim of an administrator."""

ON_TAG: Mapping[Permission, tuple[str, ...]] = {
    Permission.TAG_CREATE: (ADMIN,),
    Permission.TAG_WRITE: (ADMIN,),
    Permission.TAG_STATUS: (ADMIN,),
    Permission.TAG_DELETE: (ADMIN,),
    Permission.LIST_CREATE: (ADMIN, CREATE_IOV),
    Permission.LIST_ATTACH: (ADMIN, CREATE_IOV),
    Permission.LIST_DELETE: (ADMIN, CREATE_IOV),
    Permission.IOV_ATTACH: (ADMIN, CREATE_IOV),
    Permission.IOV_DELETE: (ADMIN, CREATE_IOV),
}
"""Permission → the claims of which one has to match the name of the global tag."""

ON_TYPE: Mapping[Permission, tuple[str, ...]] = {
    Permission.TYPE_CREATE: (CREATE_PAYLOAD,),
    Permission.PAYLOAD_WRITE: (CREATE_PAYLOAD,),
    Permission.LIST_CREATE: (CREATE_PAYLOAD,),
    Permission.LIST_DELETE: (CREATE_PAYLOAD,),
    Permission.IOV_ATTACH: (CREATE_PAYLOAD,),
}
"""Permission → the same for the payload type of what is in no global tag."""

ANYWHERE: Mapping[Permission, tuple[str, ...]] = {
    Permission.IOV_CREATE: (ADMIN, CREATE_IOV, CREATE_PAYLOAD),
}
"""Permission → claims of which one has to have a pattern, whatever it is.

A staged payload IOV has neither a type nor a tag, and nothing shows it.
"""


class Claims(AuthorizationPolicy):
    """Permits what the claims `b2cdb:admin`, `b2cdb:createiov` and `b2cdb:createpayload` say.

    Each is a list of regular expressions, which match a name in full: `admin`
    the name of a global tag, `createiov` the name of the tag whose payload list
    is written, `createpayload` the payload type. A status, the removal of a
    payload type and whatever else is not listed is for an administrator, whose
    `b2cdb:admin` holds the pattern `.*`. Everybody with a token may read.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"

    def permits(self, identity: Identity, permission: Permission, target: Target) -> bool:
        """Tell whether the claims of somebody permit something to an object."""
        if identity.is_anonymous:
            return False
        if permission is Permission.READ or _is_administrator(identity):
            return True
        if target.global_tag is not None:
            return any_fits(_patterns(identity, ON_TAG.get(permission, ())), target.global_tag)
        if target.payload_type is not None:
            return any_fits(_patterns(identity, ON_TYPE.get(permission, ())), target.payload_type)
        return bool(_patterns(identity, ANYWHERE.get(permission, ())))

    def may_permit(self, identity: Identity, permission: Permission) -> bool:
        """Tell whether somebody has a pattern that can permit something to some object."""
        if identity.is_anonymous:
            return False
        if permission is Permission.READ or _is_administrator(identity):
            return True
        tables = (ON_TAG, ON_TYPE, ANYWHERE)
        return any(_patterns(identity, table.get(permission, ())) for table in tables)


def _is_administrator(identity: Identity) -> bool:
    return EVERYTHING in _patterns(identity, (ADMIN,))


def _patterns(identity: Identity, claims: Iterable[str]) -> list[str]:
    return [
        pattern
        for claim in claims
        for pattern in patterns_of(f"{claim} of {identity.subject}", identity.claims.get(claim))
    ]
