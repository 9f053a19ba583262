"""What stands in paths."""

from typing import Annotated

from pydantic import Field

from cdb.domain.points import Point
from cdb.rest.fields import (
    FileName,
    Lookup,
    Schema,
    TagName,
    TextNumber,
)


class NamePath(Schema):
    """A path that ends in a name."""

    name: Lookup


class IdPath(Schema):
    """A path that ends in an id."""

    id: TextNumber


class ChangePath(Schema):
    """A path that ends in the number of a change."""

    change: TextNumber


class DiffPath(Schema):
    """The two tags that are compared, which may be the same one."""

    a: Lookup
    b: Lookup


class ClonePath(Schema):
    """The tag that is cloned and the one that is made."""

    source: Lookup
    target: TagName


class StatusPath(Schema):
    """A tag and the status that it gets."""

    name: Lookup
    status: Lookup


class IovPath(Schema):
    """A payload IOV of a tag, by its type and its start."""

    tag: Lookup
    type: Lookup
    major: TextNumber
    minor: TextNumber

    @property
    def end(self) -> Point | None:
        """The end that the path asks for: none."""
        return None


class ExactIovPath(IovPath):
    """A payload IOV of a tag, by its type, its start and its end."""

    major_end: TextNumber
    minor_end: TextNumber

    @property
    def end(self) -> Point | None:
        """The end that the path asks for."""
        return Point(self.major_end, self.minor_end)


class UploadPath(Schema):
    """The type and the name of a file that is sent."""

    payload_type: Lookup
    file_name: FileName


class ChecksumPath(Schema):
    """The MD5 or the SHA-256 of a payload."""

    checksum: Annotated[Lookup, Field(description="MD5 or SHA-256, hexadecimal.")]
