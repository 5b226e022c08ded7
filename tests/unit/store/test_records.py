"""Stored values: what goes in comes out, and whatever is damaged never does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.exceptions import StoreCorruptError, StoreNewerError
from picloud.model.job import DONE, ERROR, KILLED, STALLED
from picloud.store import keys, records
from picloud.store.keys import Table
from picloud.store.records import Attempt, Blob, Summary

KEYS = st.binary(min_size=1, max_size=40)
TABLES = st.sampled_from(Table)
U32 = st.integers(0, 2**32 - 1)
TIMES = st.floats(allow_nan=False)


@given(TABLES, KEYS, st.binary(max_size=300))
def test_payloads_come_back(table: Table, key: bytes, payload: bytes) -> None:
    value = records.frame(table, key, payload)
    assert records.unframe(table, key, value) == payload
    assert records.unframe(table, memoryview(key), memoryview(value)) == payload
    assert len(value) == len(payload) + records.OVERHEAD


@settings(max_examples=500)
@given(TABLES, KEYS, st.binary(max_size=60), st.data())
def test_one_flipped_bit_is_found(table: Table, key: bytes, payload: bytes, data: st.DataObject) -> None:
    value = bytearray(records.frame(table, key, payload))
    bit = data.draw(st.integers(0, len(value) * 8 - 1))
    value[bit // 8] ^= 1 << bit % 8
    with pytest.raises(StoreCorruptError):
        records.unframe(table, key, bytes(value))


@given(TABLES, KEYS, st.binary(max_size=60), st.data())
def test_a_value_that_was_cut_is_found(table: Table, key: bytes, payload: bytes, data: st.DataObject) -> None:
    value = records.frame(table, key, payload)
    cut = value[: data.draw(st.integers(0, len(value) - 1))]
    with pytest.raises(StoreCorruptError):
        records.unframe(table, key, cut)


def test_a_value_under_anothers_key_or_table_is_found() -> None:
    value = records.frame(Table.ENDS, keys.item(1, 0), b"payload")
    with pytest.raises(StoreCorruptError, match=r"ends 1\[7\].*checksum"):
        records.unframe(Table.ENDS, keys.item(1, 7), value)
    with pytest.raises(StoreCorruptError, match=r"arguments 1\[0\]"):
        records.unframe(Table.ARGUMENTS, keys.item(1, 0), value)


def test_a_record_of_a_newer_version_is_not_called_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_SCHEMA_BYTE", bytes((records.SCHEMA + 1,)))
    value = records.frame(Table.NOTES, b"n", b"payload")
    with pytest.raises(StoreNewerError, match=f"notes n has version {records.SCHEMA + 1}"):
        records.unframe(Table.NOTES, b"n", value)


def test_the_bytes_of_version_1() -> None:
    """Golden bytes: what was once written must be readable for ever."""
    assert records.frame(Table.OPEN, keys.jid(5), b"") == bytes.fromhex("01770260e6")
    assert records.encode_summary(Summary(1, 2, 3, 4, 5.0)).hex() == "010000000200000003000000040000000000000000001440"
    assert records.encode_attempt(9, 2, started=True).hex() == "09000000020001"
    assert records.encode_ranges([(1, 2), (5, 9)]).hex() == "01000000020000000500000009000000"
    assert records.encode_number(258).hex() == "0201000000000000"
    assert records.encode_blob(b"x", None) == b"Bx"
    assert records.encode_blob(None, "id") == b"Sid"


@given(U32, U32, U32, U32, TIMES)
def test_summaries_come_back(done: int, error: int, killed: int, stalled: int, finished: float) -> None:
    summary = Summary(done, error, killed, stalled, finished)
    assert records.decode_summary(records.encode_summary(summary)) == summary


@given(st.lists(st.sampled_from([DONE, ERROR, KILLED, STALLED]), min_size=1))
def test_a_summary_counts(codes: list[int]) -> None:
    summary = Summary.of(bytes(codes), 1.0)
    assert summary.count == len(codes)
    assert (summary.done, summary.stalled) == (codes.count(DONE), codes.count(STALLED))
    assert summary.uniform() == (codes[0] if len(set(codes)) == 1 else None)


@given(U32, U32, st.integers(0, 65535), st.booleans())
def test_attempts_come_back(start: int, stop: int, attempt: int, started: bool) -> None:
    payload = records.encode_attempt(stop, attempt, started)
    assert records.decode_attempt(start, payload) == Attempt(start, stop, attempt, started)


@given(st.lists(st.tuples(U32, U32)))
def test_ranges_come_back(ranges: list[tuple[int, int]]) -> None:
    assert records.decode_ranges(records.encode_ranges(ranges)) == ranges


@given(st.binary(max_size=50))
def test_blobs_come_back(content: bytes) -> None:
    assert records.decode_blob(records.encode_blob(content, None)) == Blob(content, None)
    assert records.decode_blob(records.encode_blob(None, "seg-1")) == Blob(None, "seg-1")


@pytest.mark.parametrize(
    "decode",
    [
        records.decode_summary,
        records.decode_ranges,
        records.decode_number,
        records.decode_blob,
        lambda payload: records.decode_attempt(0, payload),
    ],
)
def test_payloads_of_another_shape_are_value_errors(decode: object) -> None:
    assert callable(decode)
    with pytest.raises(ValueError, match="bytes"):
        decode(b"\x01\x02\x03")
