"""Read the store: every question that the node asks it.

A call reads in a transaction of its own; several calls read the same state inside `with tables.held():`.  Whatever is
handed out is a copy, checked against its sum: a damaged record is an error that names it, never a value.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import lmdb

from picloud.exceptions import StoreCorruptError
from picloud.model import arguments, outcome
from picloud.model.array import JobArray
from picloud.model.context import Context
from picloud.model.ids import JidRange
from picloud.model.job import BY_CODE
from picloud.store import codec, keys, ranges, records
from picloud.store.batch import NEXT_JID
from picloud.store.environment import Environment
from picloud.store.keys import FileKind, Table
from picloud.store.records import Attempt, Blob, Summary

_T = TypeVar("_T")
_END = (1 << 32) - 1
_RUN = re.compile(b"|".join(b"%c+" % code for code in range(1, len(BY_CODE))) + rb"|[^\0]")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An array with items that have not ended, as recovery needs it."""

    array: JobArray
    """The submission."""
    ended: tuple[tuple[int, int, int], ...]
    """Items that have ended: (start, stop, status code), in order; deleted ones too."""
    attempts: tuple[Attempt, ...]
    """What is known of the attempts of the others."""


class Reading:
    """A reading transaction that begins with the first `with` and ends with the last."""

    __slots__ = ("_depth", "_environment", "_own", "txn")

    def __init__(self, environment: Environment, txn: lmdb.Transaction[memoryview] | None) -> None:
        """Begin transactions of an environment, or always use `txn`."""
        self._environment = environment
        self._own = txn is None
        self._depth = 0
        self.txn = txn
        """The transaction that runs now."""

    def __enter__(self) -> lmdb.Transaction[memoryview]:
        """Begin the transaction, or return the one that runs."""
        if self.txn is None:
            self.txn = self._environment.begin()
        self.enter()
        return self.txn

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """End it where it began."""
        self.leave()

    def enter(self) -> None:
        """Let a transaction that begins go on until `leave`."""
        self._depth += 1

    def leave(self) -> None:
        """End the transaction, if nobody else holds it."""
        self._depth -= 1
        if self._own and not self._depth and self.txn is not None:
            self.txn.abort()
            self.txn = None


