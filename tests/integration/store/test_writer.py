"""Commits on a real disk: order, groups, syncs, and what happens when one fails."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picloud.exceptions import StoreCorruptError, StoreError, StoreFullError
from picloud.model.settings import Durability
from picloud.store.batch import Batch
from picloud.store.datafile import meta_folder
from picloud.store.environment import Environment
from picloud.store.integrity import check_in_child
from picloud.store.journal import path_of
from picloud.store.records import Summary
from picloud.store.tables import Tables
from picloud.store.writer import Writer, bring_up_to_date

from .conftest import Store


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


def _entries(store: Any) -> int:
    return int(store.writer._journal.number)


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


def test_batches_that_wait_share_one_commit(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go_on = threading.Event(), threading.Event()
    original = Writer._commit_all

    def slow(self: Writer, batches: Any) -> None:
        entered.set()
        assert go_on.wait(20)
        original(self, batches)

    monkeypatch.setattr(Writer, "_commit_all", slow)
    answers = Answers(51)
    before = _transactions(store)
    store.writer.submit(_note("first", b""), answers(0))
    assert entered.wait(20)
    for number in range(1, 51):
        store.writer.submit(_note(f"n{number % 7}", b"%d" % number), answers(number))
    go_on.set()
    answers.wait()
    assert store.writer.behind == 2
    assert _transactions(store) == before
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


def test_commit_waits_for_what_was_submitted(store: Any) -> None:
    answers = Answers(1)
    store.writer.submit(_note("x", b"1"), answers(0))
    store.commit(lambda batch: batch.put_note("x", b"2"))
    assert answers.errors == [None]
    assert store.tables.note("x") == b"2"


def test_closing_commits_what_was_submitted(store: Any) -> None:
    answers = Answers(100)
    for number in range(100):
        store.writer.submit(_note("x", b"%d" % number), answers(number))
    store.writer.close()
    answers.wait()
    assert store.tables.note("x") == b"99"
    store.writer.close()


def test_a_callback_that_raises_harms_nobody(store: Any) -> None:
    def bad(_: BaseException | None) -> None:
        raise RuntimeError("a bug of the caller")

    answers = Answers(1)
    store.writer.submit(_note("x", b"1"), bad)
    store.writer.submit(_note("y", b"2"), answers(0))
    answers.wait()
    assert answers.errors == [None]


def test_a_full_map_ends_the_writer_and_loses_nothing(store_home: Path, reopen: Callable[..., Any]) -> None:
    store = reopen(store_home)
    store.commit(lambda batch: batch.put_note("kept", b"1"))
    store.environment._lmdb.set_mapsize(1 << 20)
    with pytest.raises(StoreFullError, match=r"is full.*\n.*gc"):
        store.commit(lambda batch: batch.put_note("big", bytes(4 << 20)), lambda batch: batch.put_note("kept", b"2"))
    assert isinstance(store.writer.failure, StoreFullError)
    with pytest.raises(StoreError, match="cannot be written since an earlier commit failed"):
        store.commit(lambda batch: batch.put_note("small", b""))
    store.close()
    again = reopen(store.home)
    assert again.tables.note("kept") == b"1"
    assert again.tables.note("small") is None


def test_a_failure_reaches_everybody_who_waits(store: Any) -> None:
    answers = Answers(3)
    store.environment._lmdb.set_mapsize(1 << 20)
    store.writer.submit(_note("big", bytes(4 << 20)), answers(0))
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
    before = _entries(store)

    def note(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        assert (number := _entries(store)) == before, f"entry {number} was written before"
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


class Crashing:
    """A writer whose store is copied as it lies on the disk, which is what a killed process leaves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "live")
        self.kept: dict[str, bytes] = {}
        self.copies = 0

    def put(self, name: str, content: bytes) -> None:
        self.store.commit(lambda batch: batch.put_note(name, content))
        self.kept[name] = content

    def remove(self, name: str) -> None:
        self.store.commit(lambda batch: batch.remove_note(name))
        self.kept.pop(name, None)

    def edit(self, first: int) -> None:
        """Commit what the journal does not take."""
        self.store.commit(lambda batch: batch.put_attempt(first, 0, 1, 1, started=True))

    def crash(self) -> None:
        """Open a copy: everything that was committed is there, and it goes on from there."""
        self.copies += 1
        home = self.folder / f"copy {self.copies}"
        shutil.copytree(self.store.home, home)
        bring_up_to_date(home, Durability.PROCESS)
        with Environment.open(home, Durability.PROCESS, readonly=True) as read:
            assert self.notes(Tables(read)) == self.kept
        store = Store(home)
        assert self.notes(store.tables) == self.kept
        self.store.close()
        self.store = store

    def notes(self, tables: Tables) -> dict[str, bytes]:
        found = {name: tables.note(name) for name in NAMES}
        return {name: content for name, content in found.items() if content is not None}


