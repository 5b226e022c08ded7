"""Everything that can be stored against plain dicts, on real LMDB: what was committed is what is read, across reopening."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from picloud.exceptions import StoreCorruptError
from picloud.model import arguments, outcome
from picloud.model.array import JobArray, JobOptions
from picloud.model.job import DONE, ERROR, KILLED
from picloud.model.settings import Durability
from picloud.store import integrity, keys, recovery
from picloud.store.batch import Batch
from picloud.store.environment import Environment
from picloud.store.keys import FileKind, Table
from picloud.store.records import Summary
from picloud.store.tables import Tables, runs
from picloud.store.writer import Writer

CODES = st.sampled_from([DONE, DONE, DONE, ERROR, KILLED])
FRACTION = st.floats(0, 1, exclude_max=True)


@dataclass
class Kept:
    """What the model knows of one array."""

    array: JobArray
    codes: list[int]
    deleted: list[bool]
    given: list[str | None]
    """Segment of each item's arguments."""
    results: list[str | None]
    """Segment of each item's result."""
    marks: list[tuple[int, bool] | None]
    spools: set[str] = field(default_factory=set)
    finished: Summary | None = None

    def segments(self) -> set[str]:
        """Return the segments that items that are not deleted name."""
        pairs = zip(self.deleted, self.given, self.results, strict=True)
        return {name for gone, *names in pairs if not gone for name in names if name}


