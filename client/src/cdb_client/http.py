"""Talking to a service: its base URLs, requests that are tried again, and its answers."""

import json
import random
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Protocol, Self, TypedDict, Unpack
from urllib.parse import quote, urlsplit

import requests

from cdb_client.credentials import Credentials
from cdb_client.errors import (
    ClientError,
    ConfigError,
    NotJson,
    Unreachable,
    phrase,
    refusal,
)

DISTRIBUTION = "hep-cdb-client"
CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
PATIENCE_SECONDS = 60.0

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 10.0
_TRIED_AGAIN = frozenset({429, 502, 503, 504})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

Params = Mapping[str, Any]
"""Of a query string: None is left out, a list comes once for each of its items, a bool as 1."""


class Sendable(Protocol):
    """A file that is sent: read from its start, and again where it is sent again."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place in it."""

    def tell(self) -> int:
        """Return the place in it."""

    def __iter__(self) -> Iterator[bytes]:
        """Go on to its end."""


class Writing(TypedDict, total=False):
    """What every write can say besides what is written.

    Attributes:
        reason: why; it stands in the change log.
        dry_run: do all but keep it: the answer says what would be done.
        if_match: the ETag of an answer about the tag; `Changed` where it has changed since.
        key: names this write, so that sent again it is done once; one is made otherwise.

    """

    reason: str | None
    dry_run: bool
    if_match: str | None
    key: str | None


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
        told = self.headers.get("cdb-change", "")
        return int(told) if told.isdecimal() else None

    @property
    def dry_run(self) -> bool:
        """Whether nothing of a write was kept, as was asked."""
        return self.headers.get("cdb-dry-run") == "true" or _says_dry_run(self.body)

    @property
    def etag(self) -> str | None:
        """What `if_match` takes, and asks whether an answer still holds."""
        return self.headers.get("etag")


