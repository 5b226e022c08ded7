"""A driver that plays node and workers for the scheduler, and checks its tables after every event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from picloud.model.job import DONE
from picloud.scheduler import effects, events
from picloud.scheduler.machine import Limits, Scheduler


@dataclass
class Driver:
    """Feeds events at the driver's own time; knows which chunk each worker has, and answers nothing by itself."""

    scheduler: Scheduler
    now: float = 0.0
    chunks: dict[int, effects.Dispatch] = field(default_factory=dict)
    kept: dict[int, int] = field(default_factory=dict)
    ended: dict[int, int] = field(default_factory=dict)

    def feed(self, event: events.Event) -> list[effects.Effect]:
        """Return the effects of one event."""
        answer = self.scheduler.handle(event, self.now)
        self.scheduler.check_invariants()
        for effect in answer:
            if isinstance(effect, effects.Dispatch):
                self.chunks[effect.worker] = effect
                self.kept[effect.worker] = effect.stop - effect.start
                self.ended[effect.worker] = 0
        return answer

    def submit(self, first: int, count: int = 1, *, pool: str = "p", **options: Any) -> list[effects.Effect]:
        """Submit an array."""
        return self.feed(events.ArraySubmitted(first=first, count=count, pool=pool, **options))

    def start(self, worker: int, pool: str = "p") -> list[effects.Effect]:
        """Let a worker be there."""
        return self.feed(events.WorkerStarted(worker=worker, pool=pool))

    def progress(self, worker: int, codes: list[int], each: float = 0.001) -> list[effects.Effect]:
        """Let items of a worker's chunk end, each after so many seconds of work."""
        self.ended[worker] += len(codes)
        seq = self.chunks[worker].seq
        return self.feed(events.Progress(worker=worker, seq=seq, codes=bytes(codes), seconds=each * len(codes)))

    def done(self, worker: int, *, retire: bool = False) -> list[effects.Effect]:
        """Let a worker say that its chunk is over."""
        return self.feed(events.ChunkDone(worker=worker, seq=self.chunks[worker].seq, retire=retire))

    def finish(
        self, worker: int, each: float = 0.001, code: int = DONE, *, retire: bool = False
    ) -> list[effects.Effect]:
        """Let a worker end all that it kept."""
        rest = self.kept[worker] - self.ended[worker]
        answer = self.progress(worker, [code] * rest, each) if rest else []
        return answer + self.done(worker, retire=retire)

    def reclaimed(self, worker: int, kept: int) -> list[effects.Effect]:
        """Answer a `Reclaim`."""
        self.kept[worker] = kept
        return self.feed(events.Reclaimed(worker=worker, seq=self.chunks[worker].seq, kept=kept))

    def lost(self, worker: int, kind: events.LossKind, running: int | None = None, **more: Any) -> list[effects.Effect]:
        """Let a worker be gone."""
        return self.feed(events.WorkerLost(worker=worker, kind=kind, running=running, **more))

    def tick(self, seconds: float = 0.0) -> list[effects.Effect]:
        """Let time pass."""
        self.now += seconds
        return self.feed(events.Tick())

    def measured(self, first: int, count: int, each: float, workers: int = 1, **options: Any) -> None:
        """Submit an array and let so many workers, from 1, run it until each has had four chunks, all but its last ended."""
        self.submit(first, count, **options)
        for worker in range(1, workers + 1):
            self.start(worker)
        for _ in range(3):
            for worker in range(1, workers + 1):
                self.finish(worker, each)


Drive = Callable[..., Driver]


@pytest.fixture
def drive() -> Iterator[Drive]:
    """Return a maker of drivers, which takes the fields of `Limits`; chunks grow in small steps, so that a few items show it."""
    drivers: list[Driver] = []

    def make(slots: int = 2, growth: int = 4, **limits: Any) -> Driver:
        drivers.append(Driver(Scheduler(Limits(slots=slots, growth=growth, **limits))))
        return drivers[-1]

    yield make
    for driver in drivers:
        driver.scheduler.check_invariants()
