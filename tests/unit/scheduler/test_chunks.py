"""How long chunks are, and what they are cut from."""

from __future__ import annotations

from collections import deque
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from picloud.scheduler import chunks
from picloud.scheduler.state import Array, Chunk, Limits, Pool, Span

TWO = Limits(slots=2)


def array(count: int = 100_000, *, mean: float = 0.0, proven: int = 1_000_000, **options: Any) -> Array:
    fields: dict[str, Any] = {
        "first": 1,
        "count": count,
        "pool": Pool(key="p"),
        "cores": 1,
        "priority": 5,
        "client": "",
        "restartable": True,
        "solitary": False,
        "max_runtime": None,
        "ignores_errors": False,
        "statuses": bytearray(count),
        "left": count,
        "lane": ("p", 1),
        "ranges": deque([(0, count, 1)]),
        "unassigned": count,
        "measured_items": 1.0 if mean else 0.0,
        "measured_seconds": mean,
        "proven": proven,
    }
    return Array(**(fields | options))


def test_nothing_is_known_of_the_first_item() -> None:
    assert chunks.plan(array(), TWO) == (1, 1)


@pytest.mark.parametrize("growth", [2, 16])
@pytest.mark.parametrize("proven", [1, 4, 16])
def test_a_chunk_grows_in_steps(growth: int, proven: int) -> None:
    assert chunks.plan(array(mean=1e-5, proven=proven), Limits(slots=2, growth=growth))[0] == growth * proven


def test_a_chunk_holds_fifty_milliseconds_of_work() -> None:
    assert chunks.plan(array(mean=0.001), TWO)[0] == 50
    assert chunks.plan(array(mean=0.1), TWO)[0] == 1


def test_a_chunk_is_at_most_a_quarter_of_what_is_left() -> None:
    assert chunks.plan(array(80, mean=0.001), TWO)[0] == 20
    assert chunks.plan(array(80, mean=0.001), Limits(slots=8))[0] == 5


def test_but_it_is_worth_two_milliseconds() -> None:
    assert chunks.plan(array(1000, mean=1e-5), TWO)[0] == 250
    assert chunks.plan(array(400, mean=1e-5), TWO)[0] == 200


def test_what_wants_a_worker_or_a_watch_of_its_own_goes_alone() -> None:
    assert chunks.plan(array(mean=1e-5, solitary=True), TWO) == (1, 1)


def test_a_ticket_of_what_may_run_again_stands_for_half_a_millisecond() -> None:
    assert chunks.plan(array(mean=1e-4), TWO) == (500, 5)
    assert chunks.plan(array(mean=1e-4, restartable=False), TWO) == (500, 1)


def test_a_chunk_has_at_most_4096_tickets() -> None:
    size, group = chunks.plan(array(10_000_000, mean=1e-7), Limits(slots=2, ticket_seconds=0.0))
    assert size == 500_000
    assert -(-size // group) <= 4096
    assert chunks.plan(array(10_000_000, mean=1e-7, restartable=False), TWO) == (4096, 1)


def test_a_chunk_has_one_attempt() -> None:
    tried = array(100, mean=1e-5, ranges=deque([(0, 3, 2), (3, 100, 1)]))
    assert chunks.plan(tried, TWO)[0] == 3


def test_the_last_chunks_weigh_most_in_the_mean() -> None:
    slower = array()
    chunks.measure(slower, 100, 0.1)
    assert slower.mean == pytest.approx(0.001)
    chunks.measure(slower, 100, 1.0)
    assert slower.mean == pytest.approx(0.007)
    chunks.measure(slower, 1, -1.0)
    assert slower.mean > 0


def test_items_are_taken_from_the_front() -> None:
    some = array(10)
    assert chunks.take(some, 4) == (0, 4, 1)
    assert chunks.take(some, 99) == (4, 10, 1)
    assert not some.ranges


def test_what_comes_back_joins_what_it_came_from() -> None:
    some = array(10)
    chunks.take(some, 6)
    chunks.give_back(some, 3, 6, 1)
    assert list(some.ranges) == [(3, 10, 1)]
    chunks.give_back(some, 2, 3, 2)
    assert list(some.ranges) == [(2, 3, 2), (3, 10, 1)]


def test_a_tail_is_what_lies_behind_the_running_item() -> None:
    chunk = Chunk(worker=1, array=array(), seq=1, start=0, length=5, attempt=1, touched=0.0)
    assert chunks.tail(chunk) == 4
    chunk.ended = 4
    assert chunks.tail(chunk) == 0
    chunk.ended = 5
    assert chunks.tail(chunk) == 0


Op = tuple[int, int, int]


@settings(max_examples=500)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20), st.integers(1, 8)), max_size=12))
def test_no_item_is_lost_or_doubled(steps: list[Op]) -> None:
    some = array(20)
    out: list[Span] = []
    for what, start, length in steps:
        if what == 0 and some.ranges:
            out.append(chunks.take(some, length))
        elif what == 1 and out:
            chunks.give_back(some, *out.pop(start % len(out)))
        elif what == 2:
            taken = chunks.cut(some, start, start + length)
            assert all(start <= low < high <= start + length for low, high, _ in taken)
            assert not chunks.cut(some, start, start + length)
            out += taken
        items = [item for low, high, _ in [*some.ranges, *out] for item in range(low, high)]
        assert sorted(items) == list(range(20))
