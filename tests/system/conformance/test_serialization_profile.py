"""`_profile`: the job runs under a profiler, and `info` gives what it found."""

from __future__ import annotations

import cProfile
import pstats
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FAST = 30


def busy(n: int = 1) -> int:
    return sum(inner(n) for _ in range(100))


def inner(n: int) -> int:
    return sum(range(n * 10))


def fail() -> None:
    inner(5)
    raise ValueError("no")


def endless(flag: str) -> None:
    inner(5)
    Path(flag).touch()
    while True:
        time.sleep(0.01)


def _profile(cloud: ModuleType, jid: int, key: str = "profile") -> Any:
    return cloud.info(jid, key)[jid][key]


def test_the_profile_is_text_with_what_took_longest_first(cloud: ModuleType) -> None:
    jid = cloud.call(busy, 2000, _profile=True)
    assert cloud.result(jid, timeout=FAST) == busy(2000)
    text = _profile(cloud, jid)
    assert "function calls (" in text
    assert "Ordered by: cumulative time" in text
    assert 0 < text.index("(busy)") < text.index("(inner)")
    assert "picloud/worker" not in text
    assert "disable" not in text


def test_without_it_the_profile_is_empty(cloud: ModuleType) -> None:
    jid = cloud.call(busy, _profile=False)
    cloud.join(jid, timeout=FAST)
    assert _profile(cloud, jid) == ""
    assert _profile(cloud, jid, "profile_stats") == b""
    assert cloud.info(jid, "all")[jid]["profile"] == ""


def test_pstats_loads_its_data(cloud: ModuleType, tmp_path: Path) -> None:
    jid = cloud.call(busy, _profile=True)
    cloud.join(jid, timeout=FAST)
    file = tmp_path / "job.prof"
    file.write_bytes(_profile(cloud, jid, "profile_stats"))
    calls = {name: entry[1] for (_, _, name), entry in pstats.Stats(str(file)).stats.items()}  # type: ignore[attr-defined]  # typeshed does not know `stats`
    assert calls["busy"] == 1
    assert calls["inner"] == 100


def test_each_item_of_a_map_has_its_own(cloud: ModuleType) -> None:
    jids = cloud.map(busy, range(20), _profile=True)
    assert cloud.result(jids, timeout=FAST) == [busy(n) for n in range(20)]
    found = cloud.info(jids, "profile")
    assert len(found) == 20
    for facts in found.values():
        (line,) = [line for line in facts["profile"].splitlines() if "(inner)" in line]
        assert line.split()[0] == "100"


def test_a_job_that_raises_has_one(cloud: ModuleType) -> None:
    jid = cloud.call(fail, _profile=True)
    with pytest.raises(cloud.CloudException, match="ValueError: no") as caught:
        cloud.result(jid, timeout=FAST)
    assert "picloud/worker" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)
    assert "(fail)" in _profile(cloud, jid)


def test_a_job_that_is_interrupted_by_a_kill_has_one(cloud: ModuleType, tmp_path: Path) -> None:
    flag = tmp_path / "runs"
    jid = cloud.call(endless, str(flag), _profile=True)
    deadline = time.monotonic() + FAST
    while not flag.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    cloud.kill(jid)
    cloud.join(jid, timeout=FAST, ignore_errors=True)
    assert cloud.status(jid) == "killed"
    text = _profile(cloud, jid)
    assert "(inner)" in text
    assert "time.sleep" in text


def test_the_next_job_is_not_profiled(cloud: ModuleType) -> None:
    def profiler() -> Any:
        import sys

        return sys.getprofile()

    cloud.join(cloud.call(busy, _profile=True), timeout=FAST)
    assert cloud.result(cloud.call(profiler), timeout=FAST) is None


def test_builtins_and_results_of_every_kind(cloud: ModuleType) -> None:
    jids = [cloud.call(sorted, [3, 1], _profile=True), cloud.call(bytes, 1 << 20, _profile=True)]
    assert cloud.result(jids, timeout=FAST) == [[1, 3], bytes(1 << 20)]
    assert all(_profile(cloud, jid) for jid in jids)


def test_a_profile_has_a_bounded_size(cloud: ModuleType) -> None:
    def many() -> None:
        for number in range(20_000):
            space: dict[str, Any] = {}
            exec(f"def f{number * 7919}(): return 0", space)
            space[f"f{number * 7919}"]()

    jid = cloud.call(many, _profile=True)
    cloud.join(jid, timeout=FAST)
    text = _profile(cloud, jid)
    assert "functions that took the least time are left out" in text.splitlines()[0]
    assert "(many)" in text
    assert len(_profile(cloud, jid, "profile_stats")) < 2_000_000


def test_a_job_that_is_not_profiled_may_profile_itself(cloud: ModuleType) -> None:
    def own() -> int:
        with cProfile.Profile() as found:
            inner(3)
        return len(found.getstats())

    jid = cloud.call(own, _profile=False)
    assert cloud.result(jid, timeout=FAST) > 0