class Together:
    """Makes what is read within a `with` be read in one transaction, which begins with the first reading, if there is any."""

    __slots__ = ("_reading",)

    def __init__(self, reading: Reading) -> None:
        """Hold the transaction of `reading`."""
        self._reading = reading

    def __enter__(self) -> None:
        """Hold whatever begins from now on."""
        self._reading.enter()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Let it end."""
        self._reading.leave()


class Tables:
    """All reading; cheap to make, bound to one environment, for one thread at a time."""

    __slots__ = ("_environment", "_reading")

    def __init__(self, environment: Environment, txn: lmdb.Transaction[memoryview] | None = None) -> None:
        """Read from an environment; within `txn` if one is given."""
        self._environment = environment
        self._reading = Reading(environment, txn)

    def held(self) -> Reading:
        """Read everything within one transaction, so that all answers are of one moment; keep it short.

        An iteration holds one too, until it is exhausted or closed.
        """
        return self._reading

    def together(self) -> Together:
        """Do the same where maybe nothing is read: then no transaction begins, for which the store would be brought up to date."""
        return Together(self._reading)

    def _get(self, table: Table, key: bytes, decode: Callable[[memoryview], _T]) -> _T | None:
        """Return one record decoded, None if there is none."""
        with self._reading as txn:
            value = txn.get(key, db=self._environment.databases[table])
            return None if value is None else _decoded(table, key, value, decode)

    def array(self, first: int) -> JobArray | None:
        """Return the array whose first jid this is."""
        return self._get(Table.ARRAYS, keys.jid(first), partial(codec.decode_array, first))

    def array_of(self, jid: int) -> JobArray | None:
        """Return the array that a jid is of; None if there is none or the job was deleted."""
        with self.held() as txn, txn.cursor(self._environment.databases[Table.ARRAYS]) as cursor:
            if not _seek(cursor, jid):
                return None
            found = self._array_at(cursor)
            if not 0 <= jid - found.first < found.count or ranges.contains(
                self.deleted(found.first), jid - found.first
            ):
                return None
            return found

    def _array_at(self, cursor: lmdb.Cursor[memoryview]) -> JobArray:
        key = cursor.key()
        first = keys.jid_of(key)
        return _decoded(Table.ARRAYS, key, cursor.value(), partial(codec.decode_array, first))

    def arrays(self, start: int = 0, *, backwards: bool = False) -> Iterator[JobArray]:
        """Yield arrays in order of their jids from `start` on, or all the other way round."""
        with self.held() as txn, txn.cursor(self._environment.databases[Table.ARRAYS]) as cursor:
            more = cursor.last() if backwards else cursor.set_range(keys.jid(start))
            while more:
                yield self._array_at(cursor)
                more = cursor.prev() if backwards else cursor.next()

    def number(self, name: bytes) -> int:
        """Return a counter; 0 if there is none."""
        return self._get(Table.COUNTERS, name, records.decode_number) or 0

    def next_jid(self) -> int:
        """Return the next jid to give out: behind every array, and behind every one that was ever deleted."""
        with self.held() as txn, txn.cursor(self._environment.databases[Table.ARRAYS]) as cursor:
            kept = self.number(NEXT_JID) or 1
            if not cursor.last():
                return kept
            last = self._array_at(cursor)
            return max(kept, last.first + last.count)

    def first_of_submission(self, client: str, sequence: int) -> int | None:
        """Return the first jid of a submission that was stored before; None for a new one."""
        return self._get(Table.SUBMISSIONS, keys.submission(client, sequence), keys.jid_of)

    def knows_client(self, client: str) -> bool:
        """Return whether anything is stored that this client submitted."""
        prefix = keys.submission(client, 0)[:-8]
        with self.held() as txn, txn.cursor(self._environment.databases[Table.SUBMISSIONS]) as cursor:
            return cursor.set_range(prefix) and cursor.key()[: len(prefix)] == prefix

    def finished(self, first: int) -> Summary | None:
        """Return how a finished array ended; None while it has not."""
        return self._get(Table.FINISHED, keys.jid(first), records.decode_summary)

    def all_finished(self) -> Iterator[tuple[int, Summary]]:
        """Yield (first jid, summary) of every finished array, in order of their jids."""
        with self.held() as txn, txn.cursor(self._environment.databases[Table.FINISHED]) as cursor:
            for key, value in cursor:
                yield keys.jid_of(key), _decoded(Table.FINISHED, key, value, records.decode_summary)

    def is_open(self, first: int) -> bool:
        """Return whether an array has unfinished items."""
        return self._get(Table.OPEN, keys.jid(first), len) is not None

    def deleted(self, first: int) -> list[tuple[int, int]]:
        """Return the index ranges of an array's deleted items."""
        return self._get(Table.TOMBSTONES, keys.jid(first), records.decode_ranges) or []

    def attempts(self, first: int, start: int = 0, stop: int = _END) -> list[Attempt]:
        """Return the attempt marks of an array that reach into [start, stop), in order, without overlaps."""
        found: list[Attempt] = []
        with self.held():
            for key, value in self._items(Table.ATTEMPTS, first, start, stop):
                at = keys.item_of(key)[1]
                mark = _decoded(Table.ATTEMPTS, key, value, partial(records.decode_attempt, at))
                if mark.stop > start:
                    found.append(mark)
        return found

    def arguments(self, first: int, start: int = 0, stop: int = _END) -> list[tuple[int, bytes]]:
        """Return the records that hold the arguments of [start, stop), each with the index of its first item."""
        return self._covering(Table.ARGUMENTS, first, start, stop)

    def ends(self, first: int, start: int = 0, stop: int = _END) -> list[tuple[int, bytes]]:
        """Return the records that hold the ends of [start, stop), each with the index of its first item."""
        return self._covering(Table.ENDS, first, start, stop)

    def _covering(self, table: Table, first: int, start: int, stop: int) -> list[tuple[int, bytes]]:
        with self.held():
            return [(at, bytes(payload)) for at, payload in self.views(table, first, start, stop)]

    def views(self, table: Table, first: int, start: int = 0, stop: int = _END) -> Iterator[tuple[int, memoryview]]:
        """Yield (index of the first item, record) without copying; only inside `held`, and only until it ends."""
        for key, value in self._items(table, first, start, stop):
            at = keys.item_of(key)[1]
            payload = records.unframe(table, key, value)
            if at >= start or at + _count(table, key, payload) > start:
                yield at, payload

    def _items(
        self, table: Table, first: int, start: int = 0, stop: int = _END
    ) -> Iterator[tuple[memoryview, memoryview]]:
        """Yield the raw records of one array from the last that begins at or before `start` on."""
        prefix = keys.jid(first)
        with self.held() as txn, txn.cursor(self._environment.databases[table]) as cursor:
            wanted = keys.item(first, start)
            more = cursor.set_range(wanted)
            if not more or cursor.key() != wanted:
                # The record that begins before `start` may reach into the range.
                has_earlier = cursor.prev()
                more = (cursor.key()[: len(prefix)] == prefix or cursor.next()) if has_earlier else cursor.first()
            while more:
                key = cursor.key()
                if key[: len(prefix)] != prefix or keys.item_of(key)[1] >= stop:
                    return
                yield key, cursor.value()
                more = cursor.next()

    def stored_size(self, table: Table, first: int) -> int:
        """Return the bytes of an array's records in one table, without reading them."""
        with self.held():
            return sum(len(key) + len(value) for key, value in self._items(table, first))

    def statuses(self, first: int, count: int) -> bytearray:
        """Return the stored status codes of an array's items; 0 where none has ended."""
        codes = bytearray(count)
        with self.held():
            for at, payload in self.views(Table.ENDS, first):
                part = _ends(first, at, payload).statuses()
                codes[at : at + len(part)] = part
        if len(codes) != count:
            raise StoreCorruptError(f"The ends of array {first} go beyond its {count} items")
        return codes

    def blob(self, hash_: str) -> Blob | None:
        """Return content-addressed bytes, or where they lie."""
        return self._get(Table.BLOBS, keys.blob(hash_), records.decode_blob)

    def has_blob(self, hash_: str) -> bool:
        """Return whether a blob is stored, without reading it."""
        with self.held() as txn:
            return txn.get(keys.blob(hash_), db=self._environment.databases[Table.BLOBS]) is not None

    def note(self, name: str) -> bytes | None:
        """Return what the node noted for itself."""
        return self._get(Table.NOTES, keys.name(name), bytes)

    def unfinished(self) -> Iterator[Unfinished]:
        """Yield the arrays that have unfinished items, and no others are even looked at."""
        with self.held() as txn, txn.cursor(self._environment.databases[Table.OPEN]) as cursor:
            for key in cursor.iternext(values=False):
                first = keys.jid_of(key)
                found = self.array(first)
                if found is None:
                    raise StoreCorruptError(f"Array {first} is unfinished, but its record is missing")
                codes = self.statuses(first, found.count)
                yield Unfinished(found, tuple(runs(codes)), tuple(self.attempts(first)))

    def names_file(self, kind: FileKind, file: str) -> bool:
        """Return whether any record names a file."""
        with self.held() as txn:
            return _prefixed(txn, self._environment, keys.file_prefix(kind, file))

    def named_files(self) -> Iterator[tuple[FileKind, str]]:
        """Yield every file that a record names, once."""
        last: tuple[FileKind, str] | None = None
        with self.held() as txn, txn.cursor(self._environment.databases[Table.FILES]) as cursor:
            more = cursor.set_range(keys.ALL_FILES)
            while more:
                found = keys.named_file(cursor.key())
                if found is None:
                    return
                if found != last:
                    yield found
                last = found
                more = cursor.next()

    def files_of(self, first: int) -> list[tuple[FileKind, str]]:
        """Return the segments and spools that an array names."""
        return self.files_owned(keys.array_owner(first))

    def files_owned(self, owner: bytes) -> list[tuple[FileKind, str]]:
        """Return the segments and spools that an owner (`keys.array_owner`, `keys.blob_owner`) names."""
        prefix = keys.owner_prefix(owner)
        found = []
        with self.held() as txn, txn.cursor(self._environment.databases[Table.FILES]) as cursor:
            more = cursor.set_range(prefix)
            while more and cursor.key()[: len(prefix)] == prefix:
                found.append(keys.file_of(cursor.key(), prefix))
                more = cursor.next()
        return found

    def unused_blobs(self) -> tuple[list[str], int]:
        """Return the blobs that no array uses, and the `since` that `Batch.drop_blobs` needs; reads every array."""
        with self.held() as txn, txn.cursor(self._environment.databases[Table.BLOBS]) as cursor:
            since = self.next_jid()
            used = self.blobs_of(self.arrays())
            found = [bytes(key).decode() for key in cursor.iternext(values=False)]
        return [hash_ for hash_ in found if hash_ not in used], since

    def blobs_of(self, arrays: Iterator[JobArray]) -> set[str]:
        """Return the hashes of all blobs that arrays use: functions, contexts, and the contexts' bundles."""
        with self.held():
            used: set[str] = set()
            contexts: set[str] = set()
            for array in arrays:
                used.add(array.function)
                contexts.add(array.context)
            for hash_ in contexts:
                content = self.blob(hash_) if hash_ else None
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    if content is not None and content.content is not None:
                        used.add(Context.decode(content.content).bundle)
            return used | contexts

    def finished_ranges(self, wanted: JidRange) -> list[tuple[int, int, int]]:
        """Return what is stored of the ends of a range of jids: (first jid, jid behind the last, status code) runs."""
        low, high = wanted
        found: list[tuple[int, int, int]] = []
        with self.held() as txn, txn.cursor(self._environment.databases[Table.ARRAYS]) as cursor:
            more = _seek(cursor, low)
            while more:
                array = self._array_at(cursor)
                if array.first >= high:
                    break
                codes = self.statuses(array.first, array.count)
                for start, stop in self.deleted(array.first):
                    codes[start:stop] = bytes(stop - start)
                start, stop = max(low - array.first, 0), max(0, min(high - array.first, array.count))
                base = array.first + start
                found.extend((base + a, base + b, code) for a, b, code in runs(codes[start:stop]))
                more = cursor.next()
        return found