class StoreMachine(RuleBasedStateMachine):
    """Batches, edits, groups and reopening at random."""

    @initialize()
    def open_store(self) -> None:
        """Begin with an empty store."""
        self.home = Path(tempfile.mkdtemp(prefix="picloud-store-"))
        self._open()
        self.model: dict[int, Kept] = {}
        self.next_jid = 1
        self.sequence = 0
        self.names = 0
        self.group = [Batch()]

    def _open(self) -> None:
        self.environment = Environment.open(self.home, Durability.PROCESS)
        self.writer = Writer(self.environment)

    def _die(self) -> None:
        """Leave what a killed process leaves: LMDB may be behind the journal."""
        self.environment.before_reading = None
        self.writer._journal.close()
        self.environment.close()

    @property
    def batch(self) -> Batch:
        """The batch that is being filled."""
        return self.group[-1]

    def _pick(self, at: float) -> Kept:
        return list(self.model.values())[int(at * len(self.model))]

    def _segment(self, wanted: bool) -> str | None:
        if not wanted:
            return None
        self.names += 1
        return f"segment-{self.names % 5}"

    @rule(
        count=st.integers(1, 12),
        chunk=st.integers(1, 6),
        large=st.lists(st.booleans(), min_size=12, max_size=12),
        gap=st.booleans(),
    )
    def submit(self, count: int, chunk: int, large: list[bool], gap: bool) -> None:
        """Store an array; some of its arguments lie in segments, which arrays share."""
        first = self.next_jid + 3 * gap
        self.next_jid = first + count
        self.sequence += 1
        options = JobOptions(restartable=count % 2 == 0)
        array = JobArray(
            first, count, "client", self.sequence, f"f{count}", "c", "m.f", True, 1.0, None, "host", options
        )
        given = [self._segment(large[index] and large[0]) for index in range(count)]
        self.batch.put_array(array)
        for start in range(0, count, chunk):
            items = [b"S" + name.encode() if name else b"\x80" for name in given[start : start + chunk]]
            self.batch.put_arguments(first, start, arguments.encode_items(items))
        self.model[first] = Kept(array, [0] * count, [False] * count, given, [None] * count, [None] * count)

    @precondition(lambda self: self.model)
    @rule(at=FRACTION, start=FRACTION, length=st.integers(1, 6), code=CODES, large=st.booleans(), uniform=st.booleans())
    def end(self, at: float, start: float, length: int, code: int, large: bool, uniform: bool) -> None:
        """Items end that have not; with the last of them the array is finished."""
        kept = self._pick(at)
        open_items = [index for index, known in enumerate(kept.codes) if not known and not kept.deleted[index]]
        if not open_items:
            return
        low = open_items[int(start * len(open_items))]
        high = low
        while high < low + length and high in open_items:
            high += 1
        if uniform:
            record = outcome.encode_uniform(high - low, code, meta={"cause": 1}, attempt=1, now=1.0)
        else:
            names = [self._segment(large) for _ in range(low, high)]
            kept.results[low:high] = names
            record = _ends(code, names)
        self.batch.put_ends(kept.array.first, low, record)
        kept.codes[low:high] = [code] * (high - low)
        if all(kept.codes):
            kept.finished = Summary.of(bytes(kept.codes), 5.0)
            kept.marks = [None] * kept.array.count
            self.batch.put_finished(kept.array.first, kept.finished)

    @precondition(lambda self: self.model)
    @rule(at=FRACTION, start=FRACTION, length=st.integers(1, 12), attempt=st.integers(1, 3), started=st.booleans())
    def mark(self, at: float, start: float, length: int, attempt: int, started: bool) -> None:
        """Note an attempt over whatever was noted before."""
        kept = self._pick(at)
        if kept.finished:
            return
        low = int(start * kept.array.count)
        high = min(low + length, kept.array.count)
        self.batch.put_attempt(kept.array.first, low, high, attempt, started=started)
        kept.marks[low:high] = [(attempt, started)] * (high - low)

    @precondition(lambda self: self.model)
    @rule(at=FRACTION, start=FRACTION, length=st.integers(1, 8))
    def delete(self, at: float, start: float, length: int) -> None:
        """Delete items that have ended."""
        kept = self._pick(at)
        low = high = int(start * kept.array.count)
        while high < min(low + length, kept.array.count) and kept.codes[high]:
            high += 1
        if low == high:
            return
        self.batch.delete_range(kept.array.first, low, high)
        kept.deleted[low:high] = [True] * (high - low)
        if all(kept.deleted):
            del self.model[kept.array.first]

    @precondition(lambda self: self.model)
    @rule(at=FRACTION)
    def forget(self, at: float) -> None:
        """Delete a whole array, whatever its state."""
        first = self._pick(at).array.first
        self.batch.forget_array(first)
        del self.model[first]

    @precondition(lambda self: self.model)
    @rule(at=FRACTION, number=st.integers(0, 2))
    def spool(self, at: float, number: int) -> None:
        """An array's output lies in a spool that others may share."""
        kept = self._pick(at)
        kept.spools.add(f"spool-{number}")
        self.batch.put_spool(kept.array.first, f"spool-{number}")

    @rule()
    def next_batch(self) -> None:
        """Go on in another batch of the same group."""
        self.group.append(Batch())

    @rule(reopen=st.booleans())
    def commit(self, reopen: bool) -> None:
        """Commit the group, perhaps die afterwards."""
        before = set(Tables(self.environment).named_files())
        put = {name for batch in self.group for name in _named(batch)}
        self.writer._commit(self.group)
        if reopen:
            self._die()
            self._open()
        after = set(Tables(self.environment).named_files())
        freed = {(FileKind.SEGMENT, name) for batch in self.group for name in batch.freed_segments}
        freed |= {(FileKind.SPOOL, name) for batch in self.group for name in batch.freed_spools}
        assert (before | put) - after <= freed, "whatever nothing names any more is told"
        self.group = [Batch()]

    @invariant()
    def the_store_is_the_model(self) -> None:
        """Read everything and compare."""
        if not hasattr(self, "home") or len(self.group) > 1 or self.batch:
            return
        tables = Tables(self.environment)
        assert list(tables.arrays()) == [kept.array for kept in self.model.values()]
        assert list(tables.arrays(backwards=True)) == [kept.array for kept in reversed(self.model.values())]
        assert tables.next_jid() <= self.next_jid
        if self.model:
            assert tables.next_jid() > max(self.model)
        for jid in range(self.next_jid + 1):
            assert tables.array_of(jid) == self._array_of(jid)
        for first, kept in self.model.items():
            self._compare(tables, first, kept)
        unfinished = {found.array.first: found for found in recovery.recover(self.environment).unfinished}
        assert list(unfinished) == [first for first, kept in self.model.items() if not kept.finished]
        for first, found in unfinished.items():
            assert list(found.ended) == runs(bytes(self.model[first].codes))
        segments = {name for kept in self.model.values() for name in kept.segments()}
        spools = {name for kept in self.model.values() for name in kept.spools}
        expected = {(FileKind.SEGMENT, name) for name in segments} | {(FileKind.SPOOL, name) for name in spools}
        assert set(tables.named_files()) == expected
        assert all(tables.names_file(*file) for file in expected)

    def _array_of(self, jid: int) -> JobArray | None:
        for first, kept in self.model.items():
            if first <= jid < first + kept.array.count and not kept.deleted[jid - first]:
                return kept.array
        return None

    def _compare(self, tables: Tables, first: int, kept: Kept) -> None:
        count = kept.array.count
        assert tables.array(first) == kept.array
        assert tables.first_of_submission("client", kept.array.sequence) == first
        assert tables.finished(first) == kept.finished
        assert tables.is_open(first) == (kept.finished is None)
        assert _flags(tables.deleted(first), count) == kept.deleted
        marks: list[tuple[int, bool] | None] = [None] * count
        for mark in tables.attempts(first):
            assert marks[mark.start : mark.stop] == [None] * (mark.stop - mark.start), "they never overlap"
            marks[mark.start : mark.stop] = [(mark.attempt, mark.started)] * (mark.stop - mark.start)
        assert marks == kept.marks
        codes = tables.statuses(first, count)
        for index in range(count):
            if not kept.deleted[index]:
                assert codes[index] == kept.codes[index]
                self._compare_item(tables, kept, index)

    def _compare_item(self, tables: Tables, kept: Kept, index: int) -> None:
        first = kept.array.first
        ((start, record),) = tables.arguments(first, index, index + 1)
        payload = bytes(arguments.slices(record)[index - start])
        assert payload == (b"S" + name.encode() if (name := kept.given[index]) else b"\x80")
        ends = tables.ends(first, index, index + 1)
        assert len(ends) == bool(kept.codes[index])
        for start, record in ends:
            decoded = outcome.decode(record)
            row = decoded.row(index - start)
            assert row.status == kept.codes[index]
            if name := kept.results[index]:
                assert bytes(decoded.payload(row)) == name.encode()

    def teardown(self) -> None:
        """Nothing but missing files may be wrong with what is left."""
        if not hasattr(self, "home"):
            return
        self.commit(reopen=False)
        self.the_store_is_the_model()
        problems = integrity.check(self.environment).problems
        assert [text for text in problems if "is missing" not in text] == []
        self.writer.close()
        self.environment.close()
        shutil.rmtree(self.home)


