"""The disk's reserve, looked at now and then: asking the file system for each submission would cost more than storing it."""

from __future__ import annotations

from picloud.node.clock import Clock
from picloud.store.environment import Reserve

LOOK_SECONDS = 0.25
"""Seconds after which the room is looked at again."""
LOOK_BYTES = 8 << 20
"""Bytes of submissions after which it is looked at again."""


class Room:
    """Whether there is room for more work."""

    def __init__(self, reserve: Reserve, clock: Clock) -> None:
        """Look at the first question."""
        self._reserve = reserve
        self._clock = clock
        self._looked = float("-inf")
        self._since = 0

    def check(self, wanted: int) -> None:
        """Refuse a submission of `wanted` bytes if it would touch the reserve.

        Raises:
            StoreFullError: with the numbers, and what to do.
        """
        now = self._clock.monotonic()
        since = self._since + wanted
        if now - self._looked >= LOOK_SECONDS or since >= LOOK_BYTES:
            # What is refused is not written, so that it must not count against what comes next.
            self._reserve.check(since)
            self._looked, since = now, 0
        self._since = since