NAMES = ["a", "b", "c"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(NAMES), st.binary(max_size=2000)),
        st.tuples(st.just("put"), st.sampled_from(NAMES), st.just(bytes(100_000))),
        st.tuples(st.just("remove"), st.sampled_from(NAMES)),
        st.tuples(st.just("edit"), st.integers(1, 9)),
        st.tuples(st.just("crash")),
        st.tuples(st.just("read")),
        st.tuples(st.just("settle")),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_a_killed_writer_leaves_every_commit(tmp_path_factory: pytest.TempPathFactory, steps: list[Any]) -> None:
    crashing = Crashing(tmp_path_factory.mktemp("crashing"))
    try:
        for name, *values in [*steps, ("crash",)]:
            if name == "settle":
                crashing.store.writer.settle()
                assert crashing.store.writer.behind == 0
            elif name == "read":
                assert crashing.notes(crashing.store.tables) == crashing.kept
                assert crashing.store.writer.behind == 0
            else:
                getattr(crashing, name)(*values)
    finally:
        crashing.store.close()
        shutil.rmtree(crashing.folder)


def test_small_commits_reach_lmdb_together(store: Any) -> None:
    store.tables.note("none")
    before = _transactions(store)
    for number in range(200):
        store.commit(lambda batch, number=number: batch.put_note(f"n{number}", b"x" * number))
    assert store.writer.behind == 200
    assert _transactions(store) == before
    assert store.tables.note("n199") == b"x" * 199
    assert store.writer.behind == 0
    assert _transactions(store) == before + 1


def test_a_full_journal_is_emptied_into_lmdb(store: Any) -> None:
    for number in range(100):
        store.commit(lambda batch, number=number: batch.put_note("big", bytes(50_000) + b"%d" % number))
    assert store.writer.behind < 25
    assert store.tables.note("big") == bytes(50_000) + b"99"


def test_a_damaged_journal_is_told_and_not_read(store_home: Path, reopen: Callable[..., Any], tmp_path: Path) -> None:
    store = reopen(store_home, Durability.POWER)
    store.commit(lambda batch: batch.put_note("a", b"first"))
    store.commit(lambda batch: batch.put_note("a", b"second"))
    shutil.copytree(store_home, tmp_path / "copy")
    path = path_of(tmp_path / "copy")
    content = bytearray(path.read_bytes())
    content[content.index(b"first")] ^= 1
    path.write_bytes(content)
    for attempt in (lambda: reopen(tmp_path / "copy"), lambda: bring_up_to_date(tmp_path / "copy", Durability.POWER)):
        with pytest.raises(StoreCorruptError, match=r"journal is damaged.*\n.*move that file away"):
            attempt()
    report = check_in_child(tmp_path / "copy")
    assert (report.damaged, report.ok) == (1, False)
    assert "journal" in report.problems[0]
    path.unlink()
    assert reopen(tmp_path / "copy").tables.note("a") is None


@pytest.mark.parametrize("durability", Durability)
def test_what_an_lmdb_that_was_set_back_does_not_follow_is_forgotten(
    store_home: Path, reopen: Callable[..., Any], tmp_path: Path, durability: Durability
) -> None:
    """A power cut under `process` does that, and an older copy of LMDB's folder; the numbers of entries are given out again."""
    store = reopen(store_home, durability)
    store.commit(lambda batch: batch.put_note("a", b""))
    length = store.writer._journal._at - 4096
    store.writer.settle()
    shutil.copytree(meta_folder(store_home), tmp_path / "older")
    store.commit(lambda batch: batch.put_note("a", b"lost"))
    store.writer.settle()
    store.commit(lambda batch: batch.put_note("b", bytes(length)))
    store.commit(lambda batch: batch.put_note("c", b""))
    _crash(store_home, tmp_path / "back", tmp_path / "older")

    back = reopen(tmp_path / "back", durability)
    for name in "xy":
        back.commit(lambda batch, name=name: batch.put_note(name, b""))
    assert back.writer._journal._at - 4096 == 2 * length
    _crash(tmp_path / "back", tmp_path / "again", meta_folder(tmp_path / "back"))
    found = reopen(tmp_path / "again", durability).tables
    assert [name for name in "abcxy" if found.note(name) is not None] == ["a", "x", "y"]
    assert found.note("a") == b""


def _crash(home: Path, copy: Path, lmdb_folder: Path) -> None:
    """Copy a home as it lies on the disk, with this folder of LMDB's."""
    shutil.copytree(home, copy)
    shutil.rmtree(meta_folder(copy))
    shutil.copytree(lmdb_folder, meta_folder(copy))
