"""What a start reads and what it sweeps."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picloud.exceptions import StoreCorruptError
from picloud.model.job import DONE, ERROR
from picloud.store import recovery, segments
from picloud.store.keys import FileKind, Table
from picloud.store.records import Attempt


def test_only_unfinished_arrays_are_read(store: Any) -> None:
    for first in range(1, 30):
        store.run(store.array(first, 1))
    # A finished array that cannot even be decoded does not matter to a start.
    store.writer.settle()
    with store.environment.begin_write() as txn:
        txn.put((5).to_bytes(8, "big"), b"\x01damaged", db=store.environment.databases[Table.ARRAYS])
    array = store.submit(store.array(30, 10), chunk=4)
    store.commit(
        lambda batch: batch.put_ends(30, 2, store.ends([DONE, DONE, ERROR])),
        lambda batch: batch.put_ends(30, 9, store.ends([DONE])),
        lambda batch: batch.put_attempt(30, 5, 7, 2, started=False),
    )
    found = recovery.recover(store.environment)
    assert found.next_jid == 40
    (one,) = found.unfinished
    assert one.array == array
    assert one.ended == ((2, 4, DONE), (4, 5, ERROR), (9, 10, DONE))
    assert one.attempts == (Attempt(5, 7, 2, started=False),)
    assert recovery.attempts(one) == [(5, 7, 2)]
    assert recovery.lost(one) == []


def test_an_attempt_that_was_under_way_counts(store: Any) -> None:
    store.submit(store.array(1, 10))
    store.commit(
        lambda batch: batch.put_attempt(1, 3, 4, 1, started=True),
        lambda batch: batch.put_attempt(1, 5, 6, 2, started=True),
        lambda batch: batch.put_attempt(1, 7, 8, 1, started=True),
        lambda batch: batch.put_ends(1, 7, store.ends([DONE])),
    )
    (one,) = recovery.recover(store.environment).unfinished
    assert recovery.attempts(one) == [(3, 4, 2), (5, 6, 3)]
    assert recovery.lost(one) == []


def test_what_may_not_run_again_is_lost(store: Any) -> None:
    store.submit(store.array(1, 10, restartable=False))
    store.commit(
        lambda batch: batch.put_attempt(1, 0, 6, 1, started=True),
        lambda batch: batch.put_ends(1, 1, store.ends([DONE, DONE])),
        lambda batch: batch.put_attempt(1, 5, 6, 1, started=False),
    )
    (one,) = recovery.recover(store.environment).unfinished
    assert recovery.lost(one) == [(0, 1), (3, 5)]
    assert recovery.attempts(one) == []


def test_an_open_array_without_its_record_is_damage(store: Any) -> None:
    store.submit(store.array(1, 1))
    store.writer.settle()
    with store.environment.begin_write() as txn:
        txn.delete((1).to_bytes(8, "big"), db=store.environment.databases[Table.ARRAYS])
    with pytest.raises(StoreCorruptError, match="Array 1 is unfinished, but its record is missing"):
        recovery.recover(store.environment)


def test_ends_beyond_the_array_are_damage(store: Any) -> None:
    store.submit(store.array(1, 2))
    store.commit(lambda batch: batch.put_ends(1, 1, store.ends([DONE, DONE])))
    with pytest.raises(StoreCorruptError, match="beyond its 2 items"):
        recovery.recover(store.environment)


def _age(path: Path, seconds: float, now: float) -> None:
    os.utime(path, (now - seconds, now - seconds))


def test_a_sweep_removes_what_nothing_names(store: Any) -> None:
    now = 1e9
    for name in ("named", "orphan", "young"):
        store.write_segment(name, b"12345")
    (segments.incoming(store.home) / "half").write_bytes(b"123")
    (segments.incoming(store.home) / "fresh").write_bytes(b"123")
    spool = segments.folder(store.home, FileKind.SPOOL)
    spool.mkdir()
    for name in ("named.out", "orphan.out", ".odd name"):
        (spool / name).write_bytes(b"12")
    store.run(store.array(1, 1))
    store.commit(lambda batch: batch.put_spool(1, "named.out"), lambda batch: batch.put_blob_segment("h", "named"))
    for folder in (store.home / "segments", segments.incoming(store.home), spool):
        for entry in segments.files(folder):
            _age(Path(entry.path), 10 if entry.name in ("young", "fresh") else 2 * recovery.GRACE, now)
    swept = recovery.sweep(store.environment, now)
    assert swept == recovery.Swept(files=4, size=5 + 3 + 2 + 2)
    assert {path.name for path in store.home.rglob("*") if path.is_file() and "store" not in path.parts} >= {"named"}
    left = {entry.name for folder in (store.home / "segments", spool) for entry in segments.files(folder)}
    assert left == {"named", "young", "named.out"}
    assert [entry.name for entry in segments.files(segments.incoming(store.home))] == ["fresh"]
    assert recovery.sweep(store.environment, now + 2 * recovery.GRACE).files == 2


KILLED = """
import os, signal, sys
from pathlib import Path
from picloud.model import arguments
from picloud.model.array import JobArray, JobOptions
from picloud.model.settings import Durability
from picloud.store.batch import Batch
from picloud.store.environment import Environment
from picloud.store.writer import Writer

environment = Environment.open(sys.argv[1], Durability(sys.argv[2]))
writer = Writer(environment)
for jid in range(1, 1001):
    batch = Batch()
    batch.put_array(JobArray(jid, 1, "c", jid, "f", "x", "n", False, 1.0, None, "h", JobOptions()))
    batch.put_arguments(jid, 0, arguments.encode_items([b"\\x80" + bytes(5000)]))
    writer.commit(batch)
    print(jid, flush=True)
"""


@pytest.mark.parametrize("durability", ["power", "process"])
def test_what_was_committed_survives_a_kill(store_home: Path, reopen: Callable[..., Any], durability: str) -> None:
    command = [sys.executable, "-c", KILLED, str(store_home), durability]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last = 0
        while last < 50:
            last = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        process.wait()
    last = int(rest[-1]) if rest else last
    store = reopen(store_home)
    found = recovery.recover(store.environment)
    jids = [one.array.first for one in found.unfinished]
    assert jids[: last + 1] == list(range(1, len(jids) + 1))
    assert last <= len(jids) <= last + 1
    assert all(len(store.tables.arguments(jid)) == 1 for jid in jids)
    assert store.tables.first_of_submission("c", last) == last
