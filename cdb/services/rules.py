"""What a deployment decides about the rules, as the services need it."""

from dataclasses import dataclass
from datetime import timedelta

from cdb.domain.points import IovMode
from cdb.settings import Settings


@dataclass(frozen=True, slots=True)
class Rules:
    """The choices that change what a write does."""

    iov_mode: IovMode = IovMode.CONTINUOUS
    default_ends: str = "explicit"
    delete_in_append_mode: bool = False
    staged_keep: timedelta = timedelta(days=30)
    lock_timeout_ms: int = 30_000

    @classmethod
    def from_settings(cls, settings: Settings) -> "Rules":
        """Return the rules that the settings of a service ask for."""
        return cls(
            iov_mode=IovMode(settings.iov_mode),
            default_ends=settings.default_ends,
            delete_in_append_mode=settings.locked_delete == "allow",
            staged_keep=settings.staged_keep,
            lock_timeout_ms=int(settings.database_timeout.total_seconds() * 1000),
        )
