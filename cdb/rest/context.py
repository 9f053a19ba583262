"""What a process of the service has in hand for every request."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING

from cdb.observed import Listener
from cdb.registry.installed import installed
from cdb.registry.plugins import Plugins
from cdb.registry.rules import rules_of
from cdb.rest.compiled import Compiled
from cdb.rest.kept import Answers
from cdb.rest.monitoring import Metrics
from cdb.rest.readiness import Readiness, parts_of
from cdb.security.policy import SecurityPolicy
from cdb.services.payloads import PayloadStore
from cdb.services.rules import Rules
from cdb.services.validation import nothing_stored
from cdb.settings import Settings, SettingsError, key_of
from cdb.store.engine import Database

if TYPE_CHECKING:
    from cdb.rest.tracing import Tracing

_VERSION = version("hep-cdb")


@dataclass(frozen=True, slots=True)
class Context:
    """What requests share: settings, database, plugins, answers, limits; `request.cdb`.

    `format` stands for all that decides what the same content looks like; `listeners` are told
    of each request.
    """

    settings: Settings
    database: Database
    plugins: Plugins
    rules: Rules
    security: SecurityPolicy
    payload_store: PayloadStore | None
    streams: BoundedSemaphore
    answers: Answers
    compiled: Compiled | None
    metrics: Metrics | None
    readiness: Readiness
    format: str
    tracing: "Tracing | None"
    listeners: Sequence[Listener]
    sleeping: Lock = field(default_factory=Lock)

    @classmethod
    def of(cls, settings: Settings, plugins: Plugins, listeners: Sequence[Listener]) -> "Context":
        """Return the context of a service with these settings, and who listens to its requests."""
        database = Database(
            settings.database_url,
            settings.database_pool_size,
            settings.database_timeout,
            replicas=settings.database_replicas,
            max_lag=settings.database_max_lag,
        )
        store = PayloadStore.from_settings(settings, plugins.layout, plugins.previews)
        rules = rules_of(settings, plugins, store.contents if store else nothing_stored)
        format_ = format_of(settings, rules)
        tracing = _tracing(settings)
        answers = Answers(settings.freshness, settings.answers_mb * 2**20)
        compiled = Compiled.of(settings, database, rules, format_)
        metrics = Metrics.of(settings, database, plugins, answers, compiled)
        database.listener = metrics.counting(plugins.tell) if metrics else plugins.tell
        parts = parts_of(database, rules, store, compiled, plugins)
        return cls(
            settings=settings,
            database=database,
            plugins=plugins,
            rules=rules,
            security=SecurityPolicy(settings, plugins, database),
            payload_store=store,
            streams=BoundedSemaphore(settings.max_streams),
            answers=answers,
            compiled=compiled,
            metrics=metrics,
            readiness=Readiness(parts, settings.health_timeout.total_seconds()),
            format=format_,
            tracing=tracing,
            listeners=(
                *listeners,
                *([metrics.counts.observe] if metrics else []),
                *([tracing] if tracing else []),
            ),
        )

    @property
    def max_body(self) -> int:
        """The largest body of a request, in bytes."""
        return self.settings.max_body_mb * 2**20


def _tracing(settings: Settings) -> "Tracing | None":
    """Return the traces of a service; None where it has none.

    Raises:
        SettingsError: what they need is not installed.

    """
    if not settings.traces:
        return None
    try:
        from cdb.rest.tracing import Tracing  # noqa: PLC0415 - few have the extra
    except ImportError:
        reason = "traces need an extra: pip install 'hep-cdb[otel]'"
        raise SettingsError([(key_of("traces"), reason)]) from None
    return Tracing(settings.traces)


def format_of(settings: Settings, rules: Rules) -> str:
    """Return what stands for all settings that decide what the same content looks like.

    The packages of the dimensions are among it: what is compiled outlives the process.
    """
    packages = [
        (each.name, each.distribution, each.version)
        for each in installed()
        if each.group == "cdb.iov_dimensions" and each.name in rules.dimensions
    ]
    dimensions = [(name, each.options) for name, each in sorted(rules.dimensions.items())]
    decides = (
        rules.iov_mode,
        rules.default_dimension,
        settings.global_tag_detail,
        dimensions,
        packages,
    )
    return " ".join([_VERSION, *map(str, decides)])
