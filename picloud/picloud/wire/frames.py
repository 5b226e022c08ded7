"""Frames: a fixed prefix, a small JSON header, raw bytes behind it.

::

    prefix (20 bytes) | header (JSON, header_length) | body (raw, body_length)

The prefix says how many descriptors came with the frame, so that a reader knows which of those it holds belong to it.
This module knows neither sockets nor what a header means; `Decoder` takes bytes as they come and gives whole frames.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from picloud.exceptions import ProtocolError

PROTOCOL = 1
"""Version of frames and messages; both sides must speak the same."""

MAX_HEADER = 4 << 20
"""Largest header that is read, in bytes."""

MAX_BODY = 1 << 30
"""Largest body that is read, in bytes; larger payloads travel as segments."""

MAX_DESCRIPTORS = 250
"""Most descriptors that one frame carries: below the kernel's limit for one message."""

_PIECE = 4096
PREFIX = struct.Struct("<2sBBIQI")
_MAGIC = b"pc"

Buffer = bytes | bytearray | memoryview


class Frame(NamedTuple):
    """One whole frame."""

    header: bytes
    """JSON text."""
    body: bytes
    """Raw bytes; empty if there are none."""
    descriptors: int
    """How many descriptors came with it."""


def prefix(header: bytes, body_length: int, descriptors: int = 0) -> bytes:
    """Return the prefix and header that precede a body of `body_length` bytes."""
    return PREFIX.pack(_MAGIC, PROTOCOL, descriptors, len(header), body_length, 0) + header


def encode(header: bytes, body: Sequence[Buffer] = (), descriptors: int = 0) -> bytes:
    """Return a frame as one piece of bytes."""
    if not body:
        return prefix(header, 0, descriptors)
    return b"".join((prefix(header, sum(len(part) for part in body), descriptors), *body))


class Decoder:
    """Cuts a stream of bytes into frames."""

    __slots__ = ("_body", "_descriptors", "_head", "_header", "_parts", "_size")

    def __init__(self) -> None:
        """Start before the first byte of a stream."""
        self._parts: list[Buffer] = []
        self._size = 0
        self._header = -1
        self._head: bytes | None = None
        self._body = 0
        self._descriptors = 0

    def feed(self, data: Buffer) -> list[Frame]:
        """Take the next bytes of the stream and return the frames that they complete.

        Raises:
            ProtocolError: if the bytes are not frames of this protocol, or announce more than the limits.
        """
        if self._header < 0 and not self._size and len(data) >= PREFIX.size:
            # What arrives is a single whole frame most of the time.
            self._read_prefix(data, 0)
            middle = PREFIX.size + self._header
            if middle + self._body == len(data):
                self._header = -1
                return [Frame(bytes(data[PREFIX.size : middle]), bytes(data[middle:]), self._descriptors)]
            data = data[PREFIX.size :]
        last = self._parts[-1] if self._parts else None
        if isinstance(last, bytearray) and len(last) < _PIECE:
            last += data
        else:
            # Small pieces share room: each by itself would take forty times its own.
            self._parts.append(bytearray(data) if len(data) < _PIECE else data)
        self._size += len(data)
        unit = PREFIX.size if self._header < 0 else self._header if self._head is None else self._body
        if self._size < unit:
            return []
        return self._cut(self._parts[0] if len(self._parts) == 1 else b"".join(self._parts))

    def _cut(self, buffer: Buffer) -> list[Frame]:
        """Return the frames that are complete in what has come; keep the rest."""
        frames: list[Frame] = []
        view, at = memoryview(buffer), 0
        while True:
            if self._header < 0:
                if len(view) - at < PREFIX.size:
                    break
                self._read_prefix(view, at)
                at += PREFIX.size
            if self._head is None:
                if len(view) - at < self._header:
                    break
                self._head = bytes(view[at : at + self._header])
                at += self._header
            if len(view) - at < self._body:
                break
            # A large body has been put together from its parts by itself, and is not copied again.
            whole = not at and self._body == len(view)
            frames.append(Frame(self._head, bytes(buffer if whole else view[at : at + self._body]), self._descriptors))
            at += self._body
            self._header, self._head = -1, None
        self._parts = [bytes(view[at:])] if at < len(view) else []
        self._size = len(view) - at
        return frames

    @property
    def wanted(self) -> int:
        """Return how many more bytes complete what has begun; at least a prefix."""
        if self._header < 0:
            return PREFIX.size - self._size
        if self._head is None:
            return self._header + self._body - self._size
        return self._body - self._size

    def _read_prefix(self, data: Buffer, at: int) -> None:
        magic, version, descriptors, header, body, _ = PREFIX.unpack_from(data, at)
        if magic != _MAGIC:
            raise ProtocolError("The peer does not speak picloud's protocol")
        if version != PROTOCOL:
            raise ProtocolError(
                f"The peer speaks protocol {version}, this side speaks {PROTOCOL}", hint="restart the node"
            )
        if header > MAX_HEADER or body > MAX_BODY or descriptors > MAX_DESCRIPTORS:
            raise ProtocolError(f"A frame of {header} + {body} bytes and {descriptors} descriptors is over the limits")
        self._header, self._body, self._descriptors = header, body, descriptors
