"""What the next node says of the jobs of one that was killed, and of one that ended in good order."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import psutil
import pytest

from picloud.model import job

from .conftest import Client, Gate, Refused, Run, alive, gone, ranges, until


def same(value: object) -> object:
    return value


@pytest.mark.parametrize("durability", ["process", "power"])
def test_after_a_killed_node_every_job_is_what_it_should_be(run: Run, gate: Gate, durability: str) -> None:
    with run(PICLOUD_DURABILITY=durability, PICLOUD_CPUS="2") as node, Client(node.home) as client:
        done, bad = client.call(same, 1), client.call(lambda: 1 / 0)
        client.wait(done, bad)
        again = client.call(gate.job(), "again")
        once = client.call(gate.job(), "once", restartable=False)
        gate.wait(2)
        queued = client.call(gate.job(), "queued")
        queued_once = client.call(gate.job(), "queued once", restartable=False)
        waits = client.call(same, "waits", depends_on=ranges(again))
        stalls = client.call(same, "stalls", depends_on=ranges(once))
        careless = client.call(same, "careless", depends_on=ranges(once), ignore_dependency_errors=True)
        killed = client.call(same, "killed", depends_on=ranges(again))
        client.kill(killed)
        tree = psutil.Process(node.process.pid).children(recursive=True)
        assert len(tree) >= 3
        node.process.kill()
        node.process.wait()
        until(lambda: not any(alive(process.pid) for process in tree), "nothing of it is left")

    gate.open()
    with run() as node, Client(node.home) as client:
        assert client.result(again) == "again"
        lost = client.end(once)
        assert (lost.status, lost.cause, lost.attempt) == (job.ERROR, "lost", 1)
        assert "node" in lost.text
        assert client.result(queued) == "queued"
        assert client.result(queued_once) == "queued once"
        assert client.result(waits) == "waits"
        assert client.end(stalls).meta["cause"][:2] == ["dependency", once]
        assert client.result(careless) == "careless"
        assert client.end(killed).cause == "killed-by-user"
        assert client.result(done) == 1
        assert "ZeroDivisionError" in client.end(bad).text
        # Losing a node is nobody's fault: it counts for nothing.
        assert client.end(again).attempt == 1
        assert client.call(same, 1) == careless + 2


def test_items_that_were_said_to_have_ended_never_run_again(run: Run, gate: Gate, tmp_path: Path) -> None:
    wait, log = gate.job(), tmp_path / "log"

    def note(value: int) -> int:
        if value == 500:
            wait()
        with open(log, "a") as file:
            file.write(f"{value}\n")
        return value

    with run() as node, Client(node.home) as client:
        first, stop = client.map(note, range(1000))
        gate.wait()
        client.until_done((first, stop), 600)
        told = [index for index, code in enumerate(client.statuses((first, stop))) if code == job.DONE]
        node.process.kill()
    gate.open()
    with run() as node, Client(node.home) as client:
        assert [end.value() for end in client.ends((first, stop)).values()] == list(range(1000))
    runs = Counter(map(int, log.read_text().split()))
    assert {runs[index] for index in told} == {1}
    assert set(runs) == set(range(1000))


def test_of_a_map_that_may_not_restart_only_what_was_started_is_lost(run: Run, gate: Gate) -> None:
    with run() as node, Client(node.home) as client:
        first, stop = client.map(gate.job(), range(20), restartable=False)
        gate.wait(2)
        node.process.kill()
    gate.open()
    with run() as node, Client(node.home) as client:
        codes = [end.status for end in client.ends((first, stop)).values()]
        assert (codes.count(job.ERROR), codes.count(job.DONE)) == (2, 18)
        # Said once, it stays said.
        node.process.kill()
    with run() as node, Client(node.home) as client:
        assert client.statuses((first, stop)) == codes


def test_a_dependency_that_was_deleted_keeps_nobody_waiting(run: Run, gate: Gate) -> None:
    with run() as node, Client(node.home) as client:
        deleted, slow = client.map(same, range(5)), client.call(gate.job(), 1)
        client.wait(deleted)
        dependent = client.call(same, 7, depends_on=ranges(deleted, slow))
        client.delete(deleted)
        node.process.kill()
    gate.open()
    with run() as node, Client(node.home) as client:
        assert client.result(dependent) == 7
        with pytest.raises(Refused):
            client.status(deleted[0])


def test_a_job_that_its_node_killed_is_not_run_again(run: Run, gate: Gate) -> None:
    """The kill was accepted, so that it must be kept, whatever happens to the node afterwards."""
    with run() as node, Client(node.home) as client:
        held = client.call(gate.job())
        gate.wait()
        client.kill(held)
        client.wait(held)
        node.process.kill()
    with run() as node, Client(node.home) as client:
        assert (client.status(held), client.end(held).cause) == (job.KILLED, "killed-by-user")


def test_a_node_and_its_supervisor_killed_together_leave_nothing_to_the_next(
    run: Run, gate: Gate, tmp_path: Path
) -> None:
    wait = gate.job()

    def plant() -> int:
        import subprocess

        if not (tmp_path / "child").exists():
            child = subprocess.Popen(["sleep", "300"], start_new_session=True)
            (tmp_path / "child").write_text(str(child.pid))
        wait()
        return 5

    with run() as node, Client(node.home) as client:
        jid = client.call(plant)
        gate.wait()
        child = int((tmp_path / "child").read_text())
        for process in psutil.Process(node.process.pid).children():
            process.kill()
        node.process.kill()
        node.process.wait()
        with run(), Client(node.home) as other:
            assert not alive(child)
            gate.open()
            assert other.result(jid) == 5


def test_a_crash_in_the_middle_of_thousands_of_jobs_loses_and_repeats_none_of_their_ends(run: Run) -> None:
    """Killed again and again while it works: what was said to be done stays done, and everything ends."""

    def work(value: int) -> tuple[int, bytes]:
        import time

        time.sleep(0.001)
        return value, os.urandom(8)

    first, stop = 0, 0
    told: dict[int, bytes] = {}
    for life in range(3):
        with run() as node, Client(node.home) as client:
            if not life:
                first, stop = client.map(work, range(2000))
            for jid, payload in told.items():
                assert client.end(jid).payload == payload
            client.until_done((first, stop), len(told) + 100)
            for jid, end in client.ends((first, stop), mode="").items():
                assert told.setdefault(jid, end.payload) == end.payload
            if life < 2:
                os.kill(node.process.pid, signal.SIGKILL)
            else:
                ends = client.ends((first, stop))
                assert [end.value()[0] for end in ends.values()] == list(range(2000))
                assert all(ends[jid].payload == payload for jid, payload in told.items())
    assert gone(node.home)
