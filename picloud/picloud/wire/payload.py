"""Payloads: pickles, alone or with out-of-band buffers in the layout of a segment file.

::

    plain     a pickle; its first byte is 0x80
    segment   "PCs1" | u32 buffers | u64 pickle length | u64 length of each buffer | pickle | buffers, each 64-byte aligned

A segment file is written once and never changed; a reader maps it privately (copy-on-write), so that a large array arrives
without a copy, may be written to, and changes nothing for others.
"""

from __future__ import annotations

import mmap
import os
import pickle
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

SEGMENT_THRESHOLD = 256 << 10
"""Bytes from which a payload becomes a segment file."""

BUFFER_THRESHOLD = 16 << 10
"""Bytes from which a buffer stays out of the pickle."""

_RESERVED = 1 << 20
_MAGIC = b"PCs1"
_HEAD = struct.Struct("<4sIQ")
_LENGTH = struct.Struct("<Q")
_ALIGN = 64

Buffer = bytes | bytearray | memoryview
Loads = Callable[..., Any]


def aligned(position: int) -> int:
    """Return the next 64-byte border at or behind a position."""
    return -(-position // _ALIGN) * _ALIGN


def size(pickled: Buffer, buffers: Sequence[Buffer]) -> int:
    """Return the bytes that pickle and buffers take in the segment layout."""
    at = _HEAD.size + _LENGTH.size * len(buffers) + len(pickled)
    for buffer in buffers:
        at = aligned(at) + len(buffer)
    return at


def parts(pickled: Buffer, buffers: Sequence[Buffer]) -> list[Buffer]:
    """Return the pieces of a segment in order, padding included."""
    lengths = b"".join(_LENGTH.pack(len(buffer)) for buffer in buffers)
    pieces: list[Buffer] = [_HEAD.pack(_MAGIC, len(buffers), len(pickled)), lengths, pickled]
    at = _HEAD.size + len(lengths) + len(pickled)
    for buffer in buffers:
        pieces += [bytes(aligned(at) - at), buffer]
        at = aligned(at) + len(buffer)
    return pieces


def write_segment(path: str, pickled: Buffer, buffers: Sequence[Buffer]) -> None:
    """Write a new segment file of mode 0600, by write(2) alone: a mapping would die by SIGBUS on a full disk.

    Raises:
        OSError: if it cannot be written; the partial file is removed.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        total = size(pickled, buffers)
        if total >= _RESERVED:
            # A third faster than to have the file system find room for each piece, and a full disk shows before it is full.
            os.posix_fallocate(descriptor, 0, total)
        for part in parts(pickled, buffers):
            view = memoryview(part)
            while view:
                view = view[os.write(descriptor, view) :]
    except BaseException:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)


def is_segment(content: Buffer) -> bool:
    """Return whether bytes are in the segment layout."""
    return bytes(content[:4]) == _MAGIC


def split(content: memoryview) -> tuple[memoryview, list[memoryview]]:
    """Return the pickle and the buffers of bytes in the segment layout.

    Raises:
        ValueError: if the lengths do not fit.
    """
    if len(content) < _HEAD.size:
        raise ValueError("a segment is cut short")
    magic, count, length = _HEAD.unpack_from(content)
    if magic != _MAGIC:
        raise ValueError("not a segment")
    if len(content) < _HEAD.size + _LENGTH.size * count:
        raise ValueError("a segment is cut short")
    lengths = [_LENGTH.unpack_from(content, _HEAD.size + _LENGTH.size * i)[0] for i in range(count)]
    at = _HEAD.size + _LENGTH.size * count
    pickled = content[at : at + length]
    at += length
    buffers: list[memoryview] = []
    for item in lengths:
        at = aligned(at)
        buffers.append(content[at : at + item])
        at += item
    if at > len(content):
        raise ValueError("a segment is cut short")
    return pickled, buffers


def load(content: Buffer, loads: Loads = pickle.loads) -> Any:
    """Return the value of a plain pickle or of bytes in the segment layout."""
    if not is_segment(content):
        return loads(content)
    pickled, buffers = split(memoryview(bytearray(content)))
    return loads(pickled, buffers=buffers)


@contextmanager
def mapped(descriptor: int) -> Iterator[memoryview]:
    """Give the content of an open segment file for the time of a `with`."""
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as area, memoryview(area) as view:
        yield view


def load_segment(descriptor: int, loads: Loads = pickle.loads, *, pickled: Buffer = b"") -> Any:
    """Return the value in an open segment file, mapped copy-on-write; the descriptor stays the caller's.

    With `pickled`, return that pickle's value, for which the file has the buffers.

    Raises:
        ValueError: if the file is not a segment.
    """
    mapped = mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY)
    own, buffers = split(memoryview(mapped))
    return loads(pickled or own, buffers=buffers)
