"""What one commit will do, prepared in memory: records to put, keys to remove, edits that need to look first.

The node's loop fills a batch (encoding and checksums happen here); the writer turns it into one transaction.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from picloud.model import arguments, outcome
from picloud.model.array import JobArray
from picloud.store import codec, keys, records
from picloud.store.keys import FileKind, Table
from picloud.store.records import Summary

_SEGMENT_BYTE = arguments.SEGMENT_MARK[0]
_ANY_SEGMENT_FLAG = re.compile(
    b"[" + b"".join(re.escape(bytes((value,))) for value in range(256) if value & outcome.RowFlag.RESULT_SEGMENT) + b"]"
)
_ROW_FLAGS = 1
_FIRST_ITEM = 12
"""Where the item of an arguments record of one item begins."""
_BEHIND_MARK = _FIRST_ITEM + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkAttempt:
    """Edit: note the attempt of a range of items, in place of what was noted of them."""

    first: int
    """First jid of the array."""
    start: int
    """Index of the first item."""
    stop: int
    """Index behind the last one."""
    attempt: int
    """Number of the attempt, from 1."""
    started: bool
    """Whether it was handed to a worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteItems:
    """Edit: delete items that have ended; the array goes with its last one."""

    first: int
    """First jid of the array."""
    start: int
    """Index of the first item."""
    stop: int
    """Index behind the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetArray:
    """Edit: delete a whole array and all that is stored of it."""

    first: int
    """First jid of the array."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DropBlobs:
    """Edit: delete blobs that nothing used when they were looked for."""

    hashes: tuple[str, ...]
    """The candidates."""
    since: int
    """`Tables.next_jid` before the search; arrays from there on are asked again."""


Edit = MarkAttempt | DeleteItems | ForgetArray | DropBlobs


class Batch:
    """One commit in the making; a later put of the same key replaces an earlier one."""

    __slots__ = ("closed", "edits", "freed_segments", "freed_spools", "puts", "removals", "settles", "sync_first")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.puts: list[dict[bytes, bytes] | None] = [None] * len(Table)
        """Stored values by key, by table."""
        self.removals: list[set[bytes] | None] = [None] * len(Table)
        """Keys to remove, by table; never one that is also put."""
        self.edits: list[Edit] = []
        """What needs to read before it writes; in order, after the puts."""
        self.closed: list[int] = []
        """Arrays that finish: their attempt marks go."""
        self.sync_first: list[int | Path] = []
        """Descriptors and files that are synced before the commit under `power`; a file's folder is synced with it."""
        self.settles = False
        """Whether LMDB is brought up to date with it, instead of the journal keeping it for now."""
        self.freed_segments: list[str] = []
        """Filled by the commit: segments that nothing names any more, to be unlinked by the caller."""
        self.freed_spools: list[str] = []
        """Filled by the commit: spools that nothing names any more, to be unlinked unless still written to."""

    def __bool__(self) -> bool:
        """Return whether there is anything to commit."""
        return bool(self.edits or self.closed or any(self.puts) or any(self.removals))

    def _put(self, table: Table, key: bytes, payload: bytes | memoryview) -> None:
        rows = self.puts[table]
        if rows is None:
            rows = self.puts[table] = {}
        rows[key] = records.frame(table, key, payload)
        removals = self.removals[table]
        if removals:
            removals.discard(key)

    def _remove(self, table: Table, key: bytes) -> None:
        rows = self.puts[table]
        if rows:
            rows.pop(key, None)
        removals = self.removals[table]
        if removals is None:
            removals = self.removals[table] = set()
        removals.add(key)

    def put_array(self, array: JobArray) -> None:
        """Store a submission; it is open until `put_finished`."""
        key = keys.jid(array.first)
        self._put(Table.ARRAYS, key, codec.encode_array(array))
        if key not in (self.puts[Table.FINISHED] or ()):
            self._put(Table.OPEN, key, b"")
        self._put(Table.SUBMISSIONS, keys.submission(array.client, array.sequence), key)

    def put_arguments(
        self, first: int, start: int, record: bytes | memoryview, segments: Sequence[str] | None = None
    ) -> None:
        """Store the arguments of the items from index `start` on.

        `segments` are the ids of the segments that the record names; None looks for them (about 15 ns an item).
        """
        found = argument_segments(record) if segments is None else segments
        for segment in found:
            self.name_file(FileKind.SEGMENT, segment, keys.array_owner(first))
        self._put(Table.ARGUMENTS, keys.item(first, start), record)

    def put_ends(
        self, first: int, start: int, record: bytes | memoryview, segments: Sequence[str] | None = None
    ) -> None:
        """Store the ends of the items from index `start` on.

        `segments` are the ids of the segments that the record names; None looks for them (about 1 ns an item).
        """
        found = end_segments(record) if segments is None else segments
        for segment in found:
            self.name_file(FileKind.SEGMENT, segment, keys.array_owner(first))
        self._put(Table.ENDS, keys.item(first, start), record)

    def put_attempt(self, first: int, start: int, stop: int, attempt: int, *, started: bool) -> None:
        """Note the attempt of a range of items: `started` before a chunk that may not restart leaves the node."""
        self.edits.append(MarkAttempt(first=first, start=start, stop=stop, attempt=attempt, started=started))

    def put_finished(self, first: int, summary: Summary) -> None:
        """Note that every item of an array has ended: recovery will not look at it again."""
        key = keys.jid(first)
        self._put(Table.FINISHED, key, records.encode_summary(summary))
        opened = self.puts[Table.OPEN]
        if opened and key in opened and not self.edits:
            # Submitted and ended within one commit: it was never stored as open, and has no marks.
            del opened[key]
            return
        self._remove(Table.OPEN, key)
        self.closed.append(first)

    def put_blob(self, hash_: str, content: bytes | memoryview) -> None:
        """Store content-addressed bytes."""
        self._put(Table.BLOBS, keys.blob(hash_), records.encode_blob(content, None))

    def put_blob_segment(self, hash_: str, segment: str) -> None:
        """Store content-addressed bytes that lie in a segment."""
        self._put(Table.BLOBS, keys.blob(hash_), records.encode_blob(None, segment))
        self.name_file(FileKind.SEGMENT, segment, keys.blob_owner(hash_))

    def put_spool(self, first: int, spool: str) -> None:
        """Note that a spool holds output of an array; the spool goes with the last such array."""
        self.name_file(FileKind.SPOOL, spool, keys.array_owner(first))

    def name_file(self, kind: FileKind, file: str, owner: bytes) -> None:
        """Note that an owner names a file, so that it is neither swept nor freed before."""
        for key in keys.file_keys(kind, file, owner):
            self._put(Table.FILES, key, b"")

    def set_next_jid(self, number: int) -> None:
        """Store the next jid to give out; needed only to leave a gap: the arrays themselves say what is taken."""
        self._put(Table.COUNTERS, NEXT_JID, records.encode_number(number))

    def put_note(self, name: str, content: bytes) -> None:
        """Store what the node notes for itself."""
        self._put(Table.NOTES, keys.name(name), content)

    def remove_note(self, name: str) -> None:
        """Remove such a note."""
        self._remove(Table.NOTES, keys.name(name))

    def delete_range(self, first: int, start: int, stop: int) -> None:
        """Delete ended items: a tombstone; a chunk's bytes go with its last item, the array with its last chunk."""
        self.edits.append(DeleteItems(first=first, start=start, stop=stop))

    def forget_array(self, first: int) -> None:
        """Delete an array and all that is stored of it."""
        self.edits.append(ForgetArray(first=first))

    def drop_blobs(self, hashes: Sequence[str], since: int) -> None:
        """Delete blobs that `Tables.unused_blobs` found, unless an array from jid `since` on uses them."""
        self.edits.append(DropBlobs(hashes=tuple(hashes), since=since))


