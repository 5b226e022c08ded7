"""The seven statuses of a job, what each may become, and the times between them."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from . import traces

FAST = 30

MAY_BECOME = {
    "waiting": {"queued", "stalled", "killed"},
    "queued": {"processing", "killed"},
    "processing": {"done", "error", "killed"},
}
"""What may follow; through what is not seen from outside, a later status too."""


@pytest.fixture(scope="module")
def cpus() -> str:
    """Let what is queued stay so while another job runs."""
    return "1"


def value(x: Any = None) -> Any:
    return x


def fail() -> None:
    raise ValueError("no")


def hold_and_end(gate: str, badly: bool) -> None:
    traces.hold(gate)
    if badly:
        raise ValueError("no")


def follow(cloud: ModuleType, jids: list[int]) -> dict[int, list[str]]:
    """Return the statuses that jobs go through, as far as they are seen, until all have ended."""
    seen: dict[int, list[str]] = {jid: [] for jid in jids}
    deadline = time.monotonic() + FAST
    while True:
        statuses = cloud.status(jids)
        for jid, status in zip(jids, statuses, strict=True):
            if seen[jid][-1:] != [status]:
                seen[jid].append(status)
        if set(statuses) <= set(cloud.finished_statuses):
            return seen
        assert time.monotonic() < deadline, statuses


def reachable(status: str) -> set[str]:
    """Return everything that a status may become in the end."""
    after = set(MAY_BECOME.get(status, ()))
    return after.union(*map(reachable, after)) if after else after


def test_finished_statuses_are_these_in_this_order(cloud: ModuleType) -> None:
    assert cloud.finished_statuses == ["done", "stalled", "error", "killed"]
    assert cloud.mp.finished_statuses == cloud.finished_statuses


def test_a_job_goes_through_its_statuses_in_their_order_only(cloud: ModuleType, gate: Path) -> None:
    holder = cloud.call(traces.hold, str(gate))
    good, bad = cloud.call(value, 1), cloud.call(fail)
    late = cloud.call(value, 2, _depends_on=good)
    stalled = cloud.call(value, 3, _depends_on=bad)
    killed = cloud.call(value, 4)
    many = cloud.map(time.sleep, [0.001] * 50)
    jids = [holder, good, bad, late, stalled, killed, *many]
    first = dict(zip(jids, cloud.status(jids), strict=True))
    assert [first[jid] for jid in (good, bad, late, stalled, killed)] == [
        "queued",
        "queued",
        "waiting",
        "waiting",
        "queued",
    ]
    cloud.kill(killed)
    gate.touch()
    seen = follow(cloud, jids)
    for jid in jids:
        path = [first[jid], *(status for status in seen[jid] if status != first[jid])]
        assert all(after in reachable(before) for before, after in itertools.pairwise(path)), path
    ends = [seen[jid][-1] for jid in (holder, good, bad, late, stalled, killed)]
    assert ends == ["done", "done", "error", "done", "stalled", "killed"]


@pytest.mark.parametrize("badly", [False, True])
def test_a_final_status_never_changes(cloud: ModuleType, gate: Path, badly: bool) -> None:
    gate.touch()
    jid = cloud.call(hold_and_end, str(gate), badly)
    cloud.join(jid, timeout=FAST, ignore_errors=True)
    before = cloud.info(jid, "all")
    cloud.kill(jid)
    cloud.kill()
    assert cloud.info(jid, ["status", "cause", "finished", "runtime"])[jid] == {
        key: before[jid][key] for key in ("status", "cause", "finished", "runtime")
    }


def test_the_time_from_created_to_finished_is_the_queues_and_the_runtime(cloud: ModuleType, gate: Path) -> None:
    holder = cloud.call(traces.hold, str(gate))
    jid = cloud.call(time.sleep, 0.1)
    with pytest.raises(cloud.CloudTimeoutError):
        cloud.join(jid, timeout=0.3)
    assert cloud.info(jid, ["runtime", "finished", "started"])[jid] == {
        "runtime": None,
        "finished": None,
        "started": None,
    }
    gate.touch()
    cloud.join([holder, jid], timeout=FAST)
    facts = cloud.info(jid, ["created", "started", "finished", "runtime"])[jid]
    assert facts["created"] < facts["started"] < facts["finished"]
    assert (facts["started"] - facts["created"]).total_seconds() > 0.25
    assert facts["runtime"] == pytest.approx((facts["finished"] - facts["started"]).total_seconds(), abs=0.01)
    assert facts["runtime"] >= 0.1


@pytest.mark.parametrize("end", [os._exit, os.abort], ids=["exit", "signal"])
def test_a_job_whose_process_ended_has_its_times_too(cloud: ModuleType, end: Callable[..., None]) -> None:
    def last_for_a_while() -> None:
        time.sleep(0.1)
        end(*([3] if end is os._exit else []))

    jid = cloud.call(last_for_a_while)
    cloud.join(jid, timeout=FAST, ignore_errors=True)
    facts = cloud.info(jid, ["status", "created", "started", "finished", "runtime"])[jid]
    assert facts["status"] == "error"
    assert facts["created"] < facts["started"] < facts["finished"]
    assert 0.1 <= facts["runtime"] < FAST


def test_runtime_grows_while_the_job_runs(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(traces.hold, str(gate))
    found: list[float] = []
    deadline = time.monotonic() + FAST
    while len(found) < 3 and time.monotonic() < deadline:
        facts = cloud.info(jid, ["status", "runtime"])[jid]
        if facts["status"] == "processing" and (not found or facts["runtime"] > found[-1] + 0.01):
            found.append(facts["runtime"])
    assert len(found) == 3
    gate.touch()
    cloud.join(jid, timeout=FAST)
    assert cloud.info(jid, "runtime")[jid]["runtime"] >= found[-1]


def test_a_job_that_never_ran_has_no_runtime(cloud: ModuleType) -> None:
    bad = cloud.call(fail)
    stalled = cloud.call(value, _depends_on=bad)
    cloud.join(stalled, timeout=FAST, ignore_errors=True)
    facts = cloud.info(stalled, ["created", "started", "finished", "runtime", "worker", "stdout"])[stalled]
    assert (facts["started"], facts["runtime"], facts["worker"], facts["stdout"]) == (None, None, None, "")
    assert facts["created"] <= facts["finished"]
