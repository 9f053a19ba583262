"""What answers of several kinds have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Error(BaseModel):
    """What went wrong: one sentence, or messages by field."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"additionalProperties": {"type": "array", "items": {"type": "string"}}},
    )

    code: str
    detail: str = ""


class Deleted(BaseModel):
    """What was deleted, as a sentence."""

    detail: str


class Notation(BaseModel):
    """An interval in the notation of a dimension."""

    dimension: str
    begin: Annotated[str | None, Field(description="The start in the notation of the dimension.")]
    end: Annotated[str | None, Field(description="The end in the notation of the dimension.")]


class Span(BaseModel):
    """An interval in numbers, as the IOV mode has it."""

    major_iov: int
    minor_iov: int
    major_iov_end: int
    minor_iov_end: int


class Page(BaseModel):
    """A page of a list, and where it is in that."""

    count: int
    page: int
    page_size: int
    total_pages: int
