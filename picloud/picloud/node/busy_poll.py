"""Waiting awake for what will come within microseconds: a sleeping CPU takes longer to wake than the answer takes to arrive.

A lone call goes through four processes' turns.  Where each of them first has to be woken, that alone takes a good part of the
call; so while the answer of a worker to a lone call, or the next call after an answer, is likely at once, and no job needs the CPU,
the node looks for it again and again instead of sleeping.
"""

from __future__ import annotations

import asyncio
import os
import select
from time import perf_counter

SECONDS = 0.0003
"""How long it looks at most, each time."""


class BusyPoll:
    """Looks at the loop's own descriptor, which is readable when anything the loop waits for is there."""

    __slots__ = ("_loop", "_poll", "_scheduled")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look for a loop; on a machine with one CPU, where it would only keep others from it, never."""
        self._loop = loop
        self._scheduled = False
        descriptor = _descriptor(loop) if len(os.sched_getaffinity(0)) > 1 else None
        self._poll = select.poll() if descriptor is not None else None
        if self._poll is not None and descriptor is not None:
            self._poll.register(descriptor, select.POLLIN)

    def soon(self) -> None:
        """Wait awake from the end of this turn of the loop on."""
        if self._poll is not None and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        self._scheduled = False
        if self._poll is None:
            return
        look, until = self._poll.poll, perf_counter() + SECONDS
        while not look(0) and perf_counter() < until:
            pass


def _descriptor(loop: asyncio.AbstractEventLoop) -> int | None:
    """Return the descriptor of what a loop waits with (epoll(7)); None if it does not tell."""
    of_uvloop = getattr(loop, "_get_backend_id", None)
    if of_uvloop is not None:
        return int(of_uvloop())
    selector = getattr(loop, "_selector", None)
    fileno = getattr(selector, "fileno", None)
    return int(fileno()) if fileno is not None else None