class Service:
    """A service at one base URL, such as http://127.0.0.1:8000/api/cdb_rest, or at several.

    With several, the one that answered last is asked first, and the next where it cannot
    be reached or is too busy. When all of them have failed, they are asked again after a
    pause that doubles, for as long as `patience` lasts. What may have been done already is
    sent again with the same idempotency key only.

    The token goes with writes; and with reads as soon as the service asks for it, because
    a cache on the way keeps no answer to a request that has one. It is never sent over
    plain HTTP to another machine, unless `insecure_token` says so.

    Safe to use from several threads. A context manager, which closes the connections at
    its end.

    Args:
        url: one or more base URLs of the same conditions.
        credentials: where the token comes from.
        proxy: an HTTP proxy, or a site's Squid; without it the variables of the environment
            (`HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`) are asked.
        connect: seconds until a connection stands.
        read: seconds of waiting for the next bytes of an answer.
        patience: seconds in which a request is tried again; 0 for never.
        insecure_token: whether the token may go over plain HTTP.

    Raises:
        ConfigError: a URL cannot be a base.

    """

    def __init__(
        self,
        url: str | Sequence[str],
        *,
        credentials: Credentials | None = None,
        proxy: str | None = None,
        connect: float = CONNECT_SECONDS,
        read: float = READ_SECONDS,
        patience: float = PATIENCE_SECONDS,
        insecure_token: bool = False,
    ) -> None:
        given = [url] if isinstance(url, str) else list(url)
        self._bases = [_base(one) for one in given]
        if not self._bases:
            raise ConfigError("A service needs a base URL.")
        self._credentials = credentials or Credentials()
        self._limits = (connect, read)
        self._patience = patience
        self._insecure_token = insecure_token
        self._reads_with_token = False
        self._written = 0
        self._session = requests.Session()
        # Whose password for this host stands in ~/.netrc is not who asks here.
        self._session.auth = _no_netrc
        if proxy:
            self._session.proxies = {"http": proxy, "https": proxy}
        self._session.headers["User-Agent"] = f"{DISTRIBUTION}/{version(DISTRIBUTION)}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        self._session.close()

    @property
    def base(self) -> str:
        """The base URL that is asked first, without credentials."""
        return _public(self._bases[0])

    def get(self, path: str, params: Params | None = None) -> Any:
        """Return the decoded JSON of a GET at `path`, which is relative to the base.

        Raises:
            ServiceError: the service refused; the subclass says how.
            NotJson: what answered is not the service.
            Unreachable: no complete answer came.

        """
        return self.ask("GET", path, params).body

    def ask(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        *,
        body: Any = None,
        etag: str | None = None,
    ) -> Answer:
        """Return the answer of a read; raises as `get` does.

        Args:
            method: GET, or POST for questions that are too long for a URL.
            path: relative to the base; `path_of` makes one of names.
            params: the query string.
            body: what is sent as JSON.
            etag: of the answer that the client has; where it still holds the status is 304.

        """
        headers = {"If-None-Match": etag} if etag else {}
        with self._answered(method, path, params, headers, _json(body)) as response:
            if response.status_code == 304:
                return Answer(304, None, _lowered(response))
            return Answer(response.status_code, _decoded(response), _lowered(response))

    def lines(self, path: str, params: Params | None = None) -> Iterator[dict[str, Any]]:
        """Yield the items of a long answer, as they come in; raises as `get` does.

        Raises:
            Unreachable: it was cut off; what came until then is not all.

        """
        headers = {"Accept": "application/x-ndjson"}
        with self._answered("GET", path, params, headers) as response:
            yield from _items(response)

    def write(
        self, method: str, path: str, body: Any = None, /, **writing: Unpack[Writing]
    ) -> Answer:
        """Send a write, whole or not at all; raises as `get` does.

        Args:
            method: POST, PUT, PATCH or DELETE.
            path: relative to the base.
            body: what is sent as JSON; None for nothing.
            writing: reason, dry run, condition and key.

        """
        with self._answered(
            method, path, _dry(writing), _told(writing), _json(body), writes=True
        ) as response:
            return self._done(response)

    def upload(
        self,
        path: str,
        file: Sendable,
        headers: Mapping[str, str] | None = None,
        /,
        **writing: Unpack[Writing],
    ) -> Answer:
        """Send a file by PUT, from its start; raises as `get` does.

        Args:
            path: relative to the base.
            file: is rewound before it is sent again.
            headers: about the file, as `Content-Digest`.
            writing: reason, dry run, condition and key.

        """
        headers = {**_told(writing), **(headers or {})}
        with self._answered("PUT", path, _dry(writing), headers, file, writes=True) as response:
            return self._done(response)

    @contextmanager
    def download(self, path: str) -> Iterator[Iterator[bytes]]:
        """Give the bytes of a file piece by piece; raises as `get` does."""
        with self._answered("GET", path, None, {"Accept": "*/*"}) as response:
            yield _pieces(response)

    def _done(self, response: requests.Response) -> Answer:
        answer = Answer(response.status_code, _decoded(response), _lowered(response))
        # A replica that has not seen this write yet must not answer the next question.
        self._written = max(self._written, answer.change or 0)
        return answer

    @contextmanager
    def _answered(
        self,
        method: str,
        path: str,
        params: Params | None,
        headers: Mapping[str, str],
        data: bytes | Sendable | None = None,
        *,
        writes: bool = False,
    ) -> Iterator[requests.Response]:
        request = requests.Request(
            method, path.lstrip("/"), {"Accept": "application/json"}, params=_flat(params or {})
        )
        request.headers.update(headers)
        if isinstance(data, bytes):
            request.headers["Content-Type"] = "application/json"
        if self._written and not writes:
            # Not from a cache on the way either, which does not know what this one has written.
            request.headers |= {
                "CDB-Min-Change": str(self._written),
                "Cache-Control": "no-cache",
            }
        response = self._until_answered(request, data, writes)
        try:
            if response.status_code >= 400:
                raise _refused(response)
            if response.is_redirect:
                raise _elsewhere(response)
            yield response
        except requests.RequestException as error:
            raise Unreachable(f"The answer of {self.base} broke off: {_cause(error)}.") from error
        finally:
            response.close()

    def _until_answered(
        self, request: requests.Request, data: bytes | Sendable | None, writes: bool
    ) -> requests.Response:
        start = time.monotonic()
        pause = _FIRST_PAUSE
        while True:
            failure, wished = self._round(request, data, writes)
            if not isinstance(failure, ClientError):
                return failure
            # Jobs that were started together must not come back together.
            wait = max(wished, pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            if time.monotonic() - start + wait > self._patience:
                raise failure
            time.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _round(
        self, request: requests.Request, data: bytes | Sendable | None, writes: bool
    ) -> tuple[requests.Response | ClientError, float]:
        """Ask one base after the other.

        Returns:
            An answer; or why there is none, and how many seconds the service asks to wait.

        """
        failure: ClientError = Unreachable("Nothing was asked.")
        wished = 0.0
        for base in list(self._bases):
            try:
                response = self._with_token(base, request, data, writes)
            except requests.RequestException as error:
                failure = Unreachable(f"No answer from {_public(base)}: {self._reason(error)}")
                failure.__cause__ = error
                continue
            if response.status_code not in _TRIED_AGAIN:
                if base != self._bases[0]:
                    self._bases = [base, *(other for other in self._bases if other != base)]
                return response, 0.0
            failure = _refused(response)
            wished = max(wished, _retry_after(response))
            response.close()
        return failure, wished

    def _with_token(
        self, base: str, request: requests.Request, data: bytes | Sendable | None, writes: bool
    ) -> requests.Response:
        token = None
        if writes or self._reads_with_token:
            token = self._token(base)
        response = self._once(base, request, data, token)
        if response.status_code != 401:
            return response
        # Either the service wants to know who reads, or the token has run out.
        renewed = self._token(base, renew=token is not None)
        if renewed is None or renewed == token:
            return response
        response.close()
        self._reads_with_token = True
        return self._once(base, request, data, renewed)

    def _token(self, base: str, *, renew: bool = False) -> str | None:
        return self._credentials.current(renew=renew) if self._may_carry_token(base) else None

    def _may_carry_token(self, base: str) -> bool:
        parts = urlsplit(base)
        return parts.scheme == "https" or parts.hostname in _LOOPBACK or self._insecure_token

    def _once(
        self,
        base: str,
        request: requests.Request,
        data: bytes | Sendable | None,
        token: str | None,
    ) -> requests.Response:
        headers = dict(request.headers)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if data is not None and not isinstance(data, bytes):
            data.seek(0)
        return self._session.request(
            request.method or "GET",
            f"{base}/{request.url}",
            params=request.params,
            data=data,
            headers=headers,
            timeout=self._limits,
            stream=True,
            # A write that is sent somewhere else as a GET would look as if it were done.
            allow_redirects=request.method == "GET",
        )

    def _reason(self, error: requests.RequestException) -> str:
        connect, read = self._limits
        if isinstance(error, requests.ConnectTimeout):
            return f"no connection within {connect:g} s."
        if isinstance(error, requests.Timeout):
            return f"nothing received for {read:g} s."
        return f"{_cause(error)}."


def _says_dry_run(body: Any) -> bool:
    return isinstance(body, dict) and body.get("dry_run") is True


def path_of(*parts: str | int) -> str:
    """Return the path of names and numbers; whatever a name has in it stays one part."""
    return "/".join(quote(str(part), safe="") for part in parts)


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _base(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        url.encode()
        _ = parts.port  # raises for what is no number, as the line before for no text
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(f"{url!r} is not an http or https URL.")
    if parts.query or parts.fragment:
        raise ConfigError(f"{url!r} has a query or a fragment, which a base URL cannot have.")
    return parts.geturl().rstrip("/")


def _flat(params: Params) -> dict[str, Any]:
    return {
        name: int(value) if isinstance(value, bool) else value
        for name, value in params.items()
        if value is not None and value is not False
    }


def _json(body: Any) -> bytes | None:
    return None if body is None else json.dumps(body, ensure_ascii=False).encode()


def _dry(writing: Writing) -> Params:
    return {"dry_run": writing.get("dry_run", False)}


def _told(writing: Writing) -> dict[str, str]:
    headers = {"Idempotency-Key": writing.get("key") or str(uuid.uuid4())}
    if reason := writing.get("reason"):
        # Headers are bytes; the service reads these as UTF-8.
        headers["CDB-Comment"] = reason.encode().decode("latin-1")
    if if_match := writing.get("if_match"):
        headers["If-Match"] = if_match
    return headers


def _public(url: str) -> str:
    # A password may stand before the host; messages end up in logs.
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _cause(error: BaseException) -> str:
    # requests and urllib3 wrap the operating system's error three or four
    # deep, in text that repeats the URL with all its parameters.
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(reason).rstrip(".")


def _lowered(response: requests.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _retry_after(response: requests.Response) -> float:
    told = response.headers.get("Retry-After", "")
    return min(float(told), _LONGEST_PAUSE) if told.isdecimal() else 0.0


def _decoded(response: requests.Response) -> Any:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError) as error:
        url = _public(response.url).partition("?")[0]
        raise NotJson(
            response.status_code,
            f"The answer of {url} is not JSON ({_kind(response)}): is this the service's "
            "base URL?",
        ) from error


def _refused(response: requests.Response) -> ClientError:
    status = response.status_code
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        told = f"{phrase(status)}, in an answer that is not JSON ({_kind(response)})."
        return refusal(status, None, told)
    except requests.RequestException as error:
        return Unreachable(f"The answer broke off: {_cause(error)}.")
    return refusal(status, body)


def _elsewhere(response: requests.Response) -> NotJson:
    target = _public(response.headers.get("Location", ""))
    return NotJson(
        response.status_code,
        f"The service leads elsewhere ({target}), and a write does not follow: give that URL.",
    )


def _kind(response: requests.Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0] or "no content type"


def _items(response: requests.Response) -> Iterator[dict[str, Any]]:
    count = 0
    for line in response.iter_lines(chunk_size=65536):
        try:
            item = json.loads(line)
        except ValueError:
            break
        if item.keys() >= {"count", "change"} and item["count"] == count:
            return
        yield item
        count += 1
    raise Unreachable(f"The answer was cut off after {count} items.")


def _pieces(response: requests.Response) -> Iterator[bytes]:
    expected = int(response.headers.get("Content-Length") or -1)
    received = 0
    for piece in response.iter_content(1 << 18):
        received += len(piece)
        yield piece
    if expected >= 0 and received < expected and "Content-Encoding" not in response.headers:
        raise Unreachable(f"The answer was cut off after {received} of {expected} bytes.")
