"""How the last starts of a home's node went, in a small file that can be read before the environment is opened.

A node that dies while it opens a damaged store would die again at every start, and a power cut under `process` may have
left a store that LMDB itself cannot recognise as damaged.  So each start is announced here first: after an unclean end the
store is walked in a child process, after three failed starts it is only opened for reading.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from picloud.exceptions import HomeError
from picloud.model.settings import Durability
from picloud.store.datafile import store_folder

MOST_FAILURES = 3
"""Starts that may fail one after the other before the store is only read."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Starts:
    """The record."""

    boot: str = ""
    """The system's boot in which the last node started; '' if unknown."""
    durability: str = ""
    """With which durability."""
    running: bool = False
    """Whether that node has not ended in good order."""
    failures: int = 0
    """Starts that were announced and never succeeded, since the last that did."""
    backup: str = ""
    """Folder of the last backup; '' if there is none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to start."""

    check: bool
    """Whether to walk the store in a child process first."""
    readonly: bool
    """Whether to open it for reading alone."""
    failures: int
    """Starts that failed before this one."""
    backup: str
    """Folder of the last backup; '' if there is none."""


def boot_id() -> str:
    """Return the id of the system's boot; '' where the system has none."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def read(home: Path) -> Starts:
    """Return the record; a missing one is a fresh one, an unreadable one says that the last node did not end well."""
    try:
        text = _file(home).read_bytes()
    except OSError:
        return Starts()
    try:
        values = json.loads(text)
        return Starts(**{name: type(default)(values[name]) for name, default in asdict(Starts()).items()})
    except (ValueError, TypeError, KeyError):
        return Starts(durability=Durability.PROCESS, running=True)


def begin(home: Path, boot: str) -> Plan:
    """Announce a start in the system's boot `boot`, and return how to go about it.

    Raises:
        HomeError: if the home cannot be written.
    """
    last = read(home)
    rebooted = last.running and last.boot != boot and last.durability == Durability.PROCESS
    plan = Plan(
        check=rebooted or last.failures > 0,
        readonly=last.failures >= MOST_FAILURES,
        failures=last.failures,
        backup=last.backup,
    )
    # The boot stays the old one until the store was found sound: a start that fails must not hide the reboot.
    _write(home, replace(last, failures=min(last.failures + 1, MOST_FAILURES)))
    return plan


def succeeded(home: Path, durability: Durability, boot: str) -> None:
    """Note that the node runs: the store is open and recovered."""
    _write(home, replace(read(home), boot=boot, durability=str(durability), running=True, failures=0))


def ended(home: Path) -> None:
    """Note that the node ended in good order, or that a check found the store sound after failed starts."""
    _write(home, replace(read(home), running=False, failures=0))


def backed_up(home: Path, directory: Path) -> None:
    """Note where the last backup is."""
    _write(home, replace(read(home), backup=str(directory)))


def _file(home: Path) -> Path:
    return store_folder(home) / "starts.json"


def _write(home: Path, record: Starts) -> None:
    """Replace the record as a whole: a crash leaves the old or the new one."""
    target = _file(home)
    fresh = target.with_suffix(".new")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w") as file:
            json.dump(asdict(record), file)
        fresh.replace(target)
    except OSError as error:
        raise HomeError(
            f"{home} cannot be written: {error.strerror or error}",
            hint="Set PICLOUD_HOME to a folder that you can write to.",
        ) from error
