"""What is asked of a service: a request, before it is known who answers it."""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypedDict
from urllib.parse import quote, urlencode

from cdb_client.errors import ConfigError

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
class Asked:
    """A request, which is sent to one base after the other until there is an answer.

    Attributes:
        method: of HTTP.
        path: relative to the base.
        query: the query string.
        headers: but for those that depend on who is asked.
        data: the body.
        writes: whether it can change something.
        is_streamed: whether the answer is read as it comes in; else it is read at once.
        is_signed: whether the token goes with it, although the service may not ask for one.
        name: of the request in the logs of services, the same however often it is sent.

    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    data: bytes | Sendable | None = None
    writes: bool = False
    is_streamed: bool = False
    is_signed: bool = False
    name: str = field(default_factory=lambda: uuid.uuid4().hex)


def question(
    method: str,
    path: str,
    params: Params | None,
    headers: Mapping[str, str],
    body: Any = None,
    *,
    is_streamed: bool = False,
) -> Asked:
    """Return a request that changes nothing.

    Raises:
        ConfigError: a header or the body cannot be sent.

    """
    given, data = _with_body(headers, body)
    return Asked(method, path, _query(params or {}), given, data, is_streamed=is_streamed)


def write(
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: Any,
    writing: Writing,
) -> Asked:
    """Return a request that changes something, once, however often it is sent.

    Args:
        method: of HTTP.
        path: relative to the base.
        headers: about the body.
        body: what is sent as JSON, a file, or None.
        writing: reason, dry run, condition and key.

    Raises:
        ConfigError: a header or the body cannot be sent.

    """
    said = {
        "Idempotency-Key": writing.get("key") or str(uuid.uuid4()),
        # A header is one line.
        "CDB-Comment": " ".join((writing.get("reason") or "").splitlines()).strip(),
        "If-Match": writing.get("if_match") or "",
    }
    given, data = _with_body(
        {**headers, **{name: value for name, value in said.items() if value}}, body
    )
    query = _query({"dry_run": writing.get("dry_run", False)})
    return Asked(method, path, query, given, data, writes=True)


def path_of(*parts: str | int) -> str:
    """Return the path of names and numbers; whatever a name has in it stays one part.

    Raises:
        ConfigError: a name cannot stand in a URL.

    """
    try:
        return "/".join(quote(str(part), safe="") for part in parts)
    except UnicodeEncodeError:
        raise ConfigError(f"{parts!r} has a name that cannot stand in a URL.") from None


def _with_body(
    headers: Mapping[str, str], body: Any
) -> tuple[dict[str, str], bytes | Sendable | None]:
    given = {name: _header(name, value) for name, value in headers.items()}
    if body is None or hasattr(body, "read"):
        return given, body
    try:
        # Without blanks, since a service takes bodies up to a size.
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        data = text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"This cannot be sent as JSON: {error}.") from None
    return given | {"Content-Type": "application/json"}, data


def _header(name: str, value: str) -> str:
    try:
        # Headers are bytes, which are written down as Latin-1; the service reads UTF-8.
        encoded = value.encode().decode("latin-1")
    except UnicodeEncodeError:
        raise ConfigError(f"{value!r} cannot be sent as {name}.") from None
    if any(ord(character) < ord(" ") or character == "\x7f" for character in encoded):
        raise ConfigError(f"{value!r} cannot be sent as {name}: it has control characters.")
    return encoded.strip()


def _query(params: Params) -> str:
    given = {
        name: int(value) if isinstance(value, bool) else value
        for name, value in params.items()
        if value is not None and value is not False
    }
    try:
        return urlencode(given, doseq=True)
    except UnicodeEncodeError:
        raise ConfigError(f"{given!r} has characters that cannot stand in a URL.") from None