def _seek(cursor: lmdb.Cursor[memoryview], jid: int) -> bool:
    """Go to the last array that begins at or before a jid, else to the first one behind it."""
    key = keys.jid(jid)
    if cursor.set_range(key) and cursor.key() == key:
        return True
    return cursor.prev() or cursor.first()


def runs(codes: bytes | bytearray) -> list[tuple[int, int, int]]:
    """Return (start, stop, code) for every run of one status code but 0, at the speed of C within a run."""
    return [(run.start(), run.end(), run[0][0]) for run in _RUN.finditer(codes)]


def _decoded(table: Table, key: bytes | memoryview, value: memoryview, decode: Callable[[memoryview], _T]) -> _T:
    payload = records.unframe(table, key, value)
    try:
        return decode(payload)
    except ValueError as error:
        raise records.corrupt(table, key, str(error)) from error


def _count(table: Table, key: bytes | memoryview, payload: memoryview) -> int:
    """Return how many items a record holds."""
    try:
        return arguments.count_of(payload) if table is Table.ARGUMENTS else outcome.decode(payload).count
    except (ValueError, IndexError) as error:
        raise records.corrupt(table, key, str(error)) from error


def _ends(first: int, start: int, payload: memoryview) -> outcome.Ends:
    try:
        return outcome.decode(payload)
    except ValueError as error:
        raise records.corrupt(Table.ENDS, keys.item(first, start), str(error)) from error


def _prefixed(txn: lmdb.Transaction[memoryview], environment: Environment, prefix: bytes) -> bool:
    """Return whether the table of files has a key that begins so."""
    with txn.cursor(environment.databases[Table.FILES]) as cursor:
        return cursor.set_range(prefix) and cursor.key()[: len(prefix)] == prefix
