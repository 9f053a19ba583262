"""What makes a good subject and a good secret, for every authenticator alike; and a host."""

from typing import Any
from urllib.parse import urlsplit

from cdb.plugin import ANONYMOUS

SUBJECT_LENGTH = 255
"""Characters; the change log keeps no more of an actor."""

SECRET_LENGTH = 32
"""Bytes: what HS256 needs, so that guessing the secret is no easier than the hash."""

_EXAMPLES = ("change", "default", "example", "insecure", "password", "replace", "secret")
"""Words of the secrets in examples; one random secret in ten million has one by chance."""

_DISTINCT = 8
"""Characters that differ; a random secret in hexadecimal digits has about 14."""


def subject_problem(subject: Any) -> str | None:
    """Return why something cannot name who sends a request, or None where it can.

    The reason continues a sentence, as in 'is empty'. What cannot be seen in the
    change log, or would read there as another subject, is none.
    """
    if not isinstance(subject, str):
        return "is not a text"
    problems = (
        (not subject, "is empty"),
        (len(subject) > SUBJECT_LENGTH, f"has more than {SUBJECT_LENGTH} characters"),
        (not subject.isprintable(), "has a character that cannot be seen"),
        (subject != subject.strip(), "has white space at its ends"),
        (subject == ANONYMOUS.subject, "is the one of whoever sends no credentials"),
    )
    return next((reason for is_wrong, reason in problems if is_wrong), None)


def secret_problem(secret: str) -> str | None:
    """Return why a secret is too weak, or None where nothing speaks against it.

    The reason continues a sentence, and holds nothing of the secret.
    """
    if len(secret.encode()) < SECRET_LENGTH:
        return f"is shorter than {SECRET_LENGTH} bytes"
    if any(word in secret.casefold() for word in _EXAMPLES):
        return "holds a word of the secrets in examples"
    # A text that repeats itself is found in its double before its own length.
    if len(set(secret)) < _DISTINCT or secret in (secret + secret)[1:-1]:
        return "repeats itself"
    return None


def host_of(header: str) -> str:
    """Return the name or the address in a Host header, in lower case; empty where it has none."""
    try:
        return (urlsplit(f"//{header}").hostname or "").rstrip(".")
    except ValueError:  # such as half of an IPv6 address
        return ""
