"""The plugins that installed distributions offer, found without importing them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from cdb.plugin import API_VERSION, KINDS, Plugin


class PluginError(Exception):
    """A plugin is not usable; the message says why."""


class MissingExtra(PluginError):
    """A plugin is sound, and what only it needs is not installed."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A plugin that a distribution offers."""

    group: str
    name: str
    distribution: str
    version: str
    entry_point: EntryPoint

    @property
    def kind(self) -> str:
        """The group without the prefix, in the singular: `iov_dimension`."""
        return kind_of(self.group)

    def load(self) -> type[Plugin]:
        """Import the plugin and check what it says of itself.

        Raises:
            PluginError: it cannot be imported, is not of its kind, or asks for
                another version of `cdb.plugin`.

        """
        try:
            loaded = self.entry_point.load()
        except (Exception, SystemExit) as error:  # a plugin can fail in any way
            extras = ",".join(self.entry_point.extras)
            if extras and isinstance(error, ModuleNotFoundError):
                needed = f"pip install '{self.distribution}[{extras}]'"
                raise MissingExtra(f"it needs {needed}") from error
            reason = f"{type(error).__name__}: {error}"
            raise PluginError(f"it cannot be imported ({reason})") from error
        expected = KINDS[self.group]
        if not (isinstance(loaded, type) and issubclass(loaded, expected)):
            raise PluginError(f"it is not a class derived from cdb.plugin.{expected.__name__}")
        missing = sorted(getattr(loaded, "__abstractmethods__", ()))
        if missing:
            raise PluginError(f"it does not define {', '.join(missing)}")
        _check_version(loaded)
        return loaded


def kind_of(group: str) -> str:
    """Return the kind that an entry-point group is for."""
    name = group.removeprefix("cdb.")
    return f"{name[:-3]}y" if name.endswith("ies") else name.removesuffix("s")


def installed() -> Sequence[Installed]:
    """Return all plugins that are installed, by kind and name."""
    return _installed(tuple((place, _changed(place)) for place in sys.path))


def _changed(place: str) -> int | None:
    """Return when something was installed or removed in a place that Python looks in."""
    try:
        return Path(place).stat().st_mtime_ns
    except OSError:  # there is no such place, as is usual for the zipped library
        return None


@lru_cache(maxsize=1)
def _installed(_places: tuple[tuple[str, int | None], ...]) -> Sequence[Installed]:
    # Kept, since it reads the metadata of all distributions.
    found = []
    offered = entry_points()
    named = cache(_named)  # each time its metadata are parsed, its whole description with them
    for group in KINDS:
        for point in offered.select(group=group):
            name, version = named(point.dist)
            found.append(Installed(group, point.name, name, version, point))
    by_name = sorted(found, key=lambda plugin: (plugin.group, plugin.name, plugin.distribution))
    return tuple(by_name)


def _named(distribution: Distribution | None) -> tuple[str, str]:
    """Return the name and the version of a distribution."""
    if distribution is None:
        return "unknown", "unknown"
    metadata = distribution.metadata
    return metadata["Name"], metadata["Version"]


def _check_version(plugin: type[Plugin]) -> None:
    wanted = getattr(plugin, "requires_cdb", None)
    if not isinstance(wanted, str) or not wanted:
        raise PluginError("it does not say which versions of cdb.plugin it works with")
    try:
        admitted = SpecifierSet(wanted).contains(API_VERSION)
    except InvalidSpecifier:
        raise PluginError(f"its requires_cdb is no version specifier: {wanted!r}") from None
    if not admitted:
        raise PluginError(f"it works with cdb.plugin {wanted}, and this is {API_VERSION}")
