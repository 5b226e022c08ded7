"""Deleting and marking: what goes, what stays, and which files are freed."""

from __future__ import annotations

from typing import Any

from picloud.model import arguments, outcome
from picloud.model.job import DONE, ERROR, KILLED
from picloud.store.keys import Table
from picloud.store.records import Attempt, Summary

ARRAY_TABLES = [
    Table.ARRAYS,
    Table.OPEN,
    Table.FINISHED,
    Table.TOMBSTONES,
    Table.ARGUMENTS,
    Table.ENDS,
    Table.ATTEMPTS,
    Table.SUBMISSIONS,
    Table.FILES,
]


def _entries(store: Any, table: Table) -> int:
    with store.environment.begin() as txn:
        return int(txn.stat(store.environment.databases[table])["entries"])


def test_one_item_of_a_chunk_leaves_a_tombstone(store: Any) -> None:
    store.run(store.array(1, 8), chunk=4)
    store.commit(lambda batch: batch.delete_range(1, 2, 3))
    assert store.tables.deleted(1) == [(2, 3)]
    assert store.tables.array_of(3) is None
    assert store.tables.array_of(2).first == store.tables.array_of(4).first == 1
    assert [start for start, _ in store.tables.ends(1)] == [0, 4]


def test_a_chunks_bytes_go_with_its_last_item(store: Any) -> None:
    store.run(store.array(1, 8), chunk=4)
    for index in (0, 3, 1):
        store.commit(lambda batch, at=index: batch.delete_range(1, at, at + 1))
    assert len(store.tables.ends(1)) == 2
    store.commit(lambda batch: batch.delete_range(1, 2, 3))
    assert [start for start, _ in store.tables.ends(1)] == [4]
    assert [start for start, _ in store.tables.arguments(1)] == [4]


def test_an_array_goes_with_its_last_item(store: Any) -> None:
    store.run(store.array(1, 8), chunk=4)
    store.commit(lambda batch: batch.delete_range(1, 0, 5))
    store.commit(lambda batch: batch.delete_range(1, 5, 8))
    assert store.tables.array(1) is None
    assert [_entries(store, table) for table in ARRAY_TABLES] == [0] * len(ARRAY_TABLES)
    assert store.tables.next_jid() == 9


def test_jids_are_never_given_out_again(store: Any) -> None:
    for first in (1, 3, 5):
        store.run(store.array(first, 2))
    for first in (3, 5, 1):
        store.commit(lambda batch, gone=first: batch.forget_array(gone))
        assert store.tables.next_jid() == 7
    store.commit(lambda batch: batch.set_next_jid(50))
    assert store.tables.next_jid() == 50


def test_deleting_what_is_not_there_is_nothing(store: Any) -> None:
    store.run(store.array(1, 2))
    batch = store.commit(
        lambda batch: batch.delete_range(9, 0, 1),
        lambda batch: batch.forget_array(9),
        lambda batch: batch.delete_range(1, 1, 1),
        lambda batch: batch.drop_blobs(["none"], 1),
    )
    assert batch.freed_segments == batch.freed_spools == []
    assert store.tables.deleted(1) == []


def test_an_items_segments_are_freed_with_it(store: Any) -> None:
    record = arguments.encode_items([b"Sfirst", b"Sshared", b"Sshared", b"\x80"])
    store.commit(
        lambda batch: batch.put_array(store.array(1, 4)),
        lambda batch: batch.put_arguments(1, 0, record),
        lambda batch: batch.put_ends(1, 0, store.ends([DONE] * 2, segment="result")),
    )
    assert store.commit(lambda batch: batch.delete_range(1, 0, 1)).freed_segments == ["first"]
    assert store.commit(lambda batch: batch.delete_range(1, 1, 2)).freed_segments == ["result"]
    assert store.commit(lambda batch: batch.delete_range(1, 2, 3)).freed_segments == ["shared"]
    assert list(store.tables.named_files()) == []


def test_a_segment_that_two_arrays_name_is_freed_with_the_second(store: Any) -> None:
    for first in (1, 2):
        store.commit(
            lambda batch, at=first: batch.put_array(store.array(at, 1)),
            lambda batch, at=first: batch.put_arguments(at, 0, arguments.encode_items([b"Sshared"])),
        )
    assert store.commit(lambda batch: batch.forget_array(1)).freed_segments == []
    assert store.commit(lambda batch: batch.forget_array(2)).freed_segments == ["shared"]


def test_spools_and_blobs_let_go_of_their_files(store: Any) -> None:
    array = store.run(store.array(1, 1))
    store.commit(lambda batch: batch.put_spool(1, "g-1.out"), lambda batch: batch.put_blob_segment("big", "seg"))
    assert store.commit(lambda batch: batch.forget_array(array.first)).freed_spools == ["g-1.out"]
    assert store.commit(lambda batch: batch.drop_blobs(["big"], 1)).freed_segments == ["seg"]


def test_a_blob_that_came_into_use_after_the_search_stays(store: Any) -> None:
    store.run(store.array(1, 1))
    store.commit(lambda batch: batch.forget_array(1))
    unused, since = store.tables.unused_blobs()
    assert len(unused) == 2
    store.submit(store.array(2, 1))
    store.commit(lambda batch: batch.drop_blobs(unused, since))
    assert all(store.tables.has_blob(hash_) for hash_ in unused)


def test_damaged_chunks_can_be_deleted_with_their_array(store: Any) -> None:
    store.run(store.array(1, 4))
    store.writer.settle()
    with store.environment.begin_write() as txn:
        with txn.cursor(store.environment.databases[Table.ENDS]) as cursor:
            cursor.first()
            key = bytes(cursor.key())
        txn.put(key, b"\x01damaged", db=store.environment.databases[Table.ENDS])
    store.commit(lambda batch: batch.forget_array(1))
    assert _entries(store, Table.ENDS) == 0


def test_recovery_still_knows_how_deleted_items_ended(store: Any) -> None:
    store.submit(store.array(1, 6), chunk=3)
    store.commit(
        lambda batch: batch.put_ends(1, 0, store.ends([ERROR, KILLED, ERROR])),
        lambda batch: batch.delete_range(1, 0, 3),
    )
    (found,) = store.tables.unfinished()
    assert found.ended == ((0, 1, ERROR), (1, 2, KILLED), (2, 3, ERROR))
    ((_, record),) = store.tables.ends(1)
    assert len(outcome.decode(record).heap) == 0


def test_a_mark_replaces_what_it_overlaps(store: Any) -> None:
    store.submit(store.array(1, 20))
    store.commit(lambda batch: batch.put_attempt(1, 0, 10, 1, started=True))
    store.commit(lambda batch: batch.put_attempt(1, 4, 6, 2, started=False))
    assert store.tables.attempts(1) == [
        Attempt(0, 4, 1, started=True),
        Attempt(4, 6, 2, started=False),
        Attempt(6, 10, 1, started=True),
    ]
    store.commit(lambda batch: batch.put_attempt(1, 2, 15, 3, started=True))
    assert store.tables.attempts(1) == [Attempt(0, 2, 1, started=True), Attempt(2, 15, 3, started=True)]


def test_marks_go_when_the_array_finishes(store: Any) -> None:
    for first in (1, 3):
        store.submit(store.array(first, 2))
        store.commit(lambda batch, at=first: batch.put_attempt(at, 0, 2, 1, started=True))
    store.commit(lambda batch: batch.put_finished(1, Summary(2, 0, 0, 0, 1.0)))
    assert store.tables.attempts(1) == []
    assert store.tables.attempts(3) == [Attempt(0, 2, 1, started=True)]
