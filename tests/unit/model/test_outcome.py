"""Packed outcomes: rows, heap, cuts, and records that stand for many items."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.model import outcome
from picloud.model.job import DONE
from picloud.model.outcome import ROW, RecordFlag, RowFlag

END = st.tuples(
    st.integers(3, 6),
    st.sampled_from([0, RowFlag.RESULT_SEGMENT, RowFlag.SPOOLED]),
    st.dictionaries(st.sampled_from(["cause", "out"]), st.integers(), max_size=2),
    st.binary(max_size=9),
)
ENDS = st.lists(END, min_size=1, max_size=12)
End = tuple[int, int, dict[str, Any], bytes]


def _record(ends: list[End], heap_base: int = 0) -> bytes:
    """Write ends as a worker does: one behind the other in its heap."""
    rows, heap = bytearray(), bytearray()
    for status, flags, meta, payload in ends:
        text = json.dumps(meta).encode() if meta else b""
        rows += ROW.pack(status, flags, 0, heap_base + len(heap), len(text), len(payload), 0.25, 1.5)
        heap += text + payload
    return outcome.encode(bytes(rows), bytes(heap), attempt=2, worker=9, started=1e9, heap_base=heap_base)


def _unpack(record: bytes) -> list[End]:
    ends = outcome.decode(record)
    rows = [ends.row(index) for index in range(ends.count)]
    return [(row.status, row.flags, ends.meta(row), bytes(ends.payload(row))) for row in rows]


@settings(max_examples=500)
@given(ENDS, st.integers(0, 1 << 20))
def test_round_trip(ends: list[End], heap_base: int) -> None:
    record = _record(ends, heap_base)
    decoded = outcome.decode(record)
    assert _unpack(record) == ends
    assert decoded.statuses() == bytes(end[0] for end in ends)
    assert (decoded.attempt, decoded.worker, decoded.started, decoded.flags) == (2, 9, 1e9, 0)
    assert (decoded.row(0).started, decoded.row(0).runtime) == (0.25, 1.5)


@settings(max_examples=500)
@given(ENDS, st.integers(0, 1 << 20), st.data())
def test_a_cut_has_its_items_and_their_heap_alone(ends: list[End], heap_base: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(ends) - 1))
    stop = data.draw(st.integers(start + 1, len(ends)))
    part = outcome.cut(_record(ends, heap_base), start, stop)
    assert _unpack(part) == ends[start:stop]
    assert len(outcome.decode(part).heap) == len(outcome.decode(_record(ends[start:stop])).heap)
    assert _unpack(outcome.cut(part, 0, 1)) == ends[start : start + 1]


@settings(max_examples=500)
@given(st.integers(1, 10**6), st.integers(3, 6), st.binary(max_size=5), st.data())
def test_one_row_for_many_items(count: int, status: int, payload: bytes, data: st.DataObject) -> None:
    record = outcome.encode_uniform(
        count, status, meta={"cause": ["lost", None, ""]}, attempt=1, now=5.0, payload=payload
    )
    start = data.draw(st.integers(0, count - 1))
    part = outcome.decode(outcome.cut(record, start, data.draw(st.integers(start + 1, count))))
    row = part.row(part.count - 1)
    assert len(record) < 200
    assert part.flags & RecordFlag.UNIFORM
    assert (row.status, part.meta(row), bytes(part.payload(row))) == (status, {"cause": ["lost", None, ""]}, payload)
    if part.count < 1000:
        assert part.statuses() == bytes([status]) * part.count


def test_an_end_without_meta_has_no_facts() -> None:
    decoded = outcome.decode(outcome.encode_uniform(1, 3, meta={}, attempt=1, now=0.0))
    assert decoded.meta(decoded.row(0)) == {}


def test_golden_bytes() -> None:
    """The store keeps these bytes: a change here needs a new version there."""
    header = (
        "50436531" + "0000" + "0200" + "01000000" + "09000000" + "18000000" + "0000000065cdcd41" + "0000000000000000"
    )
    row = "03" + "00" + "0000" + "00000000" + "00000000" + "01000000" + "0000803e" + "0000c03f"
    assert _record([(3, 0, {}, b"r")]).hex() == header + row + "72"
    assert ROW.size == 24


@settings(max_examples=500)
@given(ENDS, st.data())
def test_a_record_cut_short_in_its_rows_is_refused(ends: list[End], data: st.DataObject) -> None:
    record = _record(ends)
    whole = len(record) - len(outcome.decode(record).heap)
    with pytest.raises(ValueError, match="record of ends"):
        outcome.decode(record[: data.draw(st.integers(0, whole - 1))])


def test_other_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="not a record of ends"):
        outcome.decode(bytes(100))


@settings(max_examples=500)
@given(ENDS, st.integers(0, 1 << 20))
def test_a_lone_result_is_that_of_one_item_that_is_done_and_nothing_else(ends: list[End], heap_base: int) -> None:
    plain = [payload for status, flags, _, payload in ends if status == DONE and not flags]
    expected = plain[0] if len(ends) == len(plain) == 1 else None
    assert outcome.lone_result(_record(ends, heap_base)) == expected


def test_what_is_no_record_or_stands_for_several_has_no_lone_result() -> None:
    assert outcome.lone_result(b"") is None
    assert outcome.lone_result(b"x" * 100) is None
    assert outcome.lone_result(outcome.encode_uniform(1, DONE, meta={}, attempt=1, now=0.0)) is None
