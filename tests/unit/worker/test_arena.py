"""The worker's side of its arena."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from typing import Any

import pytest

from picloud.exceptions import BackendError
from picloud.model import arena as layout
from picloud.worker import arena as arenas
from picloud.worker.arena import Arena


@pytest.fixture
def descriptor() -> Iterator[int]:
    descriptor = arenas.create()
    yield descriptor
    os.close(descriptor)


def u64(memory: Any, position: int) -> int:
    return int(layout.U64.unpack_from(memory, position)[0])


def i64(memory: Any, position: int) -> int:
    return int(layout.I64.unpack_from(memory, position)[0])


def test_it_is_memory_of_the_layouts_size(descriptor: int) -> None:
    assert os.fstat(descriptor).st_size == layout.SIZE
    assert not os.get_inheritable(descriptor)


def test_another_process_reads_what_is_written(descriptor: int) -> None:
    """Plain stores of the worker are what the layout's structs read."""
    arena = Arena(descriptor)
    with mmap.mmap(descriptor, layout.SIZE) as seen:
        arena.begin(7, 1234.5, 99)
        assert u64(seen, layout.SEQ) == 7
        assert i64(seen, layout.CURRENT) == arena.current() == -1
        assert layout.F64.unpack_from(seen, layout.CHUNK_STARTED)[0] == 1234.5
        assert u64(seen, layout.OUTPUT_LIMIT) == 99
        arena.note_output(11, 12)
        assert (u64(seen, layout.OUT_START), u64(seen, layout.ERR_START)) == (11, 12)
        arena.integers[layout.CURRENT // 8] = 5
        assert i64(seen, layout.CURRENT) == arena.current() == 5


def test_rolls_add_up(descriptor: int) -> None:
    arena = Arena(descriptor)
    arena.begin(1, 0.0, 0)
    for done in (10, 3):
        arena.row, arena.heap = done, 100
        arena.integers[layout.DONE // 8] = done
        arena.end()
        assert u64(arena.memory, layout.HEAP_USED) == 100
        arena.roll()
        assert (arena.row, arena.heap, u64(arena.memory, layout.DONE), u64(arena.memory, layout.HEAP_USED)) == (
            0,
            0,
            0,
            0,
        )
    assert arena.base == u64(arena.memory, layout.BASE) == 13
    arena.begin(2, 0.0, 0)
    assert arena.base == u64(arena.memory, layout.BASE) == 0


def test_a_roll_takes_the_count_away_before_it_moves_the_base(descriptor: int) -> None:
    """A reader between the two stores must not take old rows for new ones."""
    arena = Arena(descriptor)
    order: list[int] = []

    class Recorded:
        def __setitem__(self, position: int, value: int) -> None:
            order.append(position * 8)

    arena.integers = Recorded()  # type: ignore[assignment]  # records what is written
    arena.roll()
    assert order.index(layout.DONE) < order.index(layout.BASE)
    order.clear()
    arena.begin(2, 0.0, 0)
    assert order[-1] == layout.SEQ


def test_other_byte_orders_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.byteorder", "big")
    with pytest.raises(BackendError):
        arenas.create()
