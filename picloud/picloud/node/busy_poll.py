"""The node waits awake where the answer of a worker to a lone call, or the next call after an answer, is likely at once."""

from __future__ import annotations

import asyncio

from picloud.wire.awake import Lookout


class BusyPoll:
    """Looks at the loop's own descriptor, which is readable when anything the loop waits for is there."""

    __slots__ = ("_lookout", "_loop", "_scheduled")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look for a loop."""
        self._loop = loop
        self._scheduled = False
        self._lookout = Lookout(_descriptor(loop))

    def soon(self) -> None:
        """Wait awake from the end of this turn of the loop on."""
        if self._lookout.is_open and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        self._scheduled = False
        self._lookout.look()


def _descriptor(loop: asyncio.AbstractEventLoop) -> int | None:
    """Return the descriptor of what a loop waits with (epoll(7)); None if it does not tell."""
    of_uvloop = getattr(loop, "_get_backend_id", None)
    if of_uvloop is not None:
        return int(of_uvloop())
    selector = getattr(loop, "_selector", None)
    fileno = getattr(selector, "fileno", None)
    return int(fileno()) if fileno is not None else None
