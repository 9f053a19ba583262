"""The fields that requests are made of, each checked and documented from one source."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, GroupedMetadata, Le
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from cdb.domain.names import (
    NAME_LENGTH,
    RESERVED_TAGS,
    TEXT_LENGTH,
    UNSEEN,
    control_character,
    name_problem,
    tag_name_problem,
)
from cdb.domain.points import MAX

_DIGITS = 19
"""Decimal digits of MAX; longer numbers are out of range without being read."""


def _parse_number(value: object) -> object:
    """Read a number of a path or query string: ASCII digits only, 0 … MAX."""
    if not isinstance(value, str):
        return value
    if not (value.isascii() and value.isdigit()):
        raise ValueError("a whole number from 0 to 9223372036854775807 is needed")
    if len(value.lstrip("0")) > _DIGITS:
        raise ValueError("the largest number is 9223372036854775807")
    return int(value)


def several(value: object) -> object:
    """Return what comes once or several times as a tuple."""
    return (value,) if isinstance(value, str) else value


def _check_name(value: str) -> str:
    if problem := name_problem(value):
        raise ValueError(problem)
    return value


def _check_tag_name(value: str) -> str:
    if problem := tag_name_problem(value):
        raise ValueError(problem)
    return value


def _check_text(value: str) -> str:
    if found := control_character(value):
        raise ValueError(f"Control characters are not allowed; this has {found}.")
    return value


def _check_prose(value: str) -> str:
    return _check_text(value.replace("\n", " ").replace("\r", " ").replace("\t", " ")) and value


def _check_file_name(value: str) -> str:
    if not 1 <= len(value) <= TEXT_LENGTH:
        raise ValueError(f"A file name has 1 to {TEXT_LENGTH} characters.")
    for character in _NOT_IN_FILE_NAMES:
        if character in value:
            raise ValueError(f"A file name has no {character!r}.")
    if value != value.strip() or value in (".", ".."):
        raise ValueError("A file name is no relative path and has no white space at its ends.")
    return _check_text(value)


def filled_where(other: str, value: Any, *names: str) -> Any:
    """Return fields with null for those that another one replaces; else they stay missing."""
    if isinstance(value, dict) and value.get(other) is not None:
        return {**dict.fromkeys(names), **value}
    return value


def not_required(*names: str) -> Callable[[dict[str, Any]], None]:
    """Return what tells the schema that fields are needed only where another is not given."""

    def change(schema: dict[str, Any]) -> None:
        schema["required"] = [name for name in schema["required"] if name not in names]

    return change


def numbers_or(other: str, *names: str) -> Callable[[dict[str, Any]], None]:
    """Return what tells the schema that either some numbers are given, or a text is."""

    def change(schema: dict[str, Any]) -> None:
        not_required(*names)(schema)
        numbers = {name: {"type": "integer"} for name in names}
        none = {name: {"type": "null"} for name in names}
        schema["oneOf"] = [
            {"required": [*names], "properties": {**numbers, other: {"type": "null"}}},
            {"required": [other], "properties": {other: {"type": "string"}, **none}},
        ]

    return change


_NUMBER_SCHEMA = {
    "type": "integer",
    "format": "int64",
    "minimum": 0,
    "maximum": MAX,
    "description": "0 to 9223372036854775807 (2**63 - 1)",
}


@dataclass(frozen=True)
class Digits(GroupedMetadata):
    """Makes an int a number of a path or query string, within bounds that are documented, too."""

    least: int = 0
    most: int = MAX

    def __iter__(self) -> Iterator[object]:
        yield BeforeValidator(_parse_number)
        yield Ge(self.least)
        yield Le(self.most)
        bounds = {"minimum": self.least, "maximum": self.most}
        is_any = (self.least, self.most) == (0, MAX)
        described = {} if is_any else {"description": f"{self.least} to {self.most}"}
        yield WithJsonSchema({**_NUMBER_SCHEMA, **bounds, **described})


_CONTROL = r"\u0000-\u001f\u007f-\u009f"
_NOT_IN_NAMES = _CONTROL + UNSEEN
TEXT_PATTERN = {"pattern": rf"^[^{_CONTROL}]*$"}
_LOOKUP_PATTERN = {"pattern": rf"^[^/{_CONTROL}]+$"}
_PROSE_PATTERN = {"pattern": r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"}
_NAME_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "maxLength": NAME_LENGTH,
    "pattern": rf"^[^\s/@{_NOT_IN_NAMES}]([^/@{_NOT_IN_NAMES}]*[^\s/@{_NOT_IN_NAMES}])?$",
    "not": {"enum": [".", ".."]},
    "description": "Any characters that can be seen, but '/', '@' and white space at the ends.",
}
_NOT_IN_FILE_NAMES = "/\\?#%"
_FILE_NAME_SCHEMA = {
    **_NAME_SCHEMA,
    "maxLength": TEXT_LENGTH,
    "pattern": rf"^[^\s/\\?#%{_CONTROL}]([^/\\?#%{_CONTROL}]*[^\s/\\?#%{_CONTROL}])?$",
    "description": "No / \\ ? # %, control characters, or white space at the ends.",
}
_TAG_NAME_SCHEMA = {**_NAME_SCHEMA, "not": {"enum": [".", "..", *sorted(RESERVED_TAGS)]}}

Number = Annotated[int, Field(ge=0, le=MAX), WithJsonSchema(_NUMBER_SCHEMA)]
"""A coordinate in a JSON body."""

TextNumber = Annotated[int, Digits()]
"""A coordinate or an id in a path or query string."""

Name = Annotated[str, AfterValidator(_check_name), WithJsonSchema(_NAME_SCHEMA)]
TagName = Annotated[str, AfterValidator(_check_tag_name), WithJsonSchema(_TAG_NAME_SCHEMA)]
Text = Annotated[
    str,
    Field(max_length=TEXT_LENGTH, json_schema_extra=TEXT_PATTERN),
    AfterValidator(_check_text),
]


def _written(form: str) -> Any:
    """Return what a text is that only the service can read: how it is written has a name."""
    return Field(max_length=TEXT_LENGTH, json_schema_extra={**TEXT_PATTERN, "format": form})


Notation = Annotated[str, _written("point"), AfterValidator(_check_text)]
"""A point, or an end, in the notation of a dimension."""
When = Annotated[str, _written("change-or-time"), AfterValidator(_check_text)]
"""The number of a change, or a time in ISO 8601."""
Time = Annotated[str, _written("time"), AfterValidator(_check_text)]
"""A time in ISO 8601."""
DimensionName = Annotated[str, _written("dimension"), AfterValidator(_check_text)]
ValidatorName = Annotated[str, _written("validator"), AfterValidator(_check_text)]
FilledText = Annotated[
    str,
    Field(min_length=1, max_length=TEXT_LENGTH, json_schema_extra=TEXT_PATTERN),
    AfterValidator(_check_text),
]
Prose = Annotated[
    str,
    Field(max_length=10_000, json_schema_extra=_PROSE_PATTERN),
    AfterValidator(_check_prose),
]
Lookup = Annotated[
    str,
    Field(min_length=1, max_length=TEXT_LENGTH, json_schema_extra=_LOOKUP_PATTERN),
    AfterValidator(_check_text),
]
"""A name that is looked up: one that cannot exist is simply not found."""
FileName = Annotated[str, AfterValidator(_check_file_name), WithJsonSchema(_FILE_NAME_SCHEMA)]
"""The name of a payload file; it ends up in URLs, which clients put together without quoting."""


class Schema(BaseModel):
    """Base of all models. An unknown field is an error: a mistyped end would be an open one.

    `also_sent` names fields that clients of nopayloaddb send along, because its
    answers have them or its documentation had them; they are left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    also_sent: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _leave_out(cls, value: Any) -> Any:
        if cls.also_sent and isinstance(value, dict) and not cls.also_sent.isdisjoint(value):
            return {key: item for key, item in value.items() if key not in cls.also_sent}
        return value


class QuerySchema(Schema):
    """Base of query strings: what is not known is ignored, as clients of all ages send more."""

    model_config = ConfigDict(extra="ignore", frozen=True)
