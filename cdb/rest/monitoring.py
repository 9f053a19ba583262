"""The metrics of a service in one hand: what it counts, what is read, and the text of both."""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, exposition
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from cdb.plugin import Event
from cdb.registry.plugins import Plugins
from cdb.rest.compiled import Compiled
from cdb.rest.counting import Counts
from cdb.rest.gauges import Content, Gauges
from cdb.rest.kept import Answers
from cdb.services.watching import Found, Watch
from cdb.settings import Settings
from cdb.store.engine import Database

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_ENCODERS: Mapping[str, Callable[[Collector], bytes]] = {
    _PROMETHEUS: exposition.generate_latest,
    _OPENMETRICS: openmetrics.generate_latest,
}

_END = b"# EOF\n"
"""What ends a text of OpenMetrics."""


class Metrics:
    """The metrics of a service.

    Args:
        database: of the service.
        watch: asks it.
        counts: what its processes count.
        compiled: lists; None where there are none.

    """

    def __init__(
        self, database: Database, watch: Watch, counts: Counts, compiled: Compiled | None
    ) -> None:
        self._database, self._watch, self._compiled = database, watch, compiled
        self.counts = counts
        self._content: dict[str, tuple[Found, bytes]] = {}

    @classmethod
    def of(
        cls,
        settings: Settings,
        database: Database,
        plugins: Plugins,
        answers: Answers,
        compiled: Compiled | None,
    ) -> "Metrics | None":
        """Return those of a service with these settings; None where it shows none."""
        if not settings.metrics:
            return None
        watch = Watch(database, settings.metrics_tags)
        return cls(database, watch, Counts(database, plugins, answers), compiled)

    def counting(self, tell: Callable[[Event], None]) -> Callable[[Event], None]:
        """Return what counts a change that is committed, and tells of it."""

        def committed(event: Event) -> None:
            self.counts.committed(event)
            tell(event)

        return committed

    def text(self, accepted: str) -> tuple[bytes, str]:
        """Return all of them as text, and its media type.

        Args:
            accepted: what a client takes, as its header `Accept` says it: the format of
                OpenMetrics where that is named, else the one of Prometheus.

        """
        named = _OPENMETRICS.partition(";")[0] in accepted
        media_type = _OPENMETRICS if named else _PROMETHEUS
        found = self._watch.now()
        content = self._content_as(media_type, found)
        others = CollectorRegistry()
        others.register(self.counts)
        others.register(Gauges(self._database, found, self._compiled))
        return content + _ENCODERS[media_type](others), media_type

    def _content_as(self, media_type: str, found: Found) -> bytes:
        """Return the text of what is told of content: written anew where that has changed."""
        before, text = self._content.get(media_type, (None, b""))
        if before is not found:
            text = _ENCODERS[media_type](Content(found)).removesuffix(_END)
            self._content[media_type] = found, text
        return text
