"""The check of the tables bites: whatever is bent is noticed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from picloud.model.job import QUEUED
from picloud.scheduler import invariants
from picloud.scheduler.events import ArraySubmitted, WorkerStarted
from picloud.scheduler.ledger import Ledger
from picloud.scheduler.machine import Limits, Scheduler


def ledger() -> Ledger:
    scheduler = Scheduler(Limits(slots=1))
    scheduler.handle(ArraySubmitted(first=1, count=5, pool="p"), 0.0)
    scheduler.handle(WorkerStarted(worker=1, pool="p"), 0.0)
    return scheduler._ledger


def test_what_is_straight_passes() -> None:
    invariants.check(ledger())


def lose_an_item(tables: Ledger) -> None:
    tables.arrays[1].ranges.clear()
    tables.arrays[1].unassigned = 0


def double_an_item(tables: Ledger) -> None:
    tables.arrays[1].ranges.append((4, 5, 1))
    tables.arrays[1].unassigned += 1


def miscount(tables: Ledger) -> None:
    tables.arrays[1].left += 1


def run_nothing(tables: Ledger) -> None:
    tables.arrays[1].statuses[0] = QUEUED


def forget_a_chunk(tables: Ledger) -> None:
    tables.running.clear()


def exceed_slots(tables: Ledger) -> None:
    tables.busy += 1


def invent_a_worker(tables: Ledger) -> None:
    tables.live += 1


def leave_effects(tables: Ledger) -> None:
    tables.ended.append((tables.arrays[1], 0, 0))


def miscount_ready(tables: Ledger) -> None:
    tables.pools["p"].ready -= 1


def reserve_for_nobody(tables: Ledger) -> None:
    tables.reserved += 1


@pytest.mark.parametrize(
    "bend",
    [
        lose_an_item,
        double_an_item,
        miscount,
        run_nothing,
        forget_a_chunk,
        exceed_slots,
        invent_a_worker,
        leave_effects,
        miscount_ready,
        reserve_for_nobody,
    ],
)
def test_what_is_bent_is_noticed(bend: Callable[[Ledger], None]) -> None:
    tables = ledger()
    bend(tables)
    with pytest.raises(AssertionError):
        invariants.check(tables)
