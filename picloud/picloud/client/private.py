"""The home of a private node: a temporary folder that goes, with everything that ran on it, when its session closes.

The node is a child of this process, and watches it: it also ends, and removes the folder, after a SIGKILL of the client.  It is
the node that makes the folder, so that none is left where a client is killed before it has started one.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from picloud.client import loading

if TYPE_CHECKING:
    from subprocess import Popen

_GRACE = 3.0
_STEP = 0.005
_counters: list[tuple[int, os.stat_result]] = []


class PrivateHome:
    """A temporary home and the node on it."""

    def __init__(self, new_log: Callable[[], Path | None] = lambda: None) -> None:
        """Choose a name that nobody can foresee; nothing is made yet.

        `new_log` is asked for the file of a node's log when it starts; None is one that goes with the home.
        """
        self.new_log = new_log
        with loading.lock:  # The first call of gettempdir holds a lock that a fork must not copy.
            self.path = Path(tempfile.gettempdir()).absolute() / f"picloud-{secrets.token_hex(8)}"
        self.owner = os.getpid()
        """The process whose node it is."""
        self._process: Popen[bytes] | None = None
        self._lease: tuple[int, int] | None = None

    def inherited(self) -> dict[str, int]:
        """Return the descriptors for a node: the counter of jids, and the end of a pipe which says that the home is closed.

        The latter ends a node that nobody knows of, too, because its start was interrupted.
        """
        if self._lease is None:
            self._lease = os.pipe()
        return {"--jids": jid_counter(), "--lease": self._lease[0]}

    def adopt(self, process: Popen[bytes]) -> None:
        """Take over the node that was started on it."""
        if self._process is not None:
            self._process.wait()
        self._process = process

    @property
    def is_own(self) -> bool:
        """Whether this process may start a node on it, and has to end it."""
        return os.getpid() == self.owner

    def disown(self) -> None:
        """Leave node and folder to the process that made them: this one is its forked child."""
        if self._process is not None:
            self._process.returncode = 0
        self._process = None
        self._end_lease()

    def _end_lease(self) -> None:
        lease, self._lease = self._lease, None
        for descriptor in lease or ():
            with suppress(OSError):
                os.close(descriptor)

    def close(self) -> None:
        """End the node, its jobs, and remove the folder; only in the process that made it."""
        if not self.is_own:
            return
        self._end_lease()
        if self._process is not None:
            _end(self._process)
            self._process = None
        _wait_for_workers(self.path / "workers.lock")
        shutil.rmtree(self.path, ignore_errors=True)


def jid_counter() -> int:
    """Return the descriptor of the counter from which all private nodes of this process, and of its forked children, take jids.

    It is a file without a name: it goes with the last process that has it open.
    """
    if _counters and not _is_open(*_counters[-1]):
        _counters.clear()
    if not _counters:
        made = _nameless_file()
        _counters.append((made, os.fstat(made)))
        if _counters[0][0] != made:  # Another thread was quicker: everybody uses the first.
            os.close(made)
            del _counters[1:]
    return _counters[0][0]


def _is_open(descriptor: int, facts: os.stat_result) -> bool:
    """Return whether a descriptor is still the file that it was: a program that becomes a daemon closes what it does not know."""
    try:
        return os.path.samestat(os.fstat(descriptor), facts)
    except OSError:
        return False


def _nameless_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("picloud-jids", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _end(process: Popen[bytes]) -> None:
    import subprocess

    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_for_workers(lock: Path) -> None:
    """Wait until no worker holds the lock that each holds for its life."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    deadline = time.monotonic() + _GRACE
    try:
        while not _locked(descriptor) and time.monotonic() < deadline:
            time.sleep(_STEP)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
