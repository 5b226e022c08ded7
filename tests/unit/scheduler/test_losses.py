"""Workers that go, and what becomes of what they had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from picloud.exceptions import IllegalEventError
from picloud.model.cause import Cause, CauseKind
from picloud.model.job import DONE, ERROR, KILLED, PROCESSING, QUEUED
from picloud.scheduler.effects import ArrayFinished, AttemptLost, Dispatch, Ended, KillWorker, StartWorker
from picloud.scheduler.events import Blocked, KillRequested, LossKind

if TYPE_CHECKING:
    from tests.unit.scheduler.conftest import Drive

SEGFAULT = Cause(CauseKind.SIGNAL, 11)
GONE = Cause(CauseKind.LOST, None, "the supervisor is gone")


@pytest.mark.parametrize("restartable", [True, False])
def test_a_worker_that_ends_under_a_job_makes_it_an_error(restartable: bool, drive: Drive) -> None:
    driver = drive(slots=1)
    driver.measured(1, 200, 0.001, restartable=restartable)
    chunk = driver.chunks[1]
    driver.progress(1, [DONE])
    item = chunk.start + 1
    assert driver.lost(1, LossKind.JOB, 1, cause=SEGFAULT) == [
        Ended(first=1, start=item, stop=item + 1, code=ERROR, cause=SEGFAULT, attempt=1),
        StartWorker(pool="p", cores=1),
    ]
    again = driver.start(2)[0]
    assert isinstance(again, Dispatch)
    assert (again.start, again.attempt) == (item + 1, 1), "what had not started is as before"


def test_whatever_has_no_end_and_did_not_run_goes_back(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.measured(1, 200, 0.001)
    start = driver.chunks[1].start
    driver.lost(1, LossKind.JOB, 2, cause=SEGFAULT)
    assert driver.scheduler.statuses(1)[start : start + 4] == bytes([QUEUED, QUEUED, ERROR, QUEUED])


def test_a_lost_host_means_another_attempt_for_what_may_run_again(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.measured(1, 200, 0.001)
    item = driver.chunks[1].start
    assert driver.lost(1, LossKind.INFRASTRUCTURE, 0, cause=GONE) == [
        AttemptLost(first=1, start=item, stop=item + 1, attempt=1),
        StartWorker(pool="p", cores=1),
    ]
    driver.start(2)
    assert driver.chunks[2] == Dispatch(worker=2, seq=1, first=1, start=item, stop=item + 1, attempt=2, group=1)
    assert driver.finish(2)[-1].__class__ is Dispatch
    assert (driver.chunks[2].start, driver.chunks[2].attempt) == (item + 1, 1)


def test_after_three_such_losses_it_is_an_error(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1)
    for attempt in (1, 2):
        driver.start(attempt)
        assert driver.lost(attempt, LossKind.INFRASTRUCTURE, 0, cause=GONE)[0] == AttemptLost(
            first=1, start=0, stop=1, attempt=attempt
        )
    driver.start(3)
    assert driver.lost(3, LossKind.INFRASTRUCTURE, 0, cause=GONE) == [
        Ended(first=1, start=0, stop=1, code=ERROR, cause=GONE, attempt=3),
        ArrayFinished(first=1),
    ]


def test_attempts_of_an_earlier_node_do_not_count_as_such_losses(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, attempts=((0, 1, 7),))
    driver.start(1)
    assert driver.lost(1, LossKind.INFRASTRUCTURE, 0)[0] == AttemptLost(first=1, start=0, stop=1, attempt=7)


def test_a_lost_host_ends_what_may_not_run_again(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, 2, restartable=False)
    driver.start(1)
    answer = driver.lost(1, LossKind.INFRASTRUCTURE, 0, cause=Cause(CauseKind.SIGNAL, 9, "host off"))
    cause = Cause(CauseKind.LOST, None, "host off")
    assert answer[0] == Ended(first=1, start=0, stop=1, code=ERROR, cause=cause, attempt=1)
    assert driver.scheduler.statuses(1) == bytes([ERROR, QUEUED])


@pytest.mark.parametrize("kind", LossKind)
def test_what_had_not_started_goes_back_as_it_was(kind: LossKind, drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, restartable=False)
    driver.start(1)
    assert driver.lost(1, kind) == [StartWorker(pool="p", cores=1)]
    assert driver.scheduler.statuses(1) == bytes([QUEUED])
    driver.start(2)
    assert driver.chunks[2].attempt == 1


def test_what_ends_every_worker_before_it_starts_is_blamed(drive: Drive) -> None:
    """Its function crashes the interpreter while it is loaded, say."""
    driver = drive(slots=1)
    driver.submit(1, 2)
    for worker in (1, 2):
        driver.start(worker)
        assert driver.lost(worker, LossKind.JOB, cause=SEGFAULT) == [StartWorker(pool="p", cores=1)]
    driver.start(3)
    answer = driver.lost(3, LossKind.JOB, cause=SEGFAULT)
    assert answer[0] == Ended(first=1, start=0, stop=1, code=ERROR, cause=SEGFAULT, attempt=1)
    assert driver.scheduler.statuses(1) == bytes([ERROR, QUEUED])


def test_an_idle_worker_that_goes_is_forgotten(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.start(1)
    assert driver.lost(1, LossKind.RETIRED) == []
    assert driver.lost(1, LossKind.RETIRED) == []
    assert driver.scheduler.counts().idle == 0


def test_a_blocked_worker_may_be_lost(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1)
    driver.start(1)
    driver.feed(Blocked(worker=1))
    driver.reclaimed(1, 1)
    assert driver.lost(1, LossKind.JOB, 0, cause=SEGFAULT)[0].__class__ is Ended
    assert driver.scheduler.counts().blocked == 0


def test_a_job_that_was_to_be_killed_is_killed_however_its_worker_went(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.measured(1, 200, 0.001)
    start = driver.chunks[1].start
    driver.feed(KillRequested(ranges=((1 + start, 1 + start + 2),)))
    answer = driver.lost(1, LossKind.INFRASTRUCTURE, 0, cause=GONE)
    assert [(effect.start, effect.code) for effect in answer if isinstance(effect, Ended)] == [
        (start, KILLED),
        (start + 1, KILLED),
    ]
    assert not any(isinstance(effect, AttemptLost) for effect in answer)


def test_a_neighbour_that_is_hit_in_a_doomed_items_stead_is_tried_again(drive: Drive) -> None:
    """The doomed item ends between SIGKILL's sending and its arrival; the next one of the same ticket runs by then."""
    driver = drive(slots=1, ticket_seconds=0.003)
    driver.measured(1, 500, 0.001)
    start = driver.chunks[1].start
    user = Cause(CauseKind.KILLED_BY_USER)
    driver.feed(KillRequested(ranges=((1 + start, 2 + start),)))
    driver.reclaimed(1, 3)
    assert driver.tick(1.0) == [KillWorker(worker=1, cause=user)]
    driver.progress(1, [DONE])
    answer = driver.lost(1, LossKind.JOB, 1, cause=user, status=KILLED)
    assert answer[0] == AttemptLost(first=1, start=start + 1, stop=start + 2, attempt=1)


def test_an_item_that_had_ended_cannot_have_been_running(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, 2)
    driver.start(1)
    driver.progress(1, [DONE])
    with pytest.raises(IllegalEventError, match="item 0 of a chunk of 1 items, of which 1 had ended"):
        driver.lost(1, LossKind.JOB, 0)
    assert driver.scheduler.statuses(1) == bytes([DONE, QUEUED])
    assert driver.lost(1, LossKind.JOB) == [StartWorker(pool="p", cores=1)]
    assert PROCESSING not in driver.scheduler.statuses(1)
