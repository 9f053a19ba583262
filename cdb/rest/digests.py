"""What a client says that the checksum of its file is, in the headers of HTTP."""

import base64
import binascii
from collections.abc import Iterator, Mapping

from cdb.errors import Invalid
from cdb.services.payloads import Digest

_ALGORITHMS = {"md5": ("md5", 16), "sha-256": ("sha256", 32)}
"""How the headers call an algorithm → its name here, and the bytes of its checksums."""


def given(headers: Mapping[str, str]) -> list[Digest]:
    """Return the checksums that headers give; algorithms that are not known here are left out.

    `Content-MD5` is read, `Digest` (RFC 3230), and `Repr-Digest` and
    `Content-Digest` (RFC 9530).

    Raises:
        Invalid: one of them is not written as it should be.

    """
    found = [
        _digest(header, name, text)
        for header in ("Digest", "Repr-Digest", "Content-Digest")
        for name, text in _items(headers.get(header, ""))
        if name in _ALGORITHMS
    ]
    if text := headers.get("Content-MD5"):
        found.append(_digest("Content-MD5", "md5", text.strip()))
    return found


def _items(value: str) -> Iterator[tuple[str, str]]:
    """Yield the pairs of `md5=…, sha-256=…`; RFC 9530 puts a value between colons."""
    for item in filter(None, map(str.strip, value.split(","))):
        name, _, text = item.partition("=")
        if len(text) > 1 and text[0] == text[-1] == ":":
            text = text[1:-1]
        yield name.strip().lower(), text.strip()


def _digest(header: str, name: str, text: str) -> Digest:
    algorithm, length = _ALGORITHMS[name]
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid(f"{header}: the {name} is not written in base64.") from None
    if len(raw) != length:
        raise Invalid(f"{header}: the {name} has {len(raw)} bytes instead of {length}.")
    return Digest(algorithm, raw.hex())
