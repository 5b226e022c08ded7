"""The reserved keywords, and what they do to a job."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FAST = 30


def value(x: Any = None) -> Any:
    return x


def fail() -> None:
    raise ValueError("no")


def pid() -> int:
    return os.getpid()


def note(folder: str, name: str) -> None:
    Path(folder, name).write_text(str(time.time()))


def test_label(cloud: ModuleType) -> None:
    jid = cloud.call(value, _label="night")
    assert cloud.info(jid, "label") == {jid: {"label": "night"}}
    assert cloud.info(cloud.call(value), "label").popitem()[1] == {"label": ""}


def test_dependencies_run_first(cloud: ModuleType, tmp_path: Path) -> None:
    first = cloud.map(note, [str(tmp_path)] * 4, ["a", "b", "c", "d"])
    last = cloud.call(note, str(tmp_path), "last", _depends_on=first)
    after = cloud.call(sorted, [1], _depends_on=[last, first[0]])
    cloud.join(after, timeout=FAST)
    times = {path.name: float(path.read_text()) for path in tmp_path.iterdir()}
    assert len(times) == 5
    assert max(times, key=lambda name: times[name]) == "last"
    assert cloud.info(last, "depends_on")[last]["depends_on"] == list(first)


def test_a_dependent_of_a_failure_is_stalled(cloud: ModuleType) -> None:
    bad = cloud.call(fail)
    stalled = cloud.call(value, 1, _depends_on=bad)
    further = cloud.map(value, [1, 2], _depends_on=stalled)
    with pytest.raises(cloud.CloudException, match="Could not start due to dependency erroring") as caught:
        cloud.result(further, timeout=FAST)
    assert caught.value.status == "stalled"
    assert cloud.status([bad, stalled, further]) == ["error", "stalled", "stalled", "stalled"]
    assert cloud.status(cloud.call(value, 1, _depends_on=bad)) == "stalled"


def test_a_failure_can_be_ignored(cloud: ModuleType) -> None:
    bad = cloud.call(fail)
    assert cloud.result(cloud.call(value, 5, _depends_on=bad, _depends_on_errors="ignore"), timeout=FAST) == 5


def test_an_unknown_dependency(cloud: ModuleType) -> None:
    with pytest.raises(cloud.CloudException, match="This dependency does not exist") as caught:
        cloud.call(value, _depends_on=[1_000_000])
    assert caught.value.code == "job.dependency"


def test_each_item_in_a_process_of_its_own(cloud: ModuleType) -> None:
    jids = cloud.map(lambda _: os.getpid(), range(4), _kill_process=True)
    assert len(set(cloud.result(jids, timeout=FAST))) == 4


def test_too_long(cloud: ModuleType) -> None:
    jid = cloud.call(time.sleep, 60, _max_runtime=0.3 / 60)
    with pytest.raises(cloud.CloudException) as caught:
        cloud.result(jid, timeout=FAST)
    assert caught.value.status == "killed"
    assert cloud.info(jid, "cause")[jid]["cause"] == "timeout"


def test_variables(cloud: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_HERE", "1")
    monkeypatch.setenv("NOT_NAMED", "2")
    names = ["FROM_HERE", "NOT_NAMED", "GIVEN", "PATH"]

    def read() -> list[str | None]:
        return [os.environ.get(name) for name in names]

    assert cloud.result(cloud.call(read), timeout=FAST) == [None, None, None, os.environ["PATH"]]
    assert cloud.result(cloud.call(read, _os_env_vars=["FROM_HERE", "MISSING"]), timeout=FAST)[0] == "1"
    assert cloud.result(cloud.call(read, _os_env_vars={"GIVEN": "x"}), timeout=FAST)[2] == "x"


def hold(path: str) -> None:
    while not Path(path).exists():
        time.sleep(0.005)


@pytest.fixture
def one_core(cloud: ModuleType) -> Iterator[ModuleType]:
    """Give the job functions of a node on which jobs run one after the other."""
    cloud.config.num_procs = 1
    yield cloud.mp
    cloud.mp.close()
    cloud.config.num_procs = 0


def test_priorities(one_core: ModuleType, tmp_path: Path) -> None:
    """Of what waits for the only core, the better one starts first, whenever it was submitted."""
    holder = one_core.call(hold, str(tmp_path / "gate"))
    low = one_core.map(note, [str(tmp_path)] * 3, ["low0", "low1", "low2"], _priority=9)
    plain = one_core.call(note, str(tmp_path), "plain0")
    high = one_core.map(note, [str(tmp_path)] * 2, ["high0", "high1"], _priority=1)
    (tmp_path / "gate").write_text("")
    one_core.join([holder, low, plain, high], timeout=FAST)
    times = {path.name: float(path.read_text()) for path in tmp_path.glob("*[0-9]")}
    order = sorted(times, key=lambda name: times[name])
    assert [name[:-1] for name in order] == ["high", "high", "plain", "low", "low", "low"]


def test_types_that_are_refused_submit_nothing(cloud: ModuleType) -> None:
    before = cloud.call(value)
    for keywords in ({"_type": "c9"}, {"_cores": 2}, {"_env": "x"}, {"_priority": "1"}, {"_lable": "x"}):
        with pytest.raises((TypeError, ValueError)):
            cloud.call(value, **keywords)
    assert cloud.call(value) == before + 1
