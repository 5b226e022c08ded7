"""What the running item says of itself: shown to the node while it runs, and kept with its end."""

from __future__ import annotations

import threading
from typing import Any

from picloud.exceptions import CloudException
from picloud.model import arena as layout
from picloud.model import remarks
from picloud.worker.arena import Arena
from picloud.worker.kills import Flags


class Remarks:
    """Progress and log of the item that runs; job code comes here from any of its threads."""

    __slots__ = ("_arena", "_flags", "_lock", "_log", "_progress")

    def __init__(self, arena: Arena, flags: Flags) -> None:
        """Show what is said in the arena, and have the flags say that there is something to be kept."""
        self._arena = arena
        self._flags = flags
        self._lock = threading.Lock()
        self._progress = b""
        self._log = b""

    def set_progress(self, done: float, total: float | None, note: str) -> None:
        """Say how far the item is.

        Raises:
            CloudException: in a process that the job forked.
        """
        self._check_process()
        content = remarks.encode_progress(done, total, note)
        with self._lock:
            self._progress = content
            self._show(layout.PROGRESS_AT, remarks.PROGRESS_ROOM, content)

    def add_log(self, text: str) -> None:
        """Add a line to the item's log, of which the last `LOG_ROOM` bytes are kept.

        Raises:
            CloudException: in a process that the job forked.
        """
        self._check_process()
        line = f"{text}\n".encode(errors="replace")
        with self._lock:
            content = self._log + line
            if len(content) > remarks.LOG_ROOM:
                content = content[-remarks.LOG_ROOM :]
                # The first line is cut, unless it is the only one.
                content = content.partition(b"\n")[2] or content
            self._log = content
            self._show(layout.LOG_AT, remarks.LOG_ROOM, content)

    def take(self) -> dict[str, Any]:
        """Return what the item has said, for its end, and begin anew."""
        if not (self._progress or self._log):
            return {}
        with self._lock:
            found = remarks.facts(self._progress, self._log)
            self._progress = self._log = b""
        return found

    def _show(self, at: int, room: int, content: bytes) -> None:
        self._flags.after = True
        arena = self._arena
        remarks.write(arena.memory, at, room, arena.integers[layout.SEQ // 8], arena.current(), content)

    def _check_process(self) -> None:
        if self._flags.forked:
            raise CloudException(
                "A process that a job forked cannot speak for the job",
                hint="call cloud.job.progress and cloud.job.log in the job's own process",
            )
