"""The locks that decide who lives: flocks, which end with their holder, never a pid in a file (flock(2))."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class FileLock:
    """One open lock file."""

    def __init__(self, path: Path) -> None:
        """Open the file, mode 0600; nothing is locked yet."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def try_exclusive(self) -> bool:
        """Take the lock alone if nobody holds it; return whether that went well."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def note(self, text: str) -> None:
        """Write a line for people who look at the file; nothing reads it to decide."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def release(self) -> None:
        """Give the lock back and close the file."""
        os.close(self._descriptor)