NEXT_JID = b"next-jid"
"""Key of the counter of jids."""
JOURNAL = b"journal"
"""Key of the number of the last entry of the journal that is in LMDB."""


def argument_segments(record: bytes | memoryview, skip: Sequence[tuple[int, int]] = (), base: int = 0) -> list[str]:
    """Return the ids of the segments that an arguments record names.

    `skip` are ranges of array indexes to leave out, `base` is the array index of the record's first item.
    """
    n = arguments.count_of(record)
    if n == 1 and record[_FIRST_ITEM:_BEHIND_MARK] != arguments.SEGMENT_MARK:
        return []
    view = memoryview(record)
    offsets = view[4 : 4 + 4 * n].cast("I")
    blob = view[4 + 4 * (n + 1) :]
    if n == 0 or not len(blob):
        return []
    # The first byte of every item at the speed of C: most arrays name no segment at all.
    first_bytes = itemgetter(*offsets)(blob) if n > 1 and offsets[-1] < len(blob) else None
    if first_bytes is not None and _SEGMENT_BYTE not in first_bytes:
        return []
    found = []
    for index, payload in enumerate(arguments.slices(record)):
        if len(payload) > 1 and payload[0] == _SEGMENT_BYTE and not _inside(skip, base + index):
            found.append(arguments.segment_of(payload)[0])
    return list(dict.fromkeys(found))


def end_segments(record: bytes | memoryview, skip: Sequence[tuple[int, int]] = (), base: int = 0) -> list[str]:
    """Return the ids of the segments that an ends record names; `skip` and `base` as in `argument_segments`."""
    ends = outcome.decode(record)
    flags = bytes(ends.rows[_ROW_FLAGS :: outcome.ROW.size])
    found = [
        bytes(ends.payload(ends.row(match.start()))).decode("ascii")
        for match in _ANY_SEGMENT_FLAG.finditer(flags)
        if not _inside(skip, base + match.start())
    ]
    return list(dict.fromkeys(found))


def _inside(skip: Sequence[tuple[int, int]], index: int) -> bool:
    return any(low <= index < high for low, high in skip)
