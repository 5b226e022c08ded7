"""A batch as the content of a journal's entry.

::

    content = puts | removals | closed arrays, each with its count (u32) before it
    put     = table (u8) | key length (u16) | value length (u32) | key | value
    removal = table (u8) | key length (u16) | key
    closed  = first jid (u64)

Edits are not among them: they look at the store before they write, and what they would see is not in LMDB yet.
"""

from __future__ import annotations

import struct

from picloud.store.batch import Batch
from picloud.store.keys import MAX_KEY, Table

_COUNT = struct.Struct("<I")
_PUT = struct.Struct("<BHI")
_REMOVAL = struct.Struct("<BH")
_JID = struct.Struct("<Q")


def pack(batch: Batch, most: int) -> bytes | None:
    """Return a batch as bytes; None if it has edits, would take more than `most` bytes, or has a key that LMDB refuses."""
    if batch.edits:
        return None
    parts: list[bytes] = [b""]
    count = size = 0
    for table, rows in enumerate(batch.puts):
        if not rows:
            continue
        count += len(rows)
        for key, value in rows.items():
            if not 0 < len(key) <= MAX_KEY:
                return None
            size += len(value)
            parts += (_PUT.pack(table, len(key), len(value)), key, value)
        if size > most:
            return None
    parts[0] = _COUNT.pack(count)
    removals = [(table, key) for table, found in enumerate(batch.removals) if found for key in found]
    parts.append(_COUNT.pack(len(removals)))
    for table, key in removals:
        parts += (_REMOVAL.pack(table, len(key)), key)
    parts.append(_COUNT.pack(len(batch.closed)))
    parts += map(_JID.pack, batch.closed)
    content = b"".join(parts)
    return content if len(content) <= most else None


def unpack(content: bytes) -> Batch:
    """Return the batch that was packed, so far as it changes the store.

    Raises:
        ValueError: if it is no such content.
    """
    batch = Batch()
    try:
        at = _unpack_puts(content, batch)
        at = _unpack_removals(content, at, batch)
        (count,) = _COUNT.unpack_from(content, at)
        at += _COUNT.size
        batch.closed += [_JID.unpack_from(content, at + _JID.size * index)[0] for index in range(count)]
        at += _JID.size * count
    except (struct.error, IndexError) as error:
        raise ValueError("the content of a journal's entry is cut short") from error
    if at != len(content):
        raise ValueError("the content of a journal's entry does not end where it should")
    return batch


def _unpack_puts(content: bytes, batch: Batch) -> int:
    (count,) = _COUNT.unpack_from(content)
    at = _COUNT.size
    for _ in range(count):
        table, key_length, value_length = _PUT.unpack_from(content, at)
        begin = at + _PUT.size
        middle = begin + key_length
        at = middle + value_length
        rows = batch.puts[Table(table)]
        if rows is None:
            rows = batch.puts[table] = {}
        rows[content[begin:middle]] = content[middle:at]
    return at


def _unpack_removals(content: bytes, at: int, batch: Batch) -> int:
    (count,) = _COUNT.unpack_from(content, at)
    at += _COUNT.size
    for _ in range(count):
        table, key_length = _REMOVAL.unpack_from(content, at)
        begin = at + _REMOVAL.size
        at = begin + key_length
        found = batch.removals[Table(table)]
        if found is None:
            found = batch.removals[table] = set()
        found.add(content[begin:at])
    return at
