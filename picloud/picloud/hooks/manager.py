"""Finds plugins and calls their hooks; no other file imports pluggy.

Plugins come from the entry-point group `picloud`, picloud's own like everybody else's. One that cannot be loaded, or raises in
a hook, is logged by name and left out: the node runs without it. `PICLOUD_NO_PLUGINS` leaves plugins out on purpose: `1` all
but picloud's own, else the names given, separated by commas.
"""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

import pluggy

from picloud.exceptions import BackendError
from picloud.hooks import specs
from picloud.hooks.place import Place

GROUP = "picloud"
"""Entry-point group that plugins register in."""
NO_PLUGINS = "PICLOUD_NO_PLUGINS"
"""Environment variable that leaves plugins out."""
PREFIX = "picloud_"
"""What every hook's name begins with."""

_log = logging.getLogger(__name__)
_ALL = frozenset({"1", "true", "yes", "on", "all"})
_OWN = "picloud"


@dataclass(frozen=True, slots=True)
class PluginFailure:
    """A plugin that was left out because it failed."""

    plugin: str
    """Its entry point's name."""
    reason: str
    """What went wrong, in one line."""


class _NamedHooks(pluggy.PluginManager):
    """A manager to which a name alone makes a function a hook, so that plugins need not import anything."""

    def parse_hookspec_opts(self, module_or_class: Any, name: str) -> pluggy.HookspecOpts | None:
        """Take every function of the specs that has the prefix for a hook."""
        if not _is_hook(module_or_class, name):
            return None
        return pluggy.HookspecOpts(firstresult=False, historic=False, warn_on_impl=None, warn_on_impl_args=None)

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> pluggy.HookimplOpts | None:
        """Take every function of a plugin that has the prefix for a hook's implementation."""
        if not _is_hook(plugin, name):
            return None
        return pluggy.HookimplOpts(
            wrapper=False, hookwrapper=False, optionalhook=False, tryfirst=False, trylast=False, specname=None
        )


def _is_hook(owner: object, name: str) -> bool:
    return name.startswith(PREFIX) and inspect.isroutine(getattr(owner, name, None))


class Plugins:
    """The plugins of this process."""

    def __init__(self) -> None:
        """Begin without any."""
        self._manager = _NamedHooks(GROUP)
        self._manager.add_hookspecs(specs)
        self.failures: list[PluginFailure] = []
        """Plugins that were left out because they failed, in the order they were met."""
        self._places: dict[str, Place] | None = None

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None, found: Iterable[EntryPoint] | None = None) -> Plugins:
        """Return the installed plugins, less those that `PICLOUD_NO_PLUGINS` in `environment` (default: this process's) names."""
        plugins = cls()
        refused = (os.environ if environment is None else environment).get(NO_PLUGINS, "")
        for entry in sorted(entry_points(group=GROUP) if found is None else found, key=_own_first):
            if not _left_out(entry, refused):
                plugins._load(entry)
        return plugins

    def _load(self, entry: EntryPoint) -> None:
        try:
            self.register(entry.load(), entry.name)
        except (Exception, SystemExit) as error:  # whatever a stranger's module raises must not stop the node
            self._failed(entry.name, error)

    def register(self, plugin: object, name: str) -> None:
        """Add a plugin, a module or any other object with hook functions.

        Raises:
            ValueError: another plugin has this name.
            pluggy.PluginValidationError: a function is no hook of ours, or wants an argument that its hook does not give.
        """
        try:
            self._manager.register(plugin, name)
            self._manager.check_pending()
        except pluggy.PluginValidationError:
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            raise
        self._places = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the plugins in use."""
        return tuple(sorted(name for name, plugin in self._manager.list_name_plugin() if plugin is not None))

    def places(self) -> dict[str, Place]:
        """Return all places by name; where two plugins offer the same name the one registered first keeps it."""
        if self._places is None:
            self._places = {}
            for implementation in self._manager.hook.picloud_places.get_hookimpls():
                try:
                    self._places |= _new_places(cast("Iterable[Place]", implementation.function()), self._places)
                except Exception as error:  # as in _load
                    self._failed(implementation.plugin_name, error)
        return self._places

    def place(self, name: str) -> Place:
        """Return the place of this name.

        Raises:
            BackendError: no plugin offers it; the message lists those there are, and the plugins that failed.
        """
        places = self.places()
        if name in places:
            return places[name]
        failed = "".join(f"\nThe plugin {failure.plugin} was left out: {failure.reason}" for failure in self.failures)
        raise BackendError(f"There is no place {name!r}; places are {', '.join(sorted(places)) or 'none'}{failed}")

    def _failed(self, plugin: str, error: BaseException) -> None:
        failure = PluginFailure(plugin, f"{type(error).__name__}: {error}")
        self.failures.append(failure)
        _log.error("The plugin %s is left out: %s", plugin, failure.reason, exc_info=error)


def _new_places(offered: Iterable[Place], taken: Mapping[str, Place]) -> dict[str, Place]:
    """Return what one plugin offers by name, all of it or nothing."""
    places: dict[str, Place] = {}
    for place in offered:
        if place.name in taken or place.name in places:
            raise BackendError(f"the name of its place {place.name!r} is taken")
        places[place.name] = place
    return places


def _own_first(entry: EntryPoint) -> tuple[bool, str, str]:
    return (not _is_own(entry), entry.name, entry.value)


def _is_own(entry: EntryPoint) -> bool:
    return entry.dist is not None and entry.dist.name == _OWN


def _left_out(entry: EntryPoint, refused: str) -> bool:
    if refused.strip().lower() in _ALL:
        return not _is_own(entry)
    return entry.name in {name.strip() for name in refused.split(",")}
