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

    __slots__ = ("_body", "_buffer", "_descriptors", "_header")

    def __init__(self) -> None:
        """Start before the first byte of a stream."""
        self._buffer = bytearray()
        self._header = -1
        self._body = 0
        self._descriptors = 0

    def feed(self, data: Buffer) -> list[Frame]:
        """Take the next bytes of the stream and return the frames that they complete.

        Raises:
            ProtocolError: if the bytes are not frames of this protocol, or announce more than the limits.
        """
        if self._header < 0 and not self._buffer and len(data) >= PREFIX.size:
            # What arrives is a single whole frame most of the time.
            self._read_prefix(data, 0)
            middle = PREFIX.size + self._header
            if middle + self._body == len(data):
                self._header = -1
                return [Frame(bytes(data[PREFIX.size : middle]), bytes(data[middle:]), self._descriptors)]
            self._buffer += data[PREFIX.size :]
        else:
            self._buffer += data
        frames: list[Frame] = []
        at = 0
        buffer = self._buffer
        while True:
            if self._header < 0:
                if len(buffer) - at < PREFIX.size:
                    break
                self._read_prefix(buffer, at)
                at += PREFIX.size
            end = at + self._header + self._body
            if len(buffer) < end:
                break
            middle = at + self._header
            frames.append(Frame(bytes(buffer[at:middle]), bytes(buffer[middle:end]), self._descriptors))
            at = end
            self._header = -1
        if at:
            del buffer[:at]
        return frames

    @property
    def wanted(self) -> int:
        """Return how many more bytes complete what has begun; at least a prefix."""
        if self._header < 0:
            return PREFIX.size - len(self._buffer)
        return self._header + self._body - len(self._buffer)

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
