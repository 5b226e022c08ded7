"""Jobs that wait for jobs: no deadlock on one core, to any depth below the cap, and one clear error above it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

from picloud.exceptions import JobError, NestedLimitError


def _descent() -> Callable[[int], int]:
    """Return a function that travels without this module, whose imports would take longer than the test."""

    def descend(depth: int) -> int:
        import cloud

        return 0 if depth == 0 else 1 + cloud.result(cloud.call(descend, depth - 1))

    return descend


def test_twenty_jobs_wait_in_each_other_on_one_core(one_core: None, cloud: ModuleType) -> None:
    assert cloud.result(cloud.call(_descent(), 20), timeout=50) == 20


def test_a_job_waits_for_a_map_on_one_core(one_core: None, cloud: ModuleType) -> None:
    def fan_out(x: int) -> int:
        import cloud

        return sum(cloud.result(cloud.map(lambda y: x * y, range(10))))

    assert cloud.result(cloud.map(fan_out, range(5)), timeout=50) == [45 * x for x in range(5)]


@pytest.mark.parametrize("wait", ["join", "iresult", "iresult_unordered"])
def test_every_way_to_wait_gives_the_core_back(wait: str, one_core: None, cloud: ModuleType) -> None:
    def outer() -> list[int]:
        import cloud

        jids = cloud.map(abs, [-1, -2])
        if wait == "join":
            cloud.join(jids)
            return sorted(cloud.result(jids))
        return sorted(getattr(cloud, wait)(jids))

    assert cloud.result(cloud.call(outer), timeout=50) == [1, 2]


def test_a_job_knows_its_parent(cloud: ModuleType) -> None:
    def outer() -> int:
        import cloud

        return int(cloud.call(abs, -1))

    jid = cloud.call(outer)
    inner = cloud.result(jid)
    assert cloud.info(inner, "parent_jid")[inner]["parent_jid"] == jid


def test_one_wait_too_many_is_refused_with_the_numbers(
    monkeypatch: pytest.MonkeyPatch, one_core: None, cloud: ModuleType
) -> None:
    monkeypatch.setenv("PICLOUD_BLOCKED_JOBS", "3")
    cloud.config.commit()
    with pytest.raises(JobError, match="NestedLimitError") as caught:
        cloud.result(cloud.call(_descent(), 4), timeout=50)
    assert "3 jobs wait for other jobs already, and 3 may: this one cannot wait as well" in str(caught.value)
    assert "submit less deeply, or raise the setting blocked_jobs" in str(caught.value)
    cloud.join(range(1, 6), ignore_errors=True, timeout=20)
    assert cloud.result(cloud.call(_descent(), 3), timeout=50) == 3


def test_the_refusal_is_an_error_that_the_job_can_catch(
    monkeypatch: pytest.MonkeyPatch, one_core: None, cloud: ModuleType
) -> None:
    monkeypatch.setenv("PICLOUD_BLOCKED_JOBS", "3")
    cloud.config.commit()

    def careful(depth: int) -> tuple[int, str]:
        import cloud

        jid = cloud.call(careful, depth + 1)
        try:
            deepest: tuple[int, str] = cloud.result(jid)
        except NestedLimitError as error:
            cloud.kill(jid)
            return depth, str(error)
        return deepest

    depth, message = cloud.result(cloud.call(careful, 1), timeout=50)
    assert depth == 4
    assert message.startswith("3 jobs wait for other jobs already, and 3 may")


def test_a_killed_job_leaves_its_own_jobs_alone(one_core: None, cloud: ModuleType) -> None:
    def outer() -> None:
        import time

        import cloud

        print(cloud.call(time.sleep, 300), flush=True)
        cloud.join(cloud.call(time.sleep, 300))

    jid = cloud.call(outer)
    while not (said := cloud.info(jid, "stdout")[jid]["stdout"]):
        assert cloud.status(jid) in ("queued", "processing")
    cloud.kill(jid)
    cloud.join(jid, ignore_errors=True, timeout=20)
    inner = int(said)
    assert cloud.status(inner) in ("queued", "processing")
    cloud.kill()
    cloud.join(inner, ignore_errors=True, timeout=20)


@pytest.mark.parametrize("wait", ["result", "join", "iresult", "status", "thread", "fork"])
def test_a_job_waits_for_a_later_one_that_shares_its_ticket(wait: str, one_core: None, cloud: ModuleType) -> None:
    """Tens of jobs that take microseconds are started at once, and one of them may wait for the one behind it."""

    def neighbour(x: int) -> int:
        if x % 1000 != 500:
            return x
        import cloud

        later = cloud.job.id() + 1
        if wait == "iresult":
            return int(next(cloud.iresult(later)))
        if wait == "status":
            cloud.wait_for.status(later, "done")
        elif wait == "thread":
            with ThreadPoolExecutor(1) as threads:
                return int(threads.submit(cloud.result, later).result())
        elif wait == "fork":
            if (child := os.fork()) == 0:
                cloud.join(later)
                os._exit(0)
            os.waitpid(child, 0)
        else:
            getattr(cloud, wait)(later)
        return int(cloud.result(later))

    values = cloud.result(cloud.map(neighbour, range(20_000)), timeout=50)
    assert values == [x + (x % 1000 == 500) for x in range(20_000)]


def test_a_job_polls_for_a_later_one_that_shares_its_ticket(cloud: ModuleType) -> None:
    """One that polls keeps its core, but not the jobs behind it."""

    def neighbour(x: int) -> int:
        import cloud

        while x == 500 and cloud.status(cloud.job.id() + 1) != "done":
            pass
        return x

    assert cloud.result(cloud.map(neighbour, range(20_000)), timeout=50) == list(range(20_000))


def test_what_waits_in_the_midst_of_a_ticket_makes_no_job_run_twice(cloud: ModuleType, tmp_path: Path) -> None:
    """Jobs note that they run; some wait for the next one, and some of those are killed while they do."""
    journal = tmp_path / "journal"

    def neighbour(x: int) -> int:
        with open(journal, "ab", buffering=0) as file:
            file.write(b"%d\n" % x)
        if x % 100 == 50:
            import cloud

            later = cloud.job.id() + 1
            if x % 200 == 50:
                cloud.kill(cloud.job.id())
            cloud.join(later, ignore_errors=True)
            if x % 200 == 50:
                time.sleep(
                    60
                )  # The next job may have run elsewhere meanwhile, so that the wait was over before the kill came.
        return x

    jids = cloud.map(neighbour, range(5000))
    cloud.join(jids, ignore_errors=True, timeout=50)
    assert sorted(map(int, journal.read_text().split())) == list(range(5000))
    assert [x for x, jid in enumerate(jids) if cloud.status(jid) == "killed"] == list(range(50, 5000, 200))
