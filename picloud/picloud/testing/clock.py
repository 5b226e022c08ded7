"""A clock that moves only when it is told to."""

from __future__ import annotations


class FakeClock:
    """Stands in for `time.monotonic`: calling it gives the time in seconds."""

    def __init__(self, now: float = 0.0) -> None:
        """Begin at `now`, in seconds."""
        self.now = now

    def __call__(self) -> float:
        """Return the present time."""
        return self.now

    def advance(self, seconds: float) -> float:
        """Move on, and return the new time.

        Raises:
            ValueError: for a negative step, since a monotonic clock never goes back.
        """
        if seconds < 0:
            raise ValueError(f"a monotonic clock cannot go back by {-seconds} s")
        self.now += seconds
        return self.now
