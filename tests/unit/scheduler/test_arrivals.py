"""What becomes of an array when it is submitted, and what waiting for others means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from picloud.exceptions import DependencyError, IllegalEventError
from picloud.model.cause import Cause, CauseKind
from picloud.model.job import DONE, ERROR, KILLED, PROCESSING, QUEUED, STALLED, WAITING
from picloud.scheduler.effects import ArrayFinished, Dispatch, Ended, Queued, StartWorker
from picloud.scheduler.events import ArraySubmitted, KillRequested

if TYPE_CHECKING:
    from tests.unit.scheduler.conftest import Drive


def stalled(first: int, count: int, on: int) -> list[object]:
    cause = Cause(CauseKind.DEPENDENCY, on)
    return [Ended(first=first, start=0, stop=count, code=STALLED, cause=cause, attempt=1), ArrayFinished(first=first)]


def test_dependents_come_after_everything_that_they_depend_on(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, 2)
    driver.submit(3)
    driver.submit(4, 2, depends_on=((2, 4),))
    driver.start(1)
    assert [effect.first for effect in driver.finish(1) if isinstance(effect, Dispatch)] == [1]
    assert [effect.first for effect in driver.finish(1) if isinstance(effect, Dispatch)] == [3]
    assert driver.finish(1) == [
        ArrayFinished(first=3),
        Queued(first=4),
        Dispatch(worker=1, seq=4, first=4, start=0, stop=1, attempt=1, group=1),
    ]


@pytest.mark.parametrize("code", [ERROR, KILLED])
def test_a_bad_end_stalls_dependents_at_once_and_theirs(code: int, drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, 3)
    driver.submit(4, 2, depends_on=((1, 4),))
    driver.submit(6, depends_on=((5, 6),))
    driver.start(1)
    assert driver.progress(1, [code]) == stalled(4, 2, on=1) + stalled(6, 1, on=5)
    assert driver.scheduler.arrays() == [1]


def test_a_dependent_may_not_care_how_they_end(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, 2)
    driver.submit(3, depends_on=((1, 3),), ignore_dependency_errors=True)
    driver.start(1)
    assert driver.progress(1, [ERROR]) == []
    driver.done(1)
    assert driver.progress(1, [DONE]) == [ArrayFinished(first=1), Queued(first=3)]


def test_a_dependency_that_had_ended_badly_before(drive: Drive) -> None:
    driver = drive()
    assert driver.submit(5, 2, failed_dependency=3) == stalled(5, 2, on=3)
    assert driver.scheduler.statuses(5) == bytes([STALLED, STALLED])
    assert driver.submit(7, failed_dependency=3, ignore_dependency_errors=True) == [StartWorker(pool="p", cores=1)]


def test_a_dependency_of_which_an_item_has_ended_already(drive: Drive) -> None:
    """The node may not know it yet when it resolves dependencies: its ends are committed later."""
    driver = drive(slots=1)
    driver.submit(1, 3)
    driver.start(1)
    driver.progress(1, [ERROR])
    assert driver.submit(4, depends_on=((1, 4),)) == stalled(4, 1, on=1)
    assert driver.submit(5, depends_on=((1, 2),), ignore_dependency_errors=True) == []
    assert driver.scheduler.statuses(5) == bytes([QUEUED])


def test_killing_a_waiting_job_stalls_those_that_wait_for_it(drive: Drive) -> None:
    driver = drive()
    driver.submit(1)
    driver.submit(2, 3, depends_on=((1, 2),))
    driver.submit(5, depends_on=((2, 3),))
    answer = driver.feed(KillRequested(ranges=((2, 3),)))
    assert [type(effect) for effect in answer] == [Ended, Ended, ArrayFinished]
    assert answer[1:] == stalled(5, 1, on=2)
    assert driver.scheduler.statuses(2) == bytes([KILLED, WAITING, WAITING])


def test_what_is_left_of_a_waiting_array_becomes_ready(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1)
    driver.submit(2, 3, depends_on=((1, 2),))
    driver.feed(KillRequested(ranges=((3, 4),)))
    driver.start(1)
    driver.finish(1)
    assert driver.scheduler.statuses(2) == bytes([PROCESSING, KILLED, QUEUED])


@pytest.mark.parametrize("code", [DONE, ERROR])
def test_a_chain_of_ten_thousand(code: int, drive: Drive) -> None:
    driver = drive(slots=1)
    scheduler = driver.scheduler
    driver.submit(1)
    length = 10_000
    for jid in range(2, length + 2):
        scheduler.handle(ArraySubmitted(first=jid, count=1, pool="p", depends_on=((jid - 1, jid),)), 0.0)
    driver.start(1)
    answer = driver.progress(1, [code])
    if code == DONE:
        assert answer == [ArrayFinished(first=1), Queued(first=2)]
    else:
        assert sum(isinstance(effect, Ended) for effect in answer) == length
        assert scheduler.arrays() == []


def test_ten_thousand_dependents_of_one(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, 2)
    for jid in range(3, 10_003):
        driver.scheduler.handle(ArraySubmitted(first=jid, count=1, pool="p", depends_on=((1, 3),)), 0.0)
    driver.start(1)
    assert not any(isinstance(effect, Queued) for effect in driver.finish(1))
    assert sum(isinstance(effect, Queued) for effect in driver.progress(1, [DONE])) == 10_000


@pytest.mark.parametrize("span", [(1, 3), (9, 10), (2, 6), (5, 7)])
def test_a_dependency_that_nobody_knows(span: tuple[int, int], drive: Drive) -> None:
    """1, 2 and 5 are jobs; 3, 4 and what follows are not."""
    driver = drive()
    driver.submit(1, 2)
    driver.submit(5)
    if span == (1, 3):
        assert driver.submit(10, depends_on=(span,)) == []
        return
    with pytest.raises(DependencyError, match="not known") as raised:
        driver.submit(10, depends_on=(span,))
    assert raised.value.jid == {9: 9, 2: 3, 5: 6}[span[0]]
    assert driver.scheduler.arrays() == [1, 5]


def test_an_array_found_again_goes_on_where_it_was(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, 6, ended=((0, 1, DONE), (3, 4, ERROR)), attempts=((1, 2, 3), (4, 5, 2)))
    assert driver.scheduler.statuses(1) == bytes([DONE, QUEUED, QUEUED, ERROR, QUEUED, QUEUED])
    driver.start(1)
    handed = [driver.chunks[1]]
    while handed[-1].seq < 4:
        driver.finish(1, 1.0)
        handed.append(driver.chunks[1])
    assert [(chunk.start, chunk.stop, chunk.attempt) for chunk in handed] == [
        (1, 2, 3),
        (2, 3, 1),
        (4, 5, 2),
        (5, 6, 1),
    ]


def test_attempts_of_what_has_ended_do_not_matter(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, 3, ended=((0, 2, DONE),), attempts=((0, 2, 2), (1, 3, 4)))
    driver.start(1)
    assert (driver.chunks[1].start, driver.chunks[1].attempt) == (2, 4)


def test_an_array_found_again_with_nothing_left(drive: Drive) -> None:
    driver = drive()
    assert driver.submit(1, 2, ended=((0, 2, DONE),)) == [ArrayFinished(first=1)]


def test_an_array_found_again_waits_for_what_is_left_of_its_dependency(drive: Drive) -> None:
    driver = drive()
    driver.submit(1, 2, ended=((0, 1, DONE),))
    driver.submit(3, 2, depends_on=((2, 3),), ended=((0, 1, KILLED),))
    assert driver.scheduler.statuses(3) == bytes([KILLED, WAITING])


def test_an_array_that_cannot_be(drive: Drive) -> None:
    driver = drive()
    driver.submit(1, 3)
    for first, count in ((5, 0), (1, 1), (2, 5), (0, 2)):
        with pytest.raises(IllegalEventError, match="cannot be taken in"):
            driver.submit(first, count)
    for ended in ((0, 1, QUEUED), (1, 5, DONE), (-1, 1, DONE)):
        with pytest.raises(IllegalEventError, match="cannot have ended"):
            driver.submit(9, 2, ended=(ended,))
    assert driver.scheduler.arrays() == [1]


def test_more_cores_than_there_are_mean_all_of_them(drive: Drive) -> None:
    driver = drive(slots=2)
    assert driver.submit(1, cores=9) == [StartWorker(pool="p", cores=2)]
    driver.start(1)
    assert driver.scheduler.counts().busy_slots == 2
