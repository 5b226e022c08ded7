"""A backup is a home: whole, private, and of one moment."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picloud.exceptions import HomeError, StoreError
from picloud.store import backup as backups
from picloud.store import integrity, segments, starts
from picloud.store.datafile import meta_folder
from picloud.store.keys import FileKind


def _fill(store: Any) -> None:
    store.run(store.array(1, 10))
    store.submit(store.array(11, 3))
    store.write_segment("named", b"large" * 1000)
    store.write_segment("orphan")
    (store.home / "spool").mkdir()
    (store.home / "spool" / "g-1.out").write_bytes(b"output")
    store.commit(lambda batch: batch.put_blob_segment("h", "named"), lambda batch: batch.put_spool(1, "g-1.out"))


def test_a_backup_is_a_home(store: Any, tmp_path: Path, reopen: Callable[..., Any]) -> None:
    _fill(store)
    target = tmp_path / "backup"
    made = backups.backup(store.environment, target)
    assert made.directory == target
    assert made.files == 2
    assert made.size > 5006
    store.commit(lambda batch: batch.forget_array(1))
    copy = reopen(target)
    assert integrity.check(copy.environment).problems == []
    assert [array.first for array in copy.tables.arrays()] == [1, 11]
    assert copy.environment.store_id == store.environment.store_id
    assert segments.path(target, FileKind.SEGMENT, "named").read_bytes() == b"large" * 1000
    assert not segments.path(target, FileKind.SEGMENT, "orphan").exists()
    for folder in (target, meta_folder(target)):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert (meta_folder(target) / "data.mdb").stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob("*.partial")) == []


def test_files_are_linked(store: Any, tmp_path: Path) -> None:
    _fill(store)
    backups.backup(store.environment, tmp_path / "backup")
    one, other = (segments.path(home, FileKind.SEGMENT, "named") for home in (store.home, tmp_path / "backup"))
    assert one.samefile(other)


def test_files_are_copied_where_they_cannot_be_linked(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(store)

    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    backups.backup(store.environment, tmp_path / "backup")
    one, other = (segments.path(home, FileKind.SEGMENT, "named") for home in (store.home, tmp_path / "backup"))
    assert not one.samefile(other)
    assert one.read_bytes() == other.read_bytes()


def test_the_last_backup_is_known_to_later_starts(store: Any, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    backups.backup(store.environment, tmp_path / "backup")
    assert starts.read(store.home).backup == str(tmp_path / "backup")


def test_a_folder_with_something_in_it_is_refused(store: Any, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    with pytest.raises(HomeError, match="is not empty"):
        backups.backup(store.environment, tmp_path)
    with pytest.raises(HomeError, match="cannot be written"):
        backups.backup(store.environment, tmp_path / "precious" / "backup")
    assert (tmp_path / "precious").read_text() == "x"


def test_a_file_that_comes_while_the_backup_is_made(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between linking and copying a job may store a new segment, and another may lose one."""
    _fill(store)
    real = type(store.environment).copy

    def copy(environment: Any, folder: Path) -> None:
        store.write_segment("late")
        store.commit(lambda batch: batch.put_blob_segment("late", "late"))
        real(environment, folder)
        freed = store.commit(lambda batch: batch.drop_blobs(["h"], 99)).freed_segments
        segments.unlink(store.home, FileKind.SEGMENT, freed)
        monkeypatch.undo()

    monkeypatch.setattr(type(store.environment), "copy", copy)
    made = backups.backup(store.environment, tmp_path / "backup")
    assert made.files == 3
    assert segments.path(tmp_path / "backup", FileKind.SEGMENT, "late").exists()
    assert segments.path(tmp_path / "backup", FileKind.SEGMENT, "named").exists()


def test_a_named_file_that_is_gone_for_good(store: Any, tmp_path: Path) -> None:
    _fill(store)
    segments.unlink(store.home, FileKind.SEGMENT, ["named"])
    with pytest.raises(StoreError, match=r"1 files that jobs name are missing, such as named.*\n.*node check"):
        backups.backup(store.environment, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()
