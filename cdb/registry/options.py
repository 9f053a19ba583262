"""From the text of an ini, or the JSON of a payload type, to the options of a plugin."""

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import timedelta
from functools import lru_cache
from pathlib import Path, PurePath
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from cdb.plugin import IncompleteOptions, OptionsError, Plugin, Secret

log = logging.getLogger(__name__)

DEPTH = 64
"""Levels of the options that a client gives: an answer puts a few around them."""


_DIGITS = 15
"""Of a number of seconds: no time is longer, and Python reads no number of thousands of them."""


class OptionProblem(OptionsError):
    """One option is wrong, which `option` names; empty where it is about several.

    `is_incomplete` says that more options could mend it: those that a payload
    type gives to a validator come after those of the ini.
    """

    def __init__(self, option: str, reason: str, *, is_incomplete: bool = False) -> None:
        super().__init__(f"{option}: {reason}" if option else reason)
        self.option = option
        self.reason = reason
        self.is_incomplete = is_incomplete


def check_from_client(plugin: type[Plugin], given: Mapping[str, Any]) -> None:
    """Raise where a client sets what only an ini may: files and secrets of the service.

    Raises:
        OptionProblem: such an option is among them.

    """
    kinds = get_type_hints(plugin.Options, include_extras=True)
    for option in given:
        if any(issubclass(part, Secret | PurePath) for part in _classes(kinds.get(option))):
            raise OptionProblem(option, "only the ini of the service can set it")


def check_depth(given: Mapping[str, Any]) -> None:
    """Raise where options are nested so deeply that nothing could write them as JSON again.

    Raises:
        OptionProblem: they have more than `DEPTH` levels.

    """
    if _is_deeper(given, DEPTH):
        raise OptionProblem("", f"the options are nested more than {DEPTH} levels deep")


def _is_deeper(value: Any, levels: int) -> bool:
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, list):
        return False
    return levels == 0 or any(_is_deeper(part, levels - 1) for part in value)


def make(plugin: type[Plugin], name: str, given: Mapping[str, Any]) -> Plugin:
    """Return a plugin with its options.

    Args:
        plugin: its class.
        name: what it is enabled by.
        given: the options; a text is read as an ini writes it.

    Raises:
        OptionProblem: an option is unknown, missing or wrong.

    """
    kinds, adapter = _declared(plugin)
    for option in given:
        if option not in kinds:
            has = ", ".join(sorted(kinds)) or "none"
            raise OptionProblem(option, f"{name} has no such option; it has {has}")
    read = {option: _prepared(option, kinds[option], value) for option, value in given.items()}
    try:
        options = adapter.validate_python(read)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        option = str(problem["loc"][0]) if problem["loc"] else ""
        if problem["type"] == "missing":
            raise OptionProblem(option, "missing", is_incomplete=True) from None
        reason = str(problem["msg"]).removeprefix("Value error, ")
        raise OptionProblem(option, reason) from None
    try:
        return plugin(name, options)
    except OptionsError as error:
        incomplete = isinstance(error, IncompleteOptions)
        raise OptionProblem("", str(error), is_incomplete=incomplete) from None
    except Exception as error:
        # What it says is not for a client, who may have given the options.
        log.exception("the plugin %s cannot be made", name)
        raise OptionProblem("", f"it fails with these options ({type(error).__name__})") from error


@lru_cache(maxsize=128)
def _declared(plugin: type[Plugin]) -> tuple[dict[str, Any], TypeAdapter[Any]]:
    """Return the options of a plugin with their types, and what reads them."""
    try:
        names = [each.name for each in fields(plugin.Options)]
        kinds = get_type_hints(plugin.Options, include_extras=True)
        return {name: kinds[name] for name in names}, TypeAdapter(plugin.Options)
    except Exception as error:  # it is no dataclass, or has a type that nothing reads from text
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise OptionProblem("", f"its Options cannot be used ({reason})") from error


def _prepared(option: str, kind: Any, value: Any) -> Any:
    """Return a value as pydantic reads it: texts become lists and secrets."""
    parts = _alternatives(kind)
    if any(part is Secret for part in parts):
        return Secret(_secret(option, value))
    if not isinstance(value, str):
        return value
    if timedelta in parts and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        return int(value)  # pydantic reads seconds from a number, not from its text
    for part in parts:
        if get_origin(part) is Annotated and "lines" in get_args(part)[1:]:
            return tuple(line.strip() for line in value.splitlines() if line.strip())
        if get_origin(part) in (tuple, frozenset):
            return tuple(value.split())
    return value


def _classes(kind: Any) -> Iterator[type]:
    """Give every class that an annotation is made of, as Path of `tuple[Path, ...] | None`."""
    if isinstance(kind, type):
        yield kind
    for part in get_args(kind):
        yield from _classes(part)


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (UnionType, Union) else (kind,)


def _secret(option: str, value: object) -> str:
    """Return a secret from where the ini says that it is; never from the ini itself."""
    source, _, place = str(value).partition(":")
    match source:
        case "env":
            found = os.environ.get(place)
            if not found:
                raise OptionProblem(option, f"the environment has no {place}, or it is empty")
            return found
        case "file":
            try:
                content = Path(place).read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is not UTF-8"
                raise OptionProblem(option, f"{place} cannot be read: {reason}") from None
            return content.strip()
        case _:
            raise OptionProblem(option, "a secret is given as env:NAME or file:PATH")
