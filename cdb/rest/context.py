"""What a process of the service has in hand for every request."""

from dataclasses import dataclass, field
from threading import BoundedSemaphore, Lock

from cdb.services.rules import Rules
from cdb.settings import Settings
from cdb.store.changes import Origin
from cdb.store.engine import Database


@dataclass(frozen=True, slots=True)
class Context:
    """The settings, the database, and the limits that requests share; `request.cdb`."""

    settings: Settings
    database: Database
    rules: Rules
    streams: BoundedSemaphore
    sleeping: Lock = field(default_factory=Lock)

    @classmethod
    def of(cls, settings: Settings) -> "Context":
        """Return the context of a service with these settings."""
        return cls(
            settings=settings,
            database=Database(
                settings.database_url, settings.database_pool_size, settings.database_timeout
            ),
            rules=Rules.from_settings(settings),
            streams=BoundedSemaphore(settings.max_streams),
        )

    @property
    def max_body(self) -> int:
        """The largest body of a request, in bytes."""
        return self.settings.max_body_mb * 2**20

    @property
    def origin(self) -> Origin:
        """Who writes: nobody is asked yet."""
        return Origin("anonymous")
