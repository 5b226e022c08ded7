"""A node that is killed: nothing that it started survives it, and the next one goes on with what was queued."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from picloud.exceptions import JobError

from . import conftest as shared
from . import tree


def _kill_node(cloud: ModuleType) -> None:
    """Kill the node and wait until it is gone, and its supervisors with it."""
    node = psutil.Process(cloud.connection_info()["pid"])
    below = node.children(recursive=True)
    node.kill()
    shared.until(lambda: shared.none_lives([node, *below]))


def test_nothing_survives_a_killed_node(cloud: ModuleType, tmp_path: Path) -> None:
    cloud.call(tree.grow, str(tmp_path), _restartable=False)
    processes = shared.grown(tmp_path)
    supervisor = processes[0].parent()
    assert supervisor is not None
    os.kill(cloud.connection_info()["pid"], signal.SIGKILL)
    shared.until(lambda: shared.none_lives([supervisor, *processes]))


def test_nothing_survives_a_killed_supervisor_and_its_job_runs_again(cloud: ModuleType, tmp_path: Path) -> None:
    jid = cloud.call(tree.grow, str(tmp_path))
    processes = shared.grown(tmp_path)
    (tmp_path / "pids").unlink()
    supervisor = processes[0].parent()
    assert supervisor is not None
    supervisor.kill()
    shared.until(lambda: shared.none_lives(processes))
    again = shared.grown(tmp_path)
    assert again[0].pid != processes[0].pid
    cloud.kill(jid)
    shared.until(lambda: shared.none_lives(again))


def test_the_next_node_ends_what_a_killed_supervisor_of_a_killed_node_left(cloud: ModuleType, tmp_path: Path) -> None:
    def leave(note: str) -> None:
        import subprocess

        Path(note).write_text(str(subprocess.Popen(["sleep", "300"], start_new_session=True).pid))
        time.sleep(300)

    note = tmp_path / "pid"
    jid = cloud.call(leave, str(note), _restartable=False)
    child = psutil.Process(int(shared.until(lambda: note.exists() and note.read_text())))
    worker = child.parent()
    assert worker is not None
    supervisor = worker.parent()
    assert supervisor is not None
    node = psutil.Process(cloud.connection_info()["pid"])
    node.suspend()
    supervisor.kill()
    node.kill()
    with pytest.raises(JobError, match="lost"):
        cloud.result(jid)
    assert shared.none_lives([worker, child])


def test_calls_that_were_answered_a_moment_ago_are_known_to_the_next_node(cloud: ModuleType) -> None:
    """They are in the journal alone when their node is killed."""
    jids = [cloud.call(pow, 3, number) for number in range(100)]
    assert cloud.result(jids[-1]) == 3**99
    _kill_node(cloud)
    assert cloud.result(jids) == [3**number for number in range(100)]
    assert cloud.call(abs, -1) == jids[-1] + 1


def test_queued_jobs_go_on_with_the_next_node(one_core: None, cloud: ModuleType, tmp_path: Path) -> None:
    def wait_for(gate: str) -> str:
        Path(gate, "started").touch()
        while not Path(gate, "open").exists():
            time.sleep(0.01)
        return "through"

    running = cloud.call(wait_for, str(tmp_path))
    queued = cloud.map(lambda x: x + 1, range(100))
    waiting = cloud.call(lambda: "last", _depends_on=queued)
    shared.until((tmp_path / "started").exists)
    _kill_node(cloud)
    assert cloud.status(running) in ("queued", "processing")
    (tmp_path / "open").touch()
    assert cloud.result(running, timeout=20) == "through"
    assert cloud.result(queued, timeout=20) == list(range(1, 101))
    assert cloud.result(waiting, timeout=20) == "last"


def test_a_restartable_job_runs_again_after_its_node_was_killed(cloud: ModuleType, tmp_path: Path) -> None:
    def count(note: str) -> int:
        with open(note, "a") as file:
            file.write("x")
        runs = len(Path(note).read_text())
        if runs == 1:
            time.sleep(300)
        return runs

    note = tmp_path / "runs"
    jid = cloud.call(count, str(note))
    shared.until(note.exists)
    _kill_node(cloud)
    assert cloud.result(jid, timeout=20) == 2


def test_a_job_that_may_not_restart_is_lost_with_its_node(cloud: ModuleType, tmp_path: Path) -> None:
    def count(note: str) -> None:
        with open(note, "a") as file:
            file.write("x")
        time.sleep(300)

    note = tmp_path / "runs"
    jid = cloud.call(count, str(note), _restartable=False)
    shared.until(note.exists)
    _kill_node(cloud)
    with pytest.raises(JobError, match="The job was lost: its node ended while the job was handed out") as caught:
        cloud.result(jid, timeout=20)
    assert caught.value.status == "error"
    assert caught.value.hint == "submit it again, or let it be restartable"
    assert note.read_text() == "x"


def test_what_has_ended_is_kept_and_never_runs_again(cloud: ModuleType, tmp_path: Path) -> None:
    def note(x: int) -> int:
        with open(tmp_path / f"{x}", "a") as file:
            file.write("x")
        return x

    jids = cloud.map(note, range(50))
    cloud.join(jids)
    _kill_node(cloud)
    assert cloud.status(jids) == ["done"] * 50
    assert cloud.result(jids) == list(range(50))
    assert {path.read_text() for path in tmp_path.iterdir()} == {"x"}


def test_a_client_that_waits_does_not_notice_that_its_node_is_killed(
    programs: shared.Programs, cloud: ModuleType, tmp_path: Path
) -> None:
    waiting = programs.start(
        "def wait(gate):\n"
        "    while not os.path.exists(gate): time.sleep(0.01)\n"
        "    return 'through'\n"
        "jid = cloud.call(wait, 'gate')\n"
        "print(jid, flush=True)\n"
        "print('\"%s\"' % cloud.result(jid))"
    )
    assert waiting.stdout is not None
    jid = int(waiting.stdout.readline())
    shared.until(lambda: cloud.status(jid) == "processing")
    _kill_node(cloud)
    (tmp_path / "gate").touch()
    assert programs.finish(waiting) == "through"


def test_an_old_generation_has_ended_before_a_new_one_runs_anything(cloud: ModuleType, tmp_path: Path) -> None:
    """The first run notes the time for as long as it lives; the second run's start must come after it."""

    def tick(folder: str) -> tuple[float, float]:
        note = Path(folder, "ticks")
        if note.exists():
            now = time.time()
            return float(note.read_text()), now
        fresh = Path(folder, "fresh")
        while True:
            fresh.write_text(str(time.time()))
            fresh.rename(note)

    jid = cloud.call(tick, str(tmp_path))
    shared.until((tmp_path / "ticks").exists)
    os.kill(cloud.connection_info()["pid"], signal.SIGKILL)
    last, restarted = cloud.result(jid, timeout=20)
    assert last < restarted


def test_a_job_that_ran_when_its_node_was_killed_has_one_attempt_behind_it(cloud: ModuleType, tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    def wait() -> int:
        import cloud

        while not gate.exists():
            time.sleep(0.01)
        return cloud.job.attempt()

    jid = cloud.call(wait)
    cloud.wait_for.status(jid, "processing", timeout=20)
    shared.until(lambda: cloud.info(jid, "runtime")[jid]["runtime"] > 1.5)
    _kill_node(cloud)
    gate.touch()
    assert cloud.result(jid, timeout=20) == 2
    assert cloud.info(jid, "attempt")[jid]["attempt"] == 2
