"""How a value is stored: schema byte, payload, checksum; and the small records of fixed shape.

::

    value = schema (1 byte) | payload | CRC-32 over table, key, schema and payload (4 bytes, little endian)

LMDB has no checksums of its own.  The key is part of the sum, so that a value under another's key is found too.
zlib's CRC-32 runs at several GB/s and lets go of the GIL.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from picloud.exceptions import StoreCorruptError, StoreNewerError
from picloud.model.job import DONE, ERROR, KILLED, STALLED
from picloud.store import keys
from picloud.store.keys import Table

SCHEMA = 1
"""Version of all records' payloads; a reader knows every version up to its own."""

MAGIC = "picloud"
"""First field of the format record."""

_SCHEMA_BYTE = bytes((SCHEMA,))
_SUM = struct.Struct("<I")
_SEEDS = tuple(zlib.crc32(table.name.lower().encode()) for table in Table)
_crc32 = zlib.crc32
_pack_sum = _SUM.pack
OVERHEAD = 1 + _SUM.size
"""Bytes that a value has besides its payload."""


def frame(table: int, key: bytes, payload: bytes | bytearray | memoryview) -> bytes:
    """Return the stored value of a payload."""
    total = _crc32(payload, _crc32(_SCHEMA_BYTE, _crc32(key, _SEEDS[table])))
    return b"".join((_SCHEMA_BYTE, payload, _pack_sum(total)))


def unframe(table: Table, key: bytes | memoryview, value: bytes | memoryview) -> memoryview:
    """Return the payload of a stored value, as a view into it.

    Raises:
        StoreCorruptError: naming the record, if its checksum does not fit.
        StoreNewerError: naming the record, if a newer picloud wrote it.
    """
    view = memoryview(value)
    if len(view) < OVERHEAD or _SUM.unpack(view[-_SUM.size :])[0] != _crc32(
        view[: -_SUM.size], _crc32(key, _SEEDS[table])
    ):
        raise corrupt(table, key, "its checksum does not fit")
    if view[0] > SCHEMA:
        raise StoreNewerError(
            f"The record {keys.describe(table, key)} has version {view[0]}; this picloud knows {SCHEMA}",
            hint="Install the picloud that wrote this store, or a newer one.",
        )
    return view[1 : -_SUM.size]


def corrupt(table: Table, key: bytes | memoryview, reason: str) -> StoreCorruptError:
    """Return the error for a damaged record."""
    return StoreCorruptError(
        f"The record {keys.describe(table, key)} is damaged: {reason}",
        hint="Run `picloud node check`; the other records are not affected.",
    )


@dataclass(frozen=True, slots=True)
class Summary:
    """How a finished array ended, so that nobody needs to read its ends again."""

    done: int
    """Items that returned."""
    error: int
    """Items that became error."""
    killed: int
    """Items that were killed."""
    stalled: int
    """Items that never ran, because of a dependency."""
    finished: float
    """Unix time (s) of the last end."""

    @property
    def count(self) -> int:
        """Return the number of items."""
        return self.done + self.error + self.killed + self.stalled

    @staticmethod
    def of(statuses: bytes | bytearray, finished: float) -> Summary:
        """Count the stored status codes of all items of an array."""
        done, error, killed, stalled = (statuses.count(code) for code in (DONE, ERROR, KILLED, STALLED))
        return Summary(done, error, killed, stalled, finished)

    def uniform(self) -> int | None:
        """Return the one status code of all items, None if they differ."""
        for code, number in ((DONE, self.done), (ERROR, self.error), (KILLED, self.killed), (STALLED, self.stalled)):
            if number == self.count:
                return code
        return None


_SUMMARY = struct.Struct("<IIIId")


def encode_summary(summary: Summary) -> bytes:
    """Return the payload of a summary."""
    return _SUMMARY.pack(summary.done, summary.error, summary.killed, summary.stalled, summary.finished)


def decode_summary(payload: bytes | memoryview) -> Summary:
    """Rebuild a summary.

    Raises:
        ValueError: if the payload has another length.
    """
    _check_length(payload, _SUMMARY)
    return Summary(*_SUMMARY.unpack(payload))


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is known of the attempts of a range of items that have not ended."""

    start: int
    """Index of the first item."""
    stop: int
    """Index behind the last one."""
    attempt: int
    """Number of the attempt, from 1."""
    started: bool
    """Whether that attempt was handed to a worker: if not restartable, the items may never run again."""


_ATTEMPT = struct.Struct("<IH?")


def encode_attempt(stop: int, attempt: int, started: bool) -> bytes:
    """Return the payload of an attempt mark; its start is in the key."""
    return _ATTEMPT.pack(stop, attempt, started)


def decode_attempt(start: int, payload: bytes | memoryview) -> Attempt:
    """Rebuild an attempt mark.

    Raises:
        ValueError: if the payload has another length.
    """
    _check_length(payload, _ATTEMPT)
    stop, attempt, started = _ATTEMPT.unpack(payload)
    return Attempt(start, stop, attempt, started)


_RANGE = struct.Struct("<II")


def encode_ranges(ranges: Sequence[tuple[int, int]]) -> bytes:
    """Return the payload of a set of index ranges."""
    return b"".join(_RANGE.pack(start, stop) for start, stop in ranges)


def decode_ranges(payload: bytes | memoryview) -> list[tuple[int, int]]:
    """Rebuild a set of index ranges.

    Raises:
        ValueError: if the payload has another length.
    """
    if len(payload) % _RANGE.size:
        raise ValueError(f"{len(payload)} bytes cannot be ranges")
    return [(start, stop) for start, stop in _RANGE.iter_unpack(payload)]


_NUMBER = struct.Struct("<Q")


def encode_number(number: int) -> bytes:
    """Return the payload of a counter or a jid."""
    return _NUMBER.pack(number)


def decode_number(payload: bytes | memoryview) -> int:
    """Rebuild a counter or a jid.

    Raises:
        ValueError: if the payload has another length.
    """
    _check_length(payload, _NUMBER)
    return int(_NUMBER.unpack(payload)[0])


@dataclass(frozen=True, slots=True)
class Blob:
    """Content-addressed bytes: here, or in a segment."""

    content: bytes | None
    """The bytes; None if they lie in a segment."""
    segment: str | None
    """The segment's id; None if the bytes are here."""


_INLINE = b"B"
_SEGMENT = b"S"


def encode_blob(content: bytes | memoryview | None, segment: str | None) -> bytes:
    """Return the payload of a blob."""
    return _SEGMENT + segment.encode() if segment is not None else b"".join((_INLINE, content or b""))


def decode_blob(payload: bytes | memoryview) -> Blob:
    """Rebuild a blob.

    Raises:
        ValueError: if the payload has another shape.
    """
    mark, rest = bytes(payload[:1]), bytes(payload[1:])
    if mark == _INLINE:
        return Blob(rest, None)
    if mark == _SEGMENT:
        return Blob(None, rest.decode())
    raise ValueError("the blob is neither bytes nor a segment")


def _check_length(payload: bytes | memoryview, shape: struct.Struct) -> None:
    if len(payload) != shape.size:
        raise ValueError(f"it has {len(payload)} bytes instead of {shape.size}")
