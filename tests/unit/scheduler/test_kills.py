"""Killing, and time limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picloud.model.cause import Cause, CauseKind
from picloud.model.job import DONE, KILLED, PROCESSING, QUEUED
from picloud.scheduler.effects import ArrayFinished, Dispatch, Ended, Interrupt, KillWorker, Reclaim, StartWorker
from picloud.scheduler.events import Blocked, KillRequested, LossKind, TimedOut

if TYPE_CHECKING:
    from tests.unit.scheduler.conftest import Drive, Driver

USER = Cause(CauseKind.KILLED_BY_USER)


def kill(driver: Driver, *ranges: tuple[int, int]) -> list[object]:
    return list(driver.feed(KillRequested(ranges=ranges)))


def killed(first: int, start: int, stop: int) -> Ended:
    return Ended(first=first, start=start, stop=stop, code=KILLED, cause=USER, attempt=1)


def test_what_nobody_runs_ends_at_once(drive: Drive) -> None:
    driver = drive()
    driver.submit(1, 5)
    assert kill(driver, (2, 4)) == [killed(1, 1, 3)]
    assert driver.scheduler.statuses(1) == bytes([QUEUED, KILLED, KILLED, QUEUED, QUEUED])
    assert kill(driver, (0, 3), (5, 99)) == [killed(1, 0, 1), killed(1, 4, 5)]
    assert kill(driver, (4, 5)) == [killed(1, 3, 4), ArrayFinished(first=1)]


def test_what_has_ended_or_never_was_is_passed_over(drive: Drive) -> None:
    driver = drive()
    driver.submit(5, 2)
    driver.start(1)
    driver.progress(1, [DONE])
    assert kill(driver, (5, 6), (100, 200), (1, 3)) == []


def test_all_means_all(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, 3)
    driver.submit(4, depends_on=((1, 4),))
    driver.start(1)
    assert driver.feed(KillRequested(ranges=None)) == [
        killed(1, 1, 3),
        Reclaim(worker=1, seq=1, keep=None),
        killed(4, 0, 1),
        ArrayFinished(first=4),
    ]


def test_a_running_item_is_interrupted_once_its_neighbours_are_safe(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.measured(1, 200, 0.001)
    chunk = driver.chunks[1]
    jid = 1 + chunk.start
    assert kill(driver, (jid, jid + 1)) == [Reclaim(worker=1, seq=4, keep=None)]
    assert driver.reclaimed(1, 1) == [Interrupt(worker=1, seq=4, index=0, cause=USER)]
    assert driver.scheduler.statuses(1)[chunk.start : chunk.start + 2] == bytes([PROCESSING, QUEUED])
    again = driver.finish(1, code=KILLED)[-1]
    assert isinstance(again, Dispatch)
    assert again.start == chunk.start + 1
    assert driver.scheduler.next_deadline() is None


def test_items_of_a_chunk_that_have_not_started_end_without_an_interrupt(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.measured(1, 200, 0.001)
    chunk = driver.chunks[1]
    middle = chunk.start + 3
    assert kill(driver, (1 + middle, 1 + middle + 2)) == [Reclaim(worker=1, seq=4, keep=None)]
    assert driver.reclaimed(1, 1) == [killed(1, middle, middle + 2)]
    answer = driver.finish(1)
    assert isinstance(answer[-1], Dispatch)
    assert (answer[-1].start, answer[-1].stop) == (chunk.start + 1, middle)


def test_an_item_that_was_not_started_after_all(drive: Drive) -> None:
    """The chunk was handed out a moment ago: the worker has taken no ticket yet."""
    driver = drive(slots=1)
    driver.submit(1)
    driver.start(1)
    assert kill(driver, (1, 2)) == [Reclaim(worker=1, seq=1, keep=None)]
    assert driver.reclaimed(1, 0) == [killed(1, 0, 1), ArrayFinished(first=1)]
    assert driver.done(1) == []


def test_what_does_not_heed_the_interrupt_is_killed_with_its_worker(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, 2)
    driver.start(1)
    kill(driver, (1, 2))
    driver.reclaimed(1, 1)
    assert driver.scheduler.next_deadline() == 1.0
    assert driver.tick(0.9) == []
    assert driver.tick(0.1) == [KillWorker(worker=1, cause=USER)]
    assert driver.tick(5.0) == []
    answer = driver.lost(1, LossKind.JOB, 0, cause=USER, status=KILLED)
    assert answer[0] == killed(1, 0, 1)
    assert driver.scheduler.statuses(1) == bytes([KILLED, QUEUED])


def test_an_item_that_ends_by_itself_within_the_second_keeps_its_end(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, 2)
    driver.start(1)
    kill(driver, (1, 2))
    driver.reclaimed(1, 1)
    driver.progress(1, [DONE])
    assert driver.scheduler.next_deadline() is None
    assert driver.tick(2.0) == []


def test_a_worker_that_is_being_killed_gets_nothing_more(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, 2)
    driver.start(1)
    kill(driver, (1, 2))
    driver.reclaimed(1, 1)
    driver.tick(1.0)
    assert driver.finish(1) == [StartWorker(pool="p", cores=1)]
    assert driver.lost(1, LossKind.RETIRED) == []


def test_an_item_that_shares_a_ticket_is_interrupted_again_when_it_runs(drive: Drive) -> None:
    """Three items share the ticket; the worker may be at any of them, and only the third is to be killed."""
    driver = drive(slots=1, ticket_seconds=0.003)
    driver.measured(1, 500, 0.001)
    chunk = driver.chunks[1]
    assert chunk.group == 3
    jid = 1 + chunk.start + 2
    kill(driver, (jid, jid + 1))
    interrupt = Interrupt(worker=1, seq=4, index=2, cause=USER)
    assert driver.reclaimed(1, 3) == [interrupt]
    assert driver.tick(1.0) == [], "the item before it may be the one that is slow"
    assert driver.progress(1, [DONE, DONE]) == [interrupt]
    assert driver.tick(1.0) == [KillWorker(worker=1, cause=USER)]


def test_several_running_items_are_interrupted_one_after_the_other(drive: Drive) -> None:
    driver = drive(slots=1, ticket_seconds=0.003)
    driver.measured(1, 500, 0.001)
    jid = 1 + driver.chunks[1].start
    kill(driver, (jid, jid + 2))
    assert driver.reclaimed(1, 3) == [Interrupt(worker=1, seq=4, index=0, cause=USER)]
    assert driver.progress(1, [KILLED]) == [Interrupt(worker=1, seq=4, index=1, cause=USER)]
    driver.finish(1)
    assert driver.scheduler.statuses(1)[jid - 1 : jid + 2] == bytes([KILLED, DONE, DONE])


def test_killing_twice_interrupts_once(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1)
    driver.start(1)
    kill(driver, (1, 2))
    assert kill(driver, (1, 2)) == []
    assert len(driver.reclaimed(1, 1)) == 1
    assert kill(driver, (1, 2)) == []


def test_a_blocked_job_is_interrupted_too(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1)
    driver.start(1)
    driver.feed(Blocked(worker=1))
    driver.reclaimed(1, 1)
    assert kill(driver, (1, 2)) == [Interrupt(worker=1, seq=1, index=0, cause=USER)]
    assert driver.finish(1, code=KILLED) == [ArrayFinished(first=1)]


def test_a_job_over_its_time_is_killed_with_that_cause(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, 2, max_runtime=3.0)
    driver.start(1)
    cause = Cause(CauseKind.TIMEOUT, 3.0)
    over = TimedOut(worker=1, seq=1, index=0)
    assert driver.feed(over) == [Reclaim(worker=1, seq=1, keep=None)]
    assert driver.reclaimed(1, 1) == [Interrupt(worker=1, seq=1, index=0, cause=cause)]
    assert driver.feed(over) == []
    assert driver.tick(1.0) == [KillWorker(worker=1, cause=cause)]
    ended = driver.lost(1, LossKind.JOB, 0)[0]
    assert ended == Ended(first=1, start=0, stop=1, code=KILLED, cause=cause, attempt=1)
    assert driver.feed(over) == []
