"""Valid inputs with something wrong in them: bits flipped, parts cut out, doubled and moved."""

from random import Random

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
