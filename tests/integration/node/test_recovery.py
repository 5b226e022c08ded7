"""What the next node says of the jobs of one that was killed."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from picloud.model import job
from picloud.model.ids import JidRange
from picloud.testing.node import stop_home, temporary_home

from .conftest import Client, Gate, Refused, Run, alive, gone, ranges, start, until


def same(value: object) -> object:
    return value


def noting(log: Path, wait: Callable[..., object]) -> Callable[[int], int]:
    """Return a function that notes each run; item 500 waits first."""

    def note(value: int) -> int:
        if value == 500:
            wait()
        with open(log, "a") as file:
            file.write(f"{value}\n")
        return value

    return note


@dataclass(frozen=True)
class Jobs:
    """Jobs in every situation when their node was killed, and the next one."""

    client: Client
    done: int
    failed: int
    killed: int
    many: JidRange
    told: list[int]
    runs: Counter[int]
    once: JidRange
    queued: int
    waits: int
    stalls: int
    careless: int
    killed_waiting: int
    deleted: JidRange
    half_deleted: int


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    """Kill a node in the middle of everything, and start the next one."""
    home, folder = temporary_home(), tmp_path_factory.mktemp("recovery")
    gate, log = Gate(folder / "gate"), folder / "log"
    environment = os.environ | {"PICLOUD_HOME": str(home), "PICLOUD_CPUS": "2", "PICLOUD_DURABILITY": "power"}
    node = start(home, environment)["pid"]
    with Client(home, name="somebody") as client:
        done, failed, deleted = client.call(same, 1), client.call(lambda: 1 / 0), client.map(same, range(5))
        killed = client.call(gate.job())
        gate.wait()
        client.kill(killed)
        client.wait(done, failed, killed, deleted)
        many = client.map(noting(log, gate.job()), range(1000))
        client.until_done(many, 600)
        once = client.map(gate.job(), range(20), restartable=False)
        gate.wait(3)
        until(lambda: client.status(once[0]) == job.PROCESSING, "both cores are busy")
        queued = client.call(gate.job(), "queued")
        waits = client.call(same, "waits", depends_on=ranges(many))
        stalls = client.call(same, "stalls", depends_on=ranges(once))
        careless = client.call(same, "careless", depends_on=ranges(once), ignore_dependency_errors=True)
        killed_waiting = client.call(same, "killed", depends_on=ranges(many))
        client.kill(killed_waiting)
        half_deleted = client.call(same, "half deleted", depends_on=ranges(deleted, many))
        told = [index for index, code in enumerate(client.statuses(many)) if code == job.DONE]
        client.delete(deleted, many[0] + 3)
        tree = psutil.Process(node).children(recursive=True)
        generation = client.welcome.generation
        os.kill(node, signal.SIGKILL)
    until(lambda: not any(alive(process.pid) for process in tree), "nothing of it is left")
    gate.open()
    # What a crash leaves is no obstacle, and decides nothing.
    assert (home / "node.sock").is_socket()
    assert (home / "node.lock").read_text().strip() == str(node)
    start(home, environment)
    with Client(home, name="somebody") as client:
        assert client.welcome.generation != generation
        client.wait((many[0] + 4, many[1]), once)
        runs = Counter(map(int, log.read_text().split()))
        yield Jobs(
            client, done, failed, killed, many, told, runs, once, queued, waits, stalls, careless, killed_waiting,
            deleted, half_deleted,
        )  # fmt: skip
    assert stop_home(home) == []
    shutil.rmtree(home)


def test_what_had_ended_is_kept(jobs: Jobs) -> None:
    assert jobs.client.result(jobs.done) == 1
    assert "ZeroDivisionError" in jobs.client.end(jobs.failed).text


@pytest.mark.parametrize("name", ["killed", "killed_waiting"])
def test_what_was_killed_stays_killed(jobs: Jobs, name: str) -> None:
    end = jobs.client.end(getattr(jobs, name))
    assert (end.status, end.cause) == (job.KILLED, "killed-by-user")


def test_what_may_restart_goes_on_and_what_was_said_to_have_ended_never_runs_again(jobs: Jobs) -> None:
    ends = jobs.client.ends((jobs.many[0], jobs.many[0] + 3), (jobs.many[0] + 4, jobs.many[1]))
    assert [end.value() for end in ends.values()] == [index for index in range(1000) if index != 3]
    assert {jobs.runs[index] for index in jobs.told} == {1}
    assert set(jobs.runs) == set(range(1000))
    # The one that ran when the node was killed may have been noted as an attempt.
    assert {end.attempt for jid, end in ends.items() if jid != jobs.many[0] + 500} == {1}


def test_of_what_may_not_restart_only_what_was_started_is_lost(jobs: Jobs) -> None:
    ends = list(jobs.client.ends(jobs.once).values())
    assert [end.status for end in ends] == [job.ERROR] + [job.DONE] * 19
    assert (ends[0].cause, ends[0].attempt) == ("lost", 1)
    assert "node" in ends[0].text


def test_what_was_queued_runs(jobs: Jobs) -> None:
    assert jobs.client.result(jobs.queued) == "queued"


def test_dependencies_hold(jobs: Jobs) -> None:
    assert jobs.client.result(jobs.waits) == "waits"
    assert jobs.client.end(jobs.stalls).meta["cause"][:2] == ["dependency", jobs.once[0]]
    assert jobs.client.result(jobs.careless) == "careless"


def test_a_dependency_that_was_deleted_keeps_nobody_waiting(jobs: Jobs) -> None:
    assert jobs.client.result(jobs.half_deleted) == "half deleted"
    with pytest.raises(Refused):
        jobs.client.status(jobs.deleted[0])


def test_what_was_deleted_stays_deleted_while_its_array_goes_on(jobs: Jobs) -> None:
    with pytest.raises(Refused) as refused:
        jobs.client.status(jobs.many[0] + 3)
    assert refused.value.code == "job.unknown"


def test_a_resend_gets_the_same_jid_and_no_jid_is_given_twice(jobs: Jobs) -> None:
    assert jobs.client.call(same, 1, sequence=1) == jobs.done
    assert jobs.client.call(same, 1, sequence=1000) > jobs.half_deleted


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
    """What was said to be done stays done, to the byte, and everything ends; what was lost once is not lost again."""

    def work(value: int) -> tuple[int, bytes]:
        import time

        time.sleep(0.001)
        return value, os.urandom(8)

    with run() as node, Client(node.home) as client:
        first, stop = client.map(work, range(1000))
        client.until_done((first, stop), 200)
        told = {jid: end.payload for jid, end in client.ends((first, stop), mode="").items()}
        node.process.kill()
    with run() as node, Client(node.home) as client:
        assert {jid: end.payload for jid, end in client.ends(*told).items()} == told
        ends = client.ends((first, stop))
        assert [end.value()[0] for end in ends.values()] == list(range(1000))
        assert all(ends[jid].payload == payload for jid, payload in told.items())
    assert gone(node.home)
