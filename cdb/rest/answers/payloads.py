"""Stored payload files, and what is in them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field


class File:
    """A part of a file."""


class StoredPayload(BaseModel):
    """A payload in the payload store."""

    payload_type: str
    file_name: str
    payload_url: Annotated[str, Field(description="What payload IOVs refer to it by.")]
    checksum: Annotated[str, Field(description="MD5, hexadecimal.")]
    sha256: str
    size: Annotated[int, Field(description="Bytes.")]
    revision: str | None
    created: datetime


class UploadedPayload(StoredPayload):
    """A payload that was sent."""

    stored: Annotated[bool, Field(description="Whether it was not there before.")]


class CheckedPayloads(BaseModel):
    """Which payloads are in the payload store, by the checksums that were asked for."""

    present: dict[str, StoredPayload]
    missing: list[str]


class FileOfPayload(StoredPayload):
    """A payload in the payload store, how it came there, and what shows it."""

    change: Annotated[
        int,
        Field(
            description="The change that it came with: its upload, or what numbered its revision "
            "before that."
        ),
    ]
    actor: Annotated[str, Field(description="Who made that change.")]
    preview: Annotated[
        str | None, Field(description="The plugin that shows it; null where none does.")
    ]


class PayloadFacts(BaseModel):
    """What the service knows of a payload."""

    checksum: Annotated[str, Field(description="As it was asked for.")]
    has_store: Annotated[bool, Field(description="Whether the service has a payload store.")]
    stored: Annotated[
        FileOfPayload | None, Field(description="Null where it is elsewhere, if anywhere.")
    ]


class PreviewPart(BaseModel):
    """A part of what is shown of a payload; the first row of a table is its header."""

    kind: Literal["text", "svg", "table"]
    content: str | list[list[str]]
    is_truncated: Annotated[bool, Field(description="Whether the payload has more than that.")]
    title: Annotated[str, Field(description="Empty where it has none.")]
    description: Annotated[
        str, Field(description="A sentence about it, which stands for a picture; it may be empty.")
    ]


class PayloadPreview(PreviewPart):
    """How a payload is shown."""

    parts: Annotated[list[PreviewPart], Field(description="What follows, as in a ROOT file.")]
