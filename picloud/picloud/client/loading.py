"""Modules that are imported at their first use, and forks, which must not come between.

A fork copies only its own thread.  A module that another one was just importing would stay half imported, and locked, in the
child for good.
"""

from __future__ import annotations

import os
import sys
from _thread import RLock

lock = RLock()
"""Held where something is imported at its first use; a fork of another thread waits until then."""


def _before_fork() -> None:
    had_logging = "logging" in sys.modules
    lock.acquire()
    logging = sys.modules.get("logging")
    if logging is not None and not had_logging:
        # What was imported while this fork waited runs its hooks only after the fork: logging gives back a lock, so it is taken.
        logging._lock.acquire()  # noqa: SLF001 - it has no other name


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=lock.release, after_in_child=lock.release)
