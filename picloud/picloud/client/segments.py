"""Large payloads on their way to the node: files that the node takes over with the submission that names them."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from pathlib import Path

from picloud.wire import payload
from picloud.wire.frames import Buffer

_KEPT = 128
"""Descriptors kept open to write a file again; segments of a submission beyond them are lost if the node is."""

_PIECE = 1 << 20
"""Bytes that are compared at a time."""


class SegmentWriter:
    """The segment files of one submission."""

    def __init__(self, incoming: Path) -> None:
        """Write into the folder for what the node does not know yet."""
        self._incoming = incoming
        self._written: dict[str, int] = {}

    def write(self, pickled: Buffer, buffers: Sequence[Buffer]) -> str:
        """Write a payload and return the segment's id.

        Raises:
            OSError: if it cannot be written.
        """
        name = os.urandom(16).hex()
        path = self._incoming / name
        payload.write_segment(str(path), pickled, buffers)
        self._written[name] = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if len(self._written) < _KEPT else -1
        return name

    def holds(self, name: str, buffers: Sequence[Buffer]) -> bool:
        """Return whether a segment that was written has just these buffers; False if it cannot be looked into any more."""
        descriptor = self._written.get(name, -1)
        if descriptor < 0:
            return False
        _, found = payload.split(memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)))
        return len(found) == len(buffers) and all(map(_alike, found, buffers))

    def restore(self) -> None:
        """Write again what a new node has swept away; needed before a submission is sent once more."""
        for name, descriptor in self._written.items():
            path = self._incoming / name
            if descriptor >= 0 and not path.exists():
                _copy(descriptor, path)

    def close(self) -> None:
        """Leave to the node what it has taken, and remove the rest."""
        for name, descriptor in self._written.items():
            if descriptor >= 0:
                os.close(descriptor)
            (self._incoming / name).unlink(missing_ok=True)
        self._written.clear()


def _alike(one: Buffer, other: Buffer) -> bool:
    # Copies of a piece at a time: a view compares byte by byte, which takes a hundred times longer.
    if len(one) != len(other):
        return False
    pieces = range(0, len(one), _PIECE)
    return all(bytes(one[at : at + _PIECE]) == bytes(other[at : at + _PIECE]) for at in pieces)


def _copy(source: int, path: Path) -> None:
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        at, size = 0, os.fstat(source).st_size
        while at < size:
            at += os.sendfile(target, source, at, size - at)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(target)
