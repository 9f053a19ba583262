"""Regular expressions of a token, matched against whole names in bounded time.

The engine is RE2: it takes time linear in the length of the name, whatever the
pattern is. So a pattern needs no stopwatch, and the answer does not depend on how
busy the machine is. What RE2 leaves out for that (references back, looking
ahead and behind) is no pattern here.
"""

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]  # it ships no types

log = logging.getLogger(__name__)

AT_MOST = 100
"""Patterns in a claim."""

LENGTH = 1000
"""Characters in a pattern."""

_MEMORY = 2**18
"""Bytes for a compiled pattern: a counted repetition such as `x{1000}` makes long programs."""


def any_fits(patterns: Sequence[str], name: str) -> bool:
    """Tell whether one of some patterns matches a name in full."""
    try:
        name.encode()
    except UnicodeEncodeError:  # half a character is in no name
        return False
    return any(_compiled(pattern).fullmatch(name) is not None for pattern in patterns)


def patterns_of(claim: str, value: Any) -> tuple[str, ...]:
    """Return the patterns in the value of a claim; what is none is logged and left out.

    Args:
        claim: its name and whose it is, for the log.
        value: a list of patterns; None where a token does not have the claim.
            Anything else permits nothing, a text above all: as a sequence of
            characters, `.*` would be the pattern `.`.

    """
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or len(value) > AT_MOST:
        log.warning("%s is not a list of up to %d patterns, and permits nothing", claim, AT_MOST)
        return ()
    return tuple(each for each in value if _is_pattern(claim, each))


def _is_pattern(claim: str, value: Any) -> bool:
    if not isinstance(value, str) or len(value) > LENGTH:
        log.warning(
            "%s holds something that is no text of up to %d characters, and permits nothing",
            claim,
            LENGTH,
        )
        return False
    try:
        _compiled(value)
    except (re2.error, UnicodeEncodeError) as error:
        log.warning("%s holds %r, which permits nothing: %s", claim, value, error)
        return False
    return True


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False  # it would write to the standard error, past the log
    options.never_capture = True
    options.max_mem = _MEMORY
    return re2.compile(pattern, options)
