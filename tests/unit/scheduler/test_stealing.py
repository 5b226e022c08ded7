"""Taking unstarted items back: for idle workers and for what is urgent."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from picloud.model.cause import Cause, CauseKind
from picloud.model.job import DONE
from picloud.scheduler.effects import Dispatch, Effect, Interrupt, Reclaim, StartWorker
from picloud.scheduler.events import KillRequested, WorkerStartFailed

if TYPE_CHECKING:
    from tests.unit.scheduler.conftest import Drive, Driver


def last_chunk(drive: Drive, **options: Any) -> Driver:
    """Let worker 1 have the last ten of fifteen items, each of which took a millisecond so far, and one slot be free."""
    driver = drive(slots=2, min_tail_seconds=0.01)
    driver.submit(1, 15, **options)
    driver.start(1)
    driver.finish(1)
    driver.finish(1)
    chunk = driver.chunks[1]
    assert (chunk.seq, chunk.start, chunk.stop) == (3, 5, 15)
    return driver


def starts(answer: list[Effect]) -> list[int]:
    return [effect.start for effect in answer if isinstance(effect, Dispatch)]


def test_a_worker_that_is_silent_for_long_loses_half_of_its_tail(drive: Drive) -> None:
    driver = last_chunk(drive)
    assert driver.start(2) == [], "the tail will be run before it could be handed over"
    assert driver.scheduler.next_deadline() == pytest.approx(0.05)
    assert driver.tick(0.05) == []
    assert driver.tick(0.011) == [Reclaim(worker=1, seq=3, keep=5)]
    answer = driver.reclaimed(1, 5)
    assert starts(answer) == [10]
    driver.finish(2)
    driver.finish(1)
    assert driver.scheduler.arrays() == []


def test_the_last_item_behind_a_slow_one_is_taken(drive: Drive) -> None:
    driver = last_chunk(drive)
    driver.start(2)
    driver.progress(1, [DONE] * 8)
    assert driver.tick(0.061) == [Reclaim(worker=1, seq=3, keep=9)]
    assert starts(driver.reclaimed(1, 9)) == [14]


def test_an_item_that_runs_is_nobodys_tail(drive: Drive) -> None:
    driver = last_chunk(drive)
    driver.start(2)
    driver.progress(1, [DONE] * 9)
    assert driver.tick(10.0) == []
    assert driver.scheduler.next_deadline() is None


def test_what_cannot_be_taken_is_asked_for_ever_more_rarely(drive: Drive) -> None:
    driver = last_chunk(drive)
    driver.start(2)
    asked: list[float] = []
    driver.tick(0.061)
    for _ in range(9):
        asked.append(driver.now)
        driver.reclaimed(1, 10)
        deadline = driver.scheduler.next_deadline()
        assert deadline is not None
        assert driver.tick(deadline - driver.now + 1e-9) == [Reclaim(worker=1, seq=3, keep=5)]
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert gaps == sorted(gaps)
    assert gaps[0] < 0.03
    assert gaps[-1] == pytest.approx(1.0)


def test_a_chunk_may_run_for_days_with_a_tail_that_cannot_be_taken(drive: Drive) -> None:
    driver = last_chunk(drive)
    driver.start(2)
    for _ in range(3000):
        for effect in driver.tick(60.0):
            assert isinstance(effect, Reclaim)
            driver.reclaimed(1, 10)
    driver.finish(1)
    assert driver.scheduler.arrays() == []


def test_a_tail_that_is_worth_a_new_worker_goes_back_to_the_queue(drive: Drive) -> None:
    driver = last_chunk(drive)
    driver.feed(WorkerStartFailed(pool="p", detail="the one for an earlier item", permanent=False))
    assert driver.tick(0.2) == [Reclaim(worker=1, seq=3, keep=5)]
    assert driver.reclaimed(1, 5) == [StartWorker(pool="p", cores=1)]


def test_workers_of_another_pool_do_not_steal(drive: Drive) -> None:
    driver = last_chunk(drive)
    driver.feed(WorkerStartFailed(pool="p", detail="the one for an earlier item", permanent=False))
    driver.start(2, pool="q")
    assert driver.tick(0.2) == [Reclaim(worker=1, seq=3, keep=5)]
    assert driver.reclaimed(1, 5) == [StartWorker(pool="p", cores=1)]


def test_the_tail_with_the_most_work_is_taken(drive: Drive) -> None:
    driver = drive(slots=3, min_tail_seconds=0.01)
    driver.submit(1, 25)
    driver.start(1)
    driver.finish(1)
    driver.finish(1)
    driver.start(2)
    assert [driver.kept[worker] for worker in (1, 2)] == [10, 10]
    driver.progress(1, [DONE] * 5)
    driver.now = 0.061
    assert driver.start(3) == [Reclaim(worker=2, seq=1, keep=5)]


def test_urgent_work_takes_a_whole_tail_back(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.measured(1, 1000, 0.0001)
    assert driver.submit(2000, priority=4) == [Reclaim(worker=1, seq=4, keep=None)]
    assert driver.reclaimed(1, 5) == []
    answer = driver.finish(1, 0.0001)
    assert [effect.first for effect in answer if isinstance(effect, Dispatch)] == [2000]
    driver.finish(1)
    assert driver.chunks[1].first == 1


def test_equal_priority_is_not_urgent(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.measured(1, 1000, 0.0001)
    assert driver.submit(2000) == []


def test_one_chunk_is_cut_short_for_each_urgent_item(drive: Drive) -> None:
    driver = drive(slots=3)
    driver.measured(1, 100_000, 0.0001, workers=3)
    assert [type(effect) for effect in driver.submit(200_000, 2, priority=4)] == [Reclaim, Reclaim]
    assert driver.submit(300_000, 9, priority=4) == [Reclaim(worker=3, seq=4, keep=None)]


def test_the_worst_priority_is_cut_short_first(drive: Drive) -> None:
    driver = drive(slots=2)
    driver.measured(1, 100_000, 0.0001, priority=7)
    driver.feed(WorkerStartFailed(pool="p", detail="the second one", permanent=False))
    cut = Reclaim(worker=1, seq=4, keep=None)
    assert driver.submit(200_000, 100_000, pool="q", priority=6) == [StartWorker(pool="q", cores=1), cut]
    driver.reclaimed(1, 20)
    driver.start(2, pool="q")
    for _ in range(3):
        driver.finish(2, 0.0001)
    assert driver.submit(400_001, pool="q", priority=5) == [], "the slot that is getting free is enough"
    assert driver.submit(400_002, pool="q", priority=5) == [Reclaim(worker=2, seq=4, keep=None)]


def test_what_is_urgent_and_cannot_start_takes_nothing_back(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.measured(1, 1000, 0.0001)
    driver.submit(2000, pool="q", priority=4)
    driver.reclaimed(1, driver.kept[1])
    driver.feed(WorkerStartFailed(pool="q", detail="no", permanent=False))
    answer = driver.finish(1, 0.0001)
    assert isinstance(answer[-1], Dispatch), "and the new chunk is left alone"


def test_what_others_pass_takes_nothing_back(drive: Drive) -> None:
    driver = drive(slots=2)
    driver.measured(1, 100_000, 0.0001, workers=2)
    driver.submit(200_000, cores=2, priority=4)
    for worker in (1, 2):
        driver.reclaimed(worker, driver.kept[worker])
    assert [type(effect) for effect in driver.finish(1, 0.0001)] == [Dispatch]


def test_a_kill_while_a_thief_waits_for_its_answer(drive: Drive) -> None:
    driver = last_chunk(drive)
    driver.start(2)
    assert driver.tick(0.061) == [Reclaim(worker=1, seq=3, keep=5)]
    assert driver.feed(KillRequested(ranges=((6, 7),))) == []
    answer = driver.reclaimed(1, 5)
    assert answer[0] == Reclaim(worker=1, seq=3, keep=None), "the rest is asked for once the answer is there"
    interrupt = Interrupt(worker=1, seq=3, index=0, cause=Cause(CauseKind.KILLED_BY_USER))
    assert interrupt in driver.reclaimed(1, 1)
