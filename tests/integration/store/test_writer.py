"""Commits on a real disk: order, groups, syncs, and what happens when one fails."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picloud.exceptions import StoreError, StoreFullError
from picloud.model.settings import Durability
from picloud.store.batch import Batch
from picloud.store.records import Summary
from picloud.store.writer import Writer


class Answers:
    """Collects what the writer says, and in which thread."""

    def __init__(self, expected: int) -> None:
        """Be complete after `expected` answers."""
        self.errors: list[BaseException | None] = []
        self.order: list[int] = []
        self.threads: set[str] = set()
        self._expected = expected
        self._complete = threading.Event()

    def __call__(self, number: int) -> Callable[[BaseException | None], None]:
        def done(error: BaseException | None) -> None:
            self.errors.append(error)
            self.order.append(number)
            self.threads.add(threading.current_thread().name)
            if len(self.errors) == self._expected:
                self._complete.set()

        return done

    def wait(self) -> None:
        assert self._complete.wait(20), f"{len(self.errors)} of {self._expected} answers"


def _note(name: str, content: bytes) -> Batch:
    batch = Batch()
    batch.put_note(name, content)
    return batch


def _transactions(store: Any) -> int:
    return int(store.environment._lmdb.info()["last_txnid"])


def test_a_commit_can_be_read_at_once(store: Any) -> None:
    store.commit(lambda batch: batch.put_note("a", b"1"))
    assert store.tables.note("a") == b"1"
    store.commit(lambda batch: batch.remove_note("a"), lambda batch: batch.put_note("b", b"2"))
    assert store.tables.note("a") is None
    assert store.tables.note("b") == b"2"


@pytest.mark.parametrize("durability", Durability)
def test_submitted_batches_are_committed_in_order(
    store_home: Path, reopen: Callable[..., Any], durability: Durability
) -> None:
    store = reopen(store_home, durability)
    answers = Answers(300)
    for number in range(300):
        store.writer.submit(_note("last", b"%d" % number), answers(number))
    answers.wait()
    assert answers.errors == [None] * 300
    assert answers.order == list(range(300))
    assert answers.threads == {"store writer"}
    assert store.tables.note("last") == b"299"


def test_batches_that_wait_share_one_transaction(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go_on = threading.Event(), threading.Event()
    original = Writer._write

    def slow(self: Writer, txn: Any, batches: Any) -> None:
        entered.set()
        assert go_on.wait(20)
        original(self, txn, batches)

    monkeypatch.setattr(Writer, "_write", slow)
    answers = Answers(51)
    before = _transactions(store)
    store.writer.submit(_note("first", b""), answers(0))
    assert entered.wait(20)
    for number in range(1, 51):
        store.writer.submit(_note(f"n{number % 7}", b"%d" % number), answers(number))
    go_on.set()
    answers.wait()
    assert _transactions(store) == before + 2
    assert [store.tables.note(f"n{number}") for number in range(7)] == [b"49", b"50", b"44", b"45", b"46", b"47", b"48"]


def test_later_batches_win_within_a_group(store: Any) -> None:
    """Put and removal of one key in several batches of one transaction end as if they had been committed one by one."""
    array = store.array(1, 2)
    first, second, third = Batch(), Batch(), Batch()
    first.put_array(array)
    first.put_note("x", b"1")
    second.put_finished(1, Summary(2, 0, 0, 0, 1.0))
    second.remove_note("x")
    third.put_note("x", b"3")
    store.writer._commit((first, second, third))
    assert not store.tables.is_open(1)
    assert store.tables.finished(1) == Summary(2, 0, 0, 0, 1.0)
    assert store.tables.note("x") == b"3"


def test_edits_stay_between_the_puts_around_them(store: Any) -> None:
    """A blob that is dropped and put again within one group is there."""
    drop, again = Batch(), Batch()
    drop.put_blob("f", b"old")
    drop.drop_blobs(["f"], since=1)
    again.put_blob("f", b"new")
    store.writer._commit((drop, again))
    assert store.tables.blob("f").content == b"new"
    store.writer._commit((again, drop))
    assert store.tables.blob("f") is None


def test_a_lingering_commit_takes_what_follows_along(store: Any) -> None:
    answers = Answers(2)
    before = _transactions(store)
    begun = time.monotonic()
    store.writer.submit(_note("call", b""), answers(0), linger=15.0)
    store.writer.submit(_note("result", b""), answers(1))
    answers.wait()
    assert _transactions(store) == before + 1
    assert time.monotonic() - begun < 10


def test_a_lingering_commit_ends_by_itself(store: Any) -> None:
    answers = Answers(1)
    store.writer.submit(_note("call", b""), answers(0), linger=0.001)
    answers.wait()
    assert store.tables.note("call") == b""


def test_commit_waits_for_what_was_submitted(store: Any) -> None:
    answers = Answers(1)
    store.writer.submit(_note("x", b"1"), answers(0))
    store.commit(lambda batch: batch.put_note("x", b"2"))
    assert answers.errors == [None]
    assert store.tables.note("x") == b"2"


def test_closing_commits_what_was_submitted(store: Any) -> None:
    answers = Answers(100)
    for number in range(100):
        store.writer.submit(_note("x", b"%d" % number), answers(number), linger=5.0)
    store.writer.close()
    answers.wait()
    assert store.tables.note("x") == b"99"
    store.commit(lambda batch: batch.put_note("x", b"after"))
    assert store.tables.note("x") == b"after"


def test_a_callback_that_raises_harms_nobody(store: Any) -> None:
    def bad(_: BaseException | None) -> None:
        raise RuntimeError("a bug of the caller")

    answers = Answers(1)
    store.writer.submit(_note("x", b"1"), bad)
    store.writer.submit(_note("y", b"2"), answers(0))
    answers.wait()
    assert answers.errors == [None]


def test_a_full_map_ends_the_writer_and_loses_nothing(store: Any) -> None:
    store.commit(lambda batch: batch.put_note("kept", b"1"))
    store.environment._lmdb.set_mapsize(1 << 20)
    with pytest.raises(StoreFullError, match=r"is full.*\n.*gc"):
        store.commit(lambda batch: batch.put_note("big", bytes(4 << 20)), lambda batch: batch.put_note("kept", b"2"))
    assert isinstance(store.writer.failure, StoreFullError)
    with pytest.raises(StoreError, match="cannot be written since an earlier commit failed"):
        store.commit(lambda batch: batch.put_note("small", b""))
    assert store.tables.note("kept") == b"1"
    assert store.tables.note("small") is None


def test_a_failure_reaches_everybody_who_waits(store: Any) -> None:
    answers = Answers(3)
    store.environment._lmdb.set_mapsize(1 << 20)
    store.writer.submit(_note("big", bytes(4 << 20)), answers(0), linger=15.0)
    store.writer.submit(_note("same group", b""), answers(1))
    store.writer.submit(_note("later", b""), answers(2))
    answers.wait()
    assert all(isinstance(error, StoreError) for error in answers.errors)
    assert store.tables.note("same group") is None


def test_under_power_files_are_synced_before_the_commit(
    store_home: Path, reopen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store = reopen(store_home, Durability.POWER)
    synced: list[str] = []
    real = os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        assert store.tables.note("x") is None, "synced before the commit"
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    file = tmp_path / "segment"
    file.write_bytes(b"content")
    batch = _note("x", b"1")
    with (tmp_path / "spool").open("wb") as spool:
        batch.sync_first += [file, spool.fileno(), file, tmp_path / "gone"]
        store.writer.commit(batch)
    assert synced == [str(file), str(tmp_path)]
    assert store.tables.note("x") == b"1"


def test_a_sync_that_fails_ends_the_writer(
    store_home: Path, reopen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel may have marked the pages clean: the same sync would succeed and mean nothing."""
    store = reopen(store_home, Durability.POWER)

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    batch = _note("x", b"1")
    batch.sync_first.append(store_home)
    with pytest.raises(StoreFullError, match="Input/output error"):
        store.writer.commit(batch)
    monkeypatch.undo()
    with pytest.raises(StoreError, match="earlier commit failed"):
        store.writer.commit(_note("y", b""))


def test_under_process_nothing_is_synced(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise AssertionError("synced")

    monkeypatch.setattr(os, "fsync", fail)
    store.commit(lambda batch: batch.sync_first.append(store.home), lambda batch: batch.put_note("x", b""))
    assert store.tables.note("x") == b""
