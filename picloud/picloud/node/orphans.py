"""Processes that nobody waits for any more: the node is a sub-reaper, so they become its children, and it ends them."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_log = logging.getLogger(__name__)
MARK = "PICLOUD_GENERATION"
"""Environment variable that supervisors' workers and all that they start carry; its value is the node's random generation."""


def become_subreaper() -> None:
    """Let orphaned descendants become children of this process (prctl(2), PR_SET_CHILD_SUBREAPER)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        _log.warning("cannot become a sub-reaper: %s", os.strerror(ctypes.get_errno()))


def children() -> list[int]:
    """Return the pids of this process's children (proc(5), task/TID/children)."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            found += [int(word) for word in (task / "children").read_text().split()]
    return found


def end_children(known: frozenset[int]) -> int:
    """Kill and collect every child but the known ones, until none is left; return how many there were."""
    ended = 0
    while strangers := [pid for pid in children() if pid not in known]:
        for pid in strangers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            ended += 1
    return ended


def marked(generation: str) -> Iterator[int]:
    """Yield the pids of this user's processes that carry the mark of a generation."""
    wanted = f"{MARK}={generation}".encode()
    own = os.getpid()
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == own:
            continue
        with contextlib.suppress(OSError):
            if entry.stat().st_uid == os.geteuid() and wanted in Path(entry.path, "environ").read_bytes().split(b"\0"):
                yield int(entry.name)


def end_generation(generation: str, seconds: float) -> int:
    """Kill what is left of a dead node's workers and their children; return how many processes that were.

    Raises:
        TimeoutError: if some are still there after so many seconds.
    """
    until = time.monotonic() + seconds
    ended: set[int] = set()
    while left := list(marked(generation)):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            ended.add(pid)
        if time.monotonic() > until:
            raise TimeoutError(f"processes {left} of an earlier node do not end")
        time.sleep(0.01)
    return len(ended)
