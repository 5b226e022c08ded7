"""The walk: a sound store has no problems, and each kind of damage is named."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picloud.exceptions import StoreCorruptError, StoreForeignError
from picloud.model import arguments
from picloud.model.job import DONE
from picloud.store import codec, integrity, keys, records
from picloud.store.datafile import meta_folder
from picloud.store.keys import Table
from picloud.store.records import Summary


def _change(store: Any, table: Table, key: bytes, value: bytes | None) -> None:
    store.writer.settle()
    with store.environment.begin_write() as txn:
        database = store.environment.databases[table]
        if value is None:
            txn.delete(key, db=database)
        else:
            txn.put(key, value, db=database)


def _put(store: Any, table: Table, key: bytes, payload: bytes) -> None:
    _change(store, table, key, records.frame(table, key, payload))


def _sound(store: Any) -> None:
    """Fill a store with a bit of everything."""
    store.run(store.array(1, 10), chunk=4)
    store.run(store.array(11, 10), chunk=3)
    store.submit(store.array(21, 5))
    store.write_segment("seg")
    store.commit(
        lambda batch: batch.delete_range(11, 2, 7),
        lambda batch: batch.put_attempt(21, 0, 2, 1, started=True),
        lambda batch: batch.put_blob_segment("big", "seg"),
        lambda batch: batch.put_note("note", b"anything"),
        lambda batch: batch.set_next_jid(100),
    )


def test_a_sound_store(store: Any) -> None:
    _sound(store)
    report = integrity.check(store.environment)
    assert report.problems == []
    assert report.ok
    assert (report.arrays, report.items) == (3, 25)
    assert report.records > 20
    assert report.size > 500
    report.require()


DAMAGE: dict[str, tuple[Callable[[Any], object], str]] = {
    "sum": (lambda s: _change(s, Table.ENDS, keys.item(1, 4), b"\x01wrong"), r"ends 1\[4\] is damaged: its checksum"),
    "shape": (lambda s: _put(s, Table.ARGUMENTS, keys.item(1, 4), b"\x09\0\0\0"), r"arguments 1\[4\] is damaged"),
    "array": (lambda s: _put(s, Table.ARRAYS, keys.jid(1), b"\x90"), "arrays 1 is damaged"),
    "unended": (lambda s: _put(s, Table.ENDS, keys.item(1, 4), s.ends([2] * 4)), "have not ended"),
    "open": (lambda s: _put(s, Table.OPEN, keys.jid(1), b""), "Array 1: it is both finished and unfinished"),
    "closed": (lambda s: _change(s, Table.OPEN, keys.jid(21), None), "Array 21: it is neither"),
    "arguments": (lambda s: _change(s, Table.ARGUMENTS, keys.item(1, 4), None), "Array 1: arguments of some items"),
    "ends": (lambda s: _change(s, Table.ENDS, keys.item(1, 4), None), "Array 1: it is finished, but some items"),
    "twice": (
        lambda s: _put(s, Table.ENDS, keys.item(1, 5), s.ends([DONE])),
        "Array 1: two records of ends hold item 5",
    ),
    "beyond": (lambda s: _put(s, Table.ENDS, keys.item(21, 4), s.ends([DONE] * 2)), "Array 21: its ends go beyond"),
    "summary": (
        lambda s: _put(s, Table.FINISHED, keys.jid(1), records.encode_summary(Summary(9, 1, 0, 0, 2000.0))),
        "Array 1: its summary does not fit",
    ),
    "orphan": (lambda s: _put(s, Table.ENDS, keys.item(77, 0), s.ends([DONE])), r"ends 77\[0\] belongs to no array"),
    "submission": (
        lambda s: _change(s, Table.SUBMISSIONS, keys.submission("client", 1), None),
        "Array 1: its submission is not known",
    ),
    "blob": (lambda s: _change(s, Table.BLOBS, s.array(1, 1).function.encode(), None), "its function .* is missing"),
    "content": (
        lambda s: _put(s, Table.BLOBS, s.array(1, 1).function.encode(), records.encode_blob(b"other", None)),
        "its content has another hash",
    ),
    "file": (lambda s: (s.home / "segments" / "seg").unlink(), "The file segments/seg is missing"),
    "inside": (
        lambda s: _put(s, Table.ARRAYS, keys.jid(3), codec.encode_array(s.array(3, 1))),
        "Array 3 begins within the one before it",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_named(store: Any, kind: str) -> None:
    _sound(store)
    damage, message = DAMAGE[kind]
    damage(store)
    report = integrity.check(store.environment)
    assert not report.ok
    with pytest.raises(StoreCorruptError, match=message):
        report.require()


def test_a_report_does_not_grow_without_bound() -> None:
    report = integrity.Report()
    for number in range(250):
        report.add(f"problem {number}")
    assert len(report.problems) == integrity.MOST_PROBLEMS
    with pytest.raises(StoreCorruptError, match="250 problems: problem 0; problem 1; problem 2"):
        report.require()


def test_a_child_reports_the_same(store: Any) -> None:
    _sound(store)
    _change(store, Table.ENDS, keys.item(1, 4), b"\x01wrong")
    here = integrity.check(store.environment)
    store.environment.close()
    assert integrity.check_in_child(store.home) == here


def test_a_child_says_why_it_cannot_open_the_store(tmp_path: Path) -> None:
    meta_folder(tmp_path).mkdir(parents=True)
    (meta_folder(tmp_path) / "data.mdb").write_bytes(b"x" * 10_000)
    with pytest.raises(StoreForeignError, match="not an LMDB environment"):
        integrity.check_in_child(tmp_path)


def test_damage_below_the_records_ends_the_child_alone(store: Any) -> None:
    """LMDB ends the process that reads a page of zeros: that process must not be the node."""
    for first in range(1, 400):
        store.run(store.array(first, 1))
    store.close()
    data = meta_folder(store.home) / "data.mdb"
    size = data.stat().st_size
    with data.open("r+b") as file:
        file.seek(8192)
        file.write(bytes(size - 8192))
    with pytest.raises(StoreCorruptError):
        integrity.check_in_child(store.home).require()


def test_as_a_program(store: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _sound(store)
    store.close()
    assert integrity.main([str(store.home)]) == 0
    assert json.loads(capsys.readouterr().out)["arrays"] == 3
    assert integrity.main([os.devnull]) == 1
    assert json.loads(capsys.readouterr().out)["code"] == "node.home"


def test_missing_items_of_a_single_call(store: Any) -> None:
    store.commit(lambda batch: batch.put_array(store.array(1, 1)))
    with pytest.raises(StoreCorruptError, match="arguments of some items"):
        integrity.check(store.environment).require()
    store.commit(lambda batch: batch.put_arguments(1, 0, arguments.encode_items([b"\x80"])))
