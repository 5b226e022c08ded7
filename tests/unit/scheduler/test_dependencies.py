"""Watches: who is told what, and when."""

from __future__ import annotations

import time

import hypothesis.strategies as st
from hypothesis import given, settings

from picloud.model.job import DONE, ERROR, KILLED, PROCESSING, QUEUED, STALLED, WAITING
from picloud.scheduler.dependencies import Notice, Watches, ended_badly, last_unfinished


def test_what_is_unfinished_and_what_ended_badly() -> None:
    statuses = bytearray([DONE, KILLED, DONE, PROCESSING, WAITING, QUEUED])
    assert last_unfinished(statuses, 0, 6) == 5
    assert last_unfinished(statuses, 0, 5) == 4
    assert last_unfinished(statuses, 3, 4) == 3
    assert last_unfinished(statuses, 0, 3) is None
    assert ended_badly(statuses, 0, 6) == 1
    assert ended_badly(bytearray([DONE, STALLED, KILLED, ERROR]), 0, 4) == 1
    assert ended_badly(statuses, 2, 6) is None


def test_the_end_of_all_is_told_once_whatever_the_order() -> None:
    statuses = bytearray([QUEUED] * 4)
    watches = Watches(4)
    assert watches.add(0, 4, 100, statuses)
    for start, stop in ((3, 4), (0, 2)):
        statuses[start:stop] = bytes([DONE]) * (stop - start)
        assert watches.ended(start, stop, statuses) == []
    statuses[2] = DONE
    assert watches.ended(2, 3, statuses) == [Notice(100, None)]
    assert len(watches) == 0


def test_those_who_wait_for_the_same_items_share_a_watch() -> None:
    statuses = bytearray([QUEUED] * 4)
    watches = Watches(4)
    for dependent in (100, 101):
        watches.add(1, 3, dependent, statuses)
    assert len(watches) == 1
    statuses[:] = bytes([DONE]) * 4
    assert watches.ended(0, 4, statuses) == [Notice(100, None), Notice(101, None)]


def test_what_has_ended_needs_no_watch() -> None:
    assert not Watches(2).add(0, 2, 100, bytearray([DONE, ERROR]))


def test_a_bad_end_is_told_at_once_and_once() -> None:
    statuses = bytearray([QUEUED] * 4)
    watches = Watches(4)
    watches.add(0, 4, 100, statuses)
    statuses[1] = ERROR
    assert watches.ended(0, 2, statuses) == [Notice(100, 1)]
    statuses[0] = statuses[2] = ERROR
    assert watches.ended(2, 3, statuses) == []
    statuses[3] = DONE
    assert watches.ended(3, 4, statuses) == [Notice(100, None)]


def test_a_single_items_bad_end_is_told_before_its_end() -> None:
    statuses = bytearray([QUEUED] * 2)
    watches = Watches(2)
    watches.add(1, 2, 100, statuses)
    statuses[1] = KILLED
    assert watches.ended(1, 2, statuses) == [Notice(100, 1), Notice(100, None)]


def test_a_watch_costs_one_look_at_each_item_whatever_the_order_of_ends() -> None:
    """A million items that end in the worst order, from behind, are looked at for a watch as quickly as in the best one."""
    count, step = 1_000_000, 1000
    statuses = bytearray([QUEUED]) * count
    watches = Watches(count)
    for start in range(100):
        watches.add(start, count, 100 + start, statuses)
    began = time.process_time()
    for stop in range(count, 0, -step):
        statuses[stop - step : stop] = bytes([DONE]) * step
        notices = watches.ended(stop - step, stop, statuses)
    assert len(notices) == 100
    assert time.process_time() - began < 5


@settings(max_examples=500)
@given(
    spans=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 10)), max_size=8),
    order=st.permutations(range(10)),
    codes=st.lists(st.sampled_from([DONE, DONE, DONE, ERROR]), min_size=10, max_size=10),
    cuts=st.lists(st.integers(1, 3), min_size=10, max_size=10),
)
def test_everybody_is_told_of_the_first_bad_end_and_of_the_last_end(
    spans: list[tuple[int, int]], order: list[int], codes: list[int], cuts: list[int]
) -> None:
    statuses = bytearray([QUEUED] * 10)
    watches = Watches(10)
    waiting = {100 + number: (low, min(10, low + length)) for number, (low, length) in enumerate(spans)}
    for dependent, (low, high) in waiting.items():
        assert watches.add(low, high, dependent, statuses)
    told: dict[int, list[int | None]] = {dependent: [] for dependent in waiting}
    for item, cut in zip(order, cuts, strict=True):
        stop = item
        while stop < min(10, item + cut) and statuses[stop] == QUEUED:
            statuses[stop] = codes[stop]
            stop += 1
        if stop == item:
            continue
        for notice in watches.ended(item, stop, statuses):
            told[notice.dependent].append(notice.failed)
        for dependent, (low, high) in waiting.items():
            over = QUEUED not in statuses[low:high]
            bad = ERROR in statuses[low:high]
            assert (None in told[dependent]) == over
            assert any(failed is not None for failed in told[dependent]) == bad
            assert len(told[dependent]) == over + bad
