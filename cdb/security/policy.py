"""The one security policy: who sends a request, and whether they may do what it asks.

The plugins answer both questions. What is here holds whatever they say: API
tokens and their scopes, who is anonymous, that a plugin that fails denies, and
that an open service is open only where its operator has said so.
"""

import ipaddress
import logging
from collections.abc import Callable, Iterable
from functools import partial

from pyramid.interfaces import ISecurityPolicy
from pyramid.request import Request, RequestLocalCache
from pyramid.security import Allowed, Denied
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from zope.interface import implementer

from cdb.builtin.credentials import host_of
from cdb.builtin.grants import scope_allows, scope_may_allow
from cdb.errors import Forbidden, InvalidCredentials
from cdb.observed import OBSERVED
from cdb.plugin import (
    ANONYMOUS,
    Authenticator,
    Credentials,
    CredentialsRefused,
    Identity,
    Permission,
    Target,
)
from cdb.registry.plugins import Plugins
from cdb.services import tokens
from cdb.services.writer import Writer, refuse
from cdb.settings import Settings
from cdb.store import tokens as token_store
from cdb.store.changes import now
from cdb.store.engine import Database

log = logging.getLogger(__name__)

API_TOKEN = "api-token"  # noqa: S105 - the name of a method

_LONGEST = 32 * 2**10
"""Bytes of an Authorization header that is looked at."""

_FORWARDING = ("forwarded", "via", "x-forwarded", "x-real-ip", "x-client-ip", "true-client-ip")
"""What the headers begin with that proxies put in, in lower case."""


@implementer(ISecurityPolicy)
class SecurityPolicy:
    """Identities from the authenticators, permissions from the authorization policies."""

    def __init__(self, settings: Settings, plugins: Plugins, database: Database) -> None:
        self._plugins = plugins
        self._database = database
        self._open = settings.allow_open_writes
        self.protects_reads = settings.read_access == "authenticated"
        self.protects_writes = not any(each.is_open for each in plugins.policies)
        self._takes_anonymous = any(
            each.name == ANONYMOUS.method for each in plugins.authenticators
        )
        self._identities = RequestLocalCache(self._identify)

    # --- what Pyramid asks --------------------------------------------------

    def identity(self, request: Request) -> Identity:
        """Return who sends a request, ANONYMOUS where nobody says so.

        Raises:
            InvalidCredentials: there are credentials, and they do not hold.

        """
        found: Identity = self._identities.get_or_create(request)
        request.environ[OBSERVED].subject = found.subject
        return found

    def authenticated_userid(self, request: Request) -> str | None:
        """Return the name of who sends a request, or None."""
        identity = self.identity(request)
        return None if identity.is_anonymous else identity.subject

    def permits(self, request: Request, context: object, permission: str) -> Allowed | Denied:
        """Tell whether a request may do something to an object, a Target."""
        target = context if isinstance(context, Target) else Target("service")
        writer = self.writer(request)
        allowed = writer.permits(writer.identity, Permission(permission), target)
        return (Allowed if allowed else Denied)(permission)

    def remember(self, _request: Request, _userid: str, **_: object) -> list[tuple[str, str]]:
        """Keep nothing: every request brings its credentials."""
        return []

    def forget(self, _request: Request, **_: object) -> list[tuple[str, str]]:
        """Forget nothing: nothing is kept."""
        return []

    # --- what the views ask -------------------------------------------------

    def writer(self, request: Request) -> Writer:
        """Return who writes with a request."""
        local = partial(is_local, request)

        def permits(identity: Identity, permission: Permission, target: Target) -> bool:
            return self._any_permits(
                identity,
                permission,
                local,
                lambda scopes: scope_allows(scopes, permission, target),
                lambda policy: policy.permits(identity, permission, target),
            )

        return Writer(self.identity(request), permits)

    def may_permit(self, request: Request, permission: Permission) -> bool:
        """Tell whether there can be an object to which a request may do something."""
        identity = self.identity(request)
        if permission is Permission.READ:
            # Nobody asks again for what is read: who may read, may read all.
            return self.writer(request).permits(identity, permission, Target("service"))
        return self._any_permits(
            identity,
            permission,
            partial(is_local, request),
            lambda scopes: scope_may_allow(scopes, permission),
            lambda policy: policy.may_permit(identity, permission),
        )

    def check_early(self, request: Request, permission: Permission) -> None:
        """Raise before a body is read where a request can have no such permission.

        Raises:
            InvalidCredentials: the credentials do not hold.
            Unauthenticated: there are none, and they are needed.
            Forbidden: they permit this nowhere, or a page of another site sends it.

        """
        if not self.may_permit(request, permission):
            refuse(self.identity(request), permission)
        if permission is not Permission.READ and is_of_another_site(request):
            raise Forbidden("A page of another site cannot write here.")

    def _any_permits(
        self,
        identity: Identity,
        permission: Permission,
        local: Callable[[], bool],
        in_scope: Callable[[frozenset[str]], bool],
        permits: Callable[..., bool],
    ) -> bool:
        reads = permission is Permission.READ
        if reads and not self.protects_reads:
            return True
        if identity.is_anonymous and (reads or not self._takes_anonymous):
            return False
        if identity.method == API_TOKEN and not in_scope(identity.scopes or frozenset()):
            return False
        for policy in self._plugins.policies:
            if policy.is_open and not (self._open or local()):
                continue
            try:
                # Something else than True, such as a coroutine, is no answer.
                if permits(policy) is True:
                    return True
            except Exception:
                log.exception("the authorization policy %s failed, and denies", policy.name)
                return False
        return False

    # --- who it is ----------------------------------------------------------

    def _identify(self, request: Request) -> Identity:
        credentials = credentials_of(request)
        if credentials.scheme == "bearer" and tokens.is_api_token(credentials.token):
            return self._by_api_token(credentials.token)
        asked = [
            each
            for each in self._plugins.authenticators
            if each.scheme.lower() == credentials.scheme
        ]
        if not asked and credentials.scheme:
            # A scheme that is somebody else's business, such as that of a gateway.
            asked = [each for each in self._plugins.authenticators if not each.scheme]
            return self._first(asked, credentials, needed=True)
        return self._first(asked, credentials, needed=bool(credentials.scheme))

    def _first(
        self, authenticators: Iterable[Authenticator], credentials: Credentials, *, needed: bool
    ) -> Identity:
        """Return the first identity that somebody finds; a refusal counts where nobody does."""
        refusals = []
        for authenticator in authenticators:
            try:
                found = authenticator.identify(credentials)
                if found is not None and not found.is_anonymous:
                    return found
            except CredentialsRefused as refusal:
                refusals.append(str(refusal))
            except Exception:
                log.exception("the authenticator %s failed, and denies", authenticator.name)
                refusals.append("The credentials could not be checked.")
        if refusals:
            raise InvalidCredentials(" ".join(dict.fromkeys(refusals)))
        if needed:
            raise InvalidCredentials("These credentials are of no kind that this service takes.")
        return ANONYMOUS

    def _by_api_token(self, token: str) -> Identity:
        record, reason = self._database.read_newest(tokens.valid, token)
        if record is None:
            raise InvalidCredentials(reason)
        self._note_use(record)
        claims = {"token": record.id}
        if record.expires is not None:
            claims["exp"] = int(record.expires.timestamp())
        return Identity(record.owner, API_TOKEN, claims, frozenset(record.scopes))

    def _note_use(self, record: token_store.TokenRecord) -> None:
        moment = now()
        if record.last_used and moment - record.last_used < token_store.USED_EVERY:
            return
        try:
            with self._database.writing() as session:
                token_store.used(session, record.id, moment)
        except (DBAPIError, PoolTimeout) as error:  # as on a standby, which cannot be written to
            reason = getattr(error, "orig", error)
            log.warning("the use of API token %d was not noted: %s", record.id, reason)


