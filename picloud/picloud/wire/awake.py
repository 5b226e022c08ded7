"""Waiting awake for what will come within microseconds: a sleeping CPU takes longer to wake than the answer takes to arrive.

A lone call goes through three processes' turns.  Where each of them first has to be woken, that alone takes a third of the call;
so whoever is likely to be needed again at once looks for it for a moment, and gives way to everybody else meanwhile.
"""

from __future__ import annotations

import os
import select
from time import perf_counter

SECONDS = 0.0003
"""How long one looks at most, each time."""


class Lookout:
    """Looks at one descriptor; on a machine with one CPU, where it would only keep others from it, never."""

    __slots__ = ("_poll",)

    def __init__(self, descriptor: int | None) -> None:
        """Look at a descriptor; None is never worth a look."""
        self._poll = select.poll() if descriptor is not None and len(os.sched_getaffinity(0)) > 1 else None
        if self._poll is not None and descriptor is not None:
            self._poll.register(descriptor, select.POLLIN)

    @property
    def is_open(self) -> bool:
        """Whether it looks at all."""
        return self._poll is not None

    def look(self) -> None:
        """Return when there is something to read, or after `SECONDS`."""
        if self._poll is None:
            return
        look, until = self._poll.poll, perf_counter() + SECONDS
        while not look(0) and perf_counter() < until:
            os.sched_yield()
