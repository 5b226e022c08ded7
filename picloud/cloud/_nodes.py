"""Which node `cloud` and `cloud.mp` talk to: the machine's, or a private one of this process."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from cloud import _arguments
from cloud._jobs import Jobs
from picloud.client import loading, settings
from picloud.client.logs import new_log
from picloud.client.private import PrivateHome
from picloud.client.session import Session
from picloud.client.whitelist import allow as let_travel
from picloud.exceptions import ArgumentTypeError, CloudException
from picloud.model import running
from picloud.model.cpus import parse_cpus
from picloud.model.settings import Durability, Settings

if TYPE_CHECKING:
    from picloud.client.reports import Reports


@dataclass(slots=True)
class _Choice:
    """What was chosen by calls, beside the settings."""

    simulated: bool | None = None
    """None leaves it to the setting `use_simulator`."""
    immutable: bool = False
    """Whether later choices have no effect."""
    keys: dict[str, tuple[str, Any]] = field(default_factory=dict)
    """What `setkey` has assigned to settings, and what was assigned to them before."""


_choice = _Choice()


def running_on_cloud() -> bool:
    """Return whether this is code of a job, or of a process that a job started."""
    return running.current is not None or "PICLOUD_WORKER" in os.environ


def is_simulated() -> bool:
    """Return whether `cloud` talks to a private node that ends with this process."""
    if running_on_cloud():
        return False
    return settings.current().use_simulator if _choice.simulated is None else _choice.simulated


def _open_default() -> Session:
    settings.reload()
    if is_simulated():
        return open_private("Simulation")
    values = settings.current()
    return Session(values, reports=_reports(values, "Local"))


def open_private(kind: str) -> Session:
    """Return a session with a node of its own on a temporary home; inside a job, with the job's node.

    `kind` is the folder of its log and its reports, if they are asked for.
    """
    settings.reload()
    values = settings.current()
    if running_on_cloud():
        return Session(values)
    values = values.changed(durability=Durability.PROCESS, idle_time=0.0)
    return Session(values, PrivateHome(partial(new_log, values, kind)), _reports(values, kind))


def _reports(values: Settings, kind: str) -> Reports | None:
    """Return where serialization reports go, None if none are asked for: then nothing about them is imported either."""
    if not (values.serialize_logging or values.force_serialize_logging):
        return None
    with loading.lock:
        from picloud.client.reports import reports_of
    return reports_of(values, kind)


def _describe_default() -> dict[str, Any]:
    return describe_private("simulation") if is_simulated() else {"connection_type": "local"}


def describe_private(kind: str) -> dict[str, Any]:
    """Return what is known of a private node before it is opened: how many jobs it will run at a time."""
    values = settings.current()
    processes = values.num_procs
    if processes <= 0:
        processes = len(parse_cpus(values.cpus, range(os.cpu_count() or 1)))
    return {"connection_type": kind, "num_procs": processes}


jobs: Jobs = Jobs("cloud._nodes", "jobs", _open_default, _describe_default)
"""What the functions of `cloud` are methods of."""


def start_simulator(force_restart: bool = False) -> None:
    """Let `cloud` talk to a private node on a temporary home; `force_restart` replaces one that runs, and its jobs are gone."""
    if _choice.immutable or running_on_cloud() or (is_simulated() and not force_restart):
        return
    jobs.close()
    let_travel(None)
    _choice.simulated = True


def setkey(
    api_key: int | str | None = None,
    api_secretkey: str | None = None,
    server_url: str | None = None,
    restart: bool = False,
    immutable: bool = False,
) -> None:
    """Leave the simulator and use the machine's own node, which needs no key: without arguments nothing changes.

    Another key, or `restart`, also closes an open connection; `immutable` makes later calls of this and of `start_simulator` do
    nothing.

    Raises:
        TypeError: for a key that is neither a number nor text, or a secret or an address that is no text.
        CloudException: for a `server_url`: another machine's node cannot be reached yet.
    """
    if api_key is not None and (isinstance(api_key, bool) or not isinstance(api_key, (int, str))):
        raise ArgumentTypeError(f"api_key must be a number or its text, not {type(api_key).__name__}")
    for name, text in (("api_secretkey", api_secretkey), ("server_url", server_url)):
        if text is not None and not isinstance(text, str):
            raise ArgumentTypeError(f"{name} must be text, not {type(text).__name__}")
    if _choice.immutable or running_on_cloud():
        return
    if server_url is not None:
        raise CloudException(
            f"The node at {server_url} cannot be reached: there are no connections to other machines in this version",
            hint="leave server_url out to use this machine's own node",
        )
    if api_key is None and api_secretkey is None and not restart and not immutable:
        return
    changed = [
        name
        for name, value in (("api_key", api_key), ("api_secretkey", api_secretkey))
        if value is not None and getattr(settings.current(), name) != str(value)
    ]
    if changed or restart or is_simulated():
        jobs.close()
        let_travel(None)
    for name in changed:
        key = str(api_key if name == "api_key" else api_secretkey)
        _, before = _choice.keys.get(name, ("", settings.assigned(name)))
        _choice.keys[name] = key, before
        settings.assign(name, key)
    _choice.simulated = False
    _choice.immutable = bool(immutable)


def set_dependency_whitelist(whitelist: Iterable[str] | None) -> None:
    """Let only these modules of the project travel with jobs, each with what is inside it and the packages around it; None: all.

    Jobs import the others where they run, from the disk as it is then.  `__main__` always travels.  `setkey` and
    `start_simulator`, where they change something, take it back.

    Raises:
        TypeError: unless it is None or an iterable of names.
    """
    names = _arguments.module_names(whitelist)
    if not running_on_cloud():
        let_travel(names)


def getconfigpath() -> str:
    """Return the folder of the node, its log and its store."""
    settings.reload()
    return str(settings.home_of(settings.current()))


def use_anew() -> None:
    """Close what is open, and forget what `setkey` and `start_simulator` have chosen, so that settings alone decide from now on."""
    jobs.close()
    let_travel(None)
    _choice.simulated = None
    _choice.immutable = False
    for name, (key, before) in _choice.keys.items():
        if settings.assigned(name) == key:
            settings.restore(name, before)
    _choice.keys.clear()
    settings.reload()
