"""A validator for payloads in JSON."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from cdb.plugin import Content, IncompleteOptions, OptionsError, PayloadReference, PayloadValidator

_REASONS = 20
_LENGTH = 300
_STEPS = 100_000
_STEPS_PER_BYTE = 2
_REFERENCES = ("$ref", "$dynamicRef")
_EXPRESSIONS = {"pattern": str, "patternProperties": dict}


@dataclass(frozen=True, slots=True)
class JsonSchemaOptions:
    """Where the schema is; in one of two places."""

    schema: dict[str, Any] | None = field(
        default=None,
        metadata={"help": "The schema (draft 2020-12), without regular expressions."},
    )
    schema_file: Path | None = field(
        default=None,
        metadata={"help": "The file that has the schema (draft 2020-12)."},
    )
    max_mb: int = field(
        default=1, metadata={"help": "How large a payload is at most, in units of 2**20 bytes."}
    )


class JsonSchema(PayloadValidator):
    """Takes payloads in JSON (UTF-8) that fulfil a schema.

    Nothing is fetched: a schema refers to its own parts only. A schema among the
    options of a payload type comes from whoever makes the type. It cannot have
    regular expressions, whose search can be made to never end; the one in the
    operator's file can. The work for one payload is bounded in both cases.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    reads_content = True
    Options: ClassVar[type] = JsonSchemaOptions
    options: JsonSchemaOptions

    def __init__(self, name: str, options: JsonSchemaOptions) -> None:
        super().__init__(name, options)
        if options.schema is None and options.schema_file is None:
            raise IncompleteOptions("One of schema and schema_file is needed.")
        if options.schema is not None and options.schema_file is not None:
            raise OptionsError("Only one of schema and schema_file is possible.")
        if options.max_mb < 1:
            raise OptionsError("max_mb is less than 1: no payload would be small enough.")
        self._schema = _from_file(options.schema_file) if options.schema_file else options.schema
        try:
            Draft202012Validator.check_schema(self._schema)
            _check_references(self._schema)
            if options.schema is not None:
                _check_expressions(options.schema)
        except SchemaError as error:
            raise OptionsError(f"The schema is not valid: {_reason(error)}") from error
        except RecursionError as error:
            raise OptionsError("The schema is too deeply nested.") from error

    def problems(self, payload: PayloadReference, content: Content | None) -> Iterator[str]:
        """Return where the content departs from the schema: 20 places at most."""
        if content is None:
            yield "The content is not in the payload store, so it cannot be checked."
            return
        limit = self.options.max_mb << 20
        raw = content.read(limit + 1)
        if len(raw) > limit:
            yield f"The content is larger than {self.options.max_mb} MiB."
            return
        try:
            document = json.loads(raw.decode(), parse_constant=_no_constant, parse_float=_finite)
            steps = _STEPS + _STEPS_PER_BYTE * len(raw)
            validator = _bounded_validator(steps)(self._schema, registry=Registry())
            yield from islice(map(_reason, validator.iter_errors(document)), _REASONS)
        except _TooMuchWork:
            yield "The check takes too many steps."
        except Unresolvable as error:
            yield f"The schema refers to {error.ref!r}, which it does not have."
        except ValueError as error:
            yield f"The content is not JSON in UTF-8: {error}"
        except OverflowError:
            yield "The content has a number that is too large for the schema."
        except RecursionError:
            yield "The content, or the schema, is too deeply nested."


class _TooMuchWork(Exception):
    """A schema has multiplied itself."""


def _bounded_validator(steps: int) -> Any:
    """Return a class of validators that apply so many keywords at most between them.

    With references to itself, a schema of a few lines can ask for more than a
    machine can do.
    """
    left = steps

    def counted(check: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
        def step(*arguments: Any) -> Iterator[Any]:
            nonlocal left
            left -= 1
            if left < 0:
                raise _TooMuchWork
            yield from check(*arguments) or ()

        return step

    keywords = Draft202012Validator.VALIDATORS
    return extend(Draft202012Validator, {key: counted(keywords[key]) for key in keywords})


def _from_file(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise OptionsError(f"The schema cannot be read from {path}: {error}") from error


def _members(schema: Any) -> Iterator[tuple[str, Any]]:
    """Return every key and value of a schema, however deep."""
    if isinstance(schema, dict):
        yield from schema.items()
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from _members(part)


def _check_references(schema: Any) -> None:
    for key, value in _members(schema):
        if key in _REFERENCES and isinstance(value, str) and not value.startswith("#"):
            raise OptionsError(f"The schema refers to {value!r}; only its own parts are read.")


def _check_expressions(schema: Any) -> None:
    for key, value in _members(schema):
        if key in _EXPRESSIONS and isinstance(value, _EXPRESSIONS[key]):
            raise OptionsError(f"The schema has {key!r}; that is only read from schema_file.")


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not a number of JSON")


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"{text} is too large a number")
    return number


def _reason(error: ValidationError | SchemaError) -> str:
    # JSON can name half a surrogate pair, which UTF-8 has not: show the name again.
    reason = f"At {error.json_path}: {error.message}".encode("utf-8", "backslashreplace").decode()
    return reason if len(reason) <= _LENGTH else f"{reason[:_LENGTH]}…"