def _ends(code: int, names: list[str | None]) -> bytes:
    rows, heap = [], b""
    for name in names:
        payload = name.encode() if name else b"\x80result"
        flags = outcome.RowFlag.RESULT_SEGMENT if name else 0
        rows.append(outcome.ROW.pack(code, flags, 0, len(heap), 0, len(payload), 0.0, 0.0))
        heap += payload
    return outcome.encode(b"".join(rows), heap, attempt=1, worker=1, started=0.0)


def _named(batch: Batch) -> set[tuple[FileKind, str]]:
    found = {keys.named_file(key) for key in batch.puts[Table.FILES] or ()}
    return {file for file in found if file is not None}


def _flags(ranges: list[tuple[int, int]], count: int) -> list[bool]:
    inside = {index for start, stop in ranges for index in range(start, stop)}
    return [index in inside for index in range(count)]


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=300, stateful_step_count=20, deadline=None)
TestStore = pytest.mark.timeout(240)(TestStore)


def test_neighbours_do_not_leak_into_each_other(store: Any) -> None:
    for first in (1, 11, 21):
        store.run(store.array(first, 10), chunk=4)
    assert [start for start, _ in store.tables.arguments(11)] == [0, 4, 8]
    assert [start for start, _ in store.tables.arguments(11, 5, 8)] == [4]
    assert [start for start, _ in store.tables.arguments(11, 3, 5)] == [0, 4]
    assert store.tables.arguments(5) == []
    assert store.tables.ends(31) == []
    assert store.tables.array_of(0) is None
    assert store.tables.array_of(10).first == 1
    assert store.tables.array_of(31) is None


