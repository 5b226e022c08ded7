"""How a kill reaches the item that it is for, and no neighbour.

The node writes chunk, index and reason into the arena and has SIGINT sent.  The handler raises inside the item that runs if it
is the one; if that one is still to come, the runner raises when its turn has come; else the kill is too late.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

from picloud.model import arena as layout
from picloud.model.cause import Cause, CauseKind
from picloud.worker.arena import Arena


class KilledException(KeyboardInterrupt):
    """Raised inside a job that was killed; like Ctrl-C it passes through `except Exception`."""


class Flags:
    """What the runner looks at around each item: two of these are looked at for every item, the others only then."""

    __slots__ = ("after", "before", "forked", "killed", "parted", "running")

    def __init__(self) -> None:
        """Start outside of any item."""
        self.before = False
        """Whether something is to be looked at before the item starts."""
        self.after = False
        """Whether something is to be looked at after it: output, a kill, a fork, a result in a segment."""
        self.running = False
        """Whether job code runs, so that an exception of ours would be the item's."""
        self.killed = False
        """Whether the item that runs was killed, whatever it makes of that."""
        self.forked = False
        """Whether this process is a child that job code forked, in which no runner may go on."""
        self.parted = False
        """Whether the item that runs is the chunk's last one here: those behind it were left to other workers."""


class Kills:
    """The handler of SIGINT."""

    __slots__ = ("_arena", "_flags")

    def __init__(self, arena: Arena, flags: Flags) -> None:
        """Read kills from the arena and mark them in the flags."""
        self._arena = arena
        self._flags = flags

    def install(self) -> None:
        """Handle SIGINT from now on, and notice forks of job code."""
        signal.signal(signal.SIGINT, self.handle)
        os.register_at_fork(after_in_child=self._forked)

    def handle(self, _number: int, _frame: FrameType | None) -> None:
        """Handle SIGINT.

        Raises:
            KilledException: inside the item that the kill is for.
        """
        flags = self._flags
        if flags.forked:
            raise KeyboardInterrupt
        if not self._is_for_this_chunk():
            return
        if flags.running and self._index() == self._arena.integers[layout.CURRENT // 8]:
            self._raise()
        # Before its turn, too late, or between the runner's own statements: looked at again before the next item starts.
        flags.before = True

    def check(self, index: int) -> None:
        """Raise in the item at `index`, which counts as running and has not started, if a kill came for it too early.

        Raises:
            KilledException: if so.
        """
        if not self._is_for_this_chunk() or self._index() < index:
            self._flags.before = False
        elif self._index() == index:
            self._flags.before = False
            self._raise()

    def cause(self) -> Cause:
        """Return the cause that the killed item ends with."""
        reason = self._arena.integers[layout.KILL_REASON // 8]
        if reason == layout.KILLED_BY_TIMEOUT:
            limit = self._arena.floats[layout.KILL_LIMIT // 8]
            return Cause(CauseKind.TIMEOUT, limit, f"it ran longer than its limit of {limit:g} s")
        return Cause(CauseKind.KILLED_BY_USER)

    def _raise(self) -> None:
        self._flags.running = False
        self._flags.killed = True
        self._flags.after = True
        raise KilledException("Job terminated by user" if self._by_user() else f"Job terminated: {self.cause().detail}")

    def _by_user(self) -> bool:
        return self._arena.integers[layout.KILL_REASON // 8] != layout.KILLED_BY_TIMEOUT

    def _is_for_this_chunk(self) -> bool:
        integers = self._arena.integers
        return integers[layout.KILL_SEQ // 8] == integers[layout.SEQ // 8]

    def _index(self) -> int:
        return self._arena.integers[layout.KILL_INDEX // 8]

    def _forked(self) -> None:
        self._flags.forked = True
        self._flags.after = True
