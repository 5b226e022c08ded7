"""Whatever happens to a worker or a supervisor, each job ends as it should: once, with its cause, and its neighbours unharmed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import psutil
import pytest

from picloud.exceptions import IllegalEventError
from picloud.model import job
from picloud.model.settings import Durability
from picloud.node.clock import SystemClock
from picloud.node.commit import Committer
from picloud.node.reactor import Reactor
from picloud.scheduler import events
from picloud.scheduler.machine import Limits, Scheduler
from picloud.store.environment import Environment
from picloud.store.tables import Tables
from picloud.store.writer import Writer

from .conftest import Client, Gate, Run, alive, pickled, ranges, supervisors, until, until_dead


def same(value: object) -> object:
    return value


def spell(value: int) -> int:
    """Be some work whose length nobody knows."""
    return sum(range(value * 100))


@pytest.mark.parametrize("restartable", [True, False])
def test_a_killed_worker_costs_the_job_that_it_ran(client: Client, gate: Gate, restartable: bool) -> None:
    wait = gate.job()

    def speak_and_wait(value: int) -> object:
        import sys

        print(f"last words of {value}", file=sys.stderr, flush=True)
        return wait(value) if value == 500 else value

    first, stop = client.map(speak_and_wait, range(1000), restartable=restartable)
    (pid,) = gate.wait()
    os.kill(pid, signal.SIGKILL)
    ends = client.ends((first, stop))
    bad = ends.pop(first + 500)
    assert (bad.status, bad.meta["cause"][:2], bad.attempt) == (job.ERROR, ["signal", 9], 1)
    assert "SIGKILL" in bad.text
    assert "last words of 500" in bad.text
    assert "last words of 499" not in bad.text
    assert client.info(first + 500)["stderr"] == "last words of 500\n"
    assert [end.value() for end in ends.values()] == [value for value in range(1000) if value != 500]
    assert {end.attempt for end in ends.values()} == {1}


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("import os; os._exit(3)", ["exit", 3]),
        ("import os; os._exit(0)", ["exit", 0]),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", ["signal", 11]),
        ("import ctypes; ctypes.string_at(0)", ["signal", 11]),
        ("import os; os.abort()", ["signal", 6]),
        ("import os, signal; signal.signal(signal.SIGTERM, signal.SIG_DFL); os.kill(os.getpid(), 15)", ["signal", 15]),
    ],
)
def test_a_job_that_ends_its_process_is_an_error_with_the_reason(
    client: Client, code: str, cause: list[object]
) -> None:
    jid = client.call(exec, code)
    behind = client.call(same, 1)
    assert client.end(jid).meta["cause"][:2] == cause
    assert client.end(jid).status == job.ERROR
    assert client.result(behind) == 1


def test_the_tree_of_a_killed_worker_goes_with_it(client: Client, gate: Gate, tmp_path: Path) -> None:
    wait = gate.job()

    def plant() -> None:
        import subprocess

        child = subprocess.Popen(["sleep", "60"], start_new_session=True)
        (tmp_path / "child").write_text(str(child.pid))
        wait()

    jid = client.call(plant)
    (pid,) = gate.wait()
    os.kill(pid, signal.SIGKILL)
    assert client.end(jid).cause == "signal"
    assert not alive(int((tmp_path / "child").read_text()))


def test_a_worker_that_is_killed_while_idle_costs_nothing(client: Client) -> None:
    pid = client.result(client.call(os.getpid))
    os.kill(pid, signal.SIGKILL)
    assert client.result(client.call(same, 1)) == 1
    until(lambda: not alive(pid), "it is gone")


def test_jobs_of_workers_that_are_killed_again_and_again_all_end(client: Client) -> None:
    """Every item ends once; those whose worker was killed under them are errors, and only those."""

    def report(value: int) -> tuple[int, int]:
        import time

        time.sleep(0.001)
        return value, os.getpid()

    first, stop = client.map(report, range(600))
    killed = 0
    while killed < 5 and not client.wait((first, stop), timeout=0).satisfied:
        done = client.ends((first, stop), mode="")
        for pid in {end.value()[1] for end in done.values() if end.status == job.DONE}:
            if killed < 5 and alive(pid):
                # It may have gone since: a worker killed in an earlier round is listed for as long as its results are.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
    ends = client.ends((first, stop))
    assert len(ends) == 600
    bad = [end for end in ends.values() if end.status != job.DONE]
    assert len(bad) <= killed
    assert {end.cause for end in bad} <= {"signal"}
    assert all(end.value()[0] == jid - first for jid, end in ends.items() if end.status == job.DONE)


def test_a_lost_supervisor_costs_an_attempt_and_jobs_that_may_not_restart(run: Run, gate: Gate, tmp_path: Path) -> None:
    wait = gate.job()

    def plant() -> None:
        import subprocess

        subprocess.Popen(["sleep", "60"], start_new_session=True)
        wait()

    with run() as node, Client(node.home) as client:
        again, once = client.call(plant), client.call(wait, restartable=False)
        queued = client.map(same, range(50), depends_on=ranges(again))
        gate.wait(2)
        tree = psutil.Process(node.process.pid).children(recursive=True)
        assert len(tree) == 4
        (supervisor,) = supervisors(node.process.pid)
        supervisor.kill()
        end = client.end(once)
        assert (end.status, end.cause) == (job.ERROR, "lost")
        assert "supervisor" in end.text
        gate.wait(3)
        assert not any(alive(process.pid) for process in tree)
        gate.open()
        end = client.end(again)
        assert (end.status, end.attempt) == (job.DONE, 2)
        assert {end.attempt for end in client.ends(queued).values()} == {1}


def test_a_job_that_loses_three_supervisors_is_lost(run: Run, gate: Gate) -> None:
    with run() as node, Client(node.home) as client:
        jid = client.call(gate.job())
        for attempt in range(1, 4):
            gate.wait(attempt)
            assert client.status(jid) == job.PROCESSING
            (supervisor,) = supervisors(node.process.pid)
            supervisor.kill()
            until_dead(supervisor.pid)
        end = client.end(jid)
        assert (end.status, end.cause, end.attempt) == (job.ERROR, "lost", 3)
        assert client.result(client.call(same, 1)) == 1


def test_urgent_jobs_go_before_a_long_map(client: Client) -> None:
    jids = client.map(spell, range(2000))
    urgent = client.call(same, 1, priority=1)
    assert client.result(urgent) == 1
    assert client.statuses(jids).count(job.DONE) < 2000
    client.kill(jids)


def test_items_are_run_once_whoever_takes_them(client: Client, tmp_path: Path) -> None:
    """Two workers steal from each other all the time, since the items differ in length by far."""
    log = tmp_path / "log"

    def note(value: int) -> int:
        import time

        with open(log, "a") as file:
            file.write(f"{value}\n")
        time.sleep(0.02 if value % 50 == 0 else 0)
        return value

    jids = client.map(note, range(1000))
    assert [end.value() for end in client.ends(jids).values()] == list(range(1000))
    assert sorted(map(int, log.read_text().split())) == list(range(1000))


def test_results_larger_than_an_arena_come_in_rounds(client: Client) -> None:
    def block(value: int) -> bytes:
        return bytes([value % 256]) * 100_000

    ends = client.ends(client.map(block, range(200)), limit=1 << 30)
    assert [end.value()[:1] for end in ends.values()] == [bytes([value % 256]) for value in range(200)]
    assert [end.value() for end in client.ends(client.map(same, range(20_000))).values()] == list(range(20_000))


def test_a_job_whose_function_cannot_be_unpickled_is_an_error(client: Client) -> None:
    for code in (b"not a pickle", pickled(same)[:-10], b"\x80\x05cno_such_module\nname\n."):
        end = client.end(client.call(code, 1))
        assert (end.status, end.cause) == (job.ERROR, "exception")
    assert client.result(client.call(same, 1)) == 1


def test_workers_end_when_other_pools_need_their_place(client: Client) -> None:
    """At most as many idle workers stay as there are cores, of whichever pools were asked for last."""
    from .conftest import context

    for number in range(6):
        where = context(environment=(("OMP_NUM_THREADS", str(number)), ("PATH", os.defpath)))
        assert client.result(client.call(os.getenv, "OMP_NUM_THREADS", where=where)) == str(number)
    until(lambda: client.node()["workers"] <= 4, "the longest idle have gone")


def test_a_scheduler_that_cannot_be_trusted_any_more_ends_its_node_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    loop = asyncio.new_event_loop()
    failures: list[BaseException] = []
    with Environment.open(tmp_path, Durability.PROCESS) as environment:
        tables = Tables(environment)
        committer = Committer(loop, Writer(environment), Durability.PROCESS, failures.append)
        scheduler = Scheduler(Limits(slots=1))
        reactor = Reactor(loop, SystemClock(), tmp_path, scheduler, committer, tables, "generation", {})
        lost = events.WorkerStarted(worker=1, pool="pool")
        reactor.feed(lost)
        committer.batch.put_note("kept", b"no")
        with pytest.raises(IllegalEventError, match="started twice"):
            reactor.feed(lost)
        assert [type(failure) for failure in failures] == [IllegalEventError]
        loop.run_until_complete(asyncio.sleep(0))
        committer.finish()
        assert tables.note("kept") is None
    loop.close()
