"""A job that grows a tree of processes of the kinds that are easily left behind, and then waits."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

_DEAF = "trap '' INT TERM HUP; while :; do sleep 300; done"


def grow(folder: str) -> None:
    """Start processes, write their pids into the file `pids` of a folder, this process's first, and wait."""
    plant(folder)
    time.sleep(300)


def plant(folder: str) -> None:
    """Start processes and write their pids into the file `pids` of a folder, this process's first."""
    child = subprocess.Popen(["sleep", "300"])
    in_a_session = subprocess.Popen(["sh", "-c", _DEAF], start_new_session=True)
    _fork_twice(f"{folder}/daemon")
    pids = [os.getpid(), child.pid, in_a_session.pid, int(Path(folder, "daemon").read_text())]
    Path(folder, "new").write_text(json.dumps(pids))
    Path(folder, "new").rename(Path(folder, "pids"))


def _fork_twice(note: str) -> None:
    """Leave a daemon that hears no signal, in a session of its own, with an empty environment, whose parent has ended."""
    middle = os.fork()
    if middle:
        os.waitpid(middle, 0)
        return
    os.setsid()
    daemon = os.fork()
    if daemon:
        Path(note).write_text(str(daemon))
        os._exit(0)
    os.execve("/bin/sh", ["sh", "-c", _DEAF], {})
