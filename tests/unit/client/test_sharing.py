"""Which items of a map name the same segment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud.client.segments import SegmentWriter
from picloud.client.sharing import Sharing


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[SegmentWriter]:
    found = SegmentWriter(tmp_path)
    yield found
    found.close()


def view(content: bytearray) -> list[memoryview]:
    return [memoryview(content)]


def test_the_same_objects_are_written_once(writer: SegmentWriter, tmp_path: Path) -> None:
    sharing = Sharing()
    table, other = bytearray(b"table"), bytearray(b"table")
    names = [sharing.segment((table, n, "text"), view(table), writer) for n in range(3)]
    assert len(set(names)) == 1
    assert sharing.segment((other, 0, "text"), view(other), writer) not in names
    assert sharing.segment((other, table), view(other), writer) not in names
    assert len(list(tmp_path.iterdir())) == 3


def test_across_batches_only_what_has_not_changed_is_shared(writer: SegmentWriter) -> None:
    sharing = Sharing()
    table = bytearray(b"table")
    first = [sharing.segment((table, n), view(table), writer) for n in range(2)]
    sharing.next_batch()
    assert sharing.segment((table, 3), view(table), writer) == first[0]
    sharing.next_batch()
    table[:] = b"other"
    changed = sharing.segment((table, 4), view(table), writer)
    assert changed != first[0]
    sharing.next_batch()
    sharing.next_batch()
    assert writer.holds(changed, view(table))


def test_what_no_two_items_have_in_common_is_not_kept(writer: SegmentWriter) -> None:
    sharing = Sharing()
    tables = [bytearray(b"table") for _ in range(30)]
    for table in tables:
        sharing.segment((table,), view(table), writer)
    sharing.next_batch()
    assert len(sharing._doubtful) == 0
    for table in tables:
        for _ in range(2):
            sharing.segment((table,), view(table), writer)
    sharing.next_batch()
    assert len(sharing._doubtful) == 8
