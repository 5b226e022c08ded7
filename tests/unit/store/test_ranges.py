"""Ranges against plain sets."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.store import ranges

RANGE = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda pair: (min(pair), max(pair)))


def _set(values: list[tuple[int, int]]) -> set[int]:
    return {index for start, stop in values for index in range(start, stop)}


def _built(parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    result: list[tuple[int, int]] = []
    for start, stop in parts:
        result = ranges.added(result, start, stop)
    return result


@settings(max_examples=500)
@given(st.lists(RANGE), RANGE, st.integers(0, 30))
def test_against_sets(parts: list[tuple[int, int]], wanted: tuple[int, int], index: int) -> None:
    built = _built(parts)
    plain = _set(parts)
    assert _set(built) == plain
    assert built == sorted(built)
    assert all(a[1] < b[0] for a, b in pairwise(built))
    assert ranges.contains(built, index) == (index in plain)
    assert _set(ranges.gaps(built, *wanted)) == _set([wanted]) - plain
    if wanted[0] < wanted[1]:
        assert ranges.covers(built, *wanted) == (_set([wanted]) <= plain)
