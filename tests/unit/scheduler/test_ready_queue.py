"""The order of what is ready, against a list that is sorted anew each time."""

from __future__ import annotations

from collections import deque

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from picloud.scheduler.ready_queue import ReadyQueue
from picloud.scheduler.state import Array, Lane, Pool

POOLS = {key: Pool(key=key) for key in "pq"}


def array(
    first: int, *, items: int = 1, client: str = "ann", priority: int = 5, pool: str = "p", cores: int = 1
) -> Array:
    return Array(
        first=first,
        count=9,
        pool=POOLS[pool],
        cores=cores,
        priority=priority,
        client=client,
        restartable=True,
        solitary=False,
        max_runtime=None,
        ignores_errors=False,
        statuses=bytearray(9),
        left=9,
        lane=(pool, cores),
        unassigned=items,
    )


def queue(*arrays: Array) -> ReadyQueue:
    made = ReadyQueue({each.first: each for each in arrays})
    for each in arrays:
        made.adjust(each, each.unassigned)
    return made


def served(ready: ReadyQueue, some: Array) -> int:
    """Take one item away, as a dispatch does."""
    some.unassigned -= 1
    ready.adjust(some, -1)
    ready.served(some)
    return some.first


def test_priority_then_turns_then_submission() -> None:
    arrays = [
        array(1, client="ann", items=2),
        array(2, client="ann"),
        array(3, client="bob"),
        array(4, client="bob", priority=4),
    ]
    ready = queue(*reversed(arrays))
    order = []
    while (found := ready.pick()) is not None:
        order.append(served(ready, found))
    assert order == [4, 3, 1, 1, 2]
    assert ready.best() is None


def test_lanes_can_be_left_out() -> None:
    ready = queue(array(1, pool="p"), array(2, pool="q"), array(3, cores=2))
    for skip, first in (((), 1), ({("p", 1)}, 2), ({("p", 1), ("q", 1)}, 3)):
        found = ready.pick(skip)
        assert found is not None
        assert found.first == first
    assert ready.pick({("p", 1), ("q", 1), ("p", 2)}) is None


def test_what_better_priorities_want() -> None:
    ready = queue(array(1, items=3, priority=2), array(2, cores=4, priority=4), array(3, priority=5))
    assert dict(ready.wanted_before(5)) == {("p", 1): 3, ("p", 4): 4}
    assert dict(ready.wanted_before(2)) == {}
    assert ready.best() == 2


class Order(RuleBasedStateMachine):
    """The queue against lists of clients in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.arrays: dict[int, Array] = {}
        self.ready = ReadyQueue(self.arrays)
        self.turns: dict[int, deque[str]] = {}
        self.first = 0

    def change(self, some: Array, items: int) -> None:
        some.unassigned += items
        self.ready.adjust(some, items)
        turns = self.turns.setdefault(some.priority, deque())
        clients = {each.client for each in self.arrays.values() if each.priority == some.priority and each.unassigned}
        for client in [client for client in turns if client not in clients]:
            turns.remove(client)
        if some.client in clients and some.client not in turns:
            turns.append(some.client)

    @rule(
        client=st.sampled_from("abc"),
        priority=st.integers(1, 2),
        pool=st.sampled_from("pq"),
        items=st.integers(1, 3),
    )
    def submit(self, client: str, priority: int, pool: str, items: int) -> None:
        self.first += 1
        some = array(self.first, client=client, priority=priority, pool=pool, items=0)
        self.arrays[self.first] = some
        self.change(some, items)

    @rule(which=st.integers(0, 9), items=st.integers(-3, 3))
    def adjust(self, which: int, items: int) -> None:
        if self.arrays:
            some = self.arrays[list(self.arrays)[which % len(self.arrays)]]
            items = max(items, -some.unassigned)
            if items:
                self.change(some, items)

    @rule(which=st.integers(0, 9))
    def forget(self, which: int) -> None:
        if self.arrays:
            some = self.arrays[list(self.arrays)[which % len(self.arrays)]]
            if not some.unassigned:
                del self.arrays[some.first]

    @rule(skip=st.sets(st.sampled_from([("p", 1), ("q", 1)]), max_size=1))
    def serve(self, skip: set[Lane]) -> None:
        found, expected = self.ready.pick(skip), self.expected(skip)
        assert found is expected
        if found is not None:
            turns = self.turns[found.priority]
            turns.remove(found.client)
            turns.append(found.client)
            found.unassigned -= 1
            self.ready.adjust(found, -1)
            self.ready.served(found)
            self.change(found, 1)
            self.change(found, -1)

    def expected(self, skip: set[Lane]) -> Array | None:
        ready = [each for each in self.arrays.values() if each.unassigned and each.lane not in skip]
        order = sorted(
            ready, key=lambda each: (each.priority, self.turns[each.priority].index(each.client), each.first)
        )
        return order[0] if order else None

    @invariant()
    def agrees(self) -> None:
        wanted: dict[Lane, int] = {}
        for each in self.arrays.values():
            wanted[each.lane] = wanted.get(each.lane, 0) + each.unassigned
        seen: dict[Lane, int] = {}
        for lane, cores in self.ready.wanted_before(99):
            seen[lane] = seen.get(lane, 0) + cores
        assert seen == {lane: cores for lane, cores in wanted.items() if cores}


TestOrder = Order.TestCase
TestOrder.settings = settings(max_examples=500, stateful_step_count=15, deadline=None)
