"""`cloud.config.<name>`: the settings of this process, read and set like variables; text is read as people write it.

What was set holds from the next connection on, so that `commit` follows; what the node needs (durability, cpus ...) holds for a
node that is started after that.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from picloud.client import settings
from picloud.model.settings import NAMES

if TYPE_CHECKING:
    from picloud.model.settings import Durability

    home: str
    durability: Durability | str
    cpus: str | int
    idle_time: float
    pass_env: str
    max_transmit_data: int
    max_output: int
    disk_reserve: int
    blocked_jobs: int
    use_simulator: bool
    num_procs: int
    api_key: str | int
    api_secretkey: str
    log_level: str
    print_log_level: str
    save_log: bool
    log_filename: str
    serialize_logging: bool
    force_serialize_logging: bool
    serialize_logging_path: str
    purge_days: int
    automatic_dependency_transfer: bool
    cloud_status_cache_size: int
    cloud_result_cache_size: int


def commit() -> None:
    """Read the environment again, close the connections of `cloud` and `cloud.mp`, and go on with the settings as they are now."""
    from cloud import _nodes

    _nodes.use_anew()
    mp = sys.modules.get("cloud.mp")
    if mp is not None:
        mp.close()


class _Config(ModuleType):
    """The module itself, with the settings as attributes."""

    def __getattr__(self, name: str) -> Any:
        """Return a setting's value in force."""
        if name not in NAMES:
            raise AttributeError(f"There is no setting {name!r}; settings are {', '.join(NAMES)}")
        return getattr(settings.current(), name)

    def __setattr__(self, name: str, value: object) -> None:
        """Set a setting, coerced to its type.

        Raises:
            AttributeError: if there is no such setting.
            ValueError: if the value cannot be coerced.
        """
        if name.startswith("__"):
            super().__setattr__(name, value)
            return
        if name not in NAMES:
            raise AttributeError(f"There is no setting {name!r}; settings are {', '.join(NAMES)}")
        settings.assign(name, value)

    def __dir__(self) -> list[str]:
        """Return the settings and `commit`."""
        return sorted({*super().__dir__(), *NAMES})


sys.modules[__name__].__class__ = _Config
