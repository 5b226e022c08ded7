"""The tables find what they hold, and forget what nobody needs."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from picloud.scheduler.events import ArraySubmitted, KillRequested, WorkerStarted
from picloud.scheduler.machine import Limits, Scheduler
from picloud.scheduler.state import Limits as StateLimits


def scheduler_with(*spans: tuple[int, int]) -> Scheduler:
    scheduler = Scheduler(Limits(slots=1))
    for first, count in spans:
        scheduler.handle(ArraySubmitted(first=first, count=count, pool=f"pool {first}"), 0.0)
    return scheduler


@pytest.mark.parametrize(
    ("jid", "first"), [(9, None), (10, 10), (14, 10), (15, None), (20, 20), (21, None), (99, None)]
)
def test_an_array_is_found_by_any_of_its_jids(jid: int, first: int | None) -> None:
    found = scheduler_with((10, 5), (20, 1))._ledger.array_of(jid)
    assert (found.first if found is not None else None) == first


@settings(max_examples=500)
@given(
    lengths=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), max_size=6),
    start=st.integers(0, 30),
    length=st.integers(1, 30),
)
def test_a_range_of_jids_meets_arrays(lengths: list[tuple[int, int]], start: int, length: int) -> None:
    spans, at = [], 1
    for gap, count in lengths:
        spans.append((at + gap, count))
        at += gap + count
    ledger = scheduler_with(*spans)._ledger
    met = [
        array.first + item for array, low, high in ledger.within((start, start + length)) for item in range(low, high)
    ]
    every = [jid for first, count in spans for jid in range(first, first + count)]
    assert met == [jid for jid in every if start <= jid < start + length]


def test_nothing_is_left_of_arrays_and_pools_that_have_gone() -> None:
    scheduler = scheduler_with((10, 5), (20, 1))
    scheduler.handle(KillRequested(ranges=None), 0.0)
    ledger = scheduler._ledger
    assert not ledger.arrays
    assert not ledger.firsts
    assert list(ledger.pools) == ["pool 10"], "a worker is being started for it"
    scheduler.handle(WorkerStarted(worker=1, pool="pool 10"), 0.0)
    assert ledger.reserved == 0
    scheduler.check_invariants()


def test_limits_have_one_home() -> None:
    assert Limits is StateLimits
