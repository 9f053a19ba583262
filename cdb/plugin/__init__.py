"""What an experiment package imports: the kinds of plugins, and the data that they see.

Nothing else of cdb is promised to stay. What is here has a version of its own,
`API_VERSION`: a plugin says which it works with (`requires_cdb`) and is refused
outside of that.
"""

from cdb.domain.points import LAST, MAX, OPEN, ORIGIN, Interval, Point
from cdb.domain.statuses import Status, WriteMode
from cdb.plugin.kinds import (
    KINDS,
    Authenticator,
    AuthorizationPolicy,
    EventListener,
    IovDimension,
    PayloadLayout,
    PayloadPreview,
    PayloadValidator,
    Plugin,
    TagPolicy,
)
from cdb.plugin.types import (
    ANONYMOUS,
    Content,
    Credentials,
    CredentialsRefused,
    Event,
    Identity,
    IncompleteOptions,
    Lines,
    NoOptions,
    NotationError,
    OptionsError,
    PayloadReference,
    Permission,
    Preview,
    Secret,
    Target,
    UnreadableContent,
    Upload,
)

API_VERSION = "1.2"

__all__ = [
    "ANONYMOUS",
    "API_VERSION",
    "KINDS",
    "LAST",
    "MAX",
    "OPEN",
    "ORIGIN",
    "Authenticator",
    "AuthorizationPolicy",
    "Content",
    "Credentials",
    "CredentialsRefused",
    "Event",
    "EventListener",
    "Identity",
    "IncompleteOptions",
    "Interval",
    "IovDimension",
    "Lines",
    "NoOptions",
    "NotationError",
    "OptionsError",
    "PayloadLayout",
    "PayloadPreview",
    "PayloadReference",
    "PayloadValidator",
    "Permission",
    "Plugin",
    "Point",
    "Preview",
    "Secret",
    "Status",
    "TagPolicy",
    "Target",
    "UnreadableContent",
    "Upload",
    "WriteMode",
]
