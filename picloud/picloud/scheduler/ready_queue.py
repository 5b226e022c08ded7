"""Arrays with items that could run now, in the order in which they do.

By priority; within one, clients take turns; within a client, by submission, except that lanes (pool and cores) which cannot be
served now are passed over.  A client whose last ready item was handed out, and which comes again, stands behind the others.
Entries of arrays that have nothing ready any more are dropped when they are met.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from picloud.scheduler.state import Array, Lane


@dataclass(slots=True, eq=False)
class _Line:
    """One client's arrays of one priority: heaps of first jids, by lane."""

    client: str
    lanes: dict[Lane, list[int]] = field(default_factory=dict)
    items: int = 0


@dataclass(slots=True, eq=False)
class _Level:
    """All arrays of one priority."""

    lines: dict[str, _Line] = field(default_factory=dict)
    ring: deque[_Line] = field(default_factory=deque)
    wanted: dict[Lane, int] = field(default_factory=dict)
    """Cores that all ready items would take, by lane; lanes without any are not in it."""


class ReadyQueue:
    """The order of what is ready."""

    __slots__ = ("_arrays", "_levels", "_order")

    def __init__(self, arrays: dict[int, Array]) -> None:
        """Order some of these arrays, of which it sees every change."""
        self._arrays = arrays
        self._levels: dict[int, _Level] = {}
        self._order: list[int] = []

    def adjust(self, array: Array, items: int) -> None:
        """Take note that an array has so many more, or fewer, ready items; `array.unassigned` says so already."""
        level = self._levels.get(array.priority)
        if level is None:
            level = self._levels[array.priority] = _Level()
            insort(self._order, array.priority)
        line = level.lines.get(array.client)
        if line is None:
            line = level.lines[array.client] = _Line(array.client)
            level.ring.append(line)
        wanted = level.wanted.get(array.lane, 0) + items * array.cores
        if wanted:
            level.wanted[array.lane] = wanted
        else:
            level.wanted.pop(array.lane, None)
        line.items += items
        if not line.items:
            self._drop(array.priority, level, line)
        elif items > 0 and not array.listed:
            heappush(line.lanes.setdefault(array.lane, []), array.first)
            array.listed = True

    def pick(self, skip: Collection[Lane] = ()) -> Array | None:
        """Return the array whose turn it is, leaving out lanes."""
        for priority in self._order:
            for line in self._levels[priority].ring:
                found = self._head(line, skip)
                if found is not None:
                    return found
        return None

    def served(self, array: Array) -> None:
        """Let the array's client go to the end of its level's turns."""
        level = self._levels.get(array.priority)
        line = level.lines.get(array.client) if level is not None else None
        if level is None or line is None:
            return
        if level.ring[0] is line:
            level.ring.rotate(-1)
        else:
            level.ring.remove(line)
            level.ring.append(line)

    def best(self) -> int | None:
        """Return the priority of what comes first."""
        return self._order[0] if self._order else None

    def wanted_before(self, priority: int) -> Iterator[tuple[Lane, int]]:
        """Yield the lanes of strictly better priority, with the cores that all their ready items would take."""
        for better in self._order[: bisect_left(self._order, priority)]:
            yield from self._levels[better].wanted.items()

    def _head(self, line: _Line, skip: Collection[Lane]) -> Array | None:
        best: Array | None = None
        empty: list[Lane] = []
        for lane, heap in line.lanes.items():
            array = self._arrays.get(heap[0])
            while array is None or not array.unassigned:
                heappop(heap)
                if array is not None:
                    array.listed = False
                if not heap:
                    empty.append(lane)
                    break
                array = self._arrays.get(heap[0])
            else:
                if lane not in skip and (best is None or array.first < best.first):
                    best = array
        for lane in empty:
            del line.lanes[lane]
        return best

    def _drop(self, priority: int, level: _Level, line: _Line) -> None:
        """Forget a client that has nothing ready, with the outdated entries that it still holds."""
        for heap in line.lanes.values():
            for first in heap:
                array = self._arrays.get(first)
                if array is not None:
                    array.listed = False
        level.ring.remove(line)
        del level.lines[line.client]
        if not level.lines:
            del self._levels[priority]
            del self._order[bisect_left(self._order, priority)]
