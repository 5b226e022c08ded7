"""What a worker was sent: functions, contexts and the bundle, and the arguments of a chunk."""

from __future__ import annotations

import os
import pickle
from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from picloud.model import arguments
from picloud.model.context import Context
from picloud.wire import messages, payload

_MAGIC = b"PCs1"
_COUNT = 4
_WORD = 4


class Content(NamedTuple):
    """Content-addressed bytes, in memory or in an open file."""

    data: bytes
    """The bytes; empty if they are in the file."""
    descriptor: int
    """The open segment, -1 if there is none."""

    def value(self) -> Any:
        """Return a fresh value of a pickled content: what a job changes in it, the next one does not see."""
        if self.descriptor < 0:
            return payload.load(self.data)
        if payload.is_segment(os.pread(self.descriptor, len(_MAGIC), 0)):
            return payload.load_segment(self.descriptor)
        return pickle.loads(self.text())

    def text(self) -> bytes:
        """Return content that is not a pickle, whichever way it came."""
        if self.descriptor < 0:
            return self.data
        content = os.pread(self.descriptor, os.fstat(self.descriptor).st_size, 0)
        return bytes(payload.split(memoryview(content))[0]) if payload.is_segment(content) else content


class Store:
    """Everything that was sent with `messages.Load`, for the worker's life: the node sends it once."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._contents: dict[str, Content] = {}
        self._contexts: dict[str, Context] = {}

    def keep(self, load: messages.Load, body: bytes, descriptors: Sequence[int]) -> None:
        """Keep content; its descriptor is now the store's."""
        self._contents[load.hash] = Content(body, descriptors[0] if load.segment else -1)

    def value(self, name: str) -> Any:
        """Return a fresh value of a pickled content; whatever unpickling raises is raised."""
        return self._contents[name].value()

    def text(self, name: str) -> bytes:
        """Return content that is not a pickle."""
        return self._contents[name].text()

    def context(self, name: str) -> Context:
        """Return a decoded context."""
        found = self._contexts.get(name)
        if found is None:
            found = self._contexts[name] = Context.decode(self.text(name))
        return found


class Items(NamedTuple):
    """The arguments of a chunk, cut but not yet unpickled."""

    blob: bytes
    """All items end to end."""
    offsets: array[int]
    """Where each item begins, and the end of the last."""
    load: Callable[[Any], Any]
    """What turns an item's bytes into its arguments."""


def items_of(record: bytes, segments: Sequence[str], descriptors: Sequence[int]) -> Items:
    """Return the items of an arguments record; plain pickles, which most are, cost one look for all."""
    n = arguments.count_of(record)
    behind = _COUNT + _WORD * (n + 1)
    offsets = array("I")
    offsets.frombytes(record[_COUNT:behind])
    # Bytes, since their slices are quicker to make and to read than a view's; a large item lies in a segment anyway.
    blob = record[behind:]
    if not segments and _MAGIC not in blob:
        return Items(blob, offsets, pickle.loads)
    opened = dict(zip(segments, descriptors, strict=True))

    def load(item: bytes) -> Any:
        if item[:1] == arguments.SEGMENT_MARK:
            name, pickled = arguments.segment_of(item)
            return payload.load_segment(opened[name], pickled=pickled)
        return payload.load(item)

    return Items(blob, offsets, load)
