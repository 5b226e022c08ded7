"""The home of a private node: a temporary folder that goes, with everything that ran on it, when its session closes.

The node is a child of this process, and watches it: it also ends, and removes the folder, after a SIGKILL of the client.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from subprocess import Popen

_GRACE = 3.0
_STEP = 0.005


class PrivateHome:
    """A temporary home and the node on it."""

    def __init__(self) -> None:
        """Make the folder, private to this user."""
        self.path = Path(tempfile.mkdtemp(prefix="picloud-"))
        self._owner = os.getpid()
        self._process: Popen[bytes] | None = None

    def adopt(self, process: Popen[bytes]) -> None:
        """Take over the node that was started on it."""
        if self._process is not None:
            self._process.wait()
        self._process = process

    def disown(self) -> None:
        """Leave node and folder to the process that made them: this one is its forked child."""
        if self._process is not None:
            self._process.returncode = 0
        self._process = None

    def close(self) -> None:
        """End the node, its jobs, and remove the folder; only in the process that made it."""
        if os.getpid() != self._owner:
            return
        self._owner = 0
        if self._process is not None:
            _end(self._process)
        _wait_for_workers(self.path / "workers.lock")
        shutil.rmtree(self.path, ignore_errors=True)


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
