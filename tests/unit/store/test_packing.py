"""Batches as the content of a journal's entries."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.store.batch import Batch
from picloud.store.keys import MAX_KEY, Table
from picloud.store.packing import pack, unpack

KEYS = st.binary(min_size=1, max_size=20)
PUTS = st.dictionaries(st.tuples(st.sampled_from(Table), KEYS), st.binary(max_size=50), max_size=12)
REMOVALS = st.sets(st.tuples(st.sampled_from(Table), KEYS), max_size=6)
CLOSED = st.lists(st.integers(0, (1 << 64) - 1), max_size=4)


def _batch(puts: dict[tuple[Table, bytes], bytes], removals: set[tuple[Table, bytes]], closed: list[int]) -> Batch:
    batch = Batch()
    for (table, key), value in puts.items():
        rows = batch.puts[table] = batch.puts[table] or {}
        rows[key] = value
    for table, key in removals:
        found = batch.removals[table] = batch.removals[table] or set()
        found.add(key)
    batch.closed += closed
    return batch


@settings(max_examples=1000)
@given(PUTS, REMOVALS, CLOSED)
def test_a_batch_comes_back_as_it_went(
    puts: dict[tuple[Table, bytes], bytes], removals: set[tuple[Table, bytes]], closed: list[int]
) -> None:
    batch = _batch(puts, removals, closed)
    content = pack(batch, 1 << 20)
    assert content is not None
    found = unpack(content)
    assert (found.puts, found.removals, found.closed) == (batch.puts, batch.removals, batch.closed)


@settings(max_examples=300)
@given(PUTS, REMOVALS, CLOSED, st.data())
def test_what_is_cut_short_or_too_long_is_refused(
    puts: dict[tuple[Table, bytes], bytes],
    removals: set[tuple[Table, bytes]],
    closed: list[int],
    data: st.DataObject,
) -> None:
    content = pack(_batch(puts, removals, closed), 1 << 20)
    assert content is not None
    length = data.draw(st.integers(0, len(content) - 1))
    for wrong in (content[:length], content + b"x"):
        with pytest.raises(ValueError, match="journal"):
            unpack(wrong)


def test_edits_are_not_for_the_journal() -> None:
    batch = Batch()
    batch.put_note("a", b"1")
    batch.put_attempt(1, 0, 1, 1, started=True)
    assert pack(batch, 1 << 20) is None


def test_neither_is_what_is_too_large() -> None:
    batch = Batch()
    batch.put_note("a", bytes(1000))
    assert pack(batch, 1000) is None
    assert pack(batch, 1100) is not None


@pytest.mark.parametrize("key", [b"", b"k" * (MAX_KEY + 1)])
def test_nor_a_key_that_lmdb_would_refuse_later(key: bytes) -> None:
    assert pack(_batch({(Table.NOTES, key): b"1"}, set(), []), 1 << 20) is None
    assert pack(_batch({(Table.NOTES, b"k" * MAX_KEY): b"1"}, set(), []), 1 << 20) is not None
