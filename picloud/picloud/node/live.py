"""The arrays that have unfinished items, as the node holds them in memory: one object an array, bytes for its items."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from picloud.model import arguments
from picloud.model.array import JobArray
from picloud.model.ids import JidRange
from picloud.node.pools import Pool
from picloud.store.batch import argument_segments
from picloud.store.tables import Tables


@dataclass(slots=True)
class _Part:
    start: int
    stop: int
    record: bytes | None
    segments: bool


@dataclass(slots=True)
class LiveArray:
    """One array with unfinished items."""

    array: JobArray
    """The submission."""
    pool: Pool
    """The workers that can run it."""
    states: bytearray
    """The scheduler's own table of status codes, shared, never written here."""
    parts: list[_Part] = field(default_factory=list)
    """Its arguments, in order; a part is read from the store when it is not in memory."""
    spooled: set[str] = field(default_factory=set)
    """Spools that hold output of its items, so that each is noted once."""
    deleted: list[tuple[int, int]] = field(default_factory=list)
    """Index ranges of items that were deleted while others had not ended."""
    finished: bool = False
    """Whether every item has ended, and only the commit that says so is awaited."""
    answer: bytes = b""
    """The record of ends of an array of one item, kept for whoever asks for it soon."""
    stored: bool = False
    """Whether the commit that holds its arguments is done, so that they can be read again."""

    def names_segments(self, tables: Tables) -> bool:
        """Return whether any of the arguments lies in a segment."""
        self._load(tables)
        return any(part.segments for part in self.parts)

    def add_part(self, start: int, record: bytes, *, segments: bool) -> None:
        """Take a record of arguments; `segments` says whether it names any."""
        self.parts.append(_Part(start, start + arguments.count_of(record), record, segments))

    def arguments(self, start: int, stop: int, tables: Tables) -> tuple[bytes, list[str]]:
        """Return the arguments of items, and the segments that they name, from memory or the store."""
        self._load(tables)
        only = self.parts[0]
        if only.record is not None and only.start == start and only.stop == stop and not only.segments:
            return only.record, []
        low = bisect_right(self.parts, start, key=lambda part: part.start) - 1
        records: list[bytes] = []
        segments: list[str] = []
        for part in self.parts[max(0, low) :]:
            if part.start >= stop:
                break
            if part.record is None:
                part.record = tables.arguments(self.array.first, part.start, part.stop)[0][1]
            cut = arguments.cut(part.record, max(start, part.start) - part.start, min(stop, part.stop) - part.start)
            records.append(cut)
            if part.segments:
                segments += argument_segments(cut)
            if self.stored and stop >= part.stop and part.stop - part.start < self.array.count:
                # Chunks run in order, so this part is seldom needed again; a retry reads it from the store.
                part.record = None
        return arguments.join(records), segments

    def _load(self, tables: Tables) -> None:
        if not self.parts:
            for at, record in tables.arguments(self.array.first):
                self.add_part(at, record, segments=bool(argument_segments(record)))


class LiveArrays:
    """All live arrays, found by any jid of theirs."""

    def __init__(self) -> None:
        """Start with none."""
        self._by_first: dict[int, LiveArray] = {}
        self._firsts: list[int] = []

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_first)

    def __iter__(self) -> Iterator[LiveArray]:
        """Yield them by jid."""
        return (self._by_first[first] for first in self._firsts)

    def add(self, live: LiveArray) -> None:
        """Take one more."""
        self._by_first[live.array.first] = live
        insort(self._firsts, live.array.first)

    def remove(self, first: int) -> None:
        """Forget one; the store knows it."""
        if self._by_first.pop(first, None) is not None:
            del self._firsts[bisect_right(self._firsts, first) - 1]

    def within(self, wanted: JidRange) -> Iterator[tuple[LiveArray, JidRange]]:
        """Yield the arrays that a range of jids touches, each with what it touches of it."""
        low, high = wanted
        for first in self._firsts[max(0, bisect_right(self._firsts, low) - 1) :]:
            if first >= high:
                return
            live = self._by_first[first]
            found = max(low, first), min(high, first + live.array.count)
            if found[0] < found[1]:
                yield live, found

    def get(self, first: int) -> LiveArray | None:
        """Return the array of that first jid."""
        return self._by_first.get(first)

    def of(self, jid: int) -> LiveArray | None:
        """Return the array that a jid belongs to."""
        at = bisect_right(self._firsts, jid) - 1
        if at < 0:
            return None
        live = self._by_first[self._firsts[at]]
        return live if jid < live.array.first + live.array.count else None
