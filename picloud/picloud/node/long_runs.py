"""Items that run for long: their time limit, and the note that one has started, which counts an attempt if its node is lost."""

from __future__ import annotations

from collections.abc import Callable

from picloud.node.clock import Clock
from picloud.node.commit import Committer
from picloud.node.live import LiveArrays
from picloud.node.workers import Worker
from picloud.scheduler import events

NOTED_AFTER = 1.0
"""Seconds after which the store learns that a job runs which may restart: to note each one would cost more than most run."""


class LongRuns:
    """Looks at what runs from time to time."""

    def __init__(
        self, clock: Clock, live: LiveArrays, committer: Committer, feed: Callable[[events.Event], None]
    ) -> None:
        """Tell the scheduler through `feed`, and the store through the committer."""
        self._clock = clock
        self._live = live
        self._committer = committer
        self._feed = feed

    def look(self, worker: Worker) -> None:
        """Look at the item that a worker runs, if it runs one."""
        chunk = worker.chunk
        live = self._live.get(chunk.first) if chunk is not None else None
        running = worker.current()
        if chunk is None or live is None or running is None:
            return
        options = live.array.options
        ran = self._clock.wall() - worker.current_started()
        if options.max_runtime is not None and ran > options.max_runtime:
            self._feed(events.TimedOut(worker=worker.id, seq=chunk.seq, index=running))
        elif options.restartable and ran > NOTED_AFTER and chunk.noted != running:
            chunk.noted = running
            at = chunk.start + running
            self._committer.batch.put_attempt(chunk.first, at, at + 1, chunk.attempt, started=True)
