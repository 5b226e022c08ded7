"""Large arrays that several items of a map have as an argument: written once, whatever the number of items.

An array is known again by being the very same object.  Between the batches in which a map is read, it may have been changed by
whatever yields it: what was written is compared with it once a batch.
"""

from __future__ import annotations

import weakref
from typing import Any

from picloud.client.segments import SegmentWriter

_MOST_KEPT = 16
"""Segments that are remembered from one batch to the next."""


class _Written:
    """A segment, and the objects whose buffers it has; they are not kept alive for its sake."""

    __slots__ = ("_owners", "name", "shared", "size")

    def __init__(self, name: str, owners: list[Any], size: int) -> None:
        self.name = name
        self.size = size
        self.shared = False
        self._owners = list(map(weakref.ref, owners))

    def is_of(self, owners: list[Any]) -> bool:
        """Return whether it was written for these very objects, not for others that had their ids once."""
        return all(get() is owner for get, owner in zip(self._owners, owners, strict=True))


class Sharing:
    """The segments of a map that further items may name."""

    __slots__ = ("_alone", "_doubtful", "_sure")

    def __init__(self) -> None:
        """Know of none."""
        self._sure: dict[tuple[int, ...], _Written] = {}
        self._doubtful: dict[tuple[int, ...], _Written] = {}
        self._alone = 0

    def next_batch(self) -> None:
        """Trust nothing that was written before."""
        if self._sure:
            self._doubtful = dict(list((self._doubtful | self._sure).items())[-_MOST_KEPT:])
            self._sure = {}

    def alone(self) -> int:
        """Return the bytes that were written, since this was asked, for a single item each."""
        alone, self._alone = self._alone, 0
        return alone

    def segment(self, row: tuple[Any, ...], buffers: list[memoryview], writer: SegmentWriter) -> str:
        """Return the id of a segment that has the large buffers of an item, written now if there is none.

        Raises:
            OSError: if it cannot be written.
        """
        owners = [buffer.obj for buffer in buffers]
        key = tuple(map(id, owners))
        written = self._sure.get(key)
        if written is None:
            written = self._doubtful.pop(key, None)
            if written is not None and written.is_of(owners) and writer.holds(written.name, buffers):
                written.shared = True
                self._sure[key] = written
                return written.name
        elif written.is_of(owners):
            if not written.shared:
                written.shared = True
                self._alone -= written.size
            return written.name
        name, size = writer.write(b"", buffers), sum(map(len, buffers))
        self._alone += size
        # What an object makes up while it is pickled may be made up differently the next time.
        arguments = set(map(id, row))
        if all(id(owner) in arguments and type(owner).__weakrefoffset__ for owner in owners):
            self._sure[key] = _Written(name, owners, size)
        return name
