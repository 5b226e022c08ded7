"""Live arrays: found by any jid, their arguments cut out of memory or the store, whichever has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picloud.model import arguments
from picloud.model.array import JobArray, JobOptions
from picloud.model.settings import Durability
from picloud.node.live import LiveArray, LiveArrays
from picloud.node.pools import pool_of
from picloud.store.batch import Batch
from picloud.store.environment import Environment
from picloud.store.tables import Tables
from picloud.store.writer import Writer

from .conftest import context

POOL = pool_of(context(), "local", "c1", 1)


def _array(first: int, count: int) -> JobArray:
    return JobArray(
        first=first,
        count=count,
        client="client",
        sequence=first,
        function="ab" * 20,
        context="cd" * 20,
        name="f",
        is_map=True,
        created=0.0,
        parent=None,
        hostname="host",
        options=JobOptions(),
    )


def _live(first: int, count: int, *, stored: bool = False) -> LiveArray:
    return LiveArray(_array(first, count), POOL, bytearray(count), stored=stored)


class Store:
    """A real store to read arguments from."""

    def __init__(self, home: Path) -> None:
        self.environment = Environment.open(home, Durability.PROCESS)
        self.writer = Writer(self.environment)
        self.tables = Tables(self.environment)
        self.next = 1


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.writer.close()
    made.environment.close()


# --- arrays ------------------------------------------------------------------------------------------------------------


def test_an_array_is_found_by_any_of_its_jids_and_no_other() -> None:
    arrays = LiveArrays()
    one, other = _live(10, 5), _live(20, 1)
    arrays.add(other)
    arrays.add(one)
    assert [arrays.of(jid) for jid in (9, 10, 14, 15, 19, 20, 21)] == [None, one, one, None, None, other, None]
    assert arrays.get(10) is one
    assert arrays.get(11) is None
    assert list(arrays) == [one, other]
    arrays.remove(10)
    arrays.remove(10)
    assert len(arrays) == 1
    assert arrays.of(12) is None


@given(
    sizes=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 6), st.booleans()), max_size=12),
    low=st.integers(0, 60),
    length=st.integers(0, 30),
)
@settings(max_examples=500)
def test_finding_agrees_with_looking_at_each(sizes: list[tuple[int, int, bool]], low: int, length: int) -> None:
    arrays, owner, at = LiveArrays(), dict[int, int](), 1
    for gap, count, removed in sizes:
        at += gap
        arrays.add(_live(at, count))
        if removed:
            arrays.remove(at)
        else:
            owner |= dict.fromkeys(range(at, at + count), at)
        at += count
    for jid in range(at + 2):
        found = arrays.of(jid)
        assert (found.array.first if found is not None else None) == owner.get(jid)
    parts = [(live.array.first, jid) for live, span in arrays.within((low, low + length)) for jid in range(*span)]
    assert parts == [(owner[jid], jid) for jid in range(low, low + length) if jid in owner]


# --- arguments ---------------------------------------------------------------------------------------------------------


def _items(record: bytes) -> list[bytes]:
    return [bytes(item) for item in arguments.slices(record)]


def test_arguments_are_cut_across_parts_and_their_segments_named(store: Store) -> None:
    live = _live(1, 5)
    live.add_part(0, arguments.encode_items([b"a", b"Sone", b"c"]), segments=True)
    live.add_part(3, arguments.encode_items([b"Stwo", b"e"]), segments=True)
    record, segments = live.arguments(1, 4, store.tables)
    assert (_items(record), segments) == ([b"Sone", b"c", b"Stwo"], ["one", "two"])
    record, segments = live.arguments(4, 5, store.tables)
    assert (_items(record), segments) == ([b"e"], [])
    assert live.names_segments(store.tables)


def test_arguments_stay_in_memory_until_they_are_stored(store: Store) -> None:
    live = _live(1, 4)
    live.add_part(0, arguments.encode_items([b"a", b"b"]), segments=False)
    live.add_part(2, arguments.encode_items([b"c", b"d"]), segments=False)
    for _ in range(2):
        assert _items(live.arguments(0, 4, store.tables)[0]) == [b"a", b"b", b"c", b"d"]
    live.stored = True
    live.arguments(1, 2, store.tables)
    assert [part.record is None for part in live.parts] == [True, False]


@given(data=st.data(), known=st.booleans(), stored=st.booleans())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_arguments_are_the_same_from_memory_and_store(
    store: Store, data: st.DataObject, known: bool, stored: bool
) -> None:
    """Chunks in any order, of an array that was just submitted or found at a start, in one part or several."""
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    items = [data.draw(st.sampled_from((b"S%d", b"\x80%d", b"%d"))) % index for index in range(sum(sizes))]
    first, store.next = store.next, store.next + len(items)
    live = _live(first, len(items), stored=stored or not known)
    batch, at = Batch(), 0
    batch.put_array(live.array)
    for size in sizes:
        record = arguments.encode_items(items[at : at + size])
        batch.put_arguments(first, at, record)
        if known:
            live.add_part(at, record, segments=any(item[:1] == b"S" for item in items[at : at + size]))
        at += size
    store.writer.commit(batch)
    for _ in range(data.draw(st.integers(1, 4))):
        low = data.draw(st.integers(0, len(items) - 1))
        high = data.draw(st.integers(low + 1, len(items)))
        record, segments = live.arguments(low, high, store.tables)
        assert _items(record) == items[low:high]
        assert segments == [item[1:].decode() for item in items[low:high] if item[:1] == b"S"]
    assert live.names_segments(store.tables) == any(item[:1] == b"S" for item in items)
