"""The two clocks of the node, behind one interface so that tests can hold them."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What the node asks about time."""

    def monotonic(self) -> float:
        """Return seconds that never go back; for deadlines and durations."""
        ...

    def wall(self) -> float:
        """Return Unix time in seconds; for what people read."""
        ...


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        """Return CLOCK_MONOTONIC."""
        return time.monotonic()

    def wall(self) -> float:
        """Return CLOCK_REALTIME."""
        return time.time()
