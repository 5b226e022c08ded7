"""Who waits for which items of an array, found at a cost that does not grow with the items or with those who wait.

A watch stands for all arrays that wait for the same items.  It is posted at the last unfinished one of them; only when that one
ends is it looked at, and posted further in front if others are left.  So no item is looked at twice for a watch, and the last
is also the best guess at which of them ends last, since items mostly run in order.  Bad ends are noticed at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from picloud.model.job import ERROR, KILLED, PROCESSING, QUEUED, STALLED, WAITING


def last_unfinished(statuses: bytearray, start: int, stop: int) -> int | None:
    """Return the last item of a range that has not ended."""
    found = start - 1
    # Searching for single bytes takes microseconds a million items, a hundredth of what a pattern takes.
    for code in (QUEUED, WAITING, PROCESSING):
        found = max(found, statuses.rfind(code, found + 1, stop))
    return found if found >= start else None


def ended_badly(statuses: bytearray, start: int, stop: int) -> int | None:
    """Return the first item of a range that ended other than as done."""
    found: int | None = None
    for code in (ERROR, KILLED, STALLED):
        at = statuses.find(code, start, stop)
        if at >= 0:
            found = stop = at
    return found


@dataclass(slots=True, eq=False)
class _Watch:
    start: int
    stop: int
    dependents: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a dependent waits for has ended."""

    dependent: int
    """The array that waits, by its first jid."""
    failed: int | None
    """Index of an item that ended badly, told at most once a watch; None: all that was watched has ended."""


class Watches:
    """The watches of one array."""

    __slots__ = ("_posted", "_posts", "_unfailed", "_watches")

    def __init__(self, count: int) -> None:
        """Watch none of an array's `count` items."""
        self._watches: dict[tuple[int, int], _Watch] = {}
        self._posts = bytearray(count)
        self._posted: dict[int, list[_Watch]] = {}
        self._unfailed: dict[tuple[int, int], _Watch] = {}

    def __len__(self) -> int:
        """Return how many ranges are watched."""
        return len(self._watches)

    def add(self, start: int, stop: int, dependent: int, statuses: bytearray) -> bool:
        """Let an array wait for a range of items; return whether there is anything to wait for."""
        watch = self._watches.get((start, stop))
        if watch is None:
            at = last_unfinished(statuses, start, stop)
            if at is None:
                return False
            watch = self._watches[start, stop] = _Watch(start, stop)
            if stop - start > 1:
                self._unfailed[start, stop] = watch
            self._post(watch, at)
        watch.dependents.append(dependent)
        return True

    def ended(self, start: int, stop: int, statuses: bytearray) -> list[Notice]:
        """Return what the ends of a range of items mean for those who wait."""
        notices: list[Notice] = []
        bad = ended_badly(statuses, start, stop)
        if bad is not None and self._unfailed:
            self._fail(bad, stop, statuses, notices)
        at = self._posts.find(1, start, stop)
        while at != -1:
            self._posts[at] = 0
            for watch in self._posted.pop(at):
                self._look(watch, at, statuses, notices)
            at = self._posts.find(1, at + 1, stop)
        return notices

    def _fail(self, start: int, stop: int, statuses: bytearray, notices: list[Notice]) -> None:
        for key, watch in list(self._unfailed.items()):
            low, high = max(start, watch.start), min(stop, watch.stop)
            item = ended_badly(statuses, low, high) if low < high else None
            if item is not None:
                del self._unfailed[key]
                notices += [Notice(dependent, item) for dependent in watch.dependents]

    def _look(self, watch: _Watch, ended: int, statuses: bytearray, notices: list[Notice]) -> None:
        item = last_unfinished(statuses, watch.start, ended)
        if item is not None:
            self._post(watch, item)
            return
        key = (watch.start, watch.stop)
        del self._watches[key]
        self._unfailed.pop(key, None)
        if watch.stop - watch.start == 1 and statuses[ended] > 3:
            notices += [Notice(dependent, ended) for dependent in watch.dependents]
        notices += [Notice(dependent, None) for dependent in watch.dependents]

    def _post(self, watch: _Watch, item: int) -> None:
        self._posts[item] = 1
        self._posted.setdefault(item, []).append(watch)
