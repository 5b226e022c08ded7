"""Who runs next, on which worker, and which workers there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from picloud.scheduler.effects import Dispatch, RetireWorker, StartWorker
from picloud.scheduler.events import KillRequested, WorkerStartFailed

if TYPE_CHECKING:
    from tests.unit.scheduler.conftest import Drive, Driver


def firsts(answer: Sequence[object]) -> list[int]:
    return [effect.first for effect in answer if isinstance(effect, Dispatch)]


def run_all(driver: Driver, worker: int) -> list[int]:
    """Let a worker go on until nothing is left; return whose chunks it ran, in order."""
    order = [driver.chunks[worker].first]
    while found := firsts(list(driver.finish(worker, 1.0))):
        order += found
    return order


def test_as_many_workers_start_as_there_are_items_and_slots(drive: Drive) -> None:
    assert drive(slots=4).submit(1, 2) == [StartWorker(pool="p", cores=1)] * 2
    assert drive(slots=2).submit(1, 9) == [StartWorker(pool="p", cores=1)] * 2
    assert drive(slots=2).submit(1, 9, cores=2) == [StartWorker(pool="p", cores=2)]


def test_better_priorities_first(drive: Drive) -> None:
    driver = drive(slots=1)
    for first, priority in ((1, 5), (2, 9), (3, -1), (4, 5)):
        driver.submit(first, priority=priority)
    driver.start(1)
    assert run_all(driver, 1) == [3, 1, 4, 2]


def test_clients_take_turns_each_in_its_order(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, 3, client="ann")
    driver.submit(4, client="ann")
    driver.submit(5, 2, client="bob")
    driver.submit(7, client="eve")
    driver.start(1)
    assert run_all(driver, 1) == [1, 5, 7, 1, 5, 1, 4]


def test_what_becomes_ready_later_keeps_its_place_in_its_clients_order(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1)
    driver.submit(2, depends_on=((1, 2),))
    driver.submit(3, 2)
    driver.start(1)
    assert run_all(driver, 1) == [1, 2, 3, 3]


def test_slots_are_never_exceeded(drive: Drive) -> None:
    driver = drive(slots=3)
    driver.submit(1, 2, cores=2)
    driver.submit(3, 5)
    for worker in (1, 2, 3):
        driver.start(worker)
    assert driver.scheduler.counts().busy_slots == 3
    assert sorted(driver.chunks[worker].first for worker in driver.chunks) == [1, 3]


def test_slots_are_kept_for_a_worker_that_is_being_started(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.start(1, pool="q")
    assert driver.submit(1, pool="p", priority=1) == [StartWorker(pool="p", cores=1)]
    assert driver.submit(2, pool="q") == [], "an idle worker for it is there, the slot is not"
    assert firsts(list(driver.start(2, pool="p"))) == [1]
    assert firsts(list(driver.finish(2))) == [2]


def test_slots_kept_for_what_was_killed_meanwhile_are_free_again(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.start(1, pool="q")
    driver.submit(1, pool="p")
    driver.submit(2, pool="q")
    driver.feed(KillRequested(ranges=((1, 2),)))
    assert firsts(list(driver.start(2, pool="p"))) == [2]


def test_the_first_worker_of_a_pool_starts_ahead_of_its_slot(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, pool="p")
    driver.start(1, pool="p")
    assert driver.submit(2, 5, pool="q") == [StartWorker(pool="q", cores=1)]
    assert driver.submit(9, pool="q") == []
    driver.start(2, pool="q")
    assert firsts(list(driver.finish(1))) == [2]


def test_the_warmest_worker_is_taken(drive: Drive) -> None:
    driver = drive(slots=2)
    for worker in (1, 2):
        driver.start(worker)
    driver.submit(1, 2)
    driver.finish(2)
    driver.finish(1)
    driver.submit(3)
    assert driver.chunks[1].first == 3


def test_the_longest_idle_worker_of_another_pool_makes_room(drive: Drive) -> None:
    driver = drive(slots=1, idle_workers=1)
    driver.start(1, pool="p")
    driver.start(2, pool="q")
    assert driver.submit(1, pool="r") == [RetireWorker(worker=1), StartWorker(pool="r", cores=1)]
    driver.start(3, pool="r")
    driver.finish(3)
    assert driver.scheduler.counts().idle == 2


def test_without_room_for_idle_workers_a_worker_is_replaced(drive: Drive) -> None:
    driver = drive(slots=1, idle_workers=0)
    driver.submit(1, pool="p")
    driver.start(1, pool="p")
    assert driver.submit(2, pool="q") == []
    assert driver.finish(1)[-2:] == [RetireWorker(worker=1), StartWorker(pool="q", cores=1)]


def test_a_worker_too_many_is_retired(drive: Drive) -> None:
    driver = drive(slots=1, idle_workers=0)
    driver.start(1)
    assert driver.start(2) == [RetireWorker(worker=1)]


def test_smaller_jobs_pass_a_large_one_for_at_most_a_minute(drive: Drive) -> None:
    driver = drive(slots=2)
    driver.submit(1, 100, client="small", max_runtime=99.0)
    for worker in (1, 2):
        driver.start(worker)
    driver.submit(200, cores=2, client="large", pool="wide")
    driver.start(3, pool="wide")
    driver.now = 10.0
    assert firsts(list(driver.finish(1))) == [1], "the small one's turn"
    driver.now = 20.0
    assert firsts(list(driver.finish(2))) == [1], "the large one's turn, but only one slot is free"
    driver.now = 79.0
    assert firsts(list(driver.finish(1))) == [1]
    driver.now = 90.0
    assert firsts(list(driver.finish(1))) == []
    assert firsts(list(driver.finish(2))) == [200]
    assert firsts(list(driver.finish(3))) == [1, 1]


def test_a_stream_of_new_small_jobs_does_not_keep_a_large_one_out(drive: Drive) -> None:
    """Whoever submits them: it runs a minute after it was first passed, or as soon as what runs then has ended."""
    driver = drive(slots=2)
    for worker in (1, 2):
        driver.start(worker)
    driver.start(3, pool="wide")
    for first in (1, 2):
        driver.submit(first, client=f"client {first}")
    driver.submit(3, cores=2, client="large", pool="wide")
    first = 4
    while driver.chunks.get(3) is None:
        driver.now += 1.0
        assert driver.now < 63.0
        for _ in range(3):
            driver.submit(first, client=f"client {first % 5}")
            first += 1
        worker = 1 + int(driver.now) % 2
        if driver.ended[worker] < driver.kept[worker]:
            driver.finish(worker, 2.0)
    assert driver.now >= 60.0
    assert driver.chunks[3].first == 3


def test_the_minute_begins_anew_for_the_next_large_one(drive: Drive) -> None:
    driver = drive(slots=2)
    driver.submit(1, 100, client="small", max_runtime=99.0)
    for worker in (1, 2):
        driver.start(worker)
    driver.submit(200, cores=2, client="large", pool="wide")
    driver.finish(1)
    driver.feed(KillRequested(ranges=((200, 201),)))
    driver.now = 100.0
    driver.submit(201, cores=2, client="large", pool="wide")
    assert firsts(list(driver.finish(1))) == [1]
    assert firsts(list(driver.finish(2))) == [1]


def test_a_pool_that_cannot_start_now_lets_others_pass(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1, pool="p", priority=0)
    driver.submit(2, pool="q")
    answer = driver.feed(WorkerStartFailed(pool="p", detail="fork", permanent=False))
    assert answer == [StartWorker(pool="q", cores=1)]
    assert firsts(list(driver.start(1, pool="q"))) == [2]


def test_a_lone_item_that_finds_a_worker_idle_is_handed_out_at_once(drive: Drive) -> None:
    driver = drive(slots=2)
    driver.submit(1)
    driver.start(1)
    driver.finish(1)
    driver.start(2)
    assert [firsts(driver.submit(first)) for first in (2, 3, 4)] == [[2], [3], []]
    worker = next(worker for worker, chunk in driver.chunks.items() if chunk.first == 3)
    assert firsts(driver.finish(worker)) == [4]


def test_a_lone_item_does_not_take_the_slot_that_is_kept_for_another_pool(drive: Drive) -> None:
    driver = drive(slots=1)
    driver.submit(1)
    driver.start(1)
    driver.finish(1)
    assert driver.submit(2, pool="q") == [StartWorker(pool="q", cores=1)]
    assert firsts(driver.submit(3)) == []
    assert firsts(driver.start(2, "q")) == [2]
    assert firsts(driver.finish(2)) == [3]
