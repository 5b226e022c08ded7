"""Opening: fresh, again, corrupt, foreign, newer, truncated, unwritable, without room."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lmdb
import pytest

from picloud.exceptions import (
    HomeError,
    StoreCorruptError,
    StoreError,
    StoreForeignError,
    StoreFullError,
    StoreNewerError,
)
from picloud.model.settings import Durability
from picloud.store import codec, environment, records
from picloud.store.datafile import meta_folder
from picloud.store.environment import Environment, Reserve
from picloud.store.keys import Table

PROCESS = Durability.PROCESS


def _open(home: Path, **options: Any) -> None:
    Environment.open(home, PROCESS, **options).close()


def _data(home: Path) -> Path:
    return meta_folder(home) / "data.mdb"


def _filled(reopen: Callable[..., Any], home: Path, arrays: int = 40) -> None:
    store = reopen(home)
    first = 1
    for _ in range(arrays):
        store.run(store.array(first, 200), chunk=50)
        first += 200
    store.close()


def test_a_fresh_store_is_private_and_keeps_its_id(store_home: Path) -> None:
    with Environment.open(store_home, PROCESS) as fresh:
        store_id = fresh.store_id
        assert len(store_id) == 32
    for folder in (store_home / "store", meta_folder(store_home)):
        assert folder.stat().st_mode & 0o777 == 0o700
    for file in meta_folder(store_home).iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
    with Environment.open(store_home, Durability.POWER) as again:
        assert again.store_id == store_id
        assert again.room() > 0
        assert again.reader_check() == 0
        again.sync()


def test_a_store_is_opened_once_in_a_process(store_home: Path) -> None:
    with Environment.open(store_home, PROCESS), pytest.raises(StoreError, match="already open"):
        _open(store_home)


def test_reading_alone_creates_nothing(store_home: Path) -> None:
    with pytest.raises(HomeError, match="no store"):
        _open(store_home, readonly=True)
    assert not store_home.exists()
    _open(store_home)
    with Environment.open(store_home, PROCESS, readonly=True) as read, pytest.raises(lmdb.ReadonlyError):
        read.begin_write()


def test_a_home_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeError, match="cannot be used: Not a directory"):
        _open(tmp_path / "file" / "home")


UNWRITABLE = """
import os, sys
from pathlib import Path
from picloud.exceptions import HomeError
from picloud.model.settings import Durability
from picloud.store import codec, records
from picloud.store.environment import Environment
if os.geteuid() == 0:
    os.setuid(65534)
try:
    Environment.open(sys.argv[1], Durability.PROCESS)
except HomeError as error:
    print(error)
"""


def test_a_home_that_cannot_be_written() -> None:
    result = subprocess.run(
        [sys.executable, "-c", UNWRITABLE, "/usr/picloud-home"], capture_output=True, text=True, check=True, timeout=30
    )
    assert "/usr/picloud-home cannot be used: Permission denied" in result.stdout
    assert "TIP: Set PICLOUD_HOME" in result.stdout


def test_a_file_that_is_no_lmdb(store_home: Path) -> None:
    meta_folder(store_home).mkdir(parents=True)
    _data(store_home).write_bytes(b"something else entirely" * 1000)
    with pytest.raises(StoreForeignError, match="not an LMDB environment"):
        _open(store_home)
    assert _data(store_home).read_bytes() == b"something else entirely" * 1000


def test_somebody_elses_lmdb(store_home: Path) -> None:
    meta_folder(store_home).mkdir(parents=True)
    foreign = lmdb.open(str(meta_folder(store_home)), max_dbs=2)
    with foreign.begin(write=True) as txn:
        txn.put(b"key", b"value", db=foreign.open_db(b"theirs", txn=txn))
    foreign.close()
    with pytest.raises(StoreForeignError, match="picloud did not write"):
        _open(store_home)
    again = lmdb.open(str(meta_folder(store_home)), max_dbs=2)
    with again.begin() as txn:
        assert txn.get(b"key", db=again.open_db(b"theirs", txn=txn, create=False)) == b"value"
        assert txn.stat()["entries"] == 1
    again.close()


def _replace_format(home: Path, value: bytes | None) -> None:
    with Environment.open(home, PROCESS) as opened, opened.begin_write() as txn:
        database = opened.databases[Table.FORMAT]
        if value is None:
            txn.delete(b"format", db=database)
        else:
            txn.put(b"format", value, db=database)


def _format(**changes: object) -> bytes:
    values: dict[str, Any] = {
        "magic": records.MAGIC,
        "version": records.SCHEMA,
        "store": "id",
        "created": 1.0,
    } | changes
    return records.frame(Table.FORMAT, b"format", codec.encode_format(codec.Format(**values)))


def test_a_newer_store(store_home: Path) -> None:
    _open(store_home)
    _replace_format(store_home, _format(version=records.SCHEMA + 1))
    with pytest.raises(StoreNewerError, match=f"version {records.SCHEMA + 1}; this picloud knows {records.SCHEMA}"):
        _open(store_home)


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (_format(magic="other"), StoreForeignError, "store of 'other'"),
        (None, StoreForeignError, "picloud did not write"),
        (b"\x01nonsense and no sum", StoreCorruptError, "format format is damaged: its checksum"),
        (records.frame(Table.FORMAT, b"format", b"\x90"), StoreCorruptError, "format format is damaged"),
    ],
)
def test_a_format_record_that_is_not_ours(
    store_home: Path, value: bytes | None, kind: type[StoreError], message: str
) -> None:
    _open(store_home)
    _replace_format(store_home, value)
    for readonly in (False, True):
        with pytest.raises(kind, match=message):
            _open(store_home, readonly=readonly)


def test_a_store_whose_first_pages_are_gone(store_home: Path, reopen: Callable[..., Any]) -> None:
    _filled(reopen, store_home, 2)
    with _data(store_home).open("r+b") as file:
        file.write(bytes(8192))
    with pytest.raises(StoreForeignError, match="first page is damaged"):
        _open(store_home)


SMALL_SPACE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), resource.RLIM_INFINITY))
from picloud.exceptions import StoreError
from picloud.model.settings import Durability
from picloud.store.environment import Environment
try:
    with Environment.open(sys.argv[1], Durability.PROCESS) as opened:
        print("room", opened.room())
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize(("limit", "answer"), [(3 << 30, "room "), (200 << 20, "grants no")])
def test_the_map_is_as_large_as_the_system_grants(store_home: Path, limit: int, answer: str) -> None:
    command = [sys.executable, "-c", SMALL_SPACE, str(store_home), str(limit)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert result.stdout.startswith("room ") if answer == "room " else answer in result.stdout
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


def test_below_the_reserve_new_work_is_refused(store_home: Path) -> None:
    with Environment.open(store_home, PROCESS) as opened:
        Reserve(opened, 1).check()
        with pytest.raises(StoreFullError, match=r"bytes left, of which .* are kept for results.*\n.*gc"):
            Reserve(opened, 1 << 60).check()
        with pytest.raises(StoreFullError):
            Reserve(opened, 1).check(wanted=1 << 60)


def test_errors_of_lmdb_are_ours(tmp_path: Path) -> None:
    assert isinstance(environment.translated(lmdb.DiskError("no space"), tmp_path), StoreFullError)
    assert isinstance(environment.translated(lmdb.VersionMismatchError("old"), tmp_path), StoreNewerError)
    assert isinstance(environment.translated(lmdb.LockError("lock"), tmp_path), HomeError)
    assert isinstance(environment.translated(lmdb.Error("other"), tmp_path), StoreError)
