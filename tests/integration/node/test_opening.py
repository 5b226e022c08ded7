"""Opening the store at a start: with a look first where the last one went wrong, and not at all after three that did."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest

from picloud.exceptions import StoreCorruptError, StoreError, StoreForeignError, StoreNewerError
from picloud.model.context import content_hash
from picloud.model.settings import Durability
from picloud.node.opening import open_store
from picloud.store import codec, records, starts
from picloud.store.batch import Batch
from picloud.store.datafile import meta_folder
from picloud.store.environment import Environment
from picloud.store.keys import Table
from picloud.store.tables import Tables
from picloud.store.writer import Writer


@pytest.fixture
def store_home(tmp_path: Path) -> Path:
    """Give a home whose store holds something, and whose node has ended in good order."""
    with open_store(tmp_path, Durability.PROCESS) as environment:
        starts.succeeded(tmp_path, Durability.PROCESS, starts.boot_id())
        batch = Batch()
        batch.put_note("kept", b"this")
        batch.put_blob(content_hash(bytes(100_000)), bytes(100_000))
        writer = Writer(environment)
        writer.commit(batch)
        writer.close()
    starts.ended(tmp_path)
    return tmp_path


def _kept(home: Path) -> bytes | None:
    with open_store(home, Durability.PROCESS) as environment:
        starts.succeeded(home, Durability.PROCESS, starts.boot_id())
        return Tables(environment).note("kept")


def test_after_a_good_end_it_is_opened(store_home: Path) -> None:
    assert _kept(store_home) == b"this"


def test_a_failed_start_is_forgiven_when_the_store_is_sound(store_home: Path) -> None:
    for _ in range(2):
        open_store(store_home, Durability.PROCESS).close()
    assert _kept(store_home) == b"this"
    assert starts.read(store_home).failures == 0


def test_after_three_failed_starts_it_is_left_alone_and_the_last_backup_named(store_home: Path) -> None:
    starts.backed_up(store_home, Path("/backups/monday"))
    for _ in range(3):
        open_store(store_home, Durability.PROCESS).close()
    for _ in range(2):
        with pytest.raises(StoreCorruptError, match=r"last 3 starts .* failed") as raised:
            open_store(store_home, Durability.PROCESS)
        assert "/backups/monday" in (raised.value.hint or "")
        assert "--offline" in (raised.value.hint or "")


def _damage(home: Path) -> None:
    """Change one byte of the blob, as a failing disk does."""
    data = meta_folder(home) / "data.mdb"
    content = bytearray(data.read_bytes())
    content[content.index(bytes(50_000)) + 25_000] ^= 1
    data.write_bytes(content)


def test_a_reboot_under_process_has_the_store_walked_first(store_home: Path) -> None:
    starts.succeeded(store_home, Durability.PROCESS, "another boot")
    assert _kept(store_home) == b"this"
    starts.succeeded(store_home, Durability.PROCESS, "another boot")
    _damage(store_home)
    with pytest.raises(StoreCorruptError):
        open_store(store_home, Durability.PROCESS)
    # It is found again at the next try: a start that failed does not hide the reboot.
    with pytest.raises(StoreCorruptError):
        open_store(store_home, Durability.PROCESS)


def test_a_reboot_under_power_needs_no_walk(store_home: Path) -> None:
    """Every commit was synced, so that a power cut cannot have harmed it; a walk would find the damage."""
    _damage(store_home)
    starts.succeeded(store_home, Durability.POWER, "another boot")
    assert _kept(store_home) == b"this"


def _newer(home: Path) -> None:
    with Environment.open(home, Durability.PROCESS) as environment, environment.begin_write() as txn:
        future = codec.Format(records.MAGIC, records.SCHEMA + 1, "id", 0.0)
        value = records.frame(Table.FORMAT, b"format", codec.encode_format(future))
        txn.put(b"format", value, db=environment.databases[Table.FORMAT])


def _foreign(home: Path) -> None:
    for path in meta_folder(home).iterdir():
        path.unlink()
    with lmdb.open(str(meta_folder(home)), max_dbs=2) as other:
        database = other.open_db(b"somebody")
        with other.begin(write=True) as txn:
            txn.put(b"else", b"'s", db=database)


def _garbage(home: Path) -> None:
    (meta_folder(home) / "data.mdb").write_bytes(b"this is not LMDB's" * 1000)


def _truncated(home: Path) -> None:
    data = meta_folder(home) / "data.mdb"
    os.truncate(data, data.stat().st_size // 2)


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (_newer, StoreNewerError),
        (_foreign, StoreForeignError),
        (_garbage, StoreForeignError),
        (_truncated, StoreCorruptError),
    ],
)
def test_what_is_no_store_of_ours_is_named_however_often_one_tries(
    store_home: Path, harm: Callable[[Path], None], kind: type[StoreError]
) -> None:
    harm(store_home)
    before = (meta_folder(store_home) / "data.mdb").read_bytes()
    messages = set()
    for _ in range(2):
        with pytest.raises(kind) as raised:
            open_store(store_home, Durability.PROCESS)
        messages.add(str(raised.value.parameter))
    assert len(messages) == 1
    assert str(store_home) in messages.pop()
    assert (meta_folder(store_home) / "data.mdb").read_bytes() == before