def test_one_moment_is_seen_while_it_is_held(store: Any) -> None:
    with store.tables.held():
        assert store.tables.note("x") is None
        store.commit(lambda batch: batch.put_note("x", b"1"))
        assert store.tables.note("x") is None
    assert store.tables.note("x") == b"1"


def test_together_is_of_the_moment_of_the_first_reading_and_begins_nothing_before(store: Any) -> None:
    begun: list[bool] = []
    bring_up_to_date = store.environment.before_reading

    def begin() -> None:
        begun.append(True)
        bring_up_to_date()

    store.environment.before_reading = begin
    with store.tables.together():
        store.commit(lambda batch: batch.put_note("x", b"1"))
        assert begun == []
        assert store.tables.note("x") == b"1"
        store.commit(lambda batch: batch.put_note("x", b"2"))
        assert store.tables.note("x") == b"1"
        assert begun == [True]
    assert store.tables.note("x") == b"2"


def test_an_iteration_that_is_left_lets_go(store: Any) -> None:
    store.run(store.array(1, 1))
    store.run(store.array(2, 1))
    for _ in store.tables.arrays():
        break
    store.commit(lambda batch: batch.put_note("x", b"1"))
    assert store.tables.note("x") == b"1"


def test_a_range_of_ended_jobs(store: Any) -> None:
    store.run(store.array(1, 5))
    store.run(store.array(6, 3), code=ERROR)
    store.submit(store.array(9, 2))
    assert store.tables.finished_ranges((3, 20)) == [(3, 6, DONE), (6, 9, ERROR)]
    assert store.tables.finished_ranges((0, 2)) == [(1, 2, DONE)]
    store.commit(lambda batch: batch.delete_range(1, 1, 3), lambda batch: batch.forget_array(6))
    assert store.tables.finished_ranges((2, 1 << 40)) == [(4, 6, DONE)]
    assert store.tables.finished_ranges((7, 8)) == store.tables.finished_ranges((50, 60)) == []


def test_what_arrays_use_is_not_unused(store: Any) -> None:
    array = store.run(store.array(1, 1))
    store.commit(lambda batch: batch.put_blob("spare", b"x"))
    unused, since = store.tables.unused_blobs()
    assert (unused, since) == (["spare"], 2)
    store.commit(lambda batch: batch.drop_blobs([*unused, array.function], 1))
    assert not store.tables.has_blob("spare")
    assert store.tables.has_blob(array.function)


@pytest.mark.parametrize(
    ("table", "key", "name"),
    [
        (Table.ARRAYS, keys.jid(1), "arrays 1"),
        (Table.ENDS, keys.item(1, 4), r"ends 1\[4\]"),
        (Table.ARGUMENTS, keys.item(1, 4), r"arguments 1\[4\]"),
        (Table.FINISHED, keys.jid(1), "finished 1"),
    ],
)
def test_a_damaged_record_is_named_and_never_handed_out(store: Any, table: Table, key: bytes, name: str) -> None:
    store.run(store.array(1, 10))
    store.run(store.array(11, 10))
    store.writer.settle()
    with store.environment.begin_write() as txn:
        value = bytearray(txn.get(key, db=store.environment.databases[table]))
        value[len(value) // 2] ^= 0x10
        txn.put(key, bytes(value), db=store.environment.databases[table])
    reads = {
        Table.ARRAYS: lambda first: store.tables.array_of(first + 3),
        Table.ENDS: lambda first: store.tables.ends(first, 5, 6),
        Table.ARGUMENTS: lambda first: store.tables.arguments(first, 5, 6),
        Table.FINISHED: store.tables.finished,
    }
    with pytest.raises(StoreCorruptError, match=f"{name} is damaged.*\n.*node check"):
        reads[table](1)
    assert reads[table](11), "the others are not affected"


def test_runs() -> None:
    assert runs(b"") == []
    assert runs(bytes([0, 3, 3, 4, 0, 0, 3])) == [(1, 3, 3), (3, 4, 4), (6, 7, 3)]
    assert runs(bytearray([250])) == [(0, 1, 250)]
