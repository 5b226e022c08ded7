"""The node's two clocks: one for durations, one for what people read."""

from __future__ import annotations

import time

from picloud.node.clock import Clock, SystemClock


def test_they_are_the_machines() -> None:
    clock: Clock = SystemClock()
    before = time.monotonic(), time.time()
    now = clock.monotonic(), clock.wall()
    after = time.monotonic(), time.time()
    assert before[0] <= now[0] <= after[0]
    assert before[1] <= now[1] <= after[1]
