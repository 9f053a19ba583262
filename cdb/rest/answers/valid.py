"""What is valid, at a point or at many."""

from typing import Annotated

from pydantic import BaseModel, Field

from cdb.rest.answers.common import Notation


class ValidPayload(Notation):
    """A payload that is valid at a point."""

    payload_type_name: str
    payload_url: str
    checksum: str
    size: int | None
    major_iov: int
    minor_iov: int
    major_iov_end: int
    minor_iov_end: int
    revision: str | None
    global_tag: Annotated[str, Field(description="The tag that it comes from.")]


ValidRow = tuple[str, str, str, int | None, int, int, int, int, str | None]
"""type, URL, checksum, size, start (major, minor), end (major, minor), revision."""


class BatchAnswer(BaseModel):
    """Which payloads are valid, from where to where, half-open."""

    valid_from: tuple[int, int]
    valid_until: tuple[int, int]
    payloads: list[ValidRow]


class BatchAnswers(BaseModel):
    """The different answers, and for each point which one it has."""

    change: int
    answers: list[BatchAnswer]
    points: Annotated[list[int], Field(description="Indexes into `answers`.")]
