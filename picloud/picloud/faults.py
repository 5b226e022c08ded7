"""Named points at which tests end a process, as `kill -9` does; nothing happens there unless the environment asks for it.

`PICLOUD_FAULT=POINT:N:FILE` ends the process when it comes by POINT for the Nth time, if there is a file FILE.armed, which is
removed: so one process alone ends, and the next one with the same environment lives.  FILE has a line for each point that a
process comes by for the first time, and a line with a mark in front for the one at which it ended.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable

VARIABLE = "PICLOUD_FAULT"
"""The environment variable."""
ARMED = ".armed"
"""What the name of the file ends with that lets one process end."""
ENDED = "!"
"""The mark of the point at which a process ended."""
POINTS = (
    "submission.received",
    "commit.begins",
    "commit.done",
    "journal.appended",
    "store.transacted",
    "dispatch.begins",
    "dispatch.done",
    "result.taken",
    "segment.renamed",
    "recovery.begins",
    "recovery.done",
    "backup.copied",
    "backup.renamed",
    "idle.ends",
)
"""All of them, as the node comes by."""


def _pass(_name: str) -> None:
    """Do nothing."""


def armed(text: str) -> Callable[[str], None]:
    """Return what a process does at each point, given the variable's value.

    Raises:
        ValueError: if the value names no point that there is, or no number.
    """
    wanted, count, path = text.split(":", 2)
    if wanted and wanted not in POINTS:
        raise ValueError(f"{VARIABLE} names {wanted!r}; points are {', '.join(POINTS)}")
    last = int(count or 0)
    visits: Counter[str] = Counter()

    def come_by(name: str) -> None:
        visits[name] += 1
        ends = name == wanted and visits[name] == last and _disarm(path)
        if visits[name] == 1 or ends:
            file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.write(file, f"{ENDED if ends else ''}{name}\n".encode())
            os.close(file)
        if ends:
            os.kill(os.getpid(), signal.SIGKILL)

    return come_by


def _disarm(path: str) -> bool:
    try:
        os.unlink(path + ARMED)
    except FileNotFoundError:
        return False
    return True


come_by: Callable[[str], None] = armed(os.environ[VARIABLE]) if VARIABLE in os.environ else _pass
"""Come by a point."""
