"""The life of arrays from submission to their last end, and what every event must hold to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from picloud.exceptions import IllegalEventError, UnknownJobError
from picloud.model.cause import Cause, CauseKind
from picloud.model.job import DONE, ERROR, PROCESSING, QUEUED, STALLED, WAITING, Status
from picloud.scheduler.effects import (
    ArrayFinished,
    Dispatch,
    Ended,
    Queued,
    Reclaim,
    RefuseBlock,
    Resume,
    StartWorker,
)
from picloud.scheduler.events import (
    ArraySubmitted,
    Blocked,
    ChunkDone,
    Draining,
    Progress,
    Reclaimed,
    TimedOut,
    Woken,
    WorkerStarted,
    WorkerStartFailed,
)
from picloud.scheduler.machine import Counts, Limits, Scheduler

if TYPE_CHECKING:
    from tests.unit.scheduler.conftest import Drive


def test_one_call(drive: Drive) -> None:
    driver = drive()
    assert driver.submit(7) == [StartWorker(pool="p", cores=1)]
    assert driver.start(1) == [Dispatch(worker=1, seq=1, first=7, start=0, stop=1, attempt=1, group=1)]
    assert driver.scheduler.statuses(7) == bytes([PROCESSING])
    assert driver.progress(1, [DONE]) == [ArrayFinished(first=7)]
    assert driver.done(1) == []
    assert driver.scheduler.arrays() == []


def test_the_next_call_finds_the_worker_idle(drive: Drive) -> None:
    driver = drive()
    driver.submit(7)
    driver.start(1)
    driver.finish(1)
    assert driver.submit(8) == [Dispatch(worker=1, seq=2, first=8, start=0, stop=1, attempt=1, group=1)]


def test_a_map_is_one_table_and_its_ends_are_told_by_the_chunk(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(10, 5)
    statuses = driver.scheduler.statuses(10)
    driver.start(1)
    assert statuses == bytes([PROCESSING, QUEUED, QUEUED, QUEUED, QUEUED])
    driver.finish(1, 0.01)
    assert statuses == bytes([DONE, PROCESSING, QUEUED, QUEUED, QUEUED])
    driver.finish(1, 0.01, code=ERROR)
    assert statuses == bytes([DONE, ERROR, PROCESSING, QUEUED, QUEUED])
    assert driver.scheduler.statuses(10) is statuses


def test_a_finished_arrays_statuses_are_there_until_the_next_event(drive: Drive) -> None:
    driver = drive()
    driver.submit(7)
    driver.start(1)
    driver.progress(1, [ERROR])
    assert driver.scheduler.statuses(7) == bytes([ERROR])
    driver.tick()
    with pytest.raises(UnknownJobError, match="no array 7"):
        driver.scheduler.statuses(7)


@pytest.mark.parametrize("late", [1, 3])
def test_late_events_change_nothing(late: int, drive: Drive) -> None:
    """Another chunk's number, or a worker that is gone."""
    driver = drive()
    driver.submit(7)
    driver.start(1)
    worker, seq = (1, late + 1) if late == 1 else (late, 1)
    for event in (
        Progress(worker=worker, seq=seq, codes=bytes([DONE]), seconds=1.0),
        ChunkDone(worker=worker, seq=seq),
        Reclaimed(worker=worker, seq=seq, kept=0),
        TimedOut(worker=worker, seq=seq, index=0),
    ):
        assert driver.feed(event) == []
    assert driver.feed(Blocked(worker=3)) == driver.feed(Woken(worker=3)) == []
    assert driver.scheduler.statuses(7) == bytes([PROCESSING])


def test_what_cannot_be_is_refused_with_the_jobs_story(drive: Drive) -> None:
    driver = drive()
    driver.submit(7, 3)
    driver.start(1)
    with pytest.raises(IllegalEventError, match="ended 2 items of a chunk of 1"):
        driver.scheduler.handle(Progress(worker=1, seq=1, codes=bytes([DONE, DONE]), seconds=0.1), 0.0)
    with pytest.raises(IllegalEventError, match="0 of its 1 items have ended"):
        driver.scheduler.handle(ChunkDone(worker=1, seq=1), 0.0)
    with pytest.raises(IllegalEventError, match="keeps 2 of 1 items"):
        driver.scheduler.handle(Reclaimed(worker=1, seq=1, kept=2), 0.0)
    with pytest.raises(IllegalEventError, match="started twice"):
        driver.start(1)
    with pytest.raises(IllegalEventError, match="Job 7 cannot become waiting"):
        driver.scheduler.handle(Progress(worker=1, seq=1, codes=bytes([WAITING]), seconds=0.1), 0.0)


