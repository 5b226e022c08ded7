"""Killing some of an array's items, by hand or by their time, while its other items go on."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from . import traces

FAST = 30


@pytest.fixture(scope="module")
def cpus() -> str:
    """Let one worker have them all, in chunks that are as long as can be."""
    return "1"


def work(trace: str, n: int) -> int:
    traces.note(trace, n)
    time.sleep(0.002)
    return n


def run_in_c(n: int) -> int:
    return sum(range(10**12)) if n == 2 else n


def test_items_that_are_killed_in_the_middle_of_a_running_chunk_harm_no_neighbours(
    cloud: ModuleType, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    jids = cloud.map(work, [str(trace)] * 600, range(600))
    chosen: list[int] = []
    for start in (100, 250, 400):
        cloud.join(jids[start], timeout=FAST)
        running = max(map(int, traces.names(trace)))
        batch = [n for n in range(running, running + 40) if n % 3]
        cloud.kill([jids[n] for n in batch])
        chosen += batch
    values = cloud.result(jids, timeout=FAST, ignore_errors=True)
    statuses = cloud.status(jids)
    killed = {n for n, status in enumerate(statuses) if status == "killed"}
    assert killed <= set(chosen)
    assert len(killed) > len(chosen) // 2
    assert set(statuses) == {"done", "killed"}
    assert all(values[n] == n for n in range(600) if n not in killed)
    times = Counter(map(int, traces.names(trace)))
    assert all(times[n] == 1 for n in range(600) if n not in killed), "each neighbour ran, and ran once"
    assert sum(times[n] for n in killed) <= 3, "of the killed ones only those had begun that ran at that moment"
    causes = cloud.info([jids[n] for n in killed], "cause")
    assert {facts["cause"] for facts in causes.values()} == {"killed-by-user"}


def test_an_item_over_its_time_is_killed_and_its_neighbours_are_not(cloud: ModuleType, tmp_path: Path) -> None:
    jids = cloud.map(time.sleep, [0, 60, 0, 60, 0], _max_runtime=0.2 / 60)
    cloud.join(jids, timeout=FAST, ignore_errors=True)
    assert cloud.status(jids) == ["done", "killed", "done", "killed", "done"]
    with pytest.raises(cloud.CloudException, match=r"it ran longer than its limit of 0\.2 s") as caught:
        cloud.result(jids[1], timeout=FAST)
    assert caught.value.status == "killed"
    assert cloud.info(jids[3], "cause")[jids[3]]["cause"] == "timeout"


def test_c_code_that_does_not_heed_the_interrupt_is_ended_too(cloud: ModuleType) -> None:
    jids = cloud.map(run_in_c, range(5), _max_runtime=0.2 / 60)
    cloud.join(jids, timeout=FAST, ignore_errors=True)
    assert cloud.status(jids) == ["done", "done", "killed", "done", "done"]
    facts = cloud.info(jids[2], ["cause", "started", "finished", "runtime", "worker"])[jids[2]]
    assert facts["cause"] == "timeout"
    assert 0.2 <= facts["runtime"] < FAST
    assert facts["runtime"] == pytest.approx((facts["finished"] - facts["started"]).total_seconds(), abs=0.01)
    assert facts["worker"] > 0


def test_the_limit_is_in_minutes_and_holds_for_running_alone(cloud: ModuleType, gate: Path) -> None:
    """A job that waits longer than its limit is not killed for it."""
    holder = cloud.call(traces.hold, str(gate))
    queued = cloud.call(abs, -1, _max_runtime=0.1 / 60)
    waiting = cloud.call(abs, -2, _max_runtime=0.1 / 60, _depends_on=holder)
    with pytest.raises(cloud.CloudTimeoutError):
        cloud.join(queued, timeout=0.3)
    gate.touch()
    assert cloud.result([queued, waiting], timeout=FAST) == [1, 2]
    minutes = cloud.call(abs, -3, _max_runtime=2)
    assert cloud.info(minutes, "max_runtime") == {minutes: {"max_runtime": 2}}
