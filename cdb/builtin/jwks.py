"""The public keys of an issuer: a JSON Web Key Set from a URL or a file, kept up to date."""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import ip_address
from pathlib import Path
from socket import SHUT_RDWR, socket
from threading import Lock, Timer
from time import monotonic
from typing import IO, Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    ProxyHandler,
    Request,
    build_opener,
)

import jwt

from cdb.builtin.bearer import key_problem
from cdb.plugin import CredentialsRefused, OptionsError

log = logging.getLogger(__name__)

MAX_BYTES = 1024 * 1024
"""What a key set may have; that of a large issuer has about 10,000."""


@dataclass(frozen=True, slots=True)
class Times:
    """How long keys are good.

    Attributes:
        cache: after which they are loaded again.
        cool_down: between two attempts to load them, whatever tokens ask for.
        timeout: of one attempt.
        keep: how long the last good keys serve while there are no new ones.

    """

    cache: timedelta
    cool_down: timedelta
    timeout: timedelta
    keep: timedelta

    def __post_init__(self) -> None:
        """Check that they fit together.

        Raises:
            OptionsError: one is negative, or the keys would be gone before they
                are loaded again.

        """
        for name in ("cache", "cool_down"):
            if getattr(self, name) < timedelta(0):
                raise OptionsError(f"{name} is negative")
        if self.timeout <= timedelta(0):
            raise OptionsError("timeout is not longer than nothing")
        if self.keep < self.cache:
            raise OptionsError("keep is shorter than cache")


class Key(NamedTuple):
    """A public key, for one algorithm."""

    kid: str | None
    algorithm: str
    public: Any


