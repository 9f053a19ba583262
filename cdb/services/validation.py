"""Payload validators: which ones a payload type has, and what they say."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy.orm import Session

from cdb.errors import PayloadRefused
from cdb.plugin import Content, OptionsError, PayloadReference, PayloadValidator

log = logging.getLogger(__name__)

PROBLEMS_AT_MOST = 100
"""Reasons that an answer names; a wrong bulk could have a hundred thousand."""

MakeValidator = Callable[[Mapping[str, Any]], PayloadValidator]
"""Returns a validator with the options of a payload type, over those of the service."""

FindContents = Callable[[Session, str, Sequence[str]], Mapping[str, Content]]
"""`find(session, payload type, checksums)`: the contents of those that are stored."""


def nothing_stored(
    _session: Session, _payload_type: str, _checksums: Sequence[str]
) -> Mapping[str, Content]:
    """Find nothing: for a service without a payload store."""
    return {}


@dataclass(frozen=True, slots=True)
class Validation:
    """How the payloads of a service are validated.

    Attributes:
        validators: those that are enabled, by name.
        forced: pairs of a pattern of type names and a validator, which asks in
            addition to the one that the type has.
        contents: finds the contents of stored payloads.

    """

    validators: Mapping[str, MakeValidator] = field(default_factory=dict)
    forced: Sequence[tuple[str, str]] = ()
    contents: FindContents = nothing_stored

    def of_type(
        self, payload_type: str, name: str | None, options: Mapping[str, Any] | None
    ) -> list[PayloadValidator]:
        """Return the validators that a payload type has.

        Args:
            payload_type: its name.
            name: the validator that the type chose; None for none.
            options: what the type says about that one.

        Raises:
            PayloadRefused: the type's validator is not enabled in this service.

        """
        forced = [each for pattern, each in self.forced if fnmatchcase(payload_type, pattern)]
        # As the ini has them: the options of a type cannot weaken what is forced.
        made = [self._made(payload_type, each, {}) for each in dict.fromkeys(forced)]
        if name is not None and (options or name not in forced):
            made.append(self._made(payload_type, name, options or {}))
        return made

    def _made(self, payload_type: str, name: str, options: Mapping[str, Any]) -> PayloadValidator:
        make = self.validators.get(name)
        if make is None:
            problem = f"This service has not enabled its validator {name!r}."
            raise PayloadRefused([f"Payload type {payload_type!r}: {problem}"])
        try:
            return make(options)
        except OptionsError as error:  # the ini says something else than when the type was made
            problem = f"its validator {name!r} cannot be used: {error}"
            raise PayloadRefused([f"Payload type {payload_type!r}: {problem}"]) from None

    def check(
        self,
        session: Session,
        validators: Sequence[PayloadValidator],
        payloads: Sequence[PayloadReference],
        labels: Sequence[int] | None = None,
    ) -> None:
        """Raise where a payload that enters a list of one type is refused.

        Args:
            session: of the write.
            validators: of the type.
            payloads: what is to be valid; all of the same type.
            labels: what the payloads are called in messages, where there are several.

        Raises:
            PayloadRefused: with the reasons.

        """
        if not validators or not payloads:
            return
        contents: Mapping[str, Content] = {}
        if any(each.reads_content for each in validators):
            checksums = sorted({payload.checksum for payload in payloads})
            contents = self.contents(session, payloads[0].payload_type, checksums)
        problems: list[str] = []
        for index, payload in enumerate(payloads):
            label = f"row {labels[index]}: " if labels is not None else ""
            found = problems_of(validators, payload, contents.get(payload.checksum))
            problems += [f"{label}{problem}" for problem in found]
            if len(problems) >= PROBLEMS_AT_MOST:
                break
        if problems:
            raise PayloadRefused(problems[:PROBLEMS_AT_MOST])


def problems_of(
    validators: Sequence[PayloadValidator], payload: PayloadReference, content: Content | None
) -> list[str]:
    """Return why a payload is refused; nothing if all validators take it.

    A validator that needs the content of a payload that is not stored refuses
    it, and so does one that fails.
    """
    problems = []
    for validator in validators:
        if validator.reads_content and content is None:
            problems.append(
                f"{validator.name}: the payload with checksum {payload.checksum!r} has to be in "
                "the payload store first, since its content is checked."
            )
            continue
        try:
            found = list(validator.problems(payload, content))
        except Exception:
            log.exception("the payload validator %s failed", validator.name)
            found = ["it failed on this payload."]
        problems += [f"{validator.name}: {problem}" for problem in found]
    return problems
