"""The plugins of a service: what its ini enables, made and checked at boot."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from threading import Lock
from typing import Any, TypeVar, cast

from cdb.plugin import (
    KINDS,
    Authenticator,
    AuthorizationPolicy,
    Event,
    EventListener,
    IovDimension,
    PayloadLayout,
    PayloadPreview,
    PayloadValidator,
    Plugin,
    TagPolicy,
)
from cdb.registry.installed import Installed, PluginError, installed, kind_of
from cdb.registry.options import OptionProblem, check_depth, check_from_client, make
from cdb.services.validation import MakeValidator
from cdb.settings import Settings, SettingsError, key_of, option_key

log = logging.getLogger(__name__)

_SETTINGS = {
    "cdb.payload_validators": "payload_validators",
    "cdb.iov_dimensions": "iov_dimensions",
    "cdb.authenticators": "authenticators",
    "cdb.authorization_policies": "authorization_policies",
    "cdb.tag_policies": "tag_policy",
    "cdb.event_listeners": "event_listeners",
    "cdb.previews": "previews",
    "cdb.payload_layouts": "payload_layout",
}
"""Entry-point group → the field of Settings that enables its plugins."""

_Kind = TypeVar("_Kind", bound=Plugin)


@dataclass(frozen=True, slots=True)
class Plugins:
    """The enabled plugins of a service, in the order in which the ini names them.

    `enabled` has None for validators, which `makers` makes for each payload type.
    `failures` counts those of a plugin; `missed` has the last change that a listener
    failed on, until it takes the next one.
    """

    enabled: Mapping[tuple[str, str], Plugin | None]
    makers: Mapping[str, MakeValidator]
    failures: dict[tuple[str, str], int] = field(default_factory=dict)
    missed: dict[str, int] = field(default_factory=dict)
    counting: Lock = field(default_factory=Lock)

    def of(self, kind: type[_Kind]) -> dict[str, _Kind]:
        """Return the enabled plugins of a kind, by name."""
        return {
            name: cast("_Kind", plugin)
            for (group, name), plugin in self.enabled.items()
            if KINDS[group] is kind
        }

    @property
    def dimensions(self) -> dict[str, IovDimension]:
        """The IOV dimensions."""
        return self.of(IovDimension)  # type: ignore[type-abstract]

    @property
    def authenticators(self) -> list[Authenticator]:
        """Who finds out who sends a request."""
        return list(self.of(Authenticator).values())  # type: ignore[type-abstract]

    @property
    def policies(self) -> list[AuthorizationPolicy]:
        """Who decides who may do what."""
        return list(self.of(AuthorizationPolicy).values())  # type: ignore[type-abstract]

    @property
    def tag_policy(self) -> TagPolicy:
        """Who decides about statuses."""
        [policy] = self.of(TagPolicy).values()  # type: ignore[type-abstract]
        return policy

    @property
    def layout(self) -> PayloadLayout:
        """Who says where payload files lie."""
        [layout] = self.of(PayloadLayout).values()  # type: ignore[type-abstract]
        return layout

    @property
    def previews(self) -> list[PayloadPreview]:
        """Who shows payloads."""
        return list(self.of(PayloadPreview).values())  # type: ignore[type-abstract]

    def tell(self, event: Event) -> None:
        """Tell the listeners of a change; one that fails is logged and counted."""
        for name, listener in self.of(EventListener).items():  # type: ignore[type-abstract]
            try:
                listener.committed(event)
            except Exception:
                log.exception("the event listener %s failed on change %d", name, event.change)
                key = ("cdb.event_listeners", name)
                with self.counting:
                    self.failures[key] = self.failures.get(key, 0) + 1
                    self.missed[name] = event.change
            else:
                self.missed.pop(name, None)

    def looks(self) -> dict[str, Callable[[], str | None]]:
        """Return what tells the problem of a plugin, for those that can have one, by name."""
        return {
            name: partial(self._problem, plugin)
            for (_, name), plugin in self.enabled.items()
            if isinstance(plugin, EventListener)
            or (plugin and type(plugin).problem is not Plugin.problem)
        }

    def _problem(self, plugin: Plugin) -> str | None:
        change = self.missed.get(plugin.name)
        return plugin.problem() if change is None else f"failed on change {change}"


def load(settings: Settings, ini: str | None = None) -> Plugins:
    """Return the plugins that the settings enable.

    Args:
        settings: of the service.
        ini: the file that they come from, for messages.

    Raises:
        SettingsError: one is missing, broken, of the wrong version, or has a
            wrong option; every problem is named.

    """
    loader = _Loader(settings)
    for group, setting in _SETTINGS.items():
        for name in _names(settings, setting):
            loader.enable(group, name, key_of(setting))
    loader.check_options_are_used()
    loader.check_choices()
    if loader.problems:
        raise SettingsError(loader.problems, ini)
    return Plugins(loader.enabled, loader.makers)


def _names(settings: Settings, setting: str) -> Sequence[str]:
    value = getattr(settings, setting)
    return (value,) if isinstance(value, str) else value


class _Loader:
    """Enables plugins one by one, and collects what is wrong."""

    def __init__(self, settings: Settings) -> None:
        self.problems: list[tuple[str, str]] = []
        self.enabled: dict[tuple[str, str], Plugin | None] = {}
        self.makers: dict[str, MakeValidator] = {}
        self._settings = settings
        self._installed = installed()
        self._tried: dict[str, str] = {}

    def enable(self, group: str, name: str, key: str) -> None:
        """Import, check and make a plugin."""
        if other := self._tried.get(name):
            same = "twice" if other == group else f"as {kind_of(other)}, too"
            self.problems.append((key, f"{name!r} is enabled {same}: options go by the name"))
            return
        self._tried[name] = group
        given = self._settings.plugin_options.get(name, {})
        try:
            plugin = self._find(group, name).load()
        except PluginError as error:
            self.problems.append((key, f"{name!r}: {error}"))
            return
        try:
            if KINDS[group] is PayloadValidator:
                self.makers[name] = _maker(plugin, name, given)
                self.enabled[group, name] = None
                make(plugin, name, given)
            else:
                self.enabled[group, name] = make(plugin, name, given)
        except OptionProblem as problem:
            if not (name in self.makers and problem.is_incomplete):
                self._report(name, problem, key)

    def _report(self, name: str, problem: OptionProblem, key: str) -> None:
        if problem.option:
            self.problems.append((option_key(name, problem.option), problem.reason))
        else:
            self.problems.append((key, f"{name!r}: {problem.reason}"))

    def _find(self, group: str, name: str) -> Installed:
        candidates = [each for each in self._installed if (each.group, each.name) == (group, name)]
        if not candidates:
            others = ", ".join(sorted({e.name for e in self._installed if e.group == group}))
            raise PluginError(f"no {kind_of(group)} of this name is installed; there are {others}")
        if len(candidates) > 1:
            sources = " and ".join(each.distribution for each in candidates)
            raise PluginError(f"it is in {sources}: uninstall one of them")
        return candidates[0]

    def check_options_are_used(self) -> None:
        """Find options of plugins that are not enabled, as a misspelt name leaves them."""
        for name, options in self._settings.plugin_options.items():
            if name not in self._tried:
                reason = f"no plugin {name!r} is enabled"
                self.problems += [(option_key(name, option), reason) for option in options]

    def check_choices(self) -> None:
        """Find settings that name a plugin that is not enabled."""
        dimensions = self._settings.iov_dimensions
        if self._settings.default_dimension not in dimensions:
            self.problems.append(
                (key_of("default_dimension"), f"it is none of cdb.iov_dimensions: {dimensions}")
            )
        for _, name in self._settings.forced_validators:
            key = key_of("forced_validators")
            if name not in self._settings.payload_validators:
                self.problems.append((key, f"{name!r} is none of cdb.payload_validators"))
            elif name in self.makers:
                self._check_is_complete(name, key)

    def _check_is_complete(self, name: str, key: str) -> None:
        """Find what is missing in a validator that no payload type gives options to."""
        try:
            self.makers[name]({})
        except OptionProblem as problem:
            if problem.is_incomplete:  # else it was reported when it was enabled
                self._report(name, problem, key)


def _maker(plugin: type[Plugin], name: str, given: Mapping[str, Any]) -> MakeValidator:
    """Return the function that makes a validator with a payload type's own options."""

    @lru_cache(maxsize=256)
    def made(own: str) -> Plugin:
        chosen = json.loads(own)
        check_from_client(plugin, chosen)
        return make(plugin, name, {**given, **chosen})

    def make_validator(own: Mapping[str, Any]) -> PayloadValidator:
        check_depth(own)
        return cast("PayloadValidator", made(json.dumps(own, sort_keys=True)))

    return make_validator
