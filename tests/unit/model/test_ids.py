"""Jids as ranges."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.exceptions import ArgumentTypeError
from picloud.model.ids import batches, count, each, ranges_of

JIDS = st.integers(-5, 60)
RANGES = st.builds(range, JIDS, JIDS, st.sampled_from([1, 2, 7, -1, -3]))
NAMED = st.one_of(JIDS, RANGES, st.lists(st.one_of(JIDS, RANGES)))


def _flat(named: object) -> Iterator[int]:
    if isinstance(named, int):
        yield named
    elif isinstance(named, (list, range)):
        for item in named:
            yield from _flat(item)


@settings(max_examples=1000)
@given(NAMED)
def test_ranges_name_the_same_ids_in_the_same_order(named: object) -> None:
    ranges = ranges_of(named)
    assert list(each(ranges)) == list(_flat(named))
    assert count(ranges) == len(list(_flat(named)))


@settings(max_examples=500)
@given(NAMED)
def test_ranges_are_full_and_joined(named: object) -> None:
    ranges = ranges_of(named)
    assert all(start < stop for start, stop in ranges)
    assert all(first[1] != second[0] for first, second in itertools.pairwise(ranges))


def test_a_million_jobs_are_one_pair() -> None:
    assert ranges_of(range(1, 1_000_001)) == [(1, 1_000_001)]
    assert ranges_of([range(1, 11), 11, range(12, 20)]) == [(1, 20)]


@pytest.mark.parametrize("named", [(1, 2), {1: "a", 2: "b"}, iter([1, 2]), (jid for jid in (1, 2))])
def test_any_iterable_will_do(named: object) -> None:
    assert ranges_of(named) == [(1, 3)]


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint64])
def test_integers_of_numpy_are_as_good(kind: type[np.integer[Any]]) -> None:
    assert ranges_of(kind(3)) == [(3, 4)]
    assert ranges_of(np.array([3, 4, 9], kind)) == ranges_of([kind(3), 4, kind(9)]) == [(3, 5), (9, 10)]
    assert {type(number) for pair in ranges_of(kind(3)) for number in pair} == {int}


@pytest.mark.parametrize("named", [np.float64(1), np.True_, [np.float64(1)], np.array([1.0]), np.array([[1]])])
def test_what_numpy_has_besides_is_not(named: object) -> None:
    with pytest.raises(TypeError, match=r"^jid\(s\) must be integers$"):
        ranges_of(named)


@pytest.mark.parametrize(
    "named", ["asdf", b"12", "", None, 1.0, True, [True], [1, "2"], [[1]], [None], object(), [1.0]]
)
def test_everything_else_is_refused(named: object) -> None:
    with pytest.raises(TypeError, match=r"^jid\(s\) must be integers$") as caught:
        ranges_of(named)
    assert isinstance(caught.value, ArgumentTypeError)


@given(NAMED, st.integers(1, 5))
def test_batches_are_the_same_ranges_a_few_at_a_time(named: object, most: int) -> None:
    ranges = ranges_of(named)
    parts = list(batches(ranges, most))
    assert [pair for part in parts for pair in part] == ranges
    assert all(len(part) <= most for part in parts)
    assert len(parts) == max(1, -(-len(ranges) // most))
