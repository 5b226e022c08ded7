"""Batches: what a commit will do, before any store is there; and the segments that records name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.model import arguments, outcome
from picloud.model.array import JobArray, JobOptions
from picloud.model.job import DONE
from picloud.store import keys
from picloud.store.batch import Batch, argument_segments, end_segments
from picloud.store.keys import FileKind, Table
from picloud.store.records import Summary

ARRAY = JobArray(5, 2, "client", 1, "f", "c", "m.f", True, 1.0, None, "host", JobOptions())
NAMES = st.from_regex(r"[0-9A-Za-z_-]{1,20}", fullmatch=True)
ITEMS = st.lists(
    st.one_of(NAMES, st.binary(max_size=12).map(lambda rest: b"\x80\x05" + rest), st.just(b"")), max_size=12
)


def _ends(results: list[str | bytes]) -> bytes:
    """Return a record of ends; a text is the id of a segment."""
    rows, heap = [], b""
    for result in results:
        payload = result.encode() if isinstance(result, str) else result
        flags = outcome.RowFlag.RESULT_SEGMENT if isinstance(result, str) else 0
        rows.append(outcome.ROW.pack(DONE, flags, 0, 100 + len(heap), 2, len(payload), 0.0, 0.0))
        heap += b"{}" + payload
    return outcome.encode(b"".join(rows), heap, attempt=1, worker=1, started=0.0, heap_base=100)


@settings(max_examples=500)
@given(ITEMS, st.integers(0, 50), st.tuples(st.integers(0, 60), st.integers(0, 60)))
def test_segments_are_found(items: list[str | bytes], base: int, skip: tuple[int, int]) -> None:
    kept = [item for index, item in enumerate(items, base) if isinstance(item, str) and not skip[0] <= index < skip[1]]
    expected = list(dict.fromkeys(kept))
    record = arguments.encode_items([b"S" + item.encode() if isinstance(item, str) else item for item in items])
    assert argument_segments(record, [skip], base) == expected
    assert end_segments(_ends(items), [skip], base) == expected


def test_a_new_batch_is_empty() -> None:
    assert not Batch()


def test_an_array_is_open_until_it_is_finished() -> None:
    batch = Batch()
    batch.put_array(ARRAY)
    key = keys.jid(5)
    assert batch
    assert [table for table in Table if batch.puts[table]] == [Table.ARRAYS, Table.OPEN, Table.SUBMISSIONS]
    later = Batch()
    later.put_finished(5, Summary(2, 0, 0, 0, 1.0))
    assert not later.puts[Table.OPEN]
    assert later.removals[Table.OPEN] == {key}
    assert later.closed == [5]


def test_an_array_that_ends_in_the_commit_of_its_submission_was_never_open() -> None:
    batch = Batch()
    batch.put_array(ARRAY)
    batch.put_finished(5, Summary(2, 0, 0, 0, 1.0))
    assert not batch.puts[Table.OPEN]
    assert not batch.removals[Table.OPEN]
    assert batch.closed == []
    assert batch.puts[Table.FINISHED]


def test_its_attempt_marks_are_cleared_even_then() -> None:
    batch = Batch()
    batch.put_array(ARRAY)
    batch.put_attempt(5, 0, 2, 1, started=True)
    batch.put_finished(5, Summary(2, 0, 0, 0, 1.0))
    assert batch.closed == [5]


def test_what_is_put_again_is_not_removed() -> None:
    batch = Batch()
    batch.put_note("boot", b"1")
    batch.remove_note("boot")
    assert not batch.puts[Table.NOTES]
    batch.put_note("boot", b"2")
    assert not batch.removals[Table.NOTES]
    assert batch.puts[Table.NOTES]


def test_records_name_their_segments() -> None:
    batch = Batch()
    batch.put_arguments(5, 0, arguments.encode_items([b"Sone", b"\x80x"]))
    batch.put_ends(5, 0, _ends(["two", b"x"]))
    batch.put_blob_segment("f", "three")
    batch.put_spool(5, "four.out")
    named = {keys.named_file(key) for key in batch.puts[Table.FILES] or ()} - {None}
    assert named == {
        (FileKind.SEGMENT, "one"),
        (FileKind.SEGMENT, "two"),
        (FileKind.SEGMENT, "three"),
        (FileKind.SPOOL, "four.out"),
    }


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", ""])
def test_a_record_that_names_what_is_no_segment_is_refused_whole(name: str) -> None:
    record = arguments.encode_items([b"S" + name.encode() if name else b"S/"])
    batch = Batch()
    with pytest.raises(ValueError, match="cannot be the name"):
        batch.put_arguments(5, 0, record)
    with pytest.raises(ValueError, match="cannot be the name"):
        batch.put_ends(5, 0, _ends([name]))
    assert not batch


def test_edits_keep_their_order() -> None:
    batch = Batch()
    batch.put_attempt(5, 0, 2, 1, started=True)
    batch.delete_range(5, 0, 1)
    batch.forget_array(5)
    batch.drop_blobs(["f"], 9)
    assert [type(edit).__name__ for edit in batch.edits] == ["MarkAttempt", "DeleteItems", "ForgetArray", "DropBlobs"]
    assert batch
