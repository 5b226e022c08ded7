"""PiCloud's interface: submit Python functions as jobs, and ask for their results.

Everything is loaded at its first use (PEP 562), so that `import cloud` costs next to nothing.
"""

from __future__ import annotations

import atexit
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from picloud.client import loading as _loading

if TYPE_CHECKING:
    from cloud import config as config
    from cloud import job as job
    from cloud import mp as mp
    from cloud import shortcuts as shortcuts
    from cloud import wait_for as wait_for
    from cloud._nodes import getconfigpath as getconfigpath
    from cloud._nodes import is_simulated as is_simulated
    from cloud._nodes import jobs as _jobs
    from cloud._nodes import running_on_cloud as running_on_cloud
    from cloud._nodes import set_dependency_whitelist as set_dependency_whitelist
    from cloud._nodes import setkey as setkey
    from cloud._nodes import start_simulator as start_simulator
    from picloud import __version__ as __version__
    from picloud.exceptions import CloudException as CloudException
    from picloud.exceptions import CloudTimeoutError as CloudTimeoutError

    call = _jobs.call
    map = _jobs.map  # noqa: A001 - PiCloud named it so
    join = _jobs.join
    status = _jobs.status
    view = _jobs.view
    result = _jobs.result
    iresult = _jobs.iresult
    iresult_unordered = _jobs.iresult_unordered
    info = _jobs.info
    kill = _jobs.kill
    delete = _jobs.delete
    close = _jobs.close
    connection_info = _jobs.connection_info

finished_statuses = ["done", "stalled", "error", "killed"]
"""Statuses that never change again."""

c1, c2, f2, m1, s1 = "c1", "c2", "f2", "m1", "s1"

_FUNCTIONS = frozenset(
    {
        "call",
        "close",
        "connection_info",
        "delete",
        "info",
        "iresult",
        "iresult_unordered",
        "join",
        "kill",
        "map",
        "result",
        "status",
        "view",
    }
)
_ELSEWHERE = {
    "CloudException": "picloud.exceptions",
    "CloudTimeoutError": "picloud.exceptions",
    "__version__": "picloud",
    "getconfigpath": "cloud._nodes",
    "is_simulated": "cloud._nodes",
    "running_on_cloud": "cloud._nodes",
    "set_dependency_whitelist": "cloud._nodes",
    "setkey": "cloud._nodes",
    "start_simulator": "cloud._nodes",
}
_MODULES = frozenset({"config", "job", "mp", "shortcuts", "wait_for"})

__all__ = [
    "CloudException",
    "CloudTimeoutError",
    "__version__",
    "c1",
    "c2",
    "call",
    "close",
    "config",
    "connection_info",
    "delete",
    "f2",
    "finished_statuses",
    "getconfigpath",
    "info",
    "iresult",
    "iresult_unordered",
    "is_simulated",
    "job",
    "join",
    "kill",
    "m1",
    "map",
    "mp",
    "result",
    "running_on_cloud",
    "s1",
    "set_dependency_whitelist",
    "setkey",
    "shortcuts",
    "start_simulator",
    "status",
    "view",
    "wait_for",
]


def __getattr__(name: str) -> Any:
    """Load what was asked for; only the first time comes here."""
    value: Any
    with _loading.lock:
        if name in _FUNCTIONS:
            value = getattr(import_module("cloud._nodes").jobs, name)
        elif name in _ELSEWHERE:
            value = getattr(import_module(_ELSEWHERE[name]), name)
        elif name in _MODULES:
            value = import_module(f"cloud.{name}")
        else:
            raise AttributeError(f"module 'cloud' has no attribute {name!r}")
        globals()[name] = value
    return value


def _end() -> None:
    """End private nodes with the interpreter.

    Registered here and now, so that exit handlers which the program registers from now on still find their jobs.
    """
    lifetime = sys.modules.get("picloud.client.lifetime")
    if lifetime is not None:
        lifetime.end()


atexit.register(_end)


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted({*globals(), *__all__})
