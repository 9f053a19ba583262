"""What can go wrong, each with a stable code and the HTTP status it becomes.

The codes are part of the interface: clients may branch on them, so they are
never renamed. `docs/http-api.md` lists them, and a test compares the two.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Self


class CdbError(Exception):
    """Base of every error that a request can cause.

    `detail` is one sentence for a person. `fields` names what was wrong in a
    request, field by field; where it is given the answer carries it instead of
    the sentence.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, detail: str, fields: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = fields


class Invalid(CdbError):
    """The request is wrong in itself, whatever the database holds."""

    code = "invalid"
    status = 400

    @classmethod
    def field(cls, name: str, message: str) -> Self:
        """One wrong field."""
        return cls(f"{name}: {message}", {name: [message]})

    def of_row(self, number: int) -> "Invalid":
        """Return the same of one row of many, which its messages name."""
        fields = {
            name: [f"row {number}: {message}" for message in messages]
            for name, messages in (self.fields or {}).items()
        }
        return Invalid(f"row {number}: {self.detail}", fields or None)


class NotYet(Invalid):
    """What is asked has not happened, as far as the server knows that was asked."""


class NameTaken(CdbError):
    """Something live has this name already."""

    code = "name-taken"
    status = 400

    def __init__(self, kind: str, name: str) -> None:
        message = f"{kind} {name!r} exists already."
        super().__init__(message, {"name": [message]})


class Unauthenticated(CdbError):
    """Credentials are needed, and there are none."""

    code = "unauthenticated"
    status = 401


class InvalidCredentials(Unauthenticated):
    """There are credentials, and they do not hold; the sentence says why."""

    code = "invalid-credentials"


class Forbidden(CdbError):
    """The credentials hold, and do not permit this."""

    code = "forbidden"
    status = 403


class NotFound(CdbError):
    """Nothing has this name, id or path."""

    code = "not-found"
    status = 404


class MethodNotAllowed(CdbError):
    """The path exists, the method does not."""

    code = "method-not-allowed"
    status = 405


class Overlap(CdbError):
    """The tag only takes additions, and the interval covers what is covered."""

    code = "overlap"
    status = 409


class Closed(CdbError):
    """The tag's status lets nothing change."""

    code = "closed"
    status = 409


class AppendOnly(CdbError):
    """The tag's status lets nothing that is there go away."""

    code = "append-only"
    status = 409


class NotAppendable(CdbError):
    """What the sources of a merge hold does not go on where the tag ends."""

    code = "not-appendable"
    status = 409


class Final(CdbError):
    """The tag's status cannot be left."""

    code = "final-status"
    status = 409


class TransitionRefused(CdbError):
    """The tag policy does not let the tag go from its status to this one."""

    code = "transition"
    status = 409


class PolicyRefused(CdbError):
    """The tag policy does not let this be written now."""

    code = "tag-policy"
    status = 409


class PathTaken(CdbError):
    """Another payload is stored where this one would go."""

    code = "path-taken"
    status = 409


class InUse(CdbError):
    """Something still refers to it."""

    code = "in-use"
    status = 409


class NotEmpty(CdbError):
    """The payload list still holds payload IOVs."""

    code = "not-empty"
    status = 409


class AttachedElsewhere(CdbError):
    """The payload IOV is in another payload list, or was once."""

    code = "attached-elsewhere"
    status = 409


class Incomplete(CdbError):
    """Nothing covers the point for some of the payload types that are asked for."""

    code = "incomplete"
    status = 409

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            f"Nothing is valid there for: {', '.join(missing)}.", {"missing": missing}
        )


class PreconditionFailed(CdbError):
    """A global tag is not at the head that `If-Match` names."""

    code = "precondition"
    status = 412


class TooLarge(CdbError):
    """The body is larger than the service takes."""

    code = "too-large"
    status = 413


class NotJson(CdbError):
    """The body comes as something else than JSON."""

    code = "media-type"
    status = 415


class RangeRefused(CdbError):
    """The payload has no bytes in the range that was asked for."""

    code = "range"
    status = 416


class KeyUsedOtherwise(CdbError):
    """The idempotency key came with another request before."""

    code = "idempotency-key"
    status = 422


class Corrupt(CdbError):
    """What comes in does not have the digest that it says it has, or was cut off."""

    code = "corrupt"
    status = 422


class ReadOnly(CdbError):
    """The service reads a database that nobody writes to, as a bundle is."""

    code = "read-only"
    status = 403


class PayloadRefused(CdbError):
    """A validator of the payload type refuses the payload."""

    code = "payload-refused"
    status = 422

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems), {"payload": problems})


class Unavailable(CdbError):
    """The database cannot be reached, or is too busy; the same request may succeed later."""

    code = "unavailable"
    status = 503


class Overloaded(Unavailable):
    """The service has more requests than it can answer; this one was not looked at."""

    code = "overloaded"


class Unconfirmed(Unavailable):
    """The database went away while it committed a write, and cannot be asked what became of it."""

    code = "unconfirmed"


class ServerFailed(Unavailable):
    """One of several servers failed in the middle of a read; another one may answer it."""


def codes() -> frozenset[str]:
    """Return the codes of all errors."""
    return frozenset(each.code for each in _below(CdbError))


def _below(kind: type[CdbError]) -> Iterator[type[CdbError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)
