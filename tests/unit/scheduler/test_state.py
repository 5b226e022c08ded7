"""Limits and the figures that the tables derive."""

from __future__ import annotations

from picloud.scheduler.state import Array, Limits, Pool


def test_by_default_as_many_workers_may_idle_as_there_are_slots() -> None:
    assert Limits(slots=3).live_workers == 6
    assert Limits(slots=3, idle_workers=0).live_workers == 3
    assert Limits(slots=3).blocked_cap == 256


def test_the_mean_is_zero_until_something_is_measured_and_never_after() -> None:
    array = Array(
        first=1,
        count=1,
        pool=Pool(key="p"),
        cores=1,
        priority=5,
        client="",
        restartable=True,
        solitary=False,
        max_runtime=None,
        ignores_errors=False,
        statuses=bytearray(1),
        left=1,
        lane=("p", 1),
    )
    assert array.mean == 0.0
    array.measured_items, array.measured_seconds = 4.0, 2.0
    assert array.mean == 0.5
    array.measured_seconds = 0.0
    assert array.mean > 0.0
