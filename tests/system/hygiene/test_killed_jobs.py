"""A job that is killed takes its whole tree of processes with it, and nobody else's."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from types import ModuleType

import pytest

from picloud.exceptions import JobError

from . import conftest as shared
from . import tree


def test_a_killed_job_takes_its_whole_tree(cloud: ModuleType, tmp_path: Path) -> None:
    jid = cloud.call(tree.grow, str(tmp_path))
    processes = shared.grown(tmp_path)
    cloud.kill(jid)
    shared.until(lambda: shared.none_lives(processes))
    assert cloud.status(jid) == "killed"
    with pytest.raises(JobError, match="Job terminated by user") as caught:
        cloud.result(jid)
    assert caught.value.status == "killed"


def test_a_job_that_does_not_hear_is_killed_a_second_later(cloud: ModuleType, tmp_path: Path) -> None:
    def be_deaf(folder: str) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        tree.grow(folder)

    jid = cloud.call(be_deaf, str(tmp_path))
    processes = shared.grown(tmp_path)
    cloud.kill(jid)
    killed = time.monotonic()
    shared.until(lambda: shared.none_lives(processes))
    assert time.monotonic() - killed > 0.5
    cloud.join(jid, ignore_errors=True)
    assert cloud.status(jid) == "killed"


def test_a_job_that_catches_the_kill_is_killed_nevertheless(cloud: ModuleType, tmp_path: Path) -> None:
    def shrug(note: str) -> str:
        try:
            Path(note).touch()
            time.sleep(300)
        except BaseException:
            return "survived"
        return ""

    note = tmp_path / "started"
    jid = cloud.call(shrug, str(note))
    shared.until(note.exists)
    cloud.kill(jid)
    with pytest.raises(JobError):
        cloud.result(jid)
    assert cloud.status(jid) == "killed"


def test_jobs_beside_a_killed_one_go_on(one_core: None, cloud: ModuleType, tmp_path: Path) -> None:
    """They share its array, its chunk and its worker."""

    def work(x: int) -> int:
        if x == 3:
            Path(tmp_path, "started").touch()
            time.sleep(300)
        return x

    jids = cloud.map(work, range(10))
    shared.until((tmp_path / "started").exists)
    cloud.kill(jids[3])
    values = cloud.result(jids, ignore_errors=True, timeout=20)
    assert [value for value in values if isinstance(value, int)] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert cloud.status(jids[3]) == "killed"


def test_a_tree_ends_with_the_worker_that_is_killed_from_outside(cloud: ModuleType, tmp_path: Path) -> None:
    jid = cloud.call(tree.grow, str(tmp_path))
    processes = shared.grown(tmp_path)
    os.kill(processes[0].pid, signal.SIGKILL)
    shared.until(lambda: shared.none_lives(processes))
    with pytest.raises(JobError, match=r"(?i)signal 9|SIGKILL"):
        cloud.result(jid)
    assert cloud.status(jid) == "error"


def test_a_job_that_runs_too_long_takes_its_tree_along(cloud: ModuleType, tmp_path: Path) -> None:
    jid = cloud.call(tree.grow, str(tmp_path), _max_runtime=0.5 / 60)
    processes = shared.grown(tmp_path)
    with pytest.raises(JobError, match=r"it ran longer than its limit of 0\.5 s"):
        cloud.result(jid, timeout=20)
    shared.until(lambda: shared.none_lives(processes))
    assert cloud.status(jid) == "killed"


def test_killing_everything_ends_what_runs_and_what_waits(one_core: None, cloud: ModuleType, tmp_path: Path) -> None:
    running = cloud.call(tree.grow, str(tmp_path))
    queued = cloud.map(time.sleep, [300] * 100)
    waiting = cloud.call(time.sleep, 300, _depends_on=running)
    processes = shared.grown(tmp_path)
    cloud.kill()
    cloud.join([running, *queued, waiting], ignore_errors=True, timeout=20)
    assert set(cloud.status([running, *queued])) == {"killed"}
    assert cloud.status(waiting) in ("killed", "stalled")
    shared.until(lambda: shared.none_lives(processes))
