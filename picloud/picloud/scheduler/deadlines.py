"""Times at which something falls due, each under a name, so that setting one again replaces it."""

from __future__ import annotations

from heapq import heappop, heappush

Name = tuple[str, int | str]
"""What a deadline is about: its kind, and the worker or pool."""


class Deadlines:
    """Named deadlines, in seconds of the caller's clock."""

    __slots__ = ("_heap", "_number", "_when")

    def __init__(self) -> None:
        """Start with none."""
        self._when: dict[Name, float] = {}
        self._heap: list[tuple[float, int, Name]] = []
        self._number = 0

    def set(self, name: Name, when: float) -> None:
        """Let a deadline fall due then, and not when it would have before."""
        if self._when.get(name) != when:
            self._when[name] = when
            # The number keeps those that are due at once in the order of their setting, and names out of the comparison.
            self._number += 1
            heappush(self._heap, (when, self._number, name))

    def clear(self, name: Name) -> None:
        """Forget a deadline, if it is set."""
        self._when.pop(name, None)

    def next(self) -> float | None:
        """Return when the next one falls due."""
        while self._heap and self._when.get(self._heap[0][2]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> list[Name]:
        """Take out the names of all that have fallen due, in order."""
        names: list[Name] = []
        while (when := self.next()) is not None and when <= now:
            name = heappop(self._heap)[2]
            del self._when[name]
            names.append(name)
        return names