class KeySet:
    """The keys of one issuer. Many threads may ask at once."""

    def __init__(
        self,
        source: str,
        algorithms: Sequence[str],
        times: Times,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Take where the keys are; a URL is first asked when the first token comes.

        Args:
            source: an https URL, an http URL of this machine, or the path of a file.
            algorithms: what keys are needed for.
            times: how long keys are good.
            clock: seconds, of which only differences matter.

        Raises:
            OptionsError: the URL is of another kind, or the file holds no keys.

        """
        self._source = source
        self._algorithms = algorithms
        self._times = times
        self._clock = clock
        self._lock = Lock()
        self._keys: tuple[Key, ...] = ()
        self._loaded_at = self._tried_at = float("-inf")
        self._is_failing = False
        if "://" in source:
            _check_url(source)
            self._read: Callable[[], bytes] = partial(
                _fetch, source, times.timeout.total_seconds()
            )
        else:
            self._read = Path(source).read_bytes
            self._load_at_boot()

    def find(self, kid: str | None, algorithm: str) -> Any:
        """Return the public key of a token.

        A token that names no key has to leave no choice. A name that is not known
        may be of a new key: the set is loaded again, once in each cool-down.

        Raises:
            CredentialsRefused: there is no such key, or there are no keys.

        """
        if self._age() > self._times.cache.total_seconds():
            # One thread waits for the issuer; the others go on with the keys that are there.
            self._reload(wait=not self._keys)
        found = self._match(kid, algorithm)
        if len(found) != 1:
            self._reload(wait=True)
            found = self._match(kid, algorithm)
        if self._age() > self._times.keep.total_seconds():
            raise CredentialsRefused("The keys of the token's issuer cannot be had at the moment.")
        if not found:
            raise CredentialsRefused(
                "The token is signed with a key that its issuer does not have."
            )
        if len(found) > 1:
            raise CredentialsRefused("The token does not say which key of its issuer it is of.")
        return found[0].public

    def problem(self) -> str | None:
        """Return why there are no keys, or no new ones, half a sentence; None where all is well.

        They are loaded where they are too old, or nobody has asked for them yet: once in
        each cool-down at most.
        """
        if self._age() > self._times.cache.total_seconds():
            self._reload(wait=False)
        left = self._times.keep.total_seconds() - self._age()
        if not self._keys or left < 0:
            return "the keys of the issuer cannot be loaded: its tokens are refused"
        if self._is_failing:
            return f"the keys of the issuer cannot be loaded, and serve for {left:.0f} s still"
        return None

    def _age(self) -> float:
        return self._clock() - self._loaded_at

    def _match(self, kid: str | None, algorithm: str) -> list[Key]:
        fitting = [key for key in self._keys if key.algorithm == algorithm]
        return fitting if kid is None else [key for key in fitting if key.kid == kid]

    def _reload(self, wait: bool) -> None:
        """Load the keys unless that was tried just now, here or by another thread."""
        tried_at = self._tried_at
        if self._clock() - tried_at < self._times.cool_down.total_seconds():
            return
        if not self._lock.acquire(blocking=wait):
            return
        try:
            if self._tried_at == tried_at:
                self._load()
        finally:
            self._lock.release()

    def _load(self) -> None:
        try:
            self._keys = _usable_keys(self._read(), self._algorithms)
            self._loaded_at = self._clock()
            self._is_failing = False
        except (OSError, HTTPException, ValueError) as error:
            self._is_failing = True
            log.warning("The keys at %s cannot be loaded: %s", self._source, error)
        finally:
            self._tried_at = self._clock()

    def _load_at_boot(self) -> None:
        try:
            self._keys = _usable_keys(self._read(), self._algorithms)
        except (OSError, ValueError) as error:
            raise OptionsError(f"jwks cannot be used: {error}") from error
        self._loaded_at = self._tried_at = self._clock()


def _usable_keys(raw: bytes, algorithms: Sequence[str]) -> tuple[Key, ...]:
    """Return the keys of a set that can check signatures; others are passed over.

    Raises:
        ValueError: the text is no key set, or there is no such key.

    """
    if len(raw) > MAX_BYTES:
        raise ValueError(f"there are more than {MAX_BYTES} bytes")
    try:
        document = json.loads(raw)
    except RecursionError:
        document = None
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("there is no JSON Web Key Set")  # noqa: TRY004 - the data is wrong, not a type
    keys = tuple(key for entry in entries for key in _keys_of(entry, algorithms))
    if not keys:
        raise ValueError(f"no public key there is for {' or '.join(algorithms)}")
    return keys


def _keys_of(entry: Any, algorithms: Sequence[str]) -> Iterator[Key]:
    """Give the key of an entry for each algorithm that it is for.

    A private key that somebody has published is none: it is worth nothing any more.
    """
    if not isinstance(entry, dict) or not _is_for_signatures(entry):
        return
    kid = entry.get("kid")
    for algorithm in algorithms:
        if entry.get("alg", algorithm) != algorithm or not isinstance(kid, str | None):
            continue
        try:
            public = jwt.PyJWK(entry, algorithm).key
        except (jwt.PyJWTError, AttributeError, TypeError, ValueError):  # whatever is wrong in it
            continue
        if key_problem(public, algorithm) is None:
            yield Key(kid, algorithm, public)


def _is_for_signatures(entry: dict[str, Any]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return (
        entry.get("kty") in ("RSA", "EC")
        and entry.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
    )


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise OptionsError("jwks is neither an https URL nor the path of a file")
    if parts.scheme == "http" and not _is_this_machine(parts.hostname):
        raise OptionsError("jwks has to be https: keys that come over http can be anybody's")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _NoRedirect(HTTPRedirectHandler):
    """Follows nothing: the keys are where the operator says."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        """Return None, which makes the answer an error."""


class _Timed(HTTPHandler, HTTPSHandler):
    """Asks by connections that are ended when their time is up, whatever is read just then.

    A time limit of a socket is for each of its bytes: who sends one now and then has all day.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.is_over = False
        self._seconds = seconds
        self._timers: list[Timer] = []

    def http_open(self, req: Request) -> HTTPResponse:
        """Ask over http."""
        return self.do_open(self._ended(HTTPConnection), req)

    def https_open(self, req: Request) -> HTTPResponse:
        """Ask over https."""
        return self.do_open(self._ended(HTTPSConnection), req)

    def stop(self) -> None:
        """End no connection any more."""
        for timer in self._timers:
            timer.cancel()

    def _ended(self, kind: type[HTTPConnection]) -> type[HTTPConnection]:
        watch = self._watch

        class Connection(kind):  # type: ignore[valid-type, misc]  # http or https
            def connect(self) -> None:
                super().connect()
                watch(self.sock)

        return Connection

    def _watch(self, connected: socket) -> None:
        timer = Timer(self._seconds, self._end, [connected])
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def _end(self, connected: socket) -> None:
        self.is_over = True
        with suppress(OSError):  # it has ended by itself
            # Below TLS, which would be changed under who reads.
            socket.shutdown(connected, SHUT_RDWR)


@contextmanager
def _within(seconds: float) -> Iterator[_Timed]:
    """Give what asks for so long at most; what is read later is no answer.

    Raises:
        TimeoutError: it took longer.

    """
    timed = _Timed(seconds)
    too_long = TimeoutError(f"it takes longer than {seconds:g} seconds")
    try:
        yield timed
    except (OSError, HTTPException) as error:
        # What the socket itself was given up after, is the same time.
        if timed.is_over or isinstance(error, TimeoutError):
            raise too_long from None
        raise
    finally:
        timed.stop()
    if timed.is_over:
        raise too_long


def _fetch(url: str, timeout: float) -> bytes:
    """Return what a URL answers, or a part of it that is too much.

    Raises:
        OSError: it cannot be reached, does not answer with 200, or takes too long.

    """
    # What this machine serves is not behind a proxy.
    handlers = [ProxyHandler({})] if url.startswith("http:") else []
    with _within(timeout) as timed:
        opener = build_opener(_NoRedirect, timed, *handlers)
        try:
            with opener.open(url, timeout=timeout) as response:
                content: bytes = response.read(MAX_BYTES + 1)
        except HTTPError as error:
            error.close()
            raise OSError(f"the answer is {error.code}") from None
    return content
