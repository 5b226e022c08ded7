"""Which items of a map name the same segment."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picloud.client.segments import SegmentWriter
from picloud.client.sharing import Sharing
from picloud.pickling.pickler import ValuePickler

pickler = ValuePickler()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[SegmentWriter]:
    found = SegmentWriter(tmp_path)
    yield found
    found.close()


def table(value: float = 1.0) -> Any:
    return np.full(10_000, value)


def name(sharing: Sharing, writer: SegmentWriter, *row: Any) -> str:
    return sharing.segment(row, pickler.pickled(row)[1], writer)


def test_the_same_array_is_written_once(writer: SegmentWriter, tmp_path: Path) -> None:
    sharing, one, alike = Sharing(), table(), table()
    names = {name(sharing, writer, one, n, {"n": n}) for n in range(3)}
    assert len(names) == 1
    assert name(sharing, writer, alike, 0) not in names
    assert name(sharing, writer, alike, one) not in names
    assert len(list(tmp_path.iterdir())) == 3
    assert sharing.alone() == alike.nbytes * 3, "the two that one item each has"


def test_across_batches_only_what_has_not_changed_is_shared(writer: SegmentWriter) -> None:
    sharing, one = Sharing(), table()
    first = name(sharing, writer, one)
    assert sharing.alone() == one.nbytes
    sharing.next_batch()
    assert [name(sharing, writer, one, n) for n in range(2)] == [first, first]
    assert sharing.alone() == 0
    sharing.next_batch()
    one[-1] = 2
    changed = name(sharing, writer, one)
    assert changed != first
    assert writer.holds(changed, pickler.pickled(one)[1])


def test_an_array_is_not_kept_for_the_sake_of_later_items(writer: SegmentWriter) -> None:
    sharing = Sharing()
    names = set()
    for number in range(50):
        # Freed at the end of its turn, so that the next one often gets its address.
        one = table(number)
        names.add(name(sharing, writer, one))
        alive = weakref.ref(one)
        del one
        assert alive() is None
        if number % 7 == 0:
            sharing.next_batch()
    assert len(names) == 50


def test_what_an_object_makes_up_while_it_is_pickled_is_not_shared(writer: SegmentWriter) -> None:
    scratch = table()

    class Filled:
        def __init__(self, value: float) -> None:
            self.value = value

        def __reduce__(self) -> tuple[Any, ...]:
            scratch[:] = self.value
            return np.copy, (scratch,)

    sharing = Sharing()
    assert name(sharing, writer, Filled(1)) != name(sharing, writer, Filled(2))


def test_a_view_that_is_made_while_pickling_is_written_each_time(writer: SegmentWriter) -> None:
    columns = np.asfortranarray(table().reshape(100, 100))
    sharing = Sharing()
    names = [name(sharing, writer, columns) for _ in range(2)]
    assert all(writer.holds(each, [columns.T.data.cast("B")]) for each in names)
