"""The statuses of Belle II's global tags, and which can follow which."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar

from cdb.plugin import Identity, Lines, OptionsError, Status, TagPolicy, WriteMode

STATUSES = (
    Status("OPEN", WriteMode.OPEN, final=False),
    Status("TESTING", WriteMode.CLOSED, final=False),
    Status("VALIDATED", WriteMode.CLOSED, final=False),
    Status("PUBLISHED", WriteMode.CLOSED, final=False),
    Status("RUNNING", WriteMode.APPEND, final=False),
    Status("INVALID", WriteMode.CLOSED, final=True),
)
"""What basf2 knows; a new global tag, also a clone, is OPEN."""

ANY = "*"
"""Every status, on the left of a line of transitions."""

_FINAL = "INVALID"
_PUBLISHED = "PUBLISHED"


@dataclass(frozen=True, slots=True)
class StatusesOptions:
    """Which status can follow which."""

    transitions: Lines = field(
        default=(
            "OPEN: TESTING",
            "TESTING: VALIDATED OPEN",
            "VALIDATED: PUBLISHED RUNNING OPEN",
            "*: INVALID",
        ),
        metadata={
            "help": "A line for each status with those that can follow it, as in "
            "`TESTING: VALIDATED OPEN`; `*` is every status."
        },
    )


class Statuses(TagPolicy):
    """OPEN, TESTING, VALIDATED, PUBLISHED, RUNNING and INVALID.

    Only an OPEN tag can be changed; a RUNNING one takes what is new, and nothing
    that is answered already changes. What is PUBLISHED can only become INVALID,
    and that is its end, whatever the options say.
    """

    requires_cdb: ClassVar[str] = ">=1,<2"
    Options: ClassVar[type] = StatusesOptions
    options: StatusesOptions

    def __init__(self, name: str, options: StatusesOptions) -> None:
        super().__init__(name, options)
        self._following = _following(options.transitions)

    @property
    def statuses(self) -> Sequence[Status]:
        """The six, in the order of a tag's life."""
        return STATUSES

    def refuses_transition(
        self, tag: str, current: Status, target: Status, identity: Identity
    ) -> str | None:
        """Return why a tag cannot go to a status: it is none of those that can follow."""
        if target.name == current.name:
            return None
        following = self._following.get(current.name, self._following[ANY])
        if target.name in following:
            return None
        choice = f"only {' or '.join(sorted(following))}" if following else "nothing"
        return (
            f"Global tag {tag!r} is {current.name}, which {choice} can follow, not {target.name}."
        )


def _following(lines: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Return the statuses that can follow each; those after ANY are for any other one."""
    names = [status.name for status in STATUSES]
    read: dict[str, frozenset[str]] = {}
    for line in lines:
        current, colon, rest = (part.strip() for part in line.partition(":"))
        targets = frozenset(rest.split())
        if not colon or not targets:
            raise OptionsError(f"transitions: {line!r} is not `status: statuses`")
        if unknown := sorted(({current} - {ANY} | targets) - set(names)):
            raise OptionsError(f"transitions: {line!r}: there is no {', '.join(unknown)}")
        if current in read:
            raise OptionsError(f"transitions: {current} has two lines")
        read[current] = targets
    of_any = read.pop(ANY, frozenset())
    following = {name: (read.get(name, frozenset()) | of_any) - {name} for name in names}
    _check_ends(following, read)
    return MappingProxyType({**following, _FINAL: frozenset(), ANY: of_any})


def _check_ends(
    following: Mapping[str, frozenset[str]], written: Mapping[str, frozenset[str]]
) -> None:
    """Raise where what is final, or published, would come back."""
    if _FINAL in written:
        raise OptionsError(f"transitions: {_FINAL} is the end of a global tag")
    if not following[_PUBLISHED] <= {_FINAL}:
        raise OptionsError(f"transitions: what is {_PUBLISHED} can only become {_FINAL}")
