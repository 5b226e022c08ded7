"""The client's side of waiting for a status or port: what the node's answer becomes."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from cloud._jobs import Jobs
from picloud.client import wait_for
from picloud.exceptions import CloudTimeoutError, UnknownJobError, UnreachableStatusError
from picloud.model.job import Status

FAST = 30.0


def hold(path: str) -> None:
    while not os.path.exists(path):
        time.sleep(0.005)


def test_a_status_that_comes(jobs: Jobs) -> None:
    jid = jobs.call(abs, -1)
    assert wait_for.until_status(jobs.session(), jid, Status.DONE, FAST) is Status.DONE


def test_a_status_that_is_behind(jobs: Jobs) -> None:
    jid = jobs.call(abs, -1)
    jobs.join(jid, timeout=FAST)
    with pytest.raises(UnreachableStatusError) as caught:
        wait_for.until_status(jobs.session(), jid, Status.QUEUED, FAST)
    assert caught.value.parameter == "Job has status done. Will never (again) be queued"
    assert (caught.value.jid, caught.value.status) == (jid, "done")


def test_no_time_and_no_job(jobs: Jobs, tmp_path: Path) -> None:
    jid = jobs.call(hold, str(tmp_path / "gate"))
    with pytest.raises(CloudTimeoutError, match="not done") as caught:
        wait_for.until_status(jobs.session(), jid, Status.DONE, 0)
    assert caught.value.jid == jid
    with pytest.raises(CloudTimeoutError, match="tcp port 1 is not open"):
        wait_for.until_port(jobs.session(), jid, 1, "tcp", 0.01)
    with pytest.raises(UnknownJobError):
        wait_for.until_status(jobs.session(), 99, Status.DONE, 0)
    jobs.kill(jid)
    with pytest.raises(UnreachableStatusError, match=r"Will never \(again\) listen on tcp port 1$"):
        wait_for.until_port(jobs.session(), jid, 1, "tcp", FAST)


def test_a_wait_goes_on_at_the_next_node(jobs: Jobs, tmp_path: Path) -> None:
    """The node is killed under the wait: the job runs again, and the wait goes on."""
    gate = tmp_path / "gate"
    jid = jobs.call(hold, str(gate))
    session = jobs.session()
    wait_for.until_status(session, jid, Status.PROCESSING, FAST)
    welcome = session.welcome
    assert welcome is not None

    def kill() -> None:
        os.kill(welcome.pid, signal.SIGKILL)
        gate.touch()

    timer = threading.Timer(0.1, kill)
    timer.start()
    assert wait_for.until_status(session, jid, Status.DONE, FAST) is Status.DONE
    timer.join()
