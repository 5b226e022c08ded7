"""Waits end when what they wait for has happened, and are told once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.model import job
from picloud.node.waits import Mode, Waiter, Waiters, failure_in, has_unfinished, unfinished_in

FIRST = 101


def _waiter(mode: Mode, *ranges: tuple[int, int], told: list[bool]) -> Waiter:
    return Waiter(mode, told.append, {FIRST: list(ranges)})


def test_a_wait_for_all_ends_with_the_last_job() -> None:
    told: list[bool] = []
    waiters = Waiters()
    waiters.add(_waiter(Mode.ALL, (FIRST, FIRST + 3), told=told))
    states = bytearray((job.DONE, job.QUEUED, job.DONE))
    waiters.progressed(FIRST, states, finished=False)
    assert told == []
    states[1] = job.ERROR
    waiters.progressed(FIRST, states, finished=True)
    assert told == [True]
    assert len(waiters) == 0


def test_a_wait_for_some_jobs_does_not_wait_for_their_neighbours() -> None:
    told: list[bool] = []
    waiters = Waiters()
    waiters.add(_waiter(Mode.ALL, (FIRST + 1, FIRST + 2), told=told))
    waiters.progressed(FIRST, bytearray((job.QUEUED, job.DONE, job.QUEUED)), finished=False)
    assert told == [True]


def test_a_wait_for_failure_ends_with_the_first_failure() -> None:
    told: list[bool] = []
    waiters = Waiters()
    waiters.add(_waiter(Mode.FAILURE, (FIRST, FIRST + 3), told=told))
    waiters.progressed(FIRST, bytearray((job.DONE, job.KILLED, job.QUEUED)), finished=False)
    assert told == [True]


def test_a_wait_for_any_ends_with_the_first_end() -> None:
    told: list[bool] = []
    waiters = Waiters()
    waiters.add(_waiter(Mode.ANY, (FIRST, FIRST + 2), told=told))
    waiters.progressed(FIRST, bytearray((job.PROCESSING, job.QUEUED)), finished=False)
    assert told == []
    waiters.progressed(FIRST, bytearray((job.PROCESSING, job.DONE)), finished=False)
    assert told == [True]


def test_a_wait_over_two_arrays_needs_both() -> None:
    told: list[bool] = []
    waiters = Waiters()
    waiters.add(Waiter(Mode.ALL, told.append, {1: [(1, 2)], 2: [(2, 3)]}))
    waiters.progressed(1, bytearray((job.DONE,)), finished=True)
    assert told == []
    waiters.progressed(2, bytearray((job.DONE,)), finished=True)
    assert told == [True]


def test_a_dropped_wait_is_never_told() -> None:
    told: list[bool] = []
    waiters = Waiters()
    waiter = _waiter(Mode.ALL, (FIRST, FIRST + 1), told=told)
    waiters.add(waiter)
    waiters.drop(waiter)
    waiters.progressed(FIRST, bytearray((job.DONE,)), finished=True)
    assert told == []
    assert len(waiters) == 0


@given(st.binary(max_size=50).map(lambda raw: bytes(byte % 7 for byte in raw)))
def test_counting_agrees_with_looking_at_each(codes: bytes) -> None:
    assert unfinished_in(codes) == sum(not job.is_finished(code) for code in codes)
    assert has_unfinished(codes) == (unfinished_in(codes) > 0)
    bad = [at for at, code in enumerate(codes) if job.is_finished(code) and code != job.DONE]
    assert failure_in(codes) == (bad[0] if bad else None)


@pytest.mark.parametrize("mode", Mode)
@given(data=st.data())
def test_a_wait_ends_exactly_when_its_condition_holds(mode: Mode, data: st.DataObject) -> None:
    """Any order of ends over any sub-range: told once, and at the first state that satisfies the mode."""
    count = data.draw(st.integers(1, 12))
    low = data.draw(st.integers(0, count - 1))
    high = data.draw(st.integers(low + 1, count))
    order = data.draw(st.permutations(range(count)))
    told: list[bool] = []
    waiters = Waiters()
    waiters.add(_waiter(mode, (FIRST + low, FIRST + high), told=told))
    states = bytearray((job.QUEUED,)) * count
    expected = False
    for index in order:
        states[index] = data.draw(st.sampled_from((job.DONE, job.ERROR, job.KILLED)))
        waiters.progressed(FIRST, states, finished=unfinished_in(states) == 0)
        part = states[low:high]
        expected = (
            expected
            or {
                Mode.ALL: unfinished_in(part) == 0,
                Mode.FAILURE: unfinished_in(part) == 0 or failure_in(part) is not None,
                Mode.ANY: unfinished_in(part) < len(part),
            }[mode]
        )
        assert told == ([True] if expected else [])
