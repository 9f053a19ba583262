"""What may be a name."""

import re

NAME_LENGTH = 80
"""Characters, for global tags, payload types and statuses."""

TEXT_LENGTH = 255
"""Characters, for payload URLs, checksums, revisions and authors."""

RESERVED_TAGS = frozenset({"statuses"})
"""Tag names that would hide a path of the interface."""

_FORBIDDEN = "/@"


UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Characters that show nothing, or turn round what stands beside them, as ranges: with one of
them, a name looks like another one. Beside line separators, those that Unicode lets be ignored."""

_UNSEEN = re.compile(f"[{UNSEEN}]")

# The control characters of Unicode, and surrogates, which no text of UTF-8 has.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def control_character(text: str) -> str | None:
    """Return the first control character of a text as `U+0007`, or None."""
    return _first(_CONTROL, text)


def _first(kind: re.Pattern[str], text: str) -> str | None:
    found = kind.search(text)
    return f"U+{ord(found[0]):04X}" if found else None


def name_problem(name: str) -> str | None:
    """Return why a text cannot be a name, as a sentence, or None where it can."""
    if not 1 <= len(name) <= NAME_LENGTH:
        return f"A name has 1 to {NAME_LENGTH} characters."
    if unseen := control_character(name) or _first(_UNSEEN, name):
        return f"A name has only what can be seen; this one has {unseen}."
    for character in _FORBIDDEN:
        if character in name:
            return f"A name has no {character!r}."
    if name != name.strip():
        return "A name has no white space at its ends."
    if name in (".", ".."):
        return "A name is not a relative path."
    return None


def tag_name_problem(name: str) -> str | None:
    """Return why a text cannot be the name of a global tag, or None where it can."""
    if name in RESERVED_TAGS:
        return f"{name!r} is a path of the interface."
    return name_problem(name)
