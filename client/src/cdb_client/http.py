"""Talking to the service: its base URL, its answers, and what can go wrong."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Self
from urllib.parse import urlsplit

import requests

DISTRIBUTION = "hep-cdb-client"
CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0


class ClientError(Exception):
    """Base of every error that a request to the service can raise."""


class ServiceError(ClientError):
    """The service, or a proxy before it, answered something else than a usable answer.

    `status` is the HTTP status. `code` is the service's stable word for the
    error, or None where the answer has none (a proxy's page, an older server).
    `detail` is text for a person.
    """

    def __init__(self, status: int, code: str | None, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


class Unreachable(ClientError):
    """No complete answer came: no connection, a time limit, a broken connection."""


class Service:
    """One service at one base URL, such as http://127.0.0.1:8000/api/cdb_rest.

    Time limits are in seconds: `connect` for the connection, `read` for each
    wait for the next bytes of the answer. Usable as a context manager, which
    closes the connections at its end. Raises ValueError for a URL that cannot
    be a base.
    """

    def __init__(
        self, url: str, *, connect: float = CONNECT_SECONDS, read: float = READ_SECONDS
    ) -> None:
        self._base = _base(url)
        self._limits = (connect, read)
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/json"
        self._session.headers["User-Agent"] = f"{DISTRIBUTION}/{version(DISTRIBUTION)}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        self._session.close()

    def get(self, path: str, params: Mapping[str, str | int]) -> Any:
        """Return the decoded JSON of a GET at `path`, which is relative to the base.

        Integers of any length come back exactly. Raises `ServiceError` for a
        status of 400 and above and for a body that is not JSON, `Unreachable`
        where no complete answer came.
        """
        url = f"{self._base}/{path.lstrip('/')}"
        try:
            response = self._session.get(url, params=dict(params), timeout=self._limits)
        except requests.RequestException as error:
            reason = self._reason(error)
            raise Unreachable(f"No answer from {_public(self._base)}: {reason}") from error
        return _decoded(response)

    def _reason(self, error: requests.RequestException) -> str:
        connect, read = self._limits
        if isinstance(error, requests.ConnectTimeout):
            return f"no connection within {connect:g} s."
        if isinstance(error, requests.Timeout):
            return f"nothing received for {read:g} s."
        return f"{_root_cause(error)}."


def _base(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        # These two raise: a port out of range, and what no request could carry.
        _ = parts.port, url.encode()
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"{url!r} is not an http or https URL.")
    if parts.query or parts.fragment:
        raise ValueError(f"{url!r} has a query or a fragment, which a base URL cannot have.")
    return parts.geturl().rstrip("/")


def _public(url: str) -> str:
    # A password may stand before the host; messages end up in logs.
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _root_cause(error: BaseException) -> str:
    # requests and urllib3 wrap the operating system's error three or four
    # deep, in text that repeats the URL with all its parameters.
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(reason).rstrip(".")


def _decoded(response: requests.Response) -> Any:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError) as error:
        raise _not_json(response) from error
    if response.ok:
        return body
    raise _refusal(response.status_code, body)


def _not_json(response: requests.Response) -> ServiceError:
    kind = response.headers.get("Content-Type", "").partition(";")[0] or "no content type"
    if response.ok:
        url = _public(response.url).partition("?")[0]
        detail = f"The answer of {url} is not JSON ({kind}): is this the service's base URL?"
    else:
        detail = f"{_phrase(response.status_code)}, in an answer that is not JSON ({kind})."
    return ServiceError(response.status_code, None, detail)


def _refusal(status: int, body: Any) -> ServiceError:
    if not isinstance(body, dict):
        return ServiceError(status, None, f"{_phrase(status)}.")
    code = body.get("code")
    detail = body.get("detail")
    if not isinstance(detail, str):
        # A field's errors are a list; anything else in the object is no error.
        fields = [
            f"{field}: {' '.join(map(str, messages))}"
            for field, messages in body.items()
            if isinstance(messages, list)
        ]
        detail = "; ".join(fields) or f"{_phrase(status)}."
    return ServiceError(status, code if isinstance(code, str) else None, detail)


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"Status {status}"
