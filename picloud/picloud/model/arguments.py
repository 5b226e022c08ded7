"""The arguments of many items as one value: offsets, then the pickles end to end.

The same bytes are written by the client, stored by the node and read by the worker; the node never looks inside an item.
"""

from __future__ import annotations

import itertools
import struct
from array import array
from collections.abc import Sequence

SEGMENT_MARK = b"S"
"""First byte of an item that lies in a segment file, whose id follows; a pickle always begins with 0x80.

Behind the id may stand the item's pickle: then only its buffers lie in the segment, and other items may name the same one.
"""

_PICKLE = b"\x80"
_COUNT = struct.Struct("<I")
_PAIR = struct.Struct("<II")
_ONE = struct.Struct("<III")
_WORD = 4


def encode(offsets: array[int], blob: bytes | bytearray | memoryview) -> bytes:
    """Return a record for the items that `offsets` (one more than there are items, from 0) cuts out of `blob`."""
    return b"".join((_COUNT.pack(len(offsets) - 1), offsets.tobytes(), blob))


def encode_one(item: bytes) -> bytes:
    """Return a record for a single item."""
    return _ONE.pack(1, 0, len(item)) + item


def encode_items(items: Sequence[bytes]) -> bytes:
    """Return a record for items given one by one."""
    return encode(array("I", itertools.accumulate(map(len, items), initial=0)), b"".join(items))


def count_of(record: bytes | memoryview) -> int:
    """Return how many items a record holds."""
    return int(_COUNT.unpack_from(record)[0])


def in_segment(segment: str, pickled: bytes = b"") -> bytes:
    """Return an item that lies in a segment, all of it or its buffers alone."""
    return SEGMENT_MARK + segment.encode("ascii") + pickled


def segment_of(item: bytes | memoryview) -> tuple[str, bytes]:
    """Return the id of the segment that an item names, and its pickle, empty if that lies in the segment too."""
    name, mark, rest = bytes(item[1:]).partition(_PICKLE)
    return name.decode("ascii"), mark + rest


def check(record: bytes | memoryview) -> int:
    """Return the number of items after looking whether the record is whole.

    Raises:
        ValueError: if lengths or offsets do not fit.
    """
    if len(record) < _COUNT.size:
        raise ValueError("an arguments record is shorter than its count")
    n = count_of(record)
    head = _COUNT.size + _WORD * (n + 1)
    if len(record) < head:
        raise ValueError("an arguments record is shorter than its offsets")
    if n == 1 and _PAIR.unpack_from(record, _COUNT.size) == (0, len(record) - head):
        return 1
    offsets = _offsets(record, n)
    if offsets[0] != 0 or offsets[-1] != len(record) - head:
        raise ValueError("the offsets of an arguments record do not fit its length")
    if any(a > b for a, b in itertools.pairwise(offsets)):
        raise ValueError("the offsets of an arguments record are not in order")
    return n


def _offsets(record: bytes | memoryview, n: int) -> array[int]:
    offsets = array("I")
    offsets.frombytes(bytes(record[_COUNT.size : _COUNT.size + _WORD * (n + 1)]))
    return offsets


def slices(record: bytes | memoryview) -> list[memoryview]:
    """Return every item as a view into the record."""
    n = count_of(record)
    offsets = _offsets(record, n)
    blob = memoryview(record)[_COUNT.size + _WORD * (n + 1) :]
    return [blob[a:b] for a, b in itertools.pairwise(offsets)]


def cut(record: bytes | memoryview, start: int, stop: int) -> bytes:
    """Return a record of the items `start` to `stop` (indexes within this record) alone."""
    n = count_of(record)
    if start == 0 and stop == n:
        return bytes(record)
    view = memoryview(record)
    table = view[_COUNT.size + _WORD * start : _COUNT.size + _WORD * (stop + 1)]
    (low,), (high,) = _COUNT.unpack_from(table), _COUNT.unpack_from(table, _WORD * (stop - start))
    base = _COUNT.size + _WORD * (n + 1)
    return b"".join((_COUNT.pack(stop - start), _moved(table, -low), view[base + low : base + high]))


def join(records: Sequence[bytes | memoryview]) -> bytes:
    """Return one record of all items of several records."""
    if len(records) == 1:
        return bytes(records[0])
    count, size = 0, 0
    tables: list[bytes] = [bytes(_WORD)]
    blobs: list[memoryview] = []
    for record in records:
        n = count_of(record)
        view = memoryview(record)
        blob = view[_COUNT.size + _WORD * (n + 1) :]
        tables.append(_moved(view[_COUNT.size + _WORD : _COUNT.size + _WORD * (n + 1)], size))
        blobs.append(blob)
        count += n
        size += len(blob)
    return b"".join((_COUNT.pack(count), *tables, *blobs))


def _moved(table: memoryview, by: int) -> bytes:
    """Return offsets with a number added to each, none of which leaves its range.

    They are one large integer for this, and the number stands in each of its words: nothing is carried from word to word, and
    tens of thousands of offsets take a tenth of a millisecond instead of three.
    """
    if not by:
        return bytes(table)
    everywhere = int.from_bytes((1).to_bytes(_WORD, "little") * (len(table) // _WORD), "little") * by
    return (int.from_bytes(table, "little") + everywhere).to_bytes(len(table), "little")
