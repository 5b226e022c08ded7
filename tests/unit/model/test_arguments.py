"""Packed arguments: what goes in comes out, in parts and joined, and a damaged record is recognised."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.model import arguments

ITEMS = st.lists(st.binary(max_size=20), max_size=20)


def _unpack(record: bytes) -> list[bytes]:
    return [bytes(item) for item in arguments.slices(record)]


@settings(max_examples=500)
@given(ITEMS)
def test_round_trip(items: list[bytes]) -> None:
    record = arguments.encode_items(items)
    assert arguments.check(record) == arguments.count_of(record) == len(items)
    assert _unpack(record) == items
    assert _unpack(bytes(memoryview(record))) == items


@settings(max_examples=500)
@given(ITEMS, st.data())
def test_a_cut_is_the_record_of_its_items(items: list[bytes], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(items)))
    stop = data.draw(st.integers(start, len(items)))
    part = arguments.cut(arguments.encode_items(items), start, stop)
    assert part == arguments.encode_items(items[start:stop])


@settings(max_examples=500)
@given(st.lists(ITEMS, max_size=5))
def test_a_join_is_the_record_of_all_items(parts: list[list[bytes]]) -> None:
    joined = arguments.join([arguments.encode_items(part) for part in parts])
    assert joined == arguments.encode_items([item for part in parts for item in part])


def test_golden_bytes() -> None:
    """The store keeps these bytes: a change here needs a new version there."""
    assert (
        arguments.encode_items([b"ab", b"", b"c"]).hex() == "03000000" + "00000000020000000200000003000000" + "616263"
    )
    assert arguments.encode(array("I", [0]), b"").hex() == "0000000000000000"


@settings(max_examples=500)
@given(ITEMS.filter(bool), st.data())
def test_a_record_cut_short_or_grown_is_refused(items: list[bytes], data: st.DataObject) -> None:
    record = arguments.encode_items(items)
    with pytest.raises(ValueError, match="arguments record"):
        arguments.check(record[: data.draw(st.integers(0, len(record) - 1))])
    with pytest.raises(ValueError, match="do not fit"):
        arguments.check(record + b"x")


def test_offsets_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="not in order"):
        arguments.check(arguments.encode(array("I", [0, 3, 1, 3]), b"abc"))


def test_a_segments_mark_is_no_pickle() -> None:
    assert arguments.SEGMENT_MARK != b"\x80"


@given(st.text("0123456789abcdef", min_size=1), st.binary().map(lambda rest: b"\x80" + rest) | st.just(b""))
def test_an_item_in_a_segment_names_it_and_may_have_its_own_pickle(name: str, pickled: bytes) -> None:
    item = arguments.in_segment(name, pickled)
    assert item[:1] == arguments.SEGMENT_MARK
    assert arguments.segment_of(memoryview(item)) == (name, pickled)
