"""Making workers: what is given to them, and what is left where that fails."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import psutil

from picloud.wire import messages


def test_a_worker_starts_in_milliseconds(driver: Any, hire: Any) -> None:
    """A generous bound: a worker of a cold start, with its imports, would take a hundred times longer than this takes."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        hire()
        times.append(time.perf_counter() - start)
    assert min(times) < 0.1


def test_spools_are_private_and_new(hire: Any) -> None:
    worker = hire()
    for stream in ("out", "err"):
        path = worker.driver.home / "spool" / f"generation-1-{worker.id}.{stream}"
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.stat().st_size == 0


def test_the_nodes_descriptors_can_only_read_spools(hire: Any) -> None:
    worker = hire()
    for descriptor in (worker.out, worker.err):
        try:
            os.write(descriptor, b"x")
        except OSError:
            continue
        raise AssertionError("a spool could be written to")


def test_two_workers_of_one_number_are_refused(own_driver: Any) -> None:
    """A spool that is there already is somebody's output, and is never written into."""
    worker = own_driver.worker()
    answer = own_driver.channel.request(messages.StartWorker(worker.id, [], {})).message
    assert isinstance(answer, messages.WorkerFailed)
    assert "File exists" in answer.reason


def test_a_failed_start_leaves_nothing_open(own_driver: Any) -> None:
    folder = Path(f"/proc/{own_driver.process.pid}/fd")
    before = len(list(folder.iterdir()))
    (own_driver.home / "spool").rename(own_driver.home / "away")
    for number in range(1, 6):
        own_driver.channel.request(messages.StartWorker(number, [], {}))
    assert len(list(folder.iterdir())) == before


def test_own_descriptors_lie_high(hire: Any) -> None:
    """Job code that closes low numbers by mistake hits nothing of the worker's."""
    worker = hire()
    assert worker.call(lambda: os.closerange(3, 256)).value() is None
    assert worker.call(lambda: print("still here")).output() == b"still here\n"


def test_cpus_that_do_not_exist_end_the_start(own_driver: Any) -> None:
    own_driver.channel.send(messages.StartWorker(1, [100_000], {}))
    received = own_driver.channel.receive()
    assert isinstance(received.message, messages.WorkerStarted)
    for descriptor in received.descriptors:
        os.close(descriptor)
    ended = own_driver.channel.receive().message
    assert isinstance(ended, messages.WorkerEnded)
    assert os.waitstatus_to_exitcode(ended.status) == 70
    assert not psutil.pid_exists(received.message.pid)
