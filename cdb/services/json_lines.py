"""A global tag as JSON lines, which any program can write and read.

The first line says what the tag is, then each payload list has a line, followed
by one for each of its payload IOVs in order of start, and the last line closes
with their number and the digest: a file without it was cut off.
"""

import zlib
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Annotated, Any, BinaryIO, Literal, TypeVar

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cdb.domain.digest import LogDigester
from cdb.domain.names import TEXT_LENGTH, control_character
from cdb.domain.points import MAX, Point
from cdb.domain.portable import PortableIov, PortableList, PortableTag, Provenance, digest_of
from cdb.errors import Corrupt
from cdb.services.exports import Source
from cdb.services.imports import Progress

_LONGEST_LINE = 10**7
"""Bytes; each text of a line has a length that is much less."""

_Model = TypeVar("_Model", bound=BaseModel)


def _without_control_characters(text: str) -> str:
    if found := control_character(text):
        raise ValueError(f"it has the control character {found}")
    return text


_Number = Annotated[int, Field(ge=0, le=MAX)]
_Text = Annotated[str, Field(max_length=TEXT_LENGTH), AfterValidator(_without_control_characters)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Header(_Line):
    cdb: Literal["global-tag"]
    version: Literal[1]
    tag: PortableTag
    provenance: Provenance
    payload_iovs: Annotated[int, Field(ge=0)]


class _List(_Line):
    payload_list: PortableList


class _Iov(_Line):
    start: tuple[_Number, _Number]
    end: tuple[_Number, _Number]
    declared_end: tuple[_Number, _Number] | None = None
    payload_url: _Text
    checksum: _Text
    size: _Number | None = None
    revision: _Text | None = None
    inserted: datetime


class _Closing(BaseModel):
    payload_lists: int
    payload_iovs: int
    digest: str


class _End(_Line):
    end: _Closing


def write(source: Source, file: BinaryIO, progress: Progress = lambda _count: None) -> str:
    """Write a global tag as JSON lines, and return its digest.

    Args:
        source: of the tag.
        file: written to, and left open.
        progress: told how many payload IOVs more were written, list by list.

    """
    header = _Header(
        cdb="global-tag",
        version=1,
        tag=source.tag,
        provenance=source.provenance,
        payload_iovs=source.n_iov,
    )
    file.write(_as_line(header.model_dump()))
    digests, count = [], 0
    for each, iovs in source.lists():
        file.write(_as_line({"payload_list": asdict(each)}))
        digester, written = LogDigester(), 0
        for iov in iovs:
            digester.add(iov.stretch)
            file.write(_as_line(_shown(iov)))
            written += 1
        digests.append((each, digester.digest()))
        count += written
        progress(written)
    digest = digest_of(digests)
    file.write(
        _as_line(
            {
                "end": _Closing(
                    payload_lists=len(digests), payload_iovs=count, digest=digest
                ).model_dump()
            }
        )
    )
    return digest


class JsonLinesSource:
    """A global tag that is read from JSON lines.

    Its methods raise Corrupt where a line is wrong, with its number, or where the
    file was cut off.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Read the first line; see above for errors."""
        # One that never ends is not read to its end.
        lines = iter(partial(file.readline, _LONGEST_LINE), b"")
        self._lines = enumerate(lines, start=1)
        self._ahead: tuple[int, dict[str, Any]] = (0, {})
        self._count = 0
        self._digest: str | None = None
        self._read()
        header = self._as(_Header)
        self.tag = header.tag
        self.provenance = header.provenance
        self.n_iov = header.payload_iovs

    def digest(self) -> str | None:
        """Return the digest that the last line says, once it was read."""
        return self._digest

    def lists(self) -> Iterator[tuple[PortableList, Iterator[PortableIov]]]:
        """Yield the payload lists with their payload IOVs, as they stand in the file."""
        lists = 0
        self._read()
        while self._has("payload_list"):
            lists += 1
            yield self._as(_List).payload_list, self._iovs()
        closing = self._as(_End).end
        if (closing.payload_lists, closing.payload_iovs) != (lists, self._count):
            raise Corrupt(
                f"There have to be {closing.payload_lists} payload lists with "
                f"{closing.payload_iovs} payload IOVs, and there are {lists} with {self._count}."
            )
        self._digest = closing.digest

    def _iovs(self) -> Iterator[PortableIov]:
        self._read()
        while self._has("start"):
            self._count += 1
            yield _portable(self._as(_Iov))
            self._read()

    def _has(self, key: str) -> bool:
        return key in self._ahead[1]

    def _read(self) -> None:
        """Look at the next line."""
        try:
            number, line = next(self._lines, (0, b""))
        except (EOFError, zlib.error) as error:
            raise Corrupt(f"What is compressed is damaged: {error}.") from None
        if len(line) == _LONGEST_LINE:
            raise Corrupt(f"line {number}: it has more than {_LONGEST_LINE:,} bytes.")
        if not line.endswith(b"\n"):
            raise Corrupt("The file was cut off: its last line does not close it.")
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise Corrupt(f"line {number}: this is no JSON: {error}.") from None
        if not isinstance(value, dict):
            raise Corrupt(f"line {number}: an object is needed.")
        self._ahead = number, value

    def _as(self, model: type[_Model]) -> _Model:
        number, value = self._ahead
        try:
            return model.model_validate(value)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise Corrupt(f"line {number}: {place}: {first['msg']}.") from None


def _shown(iov: PortableIov) -> dict[str, object]:
    declared = {} if iov.declared == iov.end else {"declared_end": [*iov.declared]}
    return {
        "start": [*iov.start],
        "end": [*iov.end],
        **declared,
        "payload_url": iov.payload_url,
        "checksum": iov.checksum,
        "size": iov.size,
        "revision": iov.revision,
        "inserted": iov.inserted,
    }


def _portable(line: _Iov) -> PortableIov:
    end = Point(*line.end)
    return PortableIov(
        Point(*line.start),
        end,
        end if line.declared_end is None else Point(*line.declared_end),
        line.payload_url,
        line.checksum,
        line.size,
        line.revision,
        line.inserted,
    )


def _as_line(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