def test_a_worker_that_retires_is_replaced_while_there_is_work(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(7, 2, kill_process=True)
    driver.start(1)
    assert driver.finish(1, retire=True) == [StartWorker(pool="p", cores=1)]
    assert driver.start(2) == [Dispatch(worker=2, seq=1, first=7, start=1, stop=2, attempt=1, group=1)]
    assert driver.finish(2, retire=True) == [ArrayFinished(first=7)]


def test_a_start_that_fails_is_tried_again_ever_more_rarely(drive: Drive) -> None:
    driver = drive()
    driver.submit(7)
    failed = WorkerStartFailed(pool="p", detail="fork: no memory", permanent=False)
    for delay in (0.1, 0.2, 0.4):
        assert driver.feed(failed) == []
        assert driver.scheduler.next_deadline() == pytest.approx(driver.now + delay)
        assert driver.tick(delay * 0.9) == []
        assert driver.tick(delay * 0.1 + 1e-9) == [StartWorker(pool="p", cores=1)]
    driver.start(1)
    assert driver.scheduler.next_deadline() is None


def test_a_start_that_always_fails_ends_what_is_ready(drive: Drive) -> None:
    driver = drive()
    driver.submit(7, 3)
    driver.submit(10, depends_on=((7, 8),))
    driver.submit(11, pool="q")
    answer = driver.feed(WorkerStartFailed(pool="p", detail="no such interpreter", permanent=True))
    cause = Cause(CauseKind.LOST, None, "no such interpreter")
    stalled = Cause(CauseKind.DEPENDENCY, 7)
    assert answer == [
        Ended(first=7, start=0, stop=3, code=ERROR, cause=cause, attempt=1),
        ArrayFinished(first=7),
        Ended(first=10, start=0, stop=1, code=STALLED, cause=stalled, attempt=1),
        ArrayFinished(first=10),
        StartWorker(pool="q", cores=1),
    ]
    assert driver.scheduler.arrays() == [11]


def test_a_blocked_job_gives_back_its_slot_and_its_tail(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.measured(1, 100, 0.001)
    chunk = driver.chunks[1]
    assert chunk.stop - chunk.start > 2
    driver.progress(1, [DONE])
    assert driver.feed(Blocked(worker=1)) == [Reclaim(worker=1, seq=chunk.seq, keep=None)]
    assert driver.feed(Blocked(worker=1)) == []
    assert driver.reclaimed(1, 2) == [StartWorker(pool="p", cores=1)]
    assert driver.start(2)[0] == Dispatch(
        worker=2, seq=1, first=1, start=chunk.start + 2, stop=driver.chunks[2].stop, attempt=1, group=chunk.group
    )


def test_a_blocked_jobs_tail_goes_before_what_is_less_urgent(drive: Drive) -> None:
    """Its slot is free at once, but given away only when it is known what came back."""
    driver = drive(slots=1)
    driver.measured(1, 100, 0.001, priority=4)
    driver.start(2)
    driver.submit(200)
    assert driver.feed(Blocked(worker=1)) == [Reclaim(worker=1, seq=driver.chunks[1].seq, keep=None)]
    (handed,) = [effect for effect in driver.reclaimed(1, 1) if isinstance(effect, Dispatch)]
    assert (handed.worker, handed.first) == (2, 1)


def test_a_woken_job_goes_before_new_work(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1)
    driver.start(1)
    driver.feed(Blocked(worker=1))
    driver.reclaimed(1, 1)
    driver.submit(2, 2)
    driver.start(2)
    assert driver.feed(Woken(worker=1)) == []
    assert driver.finish(2) == [Resume(worker=1)]
    assert driver.finish(1)[-1] == Dispatch(worker=1, seq=2, first=2, start=1, stop=2, attempt=1, group=1)


def test_a_woken_job_that_wants_more_than_is_free_keeps_new_work_waiting(drive: Drive) -> None:
    driver = drive(slots=2)
    driver.submit(1, cores=2, pool="wide")
    driver.start(1, pool="wide")
    driver.feed(Blocked(worker=1))
    driver.reclaimed(1, 1)
    driver.submit(2, 9, max_runtime=9.0)
    for worker in (2, 3):
        driver.start(worker)
    assert driver.feed(Woken(worker=1)) == []
    assert driver.finish(2) == []
    assert driver.finish(3) == [Resume(worker=1)]


def test_a_woken_job_cuts_the_running_chunk_short(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, priority=9)
    driver.start(1)
    driver.feed(Blocked(worker=1))
    driver.reclaimed(1, 1)
    driver.submit(2, 1000, priority=0)
    driver.start(2)
    for _ in range(3):
        driver.finish(2, 0.0001)
    assert driver.feed(Woken(worker=1)) == [Reclaim(worker=2, seq=4, keep=None)]
    driver.reclaimed(2, 1)
    assert driver.finish(2, 0.0001) == [Resume(worker=1)]


def test_a_job_that_wakes_before_it_was_known_to_be_blocked_goes_on(drive: Drive) -> None:
    driver = drive()
    driver.submit(1)
    driver.start(1)
    assert driver.feed(Woken(worker=1)) == [Resume(worker=1)]


def test_a_blocked_worker_may_end_its_chunk_without_waking(drive: Drive) -> None:
    """Its job was killed, or the wait inside timed out."""
    driver = drive(slots=1)
    driver.submit(1)
    driver.start(1)
    driver.feed(Blocked(worker=1))
    driver.reclaimed(1, 1)
    assert driver.finish(1) == [ArrayFinished(first=1)]
    assert driver.scheduler.counts().blocked == 0


def test_past_the_cap_a_wait_is_refused_with_the_numbers(drive: Drive) -> None:
    driver = drive(slots=1, blocked_cap=1)
    driver.submit(1, 2)
    driver.start(1)
    driver.feed(Blocked(worker=1))
    driver.reclaimed(1, 1)
    driver.start(2)
    assert driver.feed(Blocked(worker=2)) == [RefuseBlock(worker=2, blocked=1, cap=1)]
    assert driver.scheduler.counts().busy == 1


@pytest.mark.parametrize("depth", [1, 40])
def test_nested_calls_cannot_deadlock_on_one_slot(depth: int, drive: Drive) -> None:
    driver = drive(slots=1)
    for level in range(1, depth + 1):
        driver.submit(level, client=f"job {level - 1}")
        driver.start(level)
        assert driver.chunks[level].first == level
        driver.feed(Blocked(worker=level))
        driver.reclaimed(level, 1)
    driver.submit(depth + 1)
    driver.start(depth + 1)
    driver.finish(depth + 1)
    for level in range(depth, 0, -1):
        assert driver.feed(Woken(worker=level))[0] == Resume(worker=level)
        driver.finish(level)
    assert driver.scheduler.arrays() == []


def test_draining_takes_back_what_has_not_started_and_hands_out_nothing(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.measured(1, 100, 0.001)
    assert driver.feed(Draining()) == [Reclaim(worker=1, seq=4, keep=None)]
    driver.reclaimed(1, 1)
    assert driver.finish(1) == []
    assert driver.submit(200) == []


def test_a_waiting_array_is_told_when_it_becomes_ready(drive: Drive) -> None:
    driver = drive()
    driver.submit(1)
    assert driver.submit(2, 2, depends_on=((1, 2),)) == []
    assert driver.scheduler.statuses(2) == bytes([WAITING, WAITING])
    driver.start(1)
    assert driver.progress(1, [DONE])[:2] == [ArrayFinished(first=1), Queued(first=2)]
    assert driver.scheduler.statuses(2) == bytes([QUEUED, QUEUED])


def test_counts(drive: Drive) -> None:
    driver = drive(slots=2)
    driver.submit(1, 10)
    driver.start(1)
    driver.submit(11, depends_on=((1, 2),))
    counts = driver.scheduler.counts()
    assert counts == Counts(
        arrays=2,
        items={
            **dict.fromkeys(Status, 0),
            Status.WAITING: 1,
            Status.QUEUED: 9,
            Status.PROCESSING: 1,
        },
        slots=2,
        busy_slots=1,
        idle=0,
        busy=1,
        blocked=0,
        starting=1,
    )


def test_a_scheduler_needs_a_slot() -> None:
    with pytest.raises(IllegalEventError, match="at least one slot"):
        Scheduler(Limits(slots=0))


def test_the_same_events_give_the_same_effects(drive: Drive) -> None:
    def story() -> list[object]:
        driver = drive(slots=2)
        answers: list[object] = [
            driver.submit(1, 50),
            driver.submit(60, 50, client="other"),
            driver.start(1),
            driver.start(2),
        ]
        return [*answers, *(driver.finish(1 + step % 2, 0.002) for step in range(20))]

    assert story() == story()


def test_a_million_items_are_one_byte_each_and_few_events(drive: Drive) -> None:
    """In the manner of a benchmark: what it counts are rounds, which do not grow with the items; the clock gates nothing."""
    scheduler = Scheduler(Limits(slots=2))
    scheduler.handle(ArraySubmitted(first=1, count=1_000_000, pool="p"), 0.0)
    chunks: list[Dispatch] = []
    for worker in (1, 2):
        chunks += [e for e in scheduler.handle(WorkerStarted(worker=worker, pool="p"), 0.0) if isinstance(e, Dispatch)]
    rounds = 0
    while chunks:
        chunk = chunks.pop(0)
        size = chunk.stop - chunk.start
        codes = bytes([DONE]) * size
        scheduler.handle(Progress(worker=chunk.worker, seq=chunk.seq, codes=codes, seconds=size * 2.5e-6), 0.0)
        answer = scheduler.handle(ChunkDone(worker=chunk.worker, seq=chunk.seq), 0.0)
        chunks += [effect for effect in answer if isinstance(effect, Dispatch)]
        for effect in answer:
            if isinstance(effect, Reclaim):
                running = next(c for c in chunks if c.worker == effect.worker)
                scheduler.handle(
                    Reclaimed(worker=effect.worker, seq=effect.seq, kept=running.stop - running.start), 0.0
                )
        rounds += 1
    assert scheduler.arrays() == []
    assert rounds < 200
