"""Talking to a service: its base URLs, requests that are tried again, and its answers."""

import os
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, NamedTuple, Self, Unpack
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy

from cdb_client import answers
from cdb_client.answers import Answer
from cdb_client.asking import Asked, Params, Sendable, Writing, path_of, question, write
from cdb_client.credentials import Credentials
from cdb_client.errors import ClientError, ConfigError, Unauthenticated, Unreachable
from cdb_client.profiles import is_here
from cdb_client.session import MAX_ANSWER_MB, Session

__all__ = ["Answer", "Params", "Sendable", "Service", "Writing", "path_of"]

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
PATIENCE_SECONDS = 60.0

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 10.0
_TRIED_AGAIN = frozenset({429, 502, 503, 504})
_BYTES_A_SECOND = 100_000
"""Of a body: how much of it a slow service looks at. What is large is waited for longer."""
_PIECE = 1 << 18
"""Bytes of a file that are taken at a time."""


class _Failure(NamedTuple):
    """Why no base gave an answer.

    Attributes:
        error: of the base that was asked last.
        wished: how many seconds the service asks to wait.
        may_pass: whether the same request may succeed later.

    """

    error: ClientError
    wished: float
    may_pass: bool


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
        read: seconds of waiting for the next bytes of an answer; more where much was sent.
        patience: seconds in which a request is tried again; 0 for never.
        insecure_token: whether the token may go over plain HTTP.
        max_answer_mb: how large an answer may be, unpacked, in 10⁶ bytes; more is `NotJson`.
            What comes line by line, and files, may be of any size.

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
        max_answer_mb: float = MAX_ANSWER_MB,
    ) -> None:
        given = [url] if isinstance(url, str) else list(url)
        self._bases = [_base(one) for one in given]
        if not self._bases:
            raise ConfigError("A service needs a base URL.")
        self._credentials = credentials or Credentials()
        self._limits = (connect, read)
        self._patience = patience
        self._insecure_token = insecure_token
        self._max_answer_mb = max_answer_mb
        self._proxies = {"http": proxy, "https": proxy} if proxy else None
        self._reads_with_token = False
        self._written = 0
        self._open()

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
        return answers.public(self._bases[0])

    @property
    def written(self) -> int:
        """The last change that was made through this; 0 for none."""
        return self._written

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
        asked = question(method, path, params, headers, body)
        with self._answered(asked) as response:
            return answers.answer(response)

    def whoami(self) -> dict[str, Any]:
        """Return who the service takes the sender for; raises as `get` does."""
        with self._answered(Asked("GET", "whoami", "", {}, is_signed=True)) as response:
            found: dict[str, Any] = answers.answer(response).body
            return found

    def lines(self, path: str, params: Params | None = None) -> Iterator[dict[str, Any]]:
        """Yield the items of a long answer, as they come in; raises as `get` does.

        Raises:
            Unreachable: it was cut off; what came until then is not all.

        """
        headers = {"Accept": answers.LINES}
        asked = question("GET", path, params, headers, is_streamed=True)
        with self._answered(asked) as response:
            yield from answers.items(response)

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
        return self._written_by(write(method, path, {}, body, writing))

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
        return self._written_by(write("PUT", path, headers or {}, file, writing))

    @contextmanager
    def download(self, path: str) -> Iterator[Iterator[bytes]]:
        """Give the bytes of a file piece by piece; raises as `get` does.

        Raises:
            Unreachable: it was cut off; what came until then is not all.

        """
        # As it is, since its checksum is not that of what a proxy may have packed.
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        asked = question("GET", path, None, headers, is_streamed=True)
        with self._answered(asked) as response:
            yield response.iter_content(_PIECE)

    @contextmanager
    def download_elsewhere(self, url: str) -> Iterator[Iterator[bytes]]:
        """Give the bytes of a file that lies at another URL, which never gets the token.

        Raises:
            ServiceError: it was refused; `NotFound` where there is none.
            Unreachable: it cannot be reached, or the file was cut off.

        """
        headers = {"Accept-Encoding": "identity"}
        try:
            with self._connections().get(
                url, headers=headers, timeout=self._limits, stream=True, proxies=self._proxies
            ) as response:
                if response.status_code >= requests.codes.bad_request:
                    raise answers.refused(response)
                yield response.iter_content(_PIECE)
        except requests.RequestException as error:
            told = answers.reason(error, *self._limits)
            raise Unreachable(f"No file from {answers.public(url)}: {told}") from error

    def _written_by(self, asked: Asked) -> Answer:
        with self._answered(asked) as response:
            answer = answers.answer(response)
        with self._lock:
            # A replica that has not seen this write yet must not answer the next question.
            self._written = max(self._written, answer.change or 0)
        return answer

    @contextmanager
    def _answered(self, asked: Asked) -> Iterator[requests.Response]:
        try:
            with self._answer_of(asked) as response:
                yield response
        except ClientError as error:
            error.request_id = asked.name
            raise

    @contextmanager
    def _answer_of(self, asked: Asked) -> Iterator[requests.Response]:
        response = self._until_answered(asked)
        try:
            if response.status_code >= requests.codes.bad_request:
                raise self._refused(response)
            if response.is_redirect:
                raise answers.elsewhere(response)
            yield response
        except requests.RequestException as error:
            told = answers.cause(error)
            raise Unreachable(f"The answer of {self.base} broke off: {told}.") from error
        finally:
            response.close()

    def _refused(self, response: requests.Response) -> ClientError:
        error = answers.refused(response)
        if isinstance(error, Unauthenticated) and not self._may_carry_token(response.url):
            return Unauthenticated(
                error.status,
                error.code,
                f"{error} No token was sent, since this is plain HTTP to another machine: use "
                "https, or allow it with insecure_token.",
                error.body,
            )
        return error

    def _until_answered(self, asked: Asked) -> requests.Response:
        start = time.monotonic()
        pause = _FIRST_PAUSE
        while True:
            found = self._round(asked)
            if not isinstance(found, _Failure):
                return found
            wait = to_wait(found.wished, pause)
            if not found.may_pass or time.monotonic() - start + wait > self._patience:
                raise found.error
            time.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _round(self, asked: Asked) -> requests.Response | _Failure:
        """Ask one base after the other."""
        failure = _Failure(Unreachable("Nothing was asked."), 0.0, may_pass=False)
        for base in list(self._bases):
            try:
                response = self._with_token(base, asked)
            except requests.RequestException as error:
                told = answers.reason(error, *self._limits_of(asked))
                if asked.writes and answers.may_be_done(error):
                    key = asked.headers["Idempotency-Key"]
                    told += (
                        f" It may have been done: sent again with the key {key} it is done once."
                    )
                unreachable = Unreachable(f"No answer from {answers.public(base)}: {told}")
                unreachable.__cause__ = error
                may_pass = failure.may_pass or answers.may_pass(error)
                failure = _Failure(unreachable, failure.wished, may_pass)
                continue
            if response.status_code not in _TRIED_AGAIN:
                if base != self._bases[0]:
                    self._bases = [base, *(other for other in self._bases if other != base)]
                return response
            wished = max(failure.wished, answers.wished(response))
            failure = _Failure(answers.refused(response), wished, may_pass=True)
            response.close()
        return failure

    def _with_token(self, base: str, asked: Asked) -> requests.Response:
        signed = asked.writes or asked.is_signed or self._reads_with_token
        token = self._token(base) if signed else None
        response = self._once(base, asked, token)
        # Either the service wants to know who reads, or the token has run out: or both.
        for _ in range(2):
            if response.status_code != requests.codes.unauthorized:
                break
            renewed = self._token(base, refused=token)
            if renewed is None or renewed == token:
                break
            response.close()
            token = renewed
            self._reads_with_token |= not asked.writes
            response = self._once(base, asked, token)
        return response

    def _token(self, base: str, refused: str | None = None) -> str | None:
        return self._credentials.current(refused) if self._may_carry_token(base) else None

    def _may_carry_token(self, url: str) -> bool:
        if self._insecure_token or urlsplit(url).scheme == "https":
            return True
        proxy = select_proxy(url, self._proxies or get_environ_proxies(url))
        return all(is_here(each) for each in (url, proxy) if each)

    def _once(self, base: str, asked: Asked, token: str | None) -> requests.Response:
        headers = {"Accept": "application/json", "X-Request-ID": asked.name, **asked.headers}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if self._written and not asked.writes:
            # Not from a cache on the way either, which does not know what this one has written.
            headers |= {"CDB-Min-Change": str(self._written), "Cache-Control": "no-cache"}
        if asked.data is not None and not isinstance(asked.data, bytes):
            asked.data.seek(0)
        response = self._connections().request(
            asked.method,
            f"{base}/{asked.path.lstrip('/')}",
            params=asked.query,
            data=asked.data,
            headers=headers,
            timeout=self._limits_of(asked),
            # An answer that breaks off is no answer: read at once, it is asked for again.
            stream=asked.is_streamed,
            # Here, since a proxy of the environment would win over one of the session.
            proxies=self._proxies,
            # A write that is sent somewhere else as a GET would look as if it were done.
            allow_redirects=asked.method == "GET",
        )
        answers.require_headers(response)
        return response

    def _limits_of(self, asked: Asked) -> tuple[float, float]:
        connect, read = self._limits
        size = len(asked.data) if isinstance(asked.data, bytes) else 0
        return connect, read + size / _BYTES_A_SECOND

    def _connections(self) -> requests.Session:
        if self._process != os.getpid():
            # The child of a fork must not talk through its parent's connections.
            self._open()
        return self._session

    def _open(self) -> None:
        self._process = os.getpid()
        self._lock = Lock()
        self._session = Session(self._max_answer_mb)


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


def to_wait(wished: float, pause: float) -> float:
    """Return the seconds to wait: those that the service wishes, a pause, and some at random.

    Jobs that were started together must not come back together, also where all of them are
    told the same.
    """
    chance = random.random()  # noqa: S311 - no secret
    return wished * (1 + chance) + pause * (1 + chance) / 2
