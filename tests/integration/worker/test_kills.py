"""Kills of running items: they reach the one that they are for, and nobody else."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from typing import Any

import pytest

from picloud.model import arena, job


def test_a_sleeping_item_is_killed(worker: Any) -> None:
    worker.send(time.sleep, [(0,), (60,), (0,)], group=3)
    worker.wait_current(1)
    worker.interrupt(1)
    ends = worker.finish()
    assert [end.status for end in ends[:2]] == [job.DONE, job.KILLED]
    assert {end.status for end in ends[2:]} <= {job.DONE}, "if it took long, the last one is left to others"
    assert ends[1].meta["cause"] == ["killed-by-user", None, ""]
    assert "Job terminated by user" in ends[1].meta["exception"]
    assert "handle" not in ends[1].meta["exception"]
    assert ends[1].payload == b""


def test_the_traceback_says_where_the_item_was(worker: Any) -> None:
    def outer() -> None:
        time.sleep(60)

    worker.send(outer, [()])
    worker.wait_current(0)
    worker.interrupt(0)
    text = worker.finish()[0].meta["exception"]
    assert "time.sleep(60)" in text
    assert "in outer" in text
    assert text.rstrip().endswith("KilledException: Job terminated by user")


def test_a_time_limit_says_so(worker: Any) -> None:
    worker.send(time.sleep, [(60,)])
    worker.wait_current(0)
    worker.interrupt(0, arena.KILLED_BY_TIMEOUT, 1.5)
    end = worker.finish()[0]
    assert end.status == job.KILLED
    assert end.meta["cause"] == ["timeout", 1.5, "it ran longer than its limit of 1.5 s"]


def test_an_item_that_swallows_its_kill_is_killed_all_the_same(worker: Any) -> None:
    def stubborn() -> str:
        try:
            time.sleep(60)
        except BaseException:
            return "fine"
        return "late"

    worker.send(stubborn, [()])
    worker.wait_current(0)
    worker.interrupt(0)
    end = worker.finish()[0]
    assert end.status == job.KILLED
    assert end.payload == b""


def test_cleaning_up_runs_and_its_own_errors_are_shown(worker: Any) -> None:
    def tidy() -> None:
        try:
            time.sleep(60)
        finally:
            print("tidied")
            raise ValueError("while tidying")

    worker.send(tidy, [()])
    worker.wait_current(0)
    worker.interrupt(0)
    end = worker.finish()[0]
    assert end.status == job.KILLED
    assert end.output() == b"tidied\n"
    assert "Job terminated by user" in end.meta["exception"]
    assert "while tidying" in end.meta["exception"]


def test_a_kill_for_an_item_that_has_ended_harms_nobody(worker: Any) -> None:
    worker.send(time.sleep, [(0,), (0.4,), (0,)], group=3)
    worker.wait_current(1)
    worker.interrupt(0)
    assert {end.status for end in worker.finish()} == {job.DONE}


def test_a_kill_for_an_item_of_the_same_ticket_waits_for_its_turn(worker: Any) -> None:
    """The signal comes while the first one runs."""

    def act(what: str) -> None:
        if what == "signal":
            os.kill(os.getpid(), signal.SIGINT)
        elif what == "sleep":
            time.sleep(60)

    worker.aim(2, ahead=1)
    ends = worker.run_all(act, [("signal",), ("",), ("sleep",), ("",)], group=4)
    assert [end.status for end in ends] == [job.DONE, job.DONE, job.KILLED, job.DONE]
    assert ends[2].runtime < 1


def test_a_kill_of_an_earlier_chunk_harms_nobody(worker: Any) -> None:
    worker.run(time.sleep, [(0,)])
    worker.interrupt(0)
    worker.send(time.sleep, [(0.3,)])
    assert worker.finish()[0].status == job.DONE


def test_an_interrupt_without_a_kill_is_ignored(worker: Any) -> None:
    worker.send(time.sleep, [(0.3,)])
    worker.wait_current(0)
    for _ in range(5):
        os.kill(worker.pid, 2)
    assert worker.finish()[0].status == job.DONE


def test_a_kill_while_arguments_are_unpickled(worker: Any) -> None:
    class Slow:
        def __reduce__(self) -> Any:
            return time.sleep, (60,)

    worker.send(lambda x: x, [(Slow(),)])
    worker.wait_current(0)
    worker.interrupt(0)
    assert worker.finish()[0].status == job.KILLED


def test_a_kill_while_the_result_is_pickled(worker: Any) -> None:
    def make() -> Any:
        class Slow:
            def __reduce__(self) -> Any:
                time.sleep(60)
                return str, ()

        return Slow()

    worker.send(make, [()])
    worker.wait_current(0)
    time.sleep(0.05)
    worker.interrupt(0)
    assert worker.finish()[0].status == job.KILLED
    assert worker.call(lambda: [1]).value() == [1]


def test_two_kills_of_one_item(worker: Any) -> None:
    def slow_to_die() -> None:
        try:
            time.sleep(60)
        finally:
            time.sleep(0.2)

    worker.send(slow_to_die, [()])
    worker.wait_current(0)
    for _ in range(3):
        worker.interrupt(0)
        time.sleep(0.02)
    assert worker.finish()[0].status == job.KILLED


@pytest.mark.parametrize("group", [1, 50])
def test_kills_at_any_time_reach_only_their_item(worker: Any, group: int) -> None:
    """Kills fall at random between, before and after quick items; every killed one was named."""

    def spin(seconds: float) -> None:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            pass

    generator = random.Random(5)
    killed = 0
    for _ in range(30):
        count = 2000
        worker.send(spin, [(0.00001,)] * count, group=group)
        named = set()
        while worker.u64(arena.DONE) < count - 300 and not worker.listen():
            index = max(0, worker.current()) + generator.choice((0, 0, 1, 2, 5))
            named.add(index)
            worker.interrupt(index)
            time.sleep(0.001)
        ends = worker.finish()
        # A machine that stands still for a moment ends a chunk of shared tickets.
        assert len(ends) == (worker.work.done if group > 1 else count)
        worker.steal()
        ended = {index for index, end in enumerate(ends) if end.status == job.KILLED}
        assert ended <= named
        assert all(end.status in (job.DONE, job.KILLED) for end in ends)
        killed += len(ended)
    assert killed


def test_an_item_that_ignores_interrupts_is_ended_with_its_tree(worker: Any) -> None:
    def deaf() -> None:
        import signal
        import subprocess

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        subprocess.run(["sleep", "60"], check=True)

    worker.send(deaf, [()])
    worker.wait_current(0)
    worker.interrupt(0)
    worker.driver.kill(worker)
    ended = worker.driver.wait_ended(worker)
    assert ended.status == 9
    worker.harvest()
    assert worker.work.ends == []
    assert worker.current() == 0


def test_a_jobs_own_use_of_interrupts_does_not_reach_the_next(worker: Any) -> None:
    def deaf() -> None:
        import signal

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    worker.call(deaf)
    worker.send(time.sleep, [(60,)])
    worker.wait_current(0)
    worker.interrupt(0)
    assert worker.finish()[0].status == job.KILLED


def test_asyncio_in_a_job_can_be_killed(worker: Any) -> None:
    def loop() -> None:
        import asyncio

        asyncio.run(asyncio.sleep(60))

    worker.send(loop, [()])
    worker.wait_current(0)
    time.sleep(0.3)
    worker.interrupt(0)
    with contextlib.suppress(TimeoutError):
        assert worker.finish()[0].status == job.KILLED
