"""Jobs of several cores on a node with two: counted when they are admitted, passed by smaller ones while they wait."""

from __future__ import annotations

import time
from pathlib import Path
from types import ModuleType

from . import traces

FAST = 30


def test_jobs_never_take_more_cores_than_there_are(cloud: ModuleType, tmp_path: Path) -> None:
    """A job of two cores is alone on two CPUs; jobs of one core run two at a time."""
    trace = tmp_path / "trace"
    jids = []
    for n in range(6):
        jids.append(cloud.map(traces.note_span, [str(trace)] * 4, [1] * 4, [0.02] * 4, _type="c2"))
        cores = 2 if n % 2 else 1
        jids.append(cloud.call(traces.note_span, str(trace), cores, 0.03, _type="c2", _cores=cores))
        jids.append(cloud.map(traces.note_span, [str(trace)] * 2, [2] * 2, [0.02] * 2, _type="c2", _cores=2))
    cloud.join(jids, timeout=FAST)
    spans = traces.spans(trace)
    assert len(spans) == 42
    used = [sum(int(other.name) for other in spans if other.start <= span.start < other.stop) for span in spans]
    assert max(used) == 2
    assert all(number == 2 for span, number in zip(spans, used, strict=True) if span.name == "2")
    ones = [number for span, number in zip(spans, used, strict=True) if span.name == "1"]
    assert ones.count(2) > len(ones) // 4


def test_a_job_of_more_cores_than_there_are_has_all_of_them(cloud: ModuleType, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    ones = cloud.map(traces.note_span, [str(trace)] * 8, [1] * 8, [0.02] * 8)
    large = cloud.call(traces.note_span, str(trace), 16, 0.05, _type="f2", _cores=16, _priority=4)
    cloud.join([ones, large], timeout=FAST)
    spans = traces.spans(trace)
    (alone,) = [span for span in spans if span.name == "16"]
    assert all(span.stop <= alone.start or alone.stop <= span.start for span in spans if span is not alone)
    assert cloud.info(large, "cores") == {large: {"cores": 16}}


def test_smaller_jobs_pass_a_large_one_that_waits_for_cores(cloud: ModuleType, gate: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    holder = cloud.call(traces.hold, str(gate))
    large = cloud.call(traces.note, str(trace), "large", _type="c2", _cores=2)
    small = [cloud.call(traces.note, str(trace), f"small{n}") for n in range(3)]
    cloud.join(small, timeout=FAST)
    assert cloud.status([holder, large]) == ["processing", "queued"]
    gate.touch()
    assert cloud.result(large, timeout=FAST) == "large"
    assert traces.names(trace) == ["small0", "small1", "small2", "large"]


def test_a_large_job_does_not_wait_for_what_came_after_it_once_all_cores_are_free(
    cloud: ModuleType, gate: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    holders = [cloud.call(traces.hold, str(gate)) for _ in range(2)]
    deadline = time.monotonic() + FAST
    while set(cloud.status(holders)) != {"processing"}:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    large = cloud.call(traces.note, str(trace), "large", _type="c2", _cores=2, _priority=4)
    small = cloud.map(traces.note, [str(trace)] * 4, ["small"] * 4)
    gate.touch()
    cloud.join([large, small], timeout=FAST)
    # One holder may end before the other, and then smaller jobs may pass.
    assert sorted(traces.names(trace)) == ["large", *["small"] * 4]
