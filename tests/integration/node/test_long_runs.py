"""Items that run for long: time limits, and attempts that the store knows of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from picloud.model import arena
from picloud.model.array import JobOptions
from picloud.node.home import prepare
from picloud.node.long_runs import NOTED_AFTER, LongRuns
from picloud.node.pools import pool_of
from picloud.scheduler import events
from picloud.store.records import Attempt

from .conftest import context
from .peer import Peer, chunk_of
from .stored import StoredArray


class Wall:
    """Both clocks, held at the time that a test says."""

    now = 1000.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class Looked:
    """An array of five items whose second and third a worker was handed at 1000 s, and what looking at it has led to."""

    def __init__(self, stored: StoredArray, peer: Peer) -> None:
        self.stored, self.peer, self.wall = stored, peer, Wall()
        self.fed: list[events.Event] = []
        self._long_runs = LongRuns(self.wall, stored.lives, stored.committer, self.fed.append)
        peer.begin(chunk_of(2, first=1, start=1))

    def run(self, index: int) -> None:
        """Begin an item now."""
        self.peer.run(index)
        arena.F64.pack_into(self.peer.memory, arena.CURRENT_STARTED, self.wall.now)

    def look_after(self, seconds: float) -> list[Attempt]:
        """Look when so much more time has gone by, and return what the store knows of attempts then."""
        self.wall.now += seconds
        self._long_runs.look(self.peer.worker)
        self.stored.commit()
        return self.stored.tables.attempts(1)


@pytest.fixture
def looked(tmp_path: Path, peer: Peer) -> Iterator[Callable[[JobOptions], Looked]]:
    made: list[StoredArray] = []

    def look(options: JobOptions) -> Looked:
        made.append(StoredArray(prepare(tmp_path), options, pool_of(context(), "local", "c1", 1)))
        return Looked(made[-1], peer)

    yield look
    for stored in made:
        stored.close()


def test_an_item_is_noted_once_it_has_run_for_a_second(looked: Callable[[JobOptions], Looked]) -> None:
    items = looked(JobOptions())
    assert items.look_after(60.0) == []
    items.run(0)
    assert items.look_after(NOTED_AFTER) == []
    assert items.look_after(0.1) == [Attempt(1, 2, 1, started=True)]
    items.peer.end(0)
    items.run(1)
    assert items.look_after(0.5) == [Attempt(1, 2, 1, started=True)]
    assert items.look_after(0.6) == [Attempt(1, 2, 1, started=True), Attempt(2, 3, 1, started=True)]
    assert items.fed == []


def test_what_may_not_restart_was_noted_before_it_began(looked: Callable[[JobOptions], Looked]) -> None:
    items = looked(JobOptions(restartable=False))
    items.run(0)
    assert items.look_after(60.0) == []


def test_an_item_beyond_its_limit_is_reported(looked: Callable[[JobOptions], Looked]) -> None:
    items = looked(JobOptions(max_runtime=30.0))
    items.run(1)
    items.look_after(30.0)
    assert items.fed == []
    items.look_after(0.1)
    assert items.fed == [events.TimedOut(worker=7, seq=1, index=1)]


def test_a_worker_without_a_chunk_is_passed_over(looked: Callable[[JobOptions], Looked]) -> None:
    items = looked(JobOptions(max_runtime=1.0))
    items.peer.worker.chunk = None
    assert items.look_after(60.0) == []
    assert items.fed == []
