"""Edits: changes that must look at the store first, made inside the writer's transaction.

Deleting is never by halves: an item leaves a tombstone at once, its segments are freed at once, the chunk's bytes go when
all items of the chunk are deleted, and the array goes with its last item.
"""

from __future__ import annotations

from collections.abc import Iterable

import lmdb

from picloud.model import arguments, outcome
from picloud.store import keys, ranges, records
from picloud.store.batch import (
    NEXT_JID,
    Batch,
    DeleteItems,
    DropBlobs,
    ForgetArray,
    MarkAttempt,
    argument_segments,
    end_segments,
)
from picloud.store.environment import Environment
from picloud.store.keys import FileKind, Table
from picloud.store.tables import Tables


class Editor:
    """Applies the edits of batches within one transaction."""

    __slots__ = ("_databases", "_tables", "_txn")

    def __init__(self, environment: Environment, txn: lmdb.Transaction[memoryview]) -> None:
        """Work inside the write transaction `txn`."""
        self._databases = environment.databases
        self._txn = txn
        self._tables = Tables(environment, txn)

    def close_arrays(self, firsts: Iterable[int]) -> None:
        """Remove the attempt marks of arrays that have finished."""
        for first in firsts:
            self._remove_all(Table.ATTEMPTS, keys.jid(first))

    def edit(self, batch: Batch) -> None:
        """Make the edits of a batch in order, and note in it which files nothing names any more."""
        for edit in batch.edits:
            match edit:
                case MarkAttempt():
                    self._mark(edit)
                case DeleteItems():
                    self._delete(edit, batch)
                case ForgetArray():
                    self._forget(edit.first, batch)
                case DropBlobs():
                    self._drop(edit, batch)

    def _put(self, table: Table, key: bytes, payload: bytes) -> None:
        self._txn.put(key, records.frame(table, key, payload), db=self._databases[table])

    def _remove(self, table: Table, key: bytes) -> bool:
        return self._txn.delete(key, db=self._databases[table])

    def _remove_all(self, table: Table, prefix: bytes) -> None:
        """Remove every record whose key begins with `prefix`."""
        with self._txn.cursor(self._databases[table]) as cursor:
            more = cursor.set_range(prefix)
            while more and cursor.key()[: len(prefix)] == prefix:
                more = cursor.delete() and bool(cursor.key())

    def _mark(self, edit: MarkAttempt) -> None:
        """Put a mark in place of whatever the range overlaps, keeping the parts that stick out."""
        kept = []
        for old in self._tables.attempts(edit.first, edit.start, edit.stop):
            self._remove(Table.ATTEMPTS, keys.item(edit.first, old.start))
            if old.start < edit.start:
                kept.append((old.start, edit.start, old))
            if old.stop > edit.stop:
                kept.append((edit.stop, old.stop, old))
        for start, stop, old in kept:
            self._put(
                Table.ATTEMPTS, keys.item(edit.first, start), records.encode_attempt(stop, old.attempt, old.started)
            )
        mark = records.encode_attempt(edit.stop, edit.attempt, edit.started)
        self._put(Table.ATTEMPTS, keys.item(edit.first, edit.start), mark)

    def _delete(self, edit: DeleteItems, batch: Batch) -> None:
        """Tombstone items; free what only they named; drop chunks without items; drop the array without chunks."""
        array = self._tables.array(edit.first)
        if array is None:
            return
        start, stop = max(edit.start, 0), min(edit.stop, array.count)
        before = self._tables.deleted(edit.first)
        after = ranges.added(before, start, stop)
        if ranges.covers(after, 0, array.count):
            self._forget(edit.first, batch)
            return
        if after == before:
            return
        files = self._tables.files_of(edit.first)
        if any(kind is FileKind.SEGMENT for kind, _ in files):
            self._free_segments(edit.first, after, files, batch)
        for table in (Table.ARGUMENTS, Table.ENDS):
            self._drop_chunks(table, edit.first, start, stop, after)
        self._put(Table.TOMBSTONES, keys.jid(edit.first), records.encode_ranges(after))

    def _free_segments(
        self, first: int, deleted: list[ranges.Range], files: list[tuple[FileKind, str]], batch: Batch
    ) -> None:
        """Let go of the segments that only deleted items of an array name."""
        kept: set[str] = set()
        for at, record in self._tables.views(Table.ARGUMENTS, first):
            kept.update(argument_segments(record, deleted, at))
        for at, record in self._tables.views(Table.ENDS, first):
            kept.update(end_segments(record, deleted, at))
        owner = keys.array_owner(first)
        for kind, file in files:
            if kind is FileKind.SEGMENT and file not in kept:
                self._unname(kind, file, owner, batch)

    def _drop_chunks(self, table: Table, first: int, start: int, stop: int, deleted: list[ranges.Range]) -> None:
        """Remove the records of which every item is deleted; of an unfinished array's ends the statuses stay."""
        gone: dict[bytes, bytes | None] = {}
        keep_statuses = table is Table.ENDS and self._tables.is_open(first)
        for at, record in self._tables.views(table, first, start, stop):
            count = arguments.count_of(record) if table is Table.ARGUMENTS else outcome.decode(record).count
            if ranges.covers(deleted, at, at + count):
                gone[keys.item(first, at)] = _statuses_alone(record) if keep_statuses else None
        for key, rest in gone.items():
            if rest is None:
                self._remove(table, key)
            else:
                self._put(table, key, rest)

    def _forget(self, first: int, batch: Batch) -> None:
        """Remove an array with everything that is its own; damaged records of its chunks do not stand in the way."""
        array = self._tables.array(first)
        if array is None:
            return
        self._keep_next_jid(first + array.count)
        key = keys.jid(first)
        for table in (Table.ARGUMENTS, Table.ENDS, Table.ATTEMPTS):
            self._remove_all(table, key)
        for table in (Table.ARRAYS, Table.OPEN, Table.FINISHED, Table.TOMBSTONES):
            self._remove(table, key)
        self._remove(Table.SUBMISSIONS, keys.submission(array.client, array.sequence))
        owner = keys.array_owner(first)
        for kind, file in self._tables.files_of(first):
            self._unname(kind, file, owner, batch)

    def _keep_next_jid(self, behind: int) -> None:
        """Make sure that the jids of an array that goes are never given out again."""
        following = self._tables.next_jid()
        if behind == following:
            self._put(Table.COUNTERS, NEXT_JID, records.encode_number(following))

    def _unname(self, kind: FileKind, file: str, owner: bytes, batch: Batch) -> None:
        """Remove one naming of a file; without any other the file is free."""
        for key in keys.file_keys(kind, file, owner):
            self._remove(Table.FILES, key)
        if not self._tables.names_file(kind, file):
            (batch.freed_segments if kind is FileKind.SEGMENT else batch.freed_spools).append(file)

    def _drop(self, edit: DropBlobs, batch: Batch) -> None:
        """Remove blobs that are still unused."""
        used = self._tables.blobs_of(self._tables.arrays(edit.since))
        for hash_ in edit.hashes:
            if hash_ in used or not self._remove(Table.BLOBS, keys.blob(hash_)):
                continue
            owner = keys.blob_owner(hash_)
            for kind, file in self._tables.files_owned(owner):
                self._unname(kind, file, owner, batch)


def _statuses_alone(record: memoryview) -> bytes:
    """Return a record of ends without metas and results: recovery must still know how deleted items ended."""
    ends = outcome.decode(record)
    rows = b"".join(outcome.ROW.pack(code, 0, 0, 0, 0, 0, 0.0, 0.0) for code in ends.statuses())
    return outcome.encode(rows, b"", attempt=ends.attempt, worker=ends.worker, started=ends.started)
