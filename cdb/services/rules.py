"""What a deployment decides about the rules, as the services need it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from cdb.domain.points import IovMode
from cdb.plugin import IovDimension, TagPolicy
from cdb.services.validation import Validation


@dataclass(frozen=True, slots=True)
class Rules:
    """The choices that change what a write does, and what a point means."""

    tag_policy: TagPolicy
    dimensions: Mapping[str, IovDimension]
    default_dimension: str
    validation: Validation = field(default_factory=Validation)
    numbers_revisions: bool = False
    keeps_payloads: bool = False
    iov_mode: IovMode = IovMode.CONTINUOUS
    default_ends: str = "explicit"
    delete_in_append_mode: bool = False
    staged_keep: timedelta = timedelta(days=30)
    lock_timeout_ms: int = 30_000
