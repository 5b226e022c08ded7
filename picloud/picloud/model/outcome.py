"""How items ended: rows of fixed size and a heap, as workers write them, the store keeps them and clients read them.

::

    record = header | n rows of 24 bytes | heap
    heap[row.offset - heap_base :] = meta (JSON, meta_length bytes) | payload (result_length bytes)

The rows are written by the worker into its arena; the node copies slices of bytes and never touches single items.
A strided slice over the rows gives the statuses of all items at the speed of C.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from picloud.model.job import DONE

ROW = struct.Struct("<BBHIIIff")
"""Status, flags, reserved, heap offset, meta length, result length, start after the chunk's start (s), runtime (s)."""

_HEADER = struct.Struct("<4sHHIIIdQ")
_LONE = struct.Struct(_HEADER.format + ROW.format[1:])
"""A header and a single row: without padding, as both of them."""
_MAGIC = b"PCe1"


class RowFlag(IntEnum):
    """What is special about one row; bits of a plain number, whose operations are much faster than those of `IntFlag`."""

    RESULT_SEGMENT = 1
    """The payload is the ascii id of a segment file that holds the result."""
    EXCEPTION_PICKLED = 2
    """The payload is the pickled exception of an item that raised."""
    SPOOLED = 4
    """Output of the item lies in its worker's spool files, where the meta says."""


class RecordFlag(IntEnum):
    """What is special about a whole record; bits, as of `RowFlag`."""

    UNIFORM = 1
    """One row stands for all items: they ended alike, without a worker."""


@dataclass(frozen=True, slots=True)
class Row:
    """One item's end, decoded."""

    status: int
    """Stored status code."""
    flags: int
    """`RowFlag` bits."""
    offset: int
    """Where its meta begins in the worker's heap."""
    meta_length: int
    """Bytes of JSON."""
    result_length: int
    """Bytes of payload behind the meta."""
    started: float
    """Seconds between the record's `started` and the item's start."""
    runtime: float
    """Seconds from start to end."""


@dataclass(frozen=True, slots=True)
class Ends:
    """A decoded record header with the two byte regions behind it."""

    count: int
    """Items."""
    flags: int
    """`RecordFlag` bits."""
    attempt: int
    """Which attempt of the items this was, from 1."""
    worker: int
    """Id of the worker within its node's life; 0 where none took part."""
    started: float
    """Unix time (s) at which the chunk started, or the items ended where no worker took part."""
    heap_base: int
    """What to take off a row's offset to find its place in `heap`."""
    rows: memoryview
    """`count` rows, or one if the record is uniform."""
    heap: memoryview
    """Metas and payloads."""

    def row(self, index: int) -> Row:
        """Return the row of the item at `index` within this record."""
        at = 0 if self.flags & RecordFlag.UNIFORM else index * ROW.size
        status, flags, _, offset, meta_length, result_length, started, runtime = ROW.unpack_from(self.rows, at)
        return Row(status, flags, offset, meta_length, result_length, started, runtime)

    def meta(self, row: Row) -> dict[str, Any]:
        """Return the JSON facts of one row; empty if it has none."""
        if not row.meta_length:
            return {}
        at = row.offset - self.heap_base
        facts: dict[str, Any] = json.loads(bytes(self.heap[at : at + row.meta_length]))
        return facts

    def payload(self, row: Row) -> memoryview:
        """Return the payload of one row: a pickle or a segment's id."""
        at = row.offset - self.heap_base + row.meta_length
        return self.heap[at : at + row.result_length]

    def statuses(self) -> bytes:
        """Return the status codes of all items, one byte each."""
        codes = bytes(self.rows[:: ROW.size])
        return codes * self.count if self.flags & RecordFlag.UNIFORM else codes


def encode(
    rows: bytes | memoryview,
    heap: bytes | memoryview,
    *,
    attempt: int,
    worker: int,
    started: float,
    heap_base: int = 0,
    uniform: int = 0,
) -> bytes:
    """Return a record; `uniform` is the number of items that the single row stands for, 0 if there is a row for each."""
    n = uniform or len(rows) // ROW.size
    flags = int(RecordFlag.UNIFORM) if uniform else 0
    return b"".join((_HEADER.pack(_MAGIC, flags, attempt, n, worker, len(rows), started, heap_base), rows, heap))


def encode_uniform(
    count: int, status: int, *, meta: dict[str, Any], attempt: int, now: float, payload: bytes = b"", flags: int = 0
) -> bytes:
    """Return the record of `count` items that ended alike without a worker: killed while queued, stalled, lost."""
    text = json.dumps(meta).encode() if meta else b""
    row = ROW.pack(status, flags, 0, 0, len(text), len(payload), 0.0, 0.0)
    return encode(row, text + payload, attempt=attempt, worker=0, started=now, uniform=count)


def decode(record: bytes | memoryview) -> Ends:
    """Return the record's header and its regions.

    Raises:
        ValueError: if it is not such a record, or is cut short.
    """
    view = memoryview(record)
    if len(view) < _HEADER.size:
        raise ValueError("a record of ends is shorter than its header")
    magic, flags, attempt, n, worker, rows, started, heap_base = _HEADER.unpack_from(view)
    expected = ROW.size if flags & RecordFlag.UNIFORM else ROW.size * n
    if magic != _MAGIC or rows != expected or len(view) < _HEADER.size + rows:
        raise ValueError("not a record of ends")
    body = view[_HEADER.size :]
    return Ends(n, flags, attempt, worker, started, heap_base, body[:rows], body[rows:])


def lone_result(record: bytes) -> bytes | None:
    """Return the payload in the record of one item that is done, with nothing special about it; None for any other record."""
    if len(record) < _LONE.size:
        return None
    magic, flags, _, n, _, _, _, base, status, row_flags, _, offset, meta_length, length, _, _ = _LONE.unpack_from(
        record
    )
    if magic != _MAGIC or flags or n != 1 or status != DONE or row_flags:
        return None
    at = _LONE.size + offset - base + meta_length
    return record[at : at + length]


def cut(record: bytes | memoryview, start: int, stop: int) -> bytes:
    """Return a record of the items `start` to `stop` (indexes within the record), with their share of the heap alone."""
    ends = decode(record)
    if start == 0 and stop == ends.count:
        return bytes(record)
    keep = {"attempt": ends.attempt, "worker": ends.worker}
    if ends.flags & RecordFlag.UNIFORM:
        return encode(
            ends.rows, ends.heap, started=ends.started, heap_base=ends.heap_base, uniform=stop - start, **keep
        )
    rows = ends.rows[start * ROW.size : stop * ROW.size]
    first, last = ends.row(start), ends.row(stop - 1)
    low = first.offset
    high = last.offset + last.meta_length + last.result_length
    heap = ends.heap[low - ends.heap_base : high - ends.heap_base]
    return encode(rows, heap, started=ends.started, heap_base=low, **keep)