@implementer(ISecurityPolicy)
class OfService:
    """What Pyramid asks of a policy, asked of the one of the service that a request is for."""

    def identity(self, request: Request) -> Identity:
        """Return who sends a request; see `SecurityPolicy`."""
        found: Identity = request.cdb.security.identity(request)
        return found

    def authenticated_userid(self, request: Request) -> str | None:
        """Return the name of who sends a request, or None."""
        found: str | None = request.cdb.security.authenticated_userid(request)
        return found

    def permits(self, request: Request, context: object, permission: str) -> Allowed | Denied:
        """Tell whether a request may do something to an object, a Target."""
        found: Allowed | Denied = request.cdb.security.permits(request, context, permission)
        return found

    def remember(self, _request: Request, _userid: str, **_: object) -> list[tuple[str, str]]:
        """Keep nothing: every request brings its credentials."""
        return []

    def forget(self, _request: Request, **_: object) -> list[tuple[str, str]]:
        """Forget nothing: nothing is kept."""
        return []


def credentials_of(request: Request) -> Credentials:
    """Return what authenticators see of a request.

    Raises:
        InvalidCredentials: the Authorization header is too long to be looked at.

    """
    headers = {name.lower(): value for name, value in request.headers.items()}
    authorization = headers.get("authorization", "")
    if len(authorization) > _LONGEST:
        raise InvalidCredentials("The Authorization header is too long.")
    scheme, _, token = authorization.strip().partition(" ")
    address = request.environ.get("REMOTE_ADDR") or ""
    return Credentials(scheme.lower(), token.strip(), headers, address)


def is_local(request: Request) -> bool:
    """Tell whether a request comes from this machine, and from nowhere else through a proxy.

    It has to be for this machine, too: the name of an attacker's site can be
    made to mean this machine for the browser of somebody who works on it.
    """
    if any(name.lower().startswith(_FORWARDING) for name in request.headers):
        return False
    host = host_of(request.host)
    return _is_loopback(request.environ.get("REMOTE_ADDR") or "") and (
        host == "localhost" or _is_loopback(host)
    )


def is_of_another_site(request: Request) -> bool:
    """Tell whether a browser sends a request for a page that is not of this service.

    With it go a proxy's cookies, and the address that somebody is known by. No
    page of another site can send a bearer token; but a proxy can put one in for a
    cookie, so what the browser says of the site counts first.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    if request.headers.get("Authorization", "").lower().startswith("bearer "):
        return False
    origin = request.headers.get("Origin")
    return origin is not None and origin.partition("://")[2] != request.host


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
