"""A journal in front of LMDB: small commits are one append to a file of fixed size, and reach LMDB later, many at a time.

::

    file   = header (4096 bytes) | room for entries
    header = magic (8 bytes) | store id (32 bytes, hex)
    entry  = magic (4) | flags (4) | number (8) | length (4) | CRC-32 of all else (4) | content | zeros up to 64 bytes

A commit of LMDB costs two waits for the disk under `power`, and a dozen pages each time; an append to blocks that exist costs one
wait and nothing else.  Entries are numbered without gaps for the store's whole life.  LMDB notes the number of the last entry
that it holds, in the same transaction as what the entry says; then the journal begins anew at its first byte.  So what counts of
a journal is the unbroken row of entries from its beginning whose numbers follow that note.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from picloud.exceptions import StoreCorruptError, StoreForeignError, StoreFullError
from picloud.store.datafile import store_folder

SIZE = 1 << 20
"""Bytes of the file."""
LARGEST = 64 << 10
"""Bytes of content from which an entry is not worth its copy."""

_MAGIC = b"PCjrnl1\n"
_HEADER = struct.Struct("<8s32s")
_ENTRY = struct.Struct("<4sIQII")
_MARK = b"PCj\0"
_BEGIN = 4096
_ALIGN = 64
_HINT = "Restore a backup, or move that file away to go on without the commits that it alone holds."
_SYNCED = 1
"""Flag: the entry was on disk before anything was said of it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One commit."""

    number: int
    """Its number, from 1."""
    content: bytes
    """What `Journal.append` was given."""


class Journal:
    """The open journal of one store."""

    __slots__ = ("_at", "_descriptor", "_flags", "_number")

    def __init__(self, descriptor: int, *, synced: bool) -> None:
        """Own an open journal; `open_journal` is what callers want."""
        self._descriptor = descriptor
        self._flags = _SYNCED if synced else 0
        self._number = 0
        self._at = _BEGIN

    @property
    def number(self) -> int:
        """Return the number of the last entry."""
        return self._number

    def begin_anew(self, number: int) -> None:
        """Let the next entry be the first in the file: everything up to this number is in LMDB."""
        self._number = number
        self._at = _BEGIN

    def fits(self, length: int) -> bool:
        """Return whether an entry of so many bytes can be appended now."""
        return length <= LARGEST and self._at + _ENTRY.size + length <= SIZE

    def append(self, content: bytes) -> None:
        """Write an entry, which survives what the store's durability promises when this returns.

        Raises:
            OSError: if it cannot be written; nothing can be appended any more then.
        """
        number = self._number + 1
        entry = _encoded(self._flags, number, content)
        written = os.pwrite(self._descriptor, entry, self._at)
        if written != len(entry):
            raise OSError(f"only {written} of {len(entry)} bytes could be written to the journal")
        self._number = number
        self._at += len(entry)

    def entries(self, after: int) -> list[Entry]:
        """Return the entries whose numbers follow `after` without a gap.

        Raises:
            StoreCorruptError: if an entry that was on disk stands behind one that cannot be read.
        """
        data = os.pread(self._descriptor, SIZE, 0)
        found: list[Entry] = []
        at = _BEGIN
        while (entry := _decoded(data, at)) is not None and (not found or entry[0].number == found[-1].number + 1):
            found.append(entry[0])
            at += entry[2]
        following = [entry for entry in found if entry.number > after]
        if following and following[0].number != after + 1:
            # LMDB lost what this journal had forgotten already: a power cut under `process`.
            following = []
        _look_behind(data, at, max(after, found[-1].number if found else 0))
        return following

    def erase(self) -> None:
        """Forget every entry, once LMDB has all that follow it.

        Where LMDB was set back behind the journal (a power cut under `process`, an older copy put in its place), numbers are
        given out again, and what the file still holds under them must not be taken for what follows.

        Raises:
            OSError: if it cannot be written.
        """
        room = SIZE - _BEGIN
        if os.pread(self._descriptor, room, _BEGIN).count(0) != room:
            os.pwrite(self._descriptor, bytes(room), _BEGIN)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def path_of(home: Path) -> Path:
    """Return the journal's file."""
    return store_folder(home) / "journal"


def open_journal(home: Path, store_id: str, *, synced: bool) -> Journal:
    """Open the journal of a store, made where there is none; `synced` entries wait for the disk.

    Raises:
        StoreForeignError: if it is another store's, or none.
        StoreCorruptError: if it is cut short.
        StoreFullError: if it cannot be made.
    """
    path = path_of(home)
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_DSYNC if synced else 0)
    try:
        if not path.exists():
            _make(path, store_id)
        descriptor = os.open(path, flags)
    except OSError as error:
        raise StoreFullError(
            f"The journal {path} cannot be made: {error.strerror or error}",
            hint="Free disk space: `picloud gc --help`.",
        ) from error
    if os.fstat(descriptor).st_size != SIZE:
        os.close(descriptor)
        raise StoreCorruptError(f"{path} has not the {SIZE:,} bytes of a journal", hint=_HINT)
    magic, owner = _HEADER.unpack(os.pread(descriptor, _HEADER.size, 0))
    if magic != _MAGIC or owner != store_id.encode():
        os.close(descriptor)
        raise StoreForeignError(f"{path} is not this store's journal", hint=_HINT)
    return Journal(descriptor, synced=synced)


def _make(path: Path, store_id: str) -> None:
    """Write a journal without entries, whole: blocks that exist cost an append no change of the file system's own tables.

    One that was not whole when the power went had no entries yet.
    """
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, _HEADER.pack(_MAGIC, store_id.encode()) + bytes(SIZE - _HEADER.size))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _encoded(flags: int, number: int, content: bytes) -> bytes:
    total = _sum(flags, number, content)
    size = _ENTRY.size + len(content)
    return b"".join((_ENTRY.pack(_MARK, flags, number, len(content), total), content, bytes(-size % _ALIGN)))


def _sum(flags: int, number: int, content: bytes | memoryview) -> int:
    return zlib.crc32(content, zlib.crc32(struct.pack("<IQI", flags, number, len(content))))


def _decoded(data: bytes, at: int) -> tuple[Entry, int, int] | None:
    """Return the entry at a position, its flags, and the bytes that it takes; None if there is no whole one."""
    if at + _ENTRY.size > len(data):
        return None
    mark, flags, number, length, total = _ENTRY.unpack_from(data, at)
    begin = at + _ENTRY.size
    if mark != _MARK or begin + length > len(data):
        return None
    content = data[begin : begin + length]
    if total != _sum(flags, number, content):
        return None
    size = _ENTRY.size + length
    return Entry(number, content), flags, size + -size % _ALIGN


def _look_behind(data: bytes, at: int, last: int) -> None:
    """Look for entries behind the row: what is newer than its end and was on disk has lost what went before it.

    Raises:
        StoreCorruptError: if there is one.
    """
    while (at := data.find(_MARK, at)) >= 0:
        entry = _decoded(data, at) if at % _ALIGN == 0 else None
        if entry is not None and entry[0].number > last + 1 and entry[1] & _SYNCED:
            raise StoreCorruptError(
                f"store/journal is damaged between its entries {last} and {entry[0].number}", hint=_HINT
            )
        at += 1
