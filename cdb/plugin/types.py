"""The data that plugins see and return: frozen, and free of the web and of the database."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from gzip import BadGzipFile, GzipFile
from posixpath import basename
from types import MappingProxyType
from typing import Annotated, Any, BinaryIO, Literal

from cdb.domain.points import Interval

# --- options ----------------------------------------------------------------


class OptionsError(ValueError):
    """The options of a plugin contradict each other; the message says how."""


class IncompleteOptions(OptionsError):
    """Options are missing that only a payload type can give to a validator.

    In an ini that is no mistake; elsewhere it is one like any other.
    """


@dataclass(frozen=True, slots=True)
class NoOptions:
    """The options of a plugin that has none."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret option: the ini says `env:NAME` or `file:PATH`, never the secret itself."""

    value: str = field(repr=False)

    def __str__(self) -> str:
        return "********"


Lines = Annotated[tuple[str, ...], "lines"]
"""An option of several lines; a plain `tuple[str, ...]` is split at white space."""


# --- who, and what they may do ----------------------------------------------


class Permission(StrEnum):
    """What can be permitted. Every write asks for one of them, for each tag that it touches."""

    TAG_CREATE = "tag.create"
    """Make a global tag, also as a clone."""

    TAG_WRITE = "tag.write"
    """Change the description of a global tag."""

    TAG_STATUS = "tag.status"
    TAG_DELETE = "tag.delete"
    STATUS_CREATE = "status.create"
    LIST_CREATE = "list.create"
    """Make a payload list, or change its description."""

    LIST_ATTACH = "list.attach"
    """Put a payload list into a global tag; the tag that it leaves is asked for, too."""

    LIST_DELETE = "list.delete"
    IOV_CREATE = "iov.create"
    """Stage a payload IOV, which nothing shows yet."""

    IOV_ATTACH = "iov.attach"
    """Put payload IOVs into a payload list."""

    IOV_DELETE = "iov.delete"
    TYPE_CREATE = "type.create"
    """Make a payload type, or change its description or validator."""

    TYPE_DELETE = "type.delete"
    PAYLOAD_WRITE = "payload.write"
    """Send a payload file to the payload store."""

    ADMIN = "admin"
    """Everything."""

    READ = "read"
    """Read; asked only where `cdb.read_access = authenticated`."""


_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sends a request.

    Attributes:
        subject: a stable name, which the change log keeps as the actor.
        method: the name of the authenticator.
        claims: what the credentials say besides, as in the claims of a token; `exp`,
            if it is there, is when they end, in seconds since 1970.
        scopes: what the credentials are limited to, as in `cdb.write:/Prod*`;
            None where they are not limited.

    """

    subject: str
    method: str
    claims: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    scopes: frozenset[str] | None = None

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody has said who it is."""
        return self.method == ANONYMOUS.method


ANONYMOUS = Identity("anonymous", "anonymous")
"""Whoever sends no credentials."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a write touches: one global tag at most; a write to several asks for each.

    `global_tag` is None for what belongs to no tag: types, statuses, detached
    payload lists, staged payload IOVs, payload files.
    """

    object_type: str
    name: str | None = None
    global_tag: str | None = None
    payload_type: str | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an authenticator sees of a request.

    Attributes:
        scheme: the first word of the Authorization header, in lower case; empty
            where there is no such header.
        token: the rest of it.
        headers: all headers, their names in lower case.
        address: the IP address that the request came from, as the server knows it.

    """

    scheme: str = ""
    token: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING, repr=False)
    address: str = ""


class CredentialsRefused(Exception):
    """The credentials are for this authenticator and do not hold; the message says why.

    It becomes a 401, and the caller reads the message: it names neither keys
    nor the token.
    """


# --- payloads ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PayloadReference:
    """A payload as a payload IOV refers to it.

    Attributes:
        payload_type: the name of its type.
        payload_url: where it is, relative to the service's payload base.
        checksum: as the client gave it.
        size: in bytes; None where it was not given.
        revision: the payload's own; None where it has none.
        interval: where it is to be valid, half-open; the end is OPEN where it
            holds until the next start. None while a file is only uploaded.
        global_tag: the tag whose list it enters; None for a detached list.

    """

    payload_type: str
    payload_url: str
    checksum: str
    size: int | None = None
    revision: str | None = None
    interval: Interval | None = None
    global_tag: str | None = None

    @property
    def file_name(self) -> str:
        """The last part of the URL."""
        return basename(self.payload_url)


class UnreadableContent(ValueError):
    """A payload is not the text that it should be; the message says why."""


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a payload: `open()` gives a seekable binary file, to be closed."""

    open: Callable[[], BinaryIO]
    size: int

    def read(self, limit: int) -> bytes:
        """Return the first bytes, `limit` at most: nobody knows how large a payload is."""
        with self.open() as file:
            return file.read(limit)

    def text(self, limit: int, *, is_gzip: bool = False) -> str:
        """Return the content as text, which has to be UTF-8.

        Args:
            limit: the largest size, in bytes, once it is unpacked.
            is_gzip: whether it is packed by gzip.

        Raises:
            UnreadableContent: it is no such text, or larger; the message is a
                sentence for the client.

        """
        try:
            with self.open() as file:
                if is_gzip:
                    with GzipFile(fileobj=file) as unpacked:
                        raw = unpacked.read(limit + 1)
                else:
                    raw = file.read(limit + 1)
        except (BadGzipFile, EOFError, zlib.error) as error:
            raise UnreadableContent(f"The content cannot be unpacked: {error}.") from error
        if len(raw) > limit:
            raise UnreadableContent(f"The text is larger than {limit / 2**20:g} MiB.")
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            problem = f"The content is not UTF-8: {error.reason} at byte {error.start}."
            raise UnreadableContent(problem) from error

    @classmethod
    def of(cls, raw: bytes) -> "Content":
        """Return bytes as a content, for tests."""
        from io import BytesIO  # noqa: PLC0415 - where it is needed

        return cls(lambda: BytesIO(raw), len(raw))


@dataclass(frozen=True, slots=True)
class Upload:
    """A payload file that is about to be stored.

    `revision` is given where the layout numbers revisions.
    """

    payload_type: str
    file_name: str
    md5: str
    sha256: str
    size: int
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """How a payload is shown: text, an SVG, or a table whose first row is its header.

    Attributes:
        kind: what `content` is.
        content: a text, or the rows of a table.
        is_truncated: whether the payload has more than that.
        title: what it is called, where the payload has several parts.
        description: a sentence about it; who does not see a picture gets that instead.
        parts: what is shown after it; these have no parts of their own.

    """

    kind: Literal["text", "svg", "table"]
    content: str | tuple[tuple[str, ...], ...]
    is_truncated: bool = False
    title: str = ""
    description: str = ""
    parts: tuple["Preview", ...] = ()


# --- points and changes -----------------------------------------------------


class NotationError(ValueError):
    """A point or an interval is not written, or not possible, in a dimension."""


@dataclass(frozen=True, slots=True)
class Event:
    """A change that was committed, as the change log has it."""

    change: int
    at: datetime
    actor: str
    action: str
    object_type: str
    object_name: str
    comment: str | None = None
    detail: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
