"""The settings of this process: defaults, then `PICLOUD_<NAME>` variables, then what `cloud.config` was given."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from picloud.model import settings as model
from picloud.model.settings import NAMES, PREFIX, Settings
from picloud.wire import filesystem


@dataclass(slots=True)
class _Process:
    """What this process has read and been told."""

    assigned: dict[str, Any] = field(default_factory=dict)
    read: Settings | None = None


_process = _Process()


def current() -> Settings:
    """Return the settings in force; the environment is read at the first use and after `reload`.

    Raises:
        ArgumentValueError: for a variable whose value cannot be used.
    """
    read = _process.read
    if read is None:
        # Another thread may ask to read again meanwhile.
        read = _process.read = model.from_environment(os.environ).changed(**_process.assigned)
    return read


def assign(name: str, value: object) -> None:
    """Change one setting of this process.

    Raises:
        ArgumentValueError: for an unknown name, or a value that cannot be coerced.
    """
    _process.assigned[name] = model.coerce(name, value)
    reload()


def assigned(name: str) -> Any:
    """Return what was assigned to a setting; None if nothing was."""
    return _process.assigned.get(name)


def restore(name: str, value: Any) -> None:
    """Let a setting have what `assigned` gave before: None takes the assignment back."""
    if value is None:
        _process.assigned.pop(name, None)
    else:
        _process.assigned[name] = value
    reload()


def reload() -> None:
    """Read the environment again at the next use; what was assigned stays."""
    _process.read = None


def forget() -> None:
    """Take back all assignments."""
    _process.assigned.clear()
    reload()


def home_of(settings: Settings) -> Path:
    """Return the absolute folder of the node that the settings name.

    The default one, if it is on a network file system, makes room for a folder on a local disk, with a warning.

    Raises:
        HomeError: if no such folder can be made.
    """
    home = Path(settings.home or "~/.picloud").expanduser().absolute()
    return home if settings.home else _local(home)


@cache
def _local(home: Path) -> Path:
    kind = filesystem.network_type(home)
    if not kind:
        return home
    folder = filesystem.local_folder_for(home)
    warnings.warn(
        f"{home} is on a network file system ({kind}), where no node can live: {folder} is used instead. "
        "To choose another folder, set PICLOUD_HOME",
        RuntimeWarning,
        stacklevel=3,
    )
    return folder


def to_environment(settings: Settings) -> dict[str, str]:
    """Return the variables that carry to a node what differs from the defaults."""
    defaults = Settings()
    values = {name: getattr(settings, name) for name in NAMES if getattr(settings, name) != getattr(defaults, name)}
    return {PREFIX + name.upper(): str(value) for name, value in values.items()}
