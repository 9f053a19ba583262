"""Whoever sends no credentials, as somebody that policies can be asked about."""

from typing import ClassVar

from cdb.plugin import ANONYMOUS, Authenticator, Credentials, Identity


class Anonymous(Authenticator):
    """Lets a request without credentials reach the authorization policies.

    Without it such a write is answered with 401 at once. It knows everybody who
    says nothing, so any other authenticator that knows more goes before it.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"

    def identify(self, credentials: Credentials) -> Identity | None:
        """Return `ANONYMOUS`, or None where an Authorization header is there."""
        return None if credentials.scheme else ANONYMOUS
