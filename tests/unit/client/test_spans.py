"""What is left, first, unknown: each agrees with sets of jids."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.client import spans
from picloud.model import ids

pairs = st.tuples(st.integers(1, 60), st.integers(1, 10)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@settings(max_examples=500)
@given(st.lists(pairs, max_size=8))
def test_merged(ranges: list[tuple[int, int]]) -> None:
    merged = spans.merged(ranges)
    assert list(ids.each(merged)) == sorted(set(ids.each(ranges)))
    assert len(merged) <= len(ranges)


@settings(max_examples=500)
@given(st.lists(pairs, max_size=8), st.lists(pairs, max_size=8))
def test_without(ranges: list[tuple[int, int]], gone: list[tuple[int, int]]) -> None:
    left = spans.without(spans.merged(ranges), gone)
    assert list(ids.each(left)) == sorted(set(ids.each(ranges)) - set(ids.each(gone)))


@settings(max_examples=500)
@given(st.lists(pairs, max_size=8), st.integers(0, 40))
def test_head(ranges: list[tuple[int, int]], count: int) -> None:
    assert list(ids.each(spans.head(ranges, count))) == list(ids.each(ranges))[:count]


@settings(max_examples=500)
@given(st.lists(pairs, max_size=8), st.sets(st.integers(1, 70)))
def test_unknown(ranges: list[tuple[int, int]], known: set[int]) -> None:
    left = spans.unknown(ranges, known)
    assert list(ids.each(left)) == [jid for jid in ids.each(ranges) if jid not in known]
