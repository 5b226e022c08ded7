"""Jobs that wait inside for other jobs: which connections of a worker wait, and which may go on when it has its core again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from picloud.scheduler import events

Resumed = Callable[[str | None], None]
"""Called when the job has its core again, or with the reason why it may not wait."""


@dataclass(slots=True)
class _Blocked:
    waiting: list[Resumed] = field(default_factory=list)
    ready: list[Resumed] = field(default_factory=list)
    without_core: bool = False


class Blocks:
    """The waits of job code, by worker."""

    def __init__(self, feed: Callable[[events.Event], None]) -> None:
        """Tell the scheduler through `feed`."""
        self._feed = feed
        self._by_worker: dict[int, _Blocked] = {}

    def wait(self, worker: int, resumed: Resumed) -> None:
        """Note that a connection of a worker waits: the worker's core is free from now on."""
        state = self._by_worker.setdefault(worker, _Blocked())
        state.waiting.append(resumed)
        if not state.without_core:
            state.without_core = True
            self._feed(events.Blocked(worker=worker))

    def wake(self, worker: int, resumed: Resumed) -> None:
        """Note that what a connection waited for has happened; it goes on as soon as its worker has a core."""
        state = self._by_worker.get(worker)
        if state is not None and resumed in state.ready:
            return
        if state is None or resumed not in state.waiting:
            # Its job has ended, and a thread of it has waited on: that one holds no core.
            resumed(None)
            return
        state.waiting.remove(resumed)
        if not state.without_core:
            if not state.waiting:
                del self._by_worker[worker]
            resumed(None)
            return
        state.ready.append(resumed)
        if len(state.ready) == 1:
            self._feed(events.Woken(worker=worker))

    def resume(self, worker: int) -> None:
        """Let a worker's job go on: the scheduler has given it a core."""
        state = self._by_worker.get(worker)
        if state is None:
            return
        state.without_core = False
        ready, state.ready = state.ready, []
        if not state.waiting:
            del self._by_worker[worker]
        for resumed in ready:
            resumed(None)

    def refuse(self, worker: int, reason: str) -> None:
        """Tell the newest wait of a worker that it may not wait; the worker has kept its core."""
        state = self._by_worker.get(worker)
        if state is None or not state.waiting:
            return
        state.without_core = False
        resumed = state.waiting.pop()
        if not state.waiting and not state.ready:
            del self._by_worker[worker]
        resumed(reason)

    def leave(self, worker: int) -> None:
        """Note that a worker's job has ended: what still waits in its name, in a thread that it left, needs no core."""
        state = self._by_worker.pop(worker, None)
        for resumed in state.ready if state is not None else ():
            resumed(None)

    def lose(self, worker: int) -> None:
        """Forget a worker that is gone."""
        self._by_worker.pop(worker, None)
