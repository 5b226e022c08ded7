"""Who runs first: on one CPU, so that the order of beginnings is the order of decisions."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from . import traces

FAST = 30


@pytest.fixture(scope="module")
def cpus() -> str:
    """Let jobs run one after the other."""
    return "1"


@pytest.fixture
def held(cloud: ModuleType, gate: Path) -> int:
    """Give a job that keeps the only CPU until the gate is there."""
    jid: int = cloud.call(traces.hold, str(gate))
    deadline = time.monotonic() + FAST
    while cloud.status(jid) != "processing":
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return jid


def increase(n: int) -> int:
    return n + 1


def work(n: int) -> int:
    time.sleep(0.001)
    return n


def submit_elsewhere(trace: Path, prefix: str, count: int) -> None:
    """Let another program submit a map whose items are chunks of their own."""
    program = f"""
import cloud, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import traces
cloud.map(traces.note, [{str(trace)!r}] * {count}, [f"{prefix}{{i}}" for i in range({count})], _max_runtime=5)
"""
    subprocess.run([sys.executable, "-c", program], env=dict(os.environ), timeout=FAST, check=True)


def test_lower_priorities_run_first(cloud: ModuleType, gate: Path, held: int, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    jobs = [cloud.call(traces.note, str(trace), f"{p}", _priority=p) for p in (9, 6, 0, 7, -3, 1)]
    jobs.append(cloud.call(traces.note, str(trace), "5"))
    jobs.append(cloud.map(traces.note, [str(trace)] * 2, ["4", "4"], _priority=4))
    gate.touch()
    cloud.join([held, *jobs], timeout=FAST)
    assert traces.names(trace) == ["-3", "0", "1", "4", "4", "5", "6", "7", "9"]


def test_jobs_of_one_client_run_in_the_order_of_their_submission(
    cloud: ModuleType, gate: Path, held: int, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    jobs = [cloud.call(traces.note, str(trace), f"call{n}") for n in range(3)]
    jobs.append(cloud.map(traces.note, [str(trace)] * 3, ["map0", "map1", "map2"]))
    jobs.append(cloud.call(traces.note, str(trace), "last"))
    gate.touch()
    cloud.join([held, *jobs], timeout=FAST)
    assert traces.names(trace) == ["call0", "call1", "call2", "map0", "map1", "map2", "last"]


def test_within_a_priority_clients_take_turns_by_chunk_each_in_its_order(
    cloud: ModuleType, gate: Path, held: int, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    mine = [f"ann{n}" for n in range(6)]
    jids = cloud.map(traces.note, [str(trace)] * 6, mine, _max_runtime=5)
    submit_elsewhere(trace, "bob", 4)
    urgent = cloud.call(traces.note, str(trace), "first", _priority=1)
    gate.touch()
    cloud.join([held, jids, urgent], timeout=FAST)
    theirs = [f"bob{n}" for n in range(4)]
    turns = [name for pair in zip(mine, theirs, strict=False) for name in pair]
    assert traces.names(trace) == ["first", *turns, "ann4", "ann5"]


@pytest.mark.parametrize("function", [increase, abs], ids=["of the same module", "of none"])
def test_an_urgent_call_in_the_midst_of_a_long_map_is_answered_at_once(
    cloud: ModuleType, function: Callable[[int], int]
) -> None:
    """At best sooner than the chunk of 50 ms that the only worker was just handed could end."""
    jids = cloud.map(work, range(60_000))
    cloud.join(jids[:100], timeout=FAST)
    took = []
    for n in range(10):
        began = time.monotonic()
        assert cloud.result(cloud.call(function, n, _priority=1), timeout=FAST) == function(n)
        took.append(time.monotonic() - began)
    assert cloud.status(jids[-1]) == "queued"
    cloud.kill(jids)
    assert min(took) < 0.04, took
    assert max(took) < 5, took
    cloud.join(jids, timeout=FAST, ignore_errors=True)
    assert set(cloud.status(jids)) == {"done", "killed"}


def test_a_job_that_is_killed_before_it_begins_never_runs(
    cloud: ModuleType, gate: Path, held: int, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    jids = cloud.map(traces.note, [str(trace)] * 5, range(5))
    single = cloud.call(traces.note, str(trace), "single")
    behind = cloud.call(traces.note, str(trace), "behind", _depends_on=single)
    assert cloud.status([*jids, single, behind]) == ["queued"] * 6 + ["waiting"]
    cloud.kill([jids[1], jids[3], single])
    assert cloud.status([*jids, single, behind]) == ["queued", "killed"] * 2 + ["queued", "killed", "stalled"]
    with pytest.raises(cloud.CloudException, match=r": Killed$"):
        cloud.result(single, timeout=FAST)
    assert cloud.info(single, "cause")[single]["cause"] == "killed-by-user"
    gate.touch()
    cloud.join([held, jids[0::2]], timeout=FAST)
    assert traces.names(trace) == ["0", "2", "4"]
