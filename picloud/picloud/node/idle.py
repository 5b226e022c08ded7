"""When a node that nobody needs ends by itself: pure, the clock comes from outside."""

from __future__ import annotations


class Idleness:
    """Watches for work and says when there has been none for long enough."""

    def __init__(self, seconds: float, now: float) -> None:
        """Count from `now`; `seconds` of 0 or less never end."""
        self._seconds = seconds
        self._since = now
        self._requests = 0

    def over(self, now: float, *, busy: bool, requests: int) -> bool:
        """Return whether the node may end, given whether it has work and how many requests it has had in its life."""
        if busy or requests != self._requests:
            self._requests = requests
            self._since = now
        return self._seconds > 0 and now - self._since >= self._seconds

    def next_look(self) -> float:
        """Return the seconds until the next look is worth while."""
        return min(5.0, max(0.05, self._seconds / 4)) if self._seconds > 0 else 5.0
