"""Stores that cannot be opened: each has its own error, it is left as it is, and what was in it is read once it is back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import lmdb
import pytest

from picloud.exceptions import StoreCorruptError, StoreError, StoreForeignError, StoreNewerError
from picloud.model.settings import Durability
from picloud.store import codec, records
from picloud.store.datafile import meta_folder
from picloud.store.environment import Environment
from picloud.store.keys import Table
from picloud.testing.node import stop_home

from .conftest import picloud


def _stop(cloud: ModuleType, home: Path) -> None:
    cloud.close()
    assert stop_home(home) == []


def _data(home: Path) -> Path:
    return meta_folder(home) / "data.mdb"


@pytest.fixture
def stored(cloud: ModuleType, home: Path) -> Iterator[int]:
    """Give the jid of a job that is stored; nothing runs any more."""
    jid = cloud.call(pow, 7, 2)
    cloud.join(jid)
    _stop(cloud, home)
    yield jid
    _stop(cloud, home)


def _truncate(home: Path) -> None:
    os.truncate(_data(home), 3 * 4096)


def _overwrite(home: Path) -> None:
    _data(home).write_bytes(b"This is a letter, not a store.\n" * 5000)


def _empty(home: Path) -> None:
    os.truncate(_data(home), 0)


def _remove(home: Path) -> None:
    _data(home).unlink()


def _replace(home: Path) -> None:
    """Put the environment of another program there."""
    shutil.rmtree(meta_folder(home))
    meta_folder(home).mkdir(mode=0o700)
    with lmdb.open(str(meta_folder(home)), max_dbs=3) as environment:
        environment.open_db(b"theirs")
        with environment.begin(write=True) as txn:
            txn.put(b"key", b"value")


def _age(home: Path) -> None:
    """Write the format record that a later version would."""
    with Environment.open(home, Durability.POWER) as environment:
        with environment.begin() as txn, txn.cursor(db=environment.databases[Table.FORMAT]) as cursor:
            assert cursor.first()
            key = bytes(cursor.key())
        fresh = codec.Format(records.MAGIC, records.SCHEMA + 1, environment.store_id, 0.0)
        value = records.frame(Table.FORMAT, key, codec.encode_format(fresh))
        with environment.begin_write() as txn:
            txn.put(key, value, db=environment.databases[Table.FORMAT])


_HARMS: dict[str, tuple[Callable[[Path], None], type[StoreError], str, str]] = {
    "truncated": (_truncate, StoreCorruptError, "store.corrupt", "truncated|damaged"),
    "overwritten": (_overwrite, StoreForeignError, "store.foreign", "is not an LMDB environment"),
    "of another program": (_replace, StoreForeignError, "store.foreign", "that picloud did not write"),
    "of a later version": (_age, StoreNewerError, "store.newer", f"has version {records.SCHEMA + 1}"),
}


def check() -> None:
    """Check the store by the command line, which takes back the count of starts that failed."""
    subprocess.run([sys.executable, "-m", "picloud.cli.main", "--offline", "node", "check"], check=True, timeout=40)


@pytest.mark.parametrize("harm", _HARMS)
def test_a_store_that_cannot_be_opened(harm: str, cloud: ModuleType, home: Path, stored: int, tmp_path: Path) -> None:
    inflict, kind, code, message = _HARMS[harm]
    shutil.copytree(home / "store", tmp_path / "store")
    inflict(home)
    harmed = _data(home).read_bytes()
    asks: list[Callable[[], object]] = [lambda: cloud.result(stored), lambda: cloud.call(abs, -1)]
    for ask in asks:
        with pytest.raises(kind, match=message):
            ask()
    assert picloud("result", str(stored), status=3)["code"] == code
    assert picloud("--offline", "result", str(stored), status=1)["code"] == code
    assert _data(home).read_bytes() == harmed
    shutil.copy(tmp_path / "store" / _data(home).parent.name / "data.mdb", _data(home))
    check()
    assert cloud.result(stored) == 49
    assert cloud.result(cloud.call(abs, -1)) == 1


def test_a_store_that_was_repaired_after_one_failed_start_needs_nothing_else(
    cloud: ModuleType, home: Path, stored: int, tmp_path: Path
) -> None:
    shutil.copy(_data(home), tmp_path / "data.mdb")
    _overwrite(home)
    with pytest.raises(StoreForeignError):
        cloud.result(stored)
    shutil.copy(tmp_path / "data.mdb", _data(home))
    assert cloud.result(stored) == 49


@pytest.mark.parametrize("harm", ["of a later version"])
def test_the_error_stays_the_same_however_often_one_asks(harm: str, cloud: ModuleType, home: Path, stored: int) -> None:
    inflict, kind, _, message = _HARMS[harm]
    inflict(home)
    for _ in range(4):
        with pytest.raises(kind, match=message):
            cloud.result(stored)


def test_an_empty_store_where_jobs_were_kept(cloud: ModuleType, home: Path, stored: int, tmp_path: Path) -> None:
    """The jobs that it held are gone, and that is said rather than begun anew, where old jids would name other jobs."""
    shutil.copy(_data(home), tmp_path / "data.mdb")
    for harm in (_empty, _remove):
        harm(home)
        asks: list[Callable[[], object]] = [lambda: cloud.result(stored), lambda: cloud.call(abs, -1)]
        for ask in asks:
            with pytest.raises(StoreCorruptError, match=f"A node has kept jobs in {home}, and its store is empty"):
                ask()
    shutil.copy(tmp_path / "data.mdb", _data(home))
    check()
    assert cloud.result(stored) == 49


def test_a_damaged_record_is_never_handed_out_and_harms_no_other(cloud: ModuleType, home: Path) -> None:
    damaged = cloud.call(lambda: b"d" * 300)
    whole = cloud.call(lambda: b"w" * 300)
    cloud.join([damaged, whole])
    _stop(cloud, home)
    data = _data(home).read_bytes()
    assert data.count(b"d" * 300) >= 1
    _data(home).write_bytes(data.replace(b"d" * 300, b"d" * 150 + b"x" + b"d" * 149))
    assert cloud.result(whole) == b"w" * 300
    with pytest.raises(StoreCorruptError) as caught:
        cloud.result(damaged)
    assert caught.value.hint
    assert picloud("result", str(damaged), status=1)["code"] == "store.corrupt"
    assert cloud.result(cloud.call(abs, -1)) == 1
