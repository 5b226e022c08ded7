"""LMDB's file: missing, empty, cut short, or short for a good reason."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lmdb
import pytest

from picloud.exceptions import StoreCorruptError, StoreForeignError
from picloud.model.settings import Durability
from picloud.store import datafile, segments
from picloud.store.datafile import meta_folder
from picloud.store.environment import Environment
from picloud.store.keys import FileKind


def _open(home: Path) -> None:
    Environment.open(home, Durability.PROCESS).close()


def _data(home: Path) -> Path:
    return meta_folder(home) / "data.mdb"


def _filled(reopen: Callable[..., Any], home: Path, arrays: int = 40) -> None:
    store = reopen(home)
    first = 1
    for _ in range(arrays):
        store.run(store.array(first, 200), chunk=50)
        first += 200
    store.close()


def test_what_a_file_lacks(store_home: Path) -> None:
    _open(store_home)
    size = _data(store_home).stat().st_size
    assert datafile.shortfall(store_home, size) == 0
    assert datafile.shortfall(store_home, size + 5) == 5


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.95])
def test_a_truncated_store(store_home: Path, reopen: Callable[..., Any], keep: float) -> None:
    """Reading behind the end of a mapped file is a SIGBUS: it must be an error before."""
    _filled(reopen, store_home)
    size = int(_data(store_home).stat().st_size * keep) // 4096 * 4096
    os.truncate(_data(store_home), size)
    for _ in range(2):
        with pytest.raises(StoreCorruptError, match=f"truncated: {size:,} bytes instead of"):
            _open(store_home)
        assert _data(store_home).stat().st_size == size, "the file is left as it was found"


def test_a_store_cut_to_less_than_its_head(store_home: Path) -> None:
    _open(store_home)
    os.truncate(_data(store_home), 100)
    with pytest.raises((StoreForeignError, StoreCorruptError)):
        _open(store_home)


def test_an_empty_file_is_new_only_if_nothing_else_is_there(store_home: Path, reopen: Callable[..., Any]) -> None:
    store = reopen(store_home)
    store.write_segment("one")
    store.close()
    os.truncate(_data(store_home), 0)
    with pytest.raises(StoreCorruptError, match="is empty, but there are segments"):
        _open(store_home)
    segments.path(store_home, FileKind.SEGMENT, "one").unlink()
    _open(store_home)


def test_pages_that_were_never_written_are_no_truncation(store_home: Path, reopen: Callable[..., Any]) -> None:
    """LMDB need not write the last pages of its file when they are free."""
    _filled(reopen, store_home, 2)
    with lmdb.open(str(meta_folder(store_home)), max_dbs=20, map_size=1 << 30) as raw:
        with raw.begin(write=True) as txn:
            txn.put(b"big", bytes(400_000), db=raw.open_db(b"scratch", txn=txn))
        with raw.begin(write=True) as txn:
            txn.drop(raw.open_db(b"scratch", txn=txn))
        needed = (raw.info()["last_pgno"] + 1) * 4096
    os.truncate(_data(store_home), needed - 10 * 4096)
    _open(store_home)
    assert _data(store_home).stat().st_size >= needed
