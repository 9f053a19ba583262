"""Valid inputs with something wrong in them: bits flipped, parts cut out, doubled and moved."""

from random import Random
from typing import Any

ODD = (
    *(b"\0", b"\xff\xff\xff\xff", b"\r\n", b"\n", b"%", b"%00", b"\xc3", b"\xed\xa0\x80"),
    *(b'"', b"{", b"}", b"[", b"]", b",", b":", b"null", b"true", b"NaN", b"-1", b"1e999"),
    *(b"9" * 20, b"9" * 5000, b"[" * 3000, b'{"a":' * 3000, b'"\\ud800"', b"\xef\xbb\xbf"),
)
"""What parsers stumble over."""


def mutated(random: Random, valid: bytes) -> bytes:
    """Return the bytes with one to four changes."""
    changed = valid
    for _ in range(random.randint(1, 4)):
        changed = random.choice(_CHANGES)(random, changed)
    return changed


def _flip(random: Random, before: bytes) -> bytes:
    if not before:
        return before
    place = random.randrange(len(before))
    flipped = before[place] ^ (1 << random.randrange(8))
    return before[:place] + bytes([flipped]) + before[place + 1 :]


def _part(random: Random, before: bytes) -> tuple[int, int]:
    start = random.randint(0, len(before))
    longest = random.choice([4, 64, len(before)])
    return start, min(len(before), start + random.randint(0, longest))


def _cut(random: Random, before: bytes) -> bytes:
    start, end = _part(random, before)
    return before[:start] + before[end:]


def _truncate(random: Random, before: bytes) -> bytes:
    return before[: random.randint(0, len(before))]


def _splice(random: Random, before: bytes) -> bytes:
    start, end = _part(random, before)
    place = random.randint(0, len(before))
    return before[:place] + before[start:end] + before[place:]


def _overwrite(random: Random, before: bytes) -> bytes:
    place = random.randint(0, len(before))
    odd = random.choice([*ODD, random.randbytes(4)])
    return before[:place] + odd + before[place + len(odd) :]


def _insert(random: Random, before: bytes) -> bytes:
    place = random.randint(0, len(before))
    return before[:place] + random.choice(ODD) + before[place:]


_CHANGES = (_flip, _flip, _cut, _truncate, _splice, _overwrite, _insert)

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**63, 1.5, float("nan"), 10**400, 10**5000),
    *("", "x", "9" * 400, "\x1b[2J\x9b\u202e\r\n", "\ud800", "../../../x", "\0"),
    *([], {}, [None], [[]], {"": None}, ["x"] * 3, [1, 2, 3], {"code": ["x"], "detail": 5}),
)
"""What stands where something else is expected, in JSON that can be read."""


def twisted(random: Random, value: Any) -> Any:
    """Return decoded JSON in which one thing, at any depth, is another one, or missing."""
    if not isinstance(value, dict | list) or not value or random.random() < 0.1:
        return random.choice(ODD_VALUES)
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = random.choice(keys)
    changed: Any = value.copy()
    change = random.random()
    if change < 0.1:
        del changed[key]
    elif change < 0.15 and isinstance(changed, list):
        changed.insert(key, random.choice(ODD_VALUES))
    else:
        changed[key] = twisted(random, value[key])
    return changed
