"""Reasons for which a worker goes after a chunk."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from picloud.model import job


def start_child() -> int:
    return subprocess.Popen(["sleep", "300"]).pid


def start_daemon() -> int:
    """Fork twice, so that the grandchild is an orphan."""
    reader, writer = os.pipe()
    if not os.fork():
        if not os.fork():
            os.write(writer, str(os.getpid()).encode())
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(300)
        os._exit(0)
    os.wait()
    return int(os.read(reader, 100))


@pytest.mark.parametrize("start", [start_child, start_daemon])
def test_a_child_that_was_left_ends_it_and_is_ended(worker: Any, start: Any) -> None:
    ends = worker.run(lambda i, start: start() if i == 1 else i, [(i, start) for i in range(4)])
    assert [end.status for end in ends] == [job.DONE] * 4
    assert worker.work.retire == "a job left a child process"
    ended = worker.driver.wait_ended(worker)
    assert ended.status == 0
    assert ended.orphans == 1
    assert not psutil.pid_exists(ends[1].value())


def test_a_child_that_ends_in_time_does_not(worker: Any) -> None:
    worker.call(lambda: subprocess.run(["true"], check=True).returncode)
    assert worker.work.retire == ""
    worker.call(lambda: subprocess.Popen(["true"]) and None)
    worker.call(lambda: os.popen("echo").read())
    assert worker.work.retire == ""
    assert not psutil.Process(worker.pid).children()


def test_a_thread_that_was_left_ends_it(worker: Any) -> None:
    assert worker.call(lambda: threading.Thread(target=time.sleep, args=(60,)).start()).status == job.DONE
    assert worker.work.retire == "a job left a thread"
    assert worker.driver.wait_ended(worker).status == 0


def test_a_daemon_thread_and_an_ended_one_do_not(worker: Any) -> None:
    def start() -> None:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()

    worker.call(start)
    assert worker.work.retire == ""


def test_a_job_can_ask_for_it(worker: Any) -> None:
    worker.call(lambda: 1, kill_process=True)
    assert worker.work.retire == "the job asked for it"
    assert worker.driver.wait_ended(worker).status == 0


def test_a_module_that_was_edited_since_it_was_imported_ends_it_before_the_next_submission(
    worker: Any, tmp_path: Path
) -> None:
    module = tmp_path / "by_other_means.py"
    module.write_text("VALUE = 1\n")

    def look(path: str) -> int:
        import sys

        sys.path.insert(0, path)
        import by_other_means  # type: ignore[import-not-found]  # the test writes it

        value: int = by_other_means.VALUE
        return value

    first = worker.driver.next_first()
    assert worker.call(look, str(tmp_path), first=first).value() == 1
    assert worker.call(look, str(tmp_path)).value() == 1
    first = worker.driver.next_first()
    assert worker.call(look, str(tmp_path), first=first).value() == 1
    module.write_text("VALUE = 22\n")
    assert worker.call(look, str(tmp_path), first=first).value() == 1
    assert worker.run(look, [(str(tmp_path),)]) == []
    assert worker.work.retire == f"{module} was edited"
    assert worker.steal() == 0
    assert worker.driver.wait_ended(worker).status == 0


def test_unchanged_modules_and_libraries_do_not(worker: Any) -> None:
    def load() -> None:
        import graphlib  # noqa: F401 - the import is what is looked at

        import numpy as np  # noqa: F401 - as above

    for _ in range(3):
        worker.call(load)
        assert worker.work.retire == ""
