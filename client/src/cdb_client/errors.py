"""What can go wrong between a client and its conditions.

ClientError
├── ConfigError          a profile, a variable or an argument is wrong
├── Unreachable          no complete answer came; the same request may succeed later
├── NotJson              what answered is not the service
├── ServiceError         the service refused: `status`, `code`, `detail`
│   ├── Invalid          the request is wrong in itself (400, 413, 415, 416, 422)
│   ├── Unauthenticated  credentials are missing or do not hold (401)
│   ├── Forbidden        the credentials do not permit this (403)
│   ├── NotFound         nothing has this name (404)
│   ├── Conflict         the state of the tag, or a rule, is against it (409)
│   ├── Changed          the tag is not at the head that was expected (412)
│   └── Unavailable      the service is too busy (429, 502, 503, 504); retried already
├── BundleError          the file is no bundle, or lacks what was asked for
├── NotationError        a point cannot be read here; give its two numbers
└── PayloadError         no intact copy of a payload file could be found
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any


class ClientError(Exception):
    """Base of every error of this package; its text is a sentence for a person.

    Attributes:
        request_id: the name of the request in the logs of the service; None where the error
            is not about one.

    """

    request_id: str | None = None


class ConfigError(ClientError):
    """A profile, a variable of the environment or an argument is wrong."""


class Unreachable(ClientError):
    """No complete answer came: no connection, a time limit, a broken connection."""


class BundleError(ClientError):
    """The file is no bundle that this version reads, or lacks what was asked for."""


class NotationError(ClientError):
    """A point is written in a notation that this side does not know."""


class PayloadError(ClientError):
    """A payload has no file that can be had, or none that has its checksum."""


class NotJson(ClientError):
    """What answers is not the service: a portal's page, a proxy, another base URL."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class ServiceError(ClientError):
    """The service, or a proxy before it, refused.

    Attributes:
        status: of HTTP.
        code: the service's stable word for the error, such as `overlap`; None where
            the answer has none (a proxy's page, an older server).
        detail: text for a person.
        body: the whole answer; an empty dict where it was no JSON object. It can say
            more, as `missing` of `incomplete` does.

    """

    def __init__(
        self, status: int, code: str | None, detail: str, body: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.body = dict(body or {})


class Invalid(ServiceError):
    """The request is wrong in itself, whatever the database holds."""


class Unauthenticated(ServiceError):
    """Credentials are missing, or do not hold."""


class Forbidden(ServiceError):
    """The credentials hold, and do not permit this."""


class NotFound(ServiceError):
    """Nothing has this name, number or path."""


class Conflict(ServiceError):
    """The state of a tag, or a rule, is against it; `code` says which."""


class Changed(ServiceError):
    """The tag is not at the head that was expected."""


class Unavailable(ServiceError):
    """The service cannot answer now; the same request may succeed later."""


_BY_STATUS: Mapping[int, type[ServiceError]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Changed,
    413: Invalid,
    415: Invalid,
    416: Invalid,
    422: Invalid,
    429: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def refusal(status: int, body: Any, detail: str | None = None) -> ServiceError:
    """Return the error that an answer of the service means.

    Args:
        status: of HTTP, 400 or above.
        body: the decoded JSON of the answer; anything else than an object says nothing.
        detail: the sentence to take in place of what the body says.

    """
    told = body if isinstance(body, dict) else {}
    code = told.get("code")
    kind = _BY_STATUS.get(status, ServiceError)
    sentence = detail or _sentence(told) or f"{phrase(status)}."
    return kind(status, code if isinstance(code, str) else None, sentence, told)


MISFITS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading an answer raises that lacks something, or has something else in its place."""


@contextmanager
def readable(url: str) -> Iterator[None]:
    """Read an answer whose fields were not looked at.

    Args:
        url: of the service.

    Raises:
        NotJson: it is not as the service answers.

    """
    try:
        yield
    except MISFITS as error:
        raise NotJson(200, f"What {url} answers is not as expected ({misfit(error)}).") from error


def misfit(error: Exception) -> str:
    """Return what was wrong with an answer, in a few words."""
    return f"{type(error).__name__}: {error}"[:200]


def _sentence(body: Mapping[str, Any]) -> str:
    if isinstance(body.get("detail"), str):
        return str(body["detail"])
    # A field's errors are a list; anything else in the object is no error.
    return "; ".join(
        f"{field}: {' '.join(map(str, messages))}"
        for field, messages in body.items()
        if isinstance(messages, list)
    )


def phrase(status: int) -> str:
    """Return a status with its name in HTTP, as in `404 Not Found`."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"Status {status}"
