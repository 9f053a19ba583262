"""What comes back from a service: read, and told apart from what is no answer of one."""

import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError

from cdb_client.errors import ClientError, NotJson, Unreachable, phrase, refusal
from cdb_client.points import number_of

LINES = "application/x-ndjson"

_WITHOUT_BODY = frozenset({requests.codes.no_content, requests.codes.not_modified})
_PIECE = 1 << 16
_LONGEST_LINE = 10**7
"""Bytes of a line, which is one item."""
_KEPT_OPEN = 11
"""The version of HTTP from which on an answer says where it ends, or that the connection does."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the service.

    Attributes:
        status: 200, or 304 where what the client has still holds.
        body: the decoded JSON; integers of any length are exact. None with a 304.
        headers: by name in lower case.

    """

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def change(self) -> int | None:
        """Of a write, the change that it made; of a read, the last one that touched the tag."""
        return number_of(self.headers.get("cdb-change", ""))

    @property
    def dry_run(self) -> bool:
        """Whether nothing of a write was kept, as was asked."""
        says_so = isinstance(self.body, dict) and self.body.get("dry_run") is True
        return self.headers.get("cdb-dry-run") == "true" or says_so

    @property
    def etag(self) -> str | None:
        """What `if_match` takes, and asks whether an answer still holds."""
        return self.headers.get("etag")


def answer(response: requests.Response) -> Answer:
    """Return an answer of JSON, or that what the client has still holds.

    Raises:
        NotJson: what answers is not the service.

    """
    headers = {name.lower(): value for name, value in response.headers.items()}
    body = None if response.status_code == requests.codes.not_modified else _decoded(response)
    return Answer(response.status_code, body, headers)


def require_headers(response: requests.Response) -> None:
    """Raise where an answer broke off among its headers.

    To the library that is their end, and what has no length an answer without a body.

    Raises:
        ConnectionError: of `requests`, as where it breaks off elsewhere.

    """
    headers = response.headers
    if response.status_code in _WITHOUT_BODY or response.raw.version < _KEPT_OPEN:
        return
    if not any(name in headers for name in ("Content-Length", "Transfer-Encoding", "Connection")):
        response.close()
        raise requests.ConnectionError("the answer broke off among its headers")


def items(response: requests.Response) -> Iterator[dict[str, Any]]:
    """Yield the items of an answer of JSON lines, whose last line counts them.

    Raises:
        NotJson: what answers is not the service, or an old one.
        Unreachable: the last line has not come.

    """
    if _kind(response) != LINES:
        raise _not_json(response, "JSON lines")
    count = 0
    for line in _lines(response):
        try:
            item = json.loads(line)
        except (ValueError, RecursionError):
            break
        if not isinstance(item, dict):
            raise _not_json(response, "lines of objects")
        if item.keys() >= {"count", "change"} and item["count"] == count:
            return
        yield item
        count += 1
    raise Unreachable(f"The answer was cut off after {count} items.")


def _lines(response: requests.Response) -> Iterator[bytes]:
    begun = b""
    for piece in response.iter_content(_PIECE):
        *whole, begun = (begun + piece).split(b"\n")
        yield from whole
        if len(begun) > _LONGEST_LINE:
            raise _not_json(response, "lines of one item each")
    if begun:
        yield begun


def refused(response: requests.Response) -> ClientError:
    """Return the error that an answer of 400 and above means, whoever gave it."""
    status = response.status_code
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        told = f"{phrase(status)}, in an answer that is not JSON ({_kind(response)})."
        return refusal(status, None, told)
    except requests.RequestException as error:
        return Unreachable(f"The answer broke off: {cause(error)}.")
    return refusal(status, body)


def elsewhere(response: requests.Response) -> NotJson:
    """Return the error that a redirect is to what must not follow one."""
    target = public(response.headers.get("Location", ""))
    method = response.request.method
    return NotJson(
        response.status_code,
        f"The service leads elsewhere ({target}), and a {method} does not follow: give that URL.",
    )


def wished(response: requests.Response) -> float:
    """Return how many seconds a busy service asks to wait; 0 where it does not say."""
    told = response.headers.get("Retry-After", "").strip()
    if told.isascii() and told.isdigit():
        return float(told)
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return 0.0


def reason(error: requests.RequestException, connect: float, read: float) -> str:
    """Return why no answer came, given the time limits in seconds."""
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {connect:g} s."
    inner = error.args[0] if error.args else None
    if isinstance(error, requests.Timeout) or isinstance(inner, ReadTimeoutError):
        return f"nothing received for {read:g} s."
    return f"{cause(error)}."


def may_be_done(error: requests.RequestException) -> bool:
    """Tell whether what was asked can have been done, though no answer came."""
    unconnected = (NewConnectionError, ConnectTimeoutError, ssl.SSLCertVerificationError)
    return not any(isinstance(each, unconnected) for each in _causes(error))


def may_pass(error: requests.RequestException) -> bool:
    """Tell whether the same request may find an answer later."""
    # What requests refuses to send is a ValueError, too.
    if isinstance(error, requests.TooManyRedirects | ValueError):
        return False
    return not any(isinstance(each, ssl.SSLCertVerificationError) for each in _causes(error))


def cause(error: BaseException) -> str:
    """Return what an error comes from, in a few words."""
    # requests and urllib3 wrap the operating system's error three or four
    # deep, in text that repeats the URL with all its parameters.
    *_, inner = _causes(error)
    told = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    return str(told).rstrip(".")


def public(url: str) -> str:
    """Return a URL without what may stand before its host."""
    # A password may; and messages end up in logs.
    try:
        parts = urlsplit(url)
    except ValueError:
        return "what is no URL"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _causes(error: BaseException) -> Iterator[BaseException]:
    inner: BaseException | None = error
    while inner is not None:
        yield inner
        inner = inner.__cause__ or inner.__context__


def _decoded(response: requests.Response) -> Any:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError) as error:
        raise _not_json(response, "JSON") from error


def _not_json(response: requests.Response, expected: str) -> NotJson:
    url = public(response.url).partition("?")[0]
    return NotJson(
        response.status_code,
        f"The answer of {url} is not {expected} ({_kind(response)}): is "
        "this the service's base URL?",
    )


def _kind(response: requests.Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip() or "no content type"
