"""Every installed plugin with its version and state, for the command and the interface."""

from typing import Any, NamedTuple

from cdb.plugin import IovDimension
from cdb.registry.installed import MissingExtra, PluginError, installed
from cdb.registry.plugins import Plugins


class Row(NamedTuple):
    """A plugin: `state` is `enabled`, `installed`, `failing` or `broken`.

    `components` is what an enabled dimension calls its two numbers.
    """

    name: str
    kind: str
    distribution: str
    version: str
    state: str
    error: str | None
    components: tuple[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the row as the interface shows it."""
        return self._asdict()


def rows(plugins: Plugins, *, check: bool = False) -> list[Row]:
    """Return all installed plugins, by kind and name.

    Args:
        plugins: those that are enabled.
        check: also import those that are not, and tell which are broken.

    """
    found = []
    for each in installed():
        key = (each.group, each.name)
        state, error = "installed", None
        if key in plugins.enabled:
            failures = plugins.failures.get(key, 0)
            state = "failing" if failures else "enabled"
            error = f"failures since the start: {failures}" if failures else None
        elif check:
            try:
                each.load()
            except MissingExtra as problem:
                error = str(problem)
            except PluginError as problem:
                state, error = "broken", str(problem)
        components = _components(plugins, key)
        found.append(
            Row(each.name, each.kind, each.distribution, each.version, state, error, components)
        )
    return found


def _components(plugins: Plugins, key: tuple[str, str]) -> tuple[str, str] | None:
    plugin = plugins.enabled.get(key)
    return plugin.components if isinstance(plugin, IovDimension) else None
