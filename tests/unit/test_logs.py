"""Lines of the log: whole, one for each record, and without secrets."""

import json
import logging
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.contextvars import bound_contextvars

from cdb.logs import JsonFormatter, TerminalFormatter, without_secrets

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJl-_"
API_TOKEN = "cdb_" + "aB3-_" * 8 + "xyz"  # a form, and no token


def record(message: str, *args: object, **fields: Any) -> logging.LogRecord:
    made = logging.LogRecord("cdb.test", logging.INFO, "test.py", 1, message, args, None)
    made.__dict__.update(fields)
    return made


def test_line_has_the_fields_and_the_name_of_the_request() -> None:
    with bound_contextvars(request_id="job-17"):
        line = json.loads(
            JsonFormatter().format(record("%d of %s", 3, "T", change=7, comment=None))
        )
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "cdb.test",
        "event": "3 of T",
        "change": 7,
        "comment": None,
        "request_id": "job-17",
    }


@pytest.mark.parametrize("value", ["\ud800", 2**70, {1, 2}, object(), float("nan"), b"bytes"])
def test_whatever_a_field_is_there_is_a_line(value: object) -> None:
    assert "field" in json.loads(JsonFormatter().format(record("x", field=value)))
    assert "field=" in TerminalFormatter().format(record("x", field=value))


@given(st.text(), st.text())
def test_line_is_printable_ascii_whatever_is_sent(said: str, comment: str) -> None:
    line = JsonFormatter().format(record("%s", said, comment=comment))
    assert line.isascii()
    assert line.isprintable()


@given(st.text(), st.text())
def test_nothing_that_is_sent_ends_a_line_on_a_terminal(said: str, comment: str) -> None:
    line = TerminalFormatter().format(record("%s", said, comment=comment))
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line


def test_nothing_that_is_sent_turns_a_line_around() -> None:
    line = TerminalFormatter().format(record("%s", "Prod\u202e1202\u2066\u200f\u061c"))
    assert r"Prod\u202e1202\u2066\u200f\u061c" in line
    assert line.isascii()


@pytest.mark.parametrize("sign", ["eyJ", "eyJa.", "passw", "token", "bearer ", "://a", "cdb_"])
def test_a_long_text_of_signs_takes_no_longer_for_it(sign: str) -> None:
    # Looked through anew from each sign it would take hours, and the test would be ended.
    assert without_secrets(sign * 200_000)


def failed(message: str) -> logging.LogRecord:
    made = record("it failed")

    def fail() -> None:
        raise ValueError(message)

    try:
        fail()
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


def test_traceback_cannot_imitate_a_line() -> None:
    made = failed("x\n2026-11-27T17:34:09.377Z [error    ] forged\x1b[2J")
    first, *rest = TerminalFormatter().format(made).splitlines()
    assert "it failed" in first
    assert all(line.startswith("  ") and line.isprintable() for line in rest)
    told = json.loads(JsonFormatter().format(made))["exception"]
    assert told.startswith("Traceback (most recent call last):\n")
    assert "ValueError: x\n2026" in told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"refused {JWT}.", "refused [hidden]."),
        (f"refused {API_TOKEN} at once", "refused [hidden] at once"),
        ("postgresql+psycopg2://cdb:s3cr@t@db/cdb", "postgresql+psycopg2://[hidden]@db/cdb"),
        ("https://db.example.org/a@b", "https://db.example.org/a@b"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer [hidden]"),
        ("'Authorization': 'Basic Zm9vOmJhcg=='", "'Authorization': 'Basic [hidden]'"),
        ("?access_token=abc&page=2", "?access_token=[hidden]&page=2"),
        ('{"client_secret": "a b"}', '{"client_secret": "[hidden]"}'),
        (r"{\"password\": \"abc\"}", r"{\"password\": \"[hidden]\"}"),
        ("the use of API token 5 was not noted", "the use of API token 5 was not noted"),
        ("/api/cdb_rest/payloadiovs", "/api/cdb_rest/payloadiovs"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, expected: str) -> None:
    assert without_secrets(text) == expected
