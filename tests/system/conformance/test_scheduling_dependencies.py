"""What waits for other jobs: begins after their ends, never begins after a bad one, and costs no more where there are many."""

from __future__ import annotations

import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from . import traces

FAST = 30
MANY = 10_000


def value(x: Any) -> Any:
    return x


def fail_at(n: int, bad: int) -> int:
    if n == bad:
        raise ValueError(f"{n} is bad")
    return n


def test_a_bad_end_stalls_dependents_of_dependents(cloud: ModuleType, gate: Path, tmp_path: Path) -> None:
    trace = str(tmp_path / "trace")
    bad = cloud.call(traces.hold_and_fail, str(gate))
    near = cloud.call(traces.note, trace, "near", _depends_on=bad)
    further = cloud.map(traces.note, [trace] * 3, ["a", "b", "c"], _depends_on=[near])
    last = cloud.call(traces.note, trace, "last", _depends_on=further)
    beside = cloud.call(value, 1)
    assert set(cloud.status([near, further, last])) == {"waiting"}
    gate.touch()
    for jid in (near, *further, last):
        with pytest.raises(
            cloud.CloudException, match=f"^Job {jid}: Could not start due to dependency erroring"
        ) as got:
            cloud.result(jid, timeout=FAST)
        assert got.value.status == "stalled"
        assert cloud.info(jid, ["cause", "status"])[jid] == {"cause": "dependency", "status": "stalled"}
    assert cloud.result(beside, timeout=FAST) == 1
    assert traces.names(Path(trace)) == []


@pytest.mark.parametrize("how", ["error", "killed", "stalled"])
def test_every_bad_end_stalls_unless_errors_are_ignored(
    cloud: ModuleType, gate: Path, tmp_path: Path, how: str
) -> None:
    trace = tmp_path / "trace"
    root = cloud.call(traces.hold_and_fail, str(gate))
    bad = cloud.call(value, 1, _depends_on=root) if how == "stalled" else root
    good = cloud.call(traces.note, str(trace), "good")
    aborts = cloud.call(traces.note, str(trace), "aborts", _depends_on=[bad, good])
    ignores = cloud.call(traces.note, str(trace), "ignores", _depends_on=[bad, good], _depends_on_errors="ignore")
    behind = cloud.call(traces.note, str(trace), "behind", _depends_on=ignores)
    if how == "killed":
        cloud.kill(root)
        cloud.join(root, timeout=FAST, ignore_errors=True)
    gate.touch()
    assert cloud.result(behind, timeout=FAST) == "behind"
    cloud.join([bad, aborts], timeout=FAST, ignore_errors=True)
    assert cloud.status([bad, aborts, ignores]) == [how, "stalled", "done"]
    assert traces.names(trace) == ["good", "ignores", "behind"]


def test_a_bad_end_is_told_before_the_other_dependencies_have_ended(cloud: ModuleType, gate: Path) -> None:
    slow = cloud.call(traces.hold, str(gate))
    bad = cloud.map(fail_at, range(4), [2] * 4)
    with pytest.raises(cloud.CloudException, match="dependency erroring"):
        cloud.result(cloud.call(value, 1, _depends_on=[slow, bad]), timeout=FAST)
    assert cloud.status(slow) == "processing"


def test_ten_thousand_dependents_of_one_job(cloud: ModuleType, gate: Path) -> None:
    root = cloud.call(traces.hold, str(gate))
    calls = [cloud.call(value, n, _depends_on=root) for n in range(MANY // 5)]
    maps = [cloud.map(value, range(5), _depends_on=root) for _ in range(MANY // 5 * 4 // 5)]
    assert set(cloud.status([*calls, *maps])) == {"waiting"}
    gate.touch()
    assert cloud.result(calls, timeout=FAST) == list(range(MANY // 5))
    assert cloud.result(maps, timeout=FAST) == list(range(5)) * len(maps)


def test_a_chain_of_ten_thousand_with_a_bad_link_in_its_middle(cloud: ModuleType, gate: Path) -> None:
    """Up to the bad one they are done, behind it they are stalled, all of them."""
    chain = [cloud.call(traces.hold, str(gate))]
    for n in range(1, MANY):
        chain.append(cloud.call(fail_at, n, MANY // 2, _depends_on=chain[-1]))
    assert cloud.status(chain[-1]) == "waiting"
    gate.touch()
    cloud.join(chain[-1], timeout=FAST, ignore_errors=True)
    statuses = cloud.status(chain)
    assert statuses == ["done"] * (MANY // 2) + ["error"] + ["stalled"] * (MANY - MANY // 2 - 1)


def test_a_dependency_on_a_million_jobs(cloud: ModuleType, gate: Path) -> None:
    """It is submitted as quickly as any, whatever the million are doing, and runs when all of them have ended."""
    first = cloud.call(traces.hold, str(gate))
    million = cloud.map(abs, range(1_000_000), _depends_on=first)
    waiting: list[int] = []

    def extra(jids: list[range]) -> float:
        """Return how much longer the quickest submission of a dependent takes than that of a plain call."""
        plain, dependent = [], []
        for jid in jids:
            began = time.monotonic()
            cloud.call(value, 0, _depends_on=first)
            plain.append(time.monotonic() - began)
            began = time.monotonic()
            waiting.append(cloud.call(value, len(waiting), _depends_on=jid))
            dependent.append(time.monotonic() - began)
        return min(dependent) - min(plain)

    assert extra([million[n:] for n in range(20)]) < 0.005
    gate.touch()
    cloud.join(million[1000], timeout=FAST)
    assert extra([million] * 20) < 0.005
    assert cloud.result(waiting, timeout=60) == list(range(40))
    assert cloud.status(million[-1]) == "done"
    assert extra([million] * 20) < 0.005
    assert cloud.result(waiting, timeout=60) == list(range(60))


def test_one_bad_end_among_a_million_stalls_at_once(cloud: ModuleType, gate: Path) -> None:
    first = cloud.call(traces.hold, str(gate))
    million = cloud.map(abs, range(1_000_000), _depends_on=first)
    aborts = cloud.call(value, 1, _depends_on=million)
    cloud.kill(million[700_000])
    cloud.join(aborts, timeout=FAST, ignore_errors=True)
    assert cloud.status([aborts, million[0], million[-1]]) == ["stalled", "waiting", "waiting"]
    cloud.kill(million)
    ignores = cloud.call(value, 1, _depends_on=million, _depends_on_errors="ignore")
    assert cloud.result(ignores, timeout=FAST) == 1
    assert cloud.status(first) == "processing"
