"""What lines of the log look like: JSON for machines, or text for whoever sits at a terminal.

All code logs by Python's `logging`, as libraries and plugins do, with `extra` for the fields of
a line. The ini names one of the formatters here; structlog puts the line together, with the
name of the request that it belongs to. What looks like a secret is taken out of every line.
"""

import json
import logging
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson
from structlog.contextvars import merge_contextvars
from structlog.dev import ConsoleRenderer, plain_traceback

_HIDDEN = "[hidden]"
"""What stands in place of a secret."""

_SECRETS = (
    # A JSON Web Token. It is looked for from each sign to the next one, and no further: who sends
    # nothing but signs would have everything looked through again from each of them.
    ("eyJ", re.compile(r"eyJ(?:(?!eyJ)[\w-])*+\.[\w-]++\.[\w-]*+")),
    ("cdb_", re.compile(r"cdb_[\w-]{43}")),  # an API token
    ("://", re.compile(r"(?<=://)[^\s/\"\\]+(?=@)")),  # user and password in a URL
)
"""What is a secret by its form, with what has to be there, which is quicker to look for."""

_NAMED = re.compile(
    r"""(?ix)
    ( \b (?: bearer | basic ) \s+
    | (?: token | secret | passw\w{0,20}+ | api_?key | credentials? ) [\\"']* \s* [=:] \s* [\\"']*
    )
    (?: (?<=["']) [^"'\\]+ | [^\s"'&,;\\{}\[\]]+ )
    """
)
"""A secret by the word before it."""

_WORDS = ("bearer", "basic", "token", "secret", "passw", "apikey", "api_key", "credential")
"""One of them is in all that `_NAMED` finds, which takes long to look."""

_CONTROL = {
    code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    for code in (
        *range(32),
        *range(127, 160),
        *(0x061C, 0x200E, 0x200F),
        *range(0x2028, 0x202F),
        *range(0x2066, 0x206A),
    )
}
"""Characters that end a line, rule a terminal or turn a text around, and how they are shown."""

_OF_PYTHON = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
"""What records have without `extra`."""

_Line = MutableMapping[str, Any]


class _Formatter(ABC, logging.Formatter):
    """A formatter that an ini can name; how lines look is its own business."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, without what looks like a secret."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: _Line = {
            "timestamp": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line.update(each for each in record.__dict__.items() if each[0] not in _OF_PYTHON)
        merge_contextvars(None, "", line)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return without_secrets(self._text(line))

    @abstractmethod
    def _text(self, line: _Line) -> str:
        """Return the fields of a line as its text."""


class JsonFormatter(_Formatter):
    """Each line is a JSON object, in ASCII."""

    def _text(self, line: _Line) -> str:
        with suppress(orjson.JSONEncodeError):  # half a character, a number beyond 64 bits
            text = orjson.dumps(line, default=repr).decode()
            if text.isascii():
                return text
        return json.dumps(line, default=repr)


class TerminalFormatter(_Formatter):
    """Text to be read, in colours where it is a terminal that reads it."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()
        colours = sys.stderr is not None and sys.stderr.isatty()
        self._console = ConsoleRenderer(colors=colours, exception_formatter=plain_traceback)

    def _text(self, line: _Line) -> str:
        # What was sent cannot end the line, nor rule the terminal.
        shown = {key: _printable(each) for key, each in line.items()}
        if "exception" in line:
            # Set in, since what an exception says could look like a line of its own.
            lines = line["exception"].splitlines()
            shown["exception"] = "\n".join(f"  {_printable(each)}" for each in lines)
        return str(self._console(None, "", shown))


def show_on_terminal() -> None:
    """Let the log be read on a terminal, but for requests; for where nobody says how it looks."""
    handler = logging.StreamHandler()
    handler.setFormatter(TerminalFormatter())
    logging.basicConfig(handlers=[handler])
    logging.getLogger("cdb").setLevel(logging.INFO)
    logging.getLogger("cdb.access").setLevel(logging.WARNING)


def without_secrets(text: str) -> str:
    """Return a text with what looks like a secret hidden."""
    for sign, form in _SECRETS:
        if sign in text:
            text = form.sub(_HIDDEN, text)
    lowered = text.lower()
    for word in _WORDS:
        if word in lowered:
            return _NAMED.sub(rf"\1{_HIDDEN}", text)
    return text


def _printable(value: object) -> object:
    return value.translate(_CONTROL) if isinstance(value, str) else value
