"""Validators that look at the reference of a payload, and at its checksum."""

import hashlib
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import BinaryIO, ClassVar, Literal

from cdb.plugin import Content, OptionsError, PayloadReference, PayloadValidator

Algorithm = Literal["md5", "sha1", "sha256", "adler32", "crc32"]

_DIGITS: dict[Algorithm, int] = {"md5": 32, "sha1": 40, "sha256": 64, "adler32": 8, "crc32": 8}
_RUNNING: dict[str, Callable[[bytes, int], int]] = {"adler32": zlib.adler32, "crc32": zlib.crc32}
_INITIAL = {"adler32": 1, "crc32": 0}
_BLOCK = 1 << 20


class AnyPayload(PayloadValidator):
    """Takes every payload."""

    requires_cdb: ClassVar[str] = ">=1,<2"

    def problems(self, payload: PayloadReference, content: Content | None) -> Iterator[str]:
        """Return nothing."""
        return iter(())


@dataclass(frozen=True, slots=True)
class NamePatternOptions:
    """What a file name has to look like."""

    pattern: str = field(
        default="*",
        metadata={
            "help": "What the whole file name has to match, with `*`, `?` and `[…]` as in a "
            "shell; upper and lower case differ."
        },
    )
    max_length: int = field(
        default=255, metadata={"help": "How many characters a file name has at most."}
    )


class NamePattern(PayloadValidator):
    """Takes payloads whose file name matches a pattern of the shell.

    Not a regular expression: whoever makes a payload type can set the pattern,
    and an expression can be written such that its search never ends.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    Options: ClassVar[type] = NamePatternOptions
    options: NamePatternOptions

    def __init__(self, name: str, options: NamePatternOptions) -> None:
        super().__init__(name, options)
        if not options.pattern:
            raise OptionsError("pattern is empty: no file name would match it.")
        if options.max_length < 1:
            raise OptionsError("max_length is less than 1: no file name would be short enough.")

    def problems(self, payload: PayloadReference, content: Content | None) -> Iterator[str]:
        """Return what is wrong with the last part of the URL."""
        name, options = payload.file_name, self.options
        if len(name) > options.max_length:
            yield f"The file name has {len(name)} characters; {options.max_length} are allowed."
        elif not fnmatchcase(name, options.pattern):
            yield f"The file name {name!r} does not match {options.pattern!r}."


@dataclass(frozen=True, slots=True)
class ChecksumOptions:
    """Which checksum, and whether it is computed again."""

    algorithm: Algorithm = field(
        default="md5", metadata={"help": "How the checksums of payloads are computed."}
    )
    verify: bool = field(
        default=False,
        metadata={"help": "Whether the content, which has to be stored, is compared with it."},
    )


class Checksum(PayloadValidator):
    """Takes payloads with a checksum that can be one, and on demand is the one of the content.

    It is written in hexadecimal digits, in lower case: payloads are looked up by
    it, and two ways to write the same would be two payloads.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    Options: ClassVar[type] = ChecksumOptions
    options: ChecksumOptions

    def __init__(self, name: str, options: ChecksumOptions) -> None:
        super().__init__(name, options)
        self.reads_content = options.verify
        self._digits = _DIGITS[options.algorithm]

    def problems(self, payload: PayloadReference, content: Content | None) -> Iterator[str]:
        """Return whether the checksum is badly written, or not the one of the content."""
        algorithm = self.options.algorithm
        if not re.fullmatch(f"[0-9a-f]{{{self._digits}}}", payload.checksum):
            yield (
                f"The checksum is not of the form of {algorithm}: {self._digits} hexadecimal "
                "digits in lower case."
            )
        elif self.options.verify and content is None:
            yield "The content is not in the payload store, so its checksum cannot be compared."
        elif self.options.verify and content is not None:
            with content.open() as file:
                found = _checksum(file, algorithm)
            if found != payload.checksum:
                yield f"The {algorithm} of the content is {found}, not {payload.checksum}."


def _checksum(file: BinaryIO, algorithm: Algorithm) -> str:
    if algorithm not in _RUNNING:
        # Not for security: a service that forbids MD5 for that can still compare it.
        make = hashlib.new(algorithm, usedforsecurity=False)
        while block := file.read(_BLOCK):
            make.update(block)
        return make.hexdigest()
    running, value = _RUNNING[algorithm], _INITIAL[algorithm]
    while block := file.read(_BLOCK):
        value = running(block, value)
    return f"{value:08x}"
