"""A worker whose job leaves something alive is retired after the chunk, and what is left ends with it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import ModuleType

import psutil

from . import conftest as shared
from . import tree


def test_a_worker_is_used_again(one_core: None, cloud: ModuleType) -> None:
    assert cloud.result(cloud.call(os.getpid)) == cloud.result(cloud.call(os.getpid))


def test_a_job_that_leaves_processes_retires_its_worker_and_they_end(
    one_core: None, cloud: ModuleType, tmp_path: Path
) -> None:
    cloud.result(cloud.call(tree.plant, str(tmp_path)))
    pids = json.loads((tmp_path / "pids").read_text())
    left = [process for process in psutil.process_iter() if process.pid in pids]
    shared.until(lambda: shared.none_lives(left))
    assert cloud.result(cloud.call(os.getpid)) != pids[0]


def test_a_job_that_leaves_a_thread_retires_its_worker(one_core: None, cloud: ModuleType) -> None:
    def leave() -> int:
        import threading
        import time

        threading.Thread(target=time.sleep, args=(300,)).start()
        return os.getpid()

    worker = cloud.result(cloud.call(leave))
    assert cloud.result(cloud.call(os.getpid)) != worker
    shared.until(lambda: not Path(f"/proc/{worker}/exe").exists())


def test_a_thread_or_child_that_has_ended_retires_nobody(one_core: None, cloud: ModuleType) -> None:
    def clean_up() -> int:
        import subprocess
        import threading

        thread = threading.Thread(target=len, args=("",))
        thread.start()
        thread.join()
        subprocess.run(["true"], check=True)
        return os.getpid()

    worker = cloud.result(cloud.call(clean_up))
    assert cloud.result(cloud.call(os.getpid)) == worker


def test_the_rest_of_a_map_runs_before_and_after_a_worker_retires(one_core: None, cloud: ModuleType) -> None:
    def leave(x: int) -> int:
        import subprocess

        if x == 5:
            subprocess.Popen(["sleep", "300"])
        return x

    assert cloud.result(cloud.map(leave, range(50))) == list(range(50))


def test_a_job_may_ask_for_a_process_that_nobody_uses_after_it(one_core: None, cloud: ModuleType) -> None:
    workers = [cloud.result(cloud.call(os.getpid, _kill_process=kill)) for kill in (True, True, False, False)]
    assert len(set(workers)) == 3
    assert workers[2] == workers[3]
    assert len(set(cloud.result(cloud.map(lambda _: os.getpid(), range(4), _kill_process=True)))) == 4


def test_a_worker_that_exits_or_crashes_is_replaced(one_core: None, cloud: ModuleType) -> None:
    def leave(x: int) -> int:
        import ctypes

        if x == 2:
            os._exit(3)
        if x == 4:
            ctypes.string_at(0)
        return x

    jids = cloud.map(leave, range(6))
    cloud.join(jids, ignore_errors=True)
    assert cloud.status(jids) == ["done", "done", "error", "done", "error", "done"]
    exited, crashed = cloud.result([jids[2], jids[4]], ignore_errors=True)
    assert "exit" in str(exited)
    assert "3" in str(exited)
    assert "SIGSEGV" in str(crashed) or "signal 11" in str(crashed)
