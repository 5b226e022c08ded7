"""Which modules of the project travel with jobs, where a program has said so: PiCloud's `set_dependency_whitelist`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Whitelist:
    """The modules that may travel."""

    names: frozenset[str] | None = None
    """Full names; None stands for all modules."""

    def allows(self, name: str) -> bool:
        """Return whether a module may travel: it is named, or inside a named one, or a package around it."""
        return self.names is None or any(
            name == allowed or name.startswith(f"{allowed}.") or allowed.startswith(f"{name}.")
            for allowed in self.names
        )


@dataclass(slots=True)
class _Process:
    """What this process was told."""

    whitelist: Whitelist


_process = _Process(Whitelist())


def current() -> Whitelist:
    """Return the whitelist in force; another object after each change."""
    return _process.whitelist


def allow(names: Iterable[str] | None) -> None:
    """Let only these modules travel from now on; None: all."""
    _process.whitelist = Whitelist(None if names is None else frozenset(names))
