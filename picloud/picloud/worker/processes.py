"""What the kernel knows about processes: children, names, parents, ends (proc(5), prctl(2), wait(2))."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_STEP = 0.0005
_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: object) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def become_subreaper() -> None:
    """Let orphaned descendants become children of this process instead of init's.

    Raises:
        OSError: if the kernel does not know this.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """Have this process killed when the thread that forked it ends; end at once if `parent` is no longer its parent.

    Raises:
        OSError: if the kernel does not know this.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def set_name(name: str) -> None:
    """Set what ps and top show for this process: at most 15 bytes."""
    _prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()[:15]))


def start_time(pid: int) -> int:
    """Return a process's start time in clock ticks since boot, which with its pid names it; 0 if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return 0
    # The name in parentheses may itself hold spaces and parentheses.
    return int(text.rpartition(")")[2].split()[19])


def children() -> list[int]:
    """Return the pids of this process's children, zombies included."""
    try:
        return [
            int(word)
            for task in os.listdir("/proc/self/task")
            for word in Path(f"/proc/self/task/{task}/children").read_text().split()
        ]
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        return _children_by_parent()


def _children_by_parent() -> list[int]:
    """Return the children where the kernel was built without CONFIG_PROC_CHILDREN: every process is asked for its parent."""
    own = os.getpid()
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            text = Path(f"/proc/{name}/stat").read_text(errors="replace")
        except OSError:
            continue
        if int(text.rpartition(")")[2].split()[1]) == own:
            found.append(int(name))
    return found


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to a child that may have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def has_children(grace: float = 0.0) -> bool:
    """Return whether a child of this process is alive after `grace` seconds; those that have ended are collected."""
    until = time.monotonic() + grace
    try:
        while os.waitpid(-1, os.WNOHANG)[0] or time.monotonic() < until:
            time.sleep(_STEP)
    except ChildProcessError:
        return False
    return True


def collect(pid: int) -> bool:
    """Collect a child if it has ended; return whether it is gone."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def end_all_children() -> None:
    """Kill every child, and what falls to this process by that, until none is left."""
    while True:
        for pid in children():
            kill(pid)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
