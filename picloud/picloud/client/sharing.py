"""Items of one map that hold the same large object: its buffers are written once, whatever the number of items.

Two items are alike if all their arguments but atoms are the very same objects.  Between batches, in which a map is read, these
may have been changed by whatever yields them, so that what was written is compared with them once a batch.
"""

from __future__ import annotations

from typing import Any

from picloud.client.segments import SegmentWriter

_ATOMS = frozenset({int, float, bool, type(None), str, bytes, complex})
_MOST_KEPT = 8
"""Segments that are remembered from one batch to the next, with the objects that are in them."""


class _Written:
    __slots__ = ("name", "objects", "uses")

    def __init__(self, name: str, objects: list[Any]) -> None:
        self.name = name
        self.objects = objects
        self.uses = 1


class Sharing:
    """The segments of a map that further items may name."""

    __slots__ = ("_doubtful", "_sure")

    def __init__(self) -> None:
        """Know of none."""
        self._sure: dict[tuple[int, ...], _Written] = {}
        self._doubtful: dict[tuple[int, ...], _Written] = {}

    def next_batch(self) -> None:
        """Trust nothing that was written before, and forget what no two items had in common."""
        if self._sure:
            shared = {key: written for key, written in self._sure.items() if written.uses > 1}
            self._doubtful = dict(list((self._doubtful | shared).items())[-_MOST_KEPT:])
            self._sure = {}

    def segment(self, row: tuple[Any, ...], buffers: list[memoryview], writer: SegmentWriter) -> str:
        """Return the id of a segment that has the large buffers of an item, written now if there is none.

        Raises:
            OSError: if it cannot be written.
        """
        # The objects are kept with their ids, so that no other object can have one of these.
        objects = [argument for argument in row if type(argument) not in _ATOMS]
        key = tuple(map(id, objects))
        written = self._sure.get(key)
        if written is None:
            written = self._doubtful.pop(key, None)
            if written is None or not writer.holds(written.name, buffers):
                written = _Written(writer.write(b"", buffers), objects)
            self._sure[key] = written
            return written.name
        written.uses += 1
        return written.name
