"""Group commit: everything that arrived in one turn of the loop is one transaction, and nothing is said before it is kept."""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Callable

from picloud.model.settings import Durability
from picloud.node.link import Link
from picloud.store.batch import Batch
from picloud.store.writer import Writer

LINGER = 0.0002
"""Seconds that a commit waits for the results of fresh single jobs; as long as a commit takes, if that is longer."""
QUICK_COMMIT = 0.003
"""Seconds of a synced commit below which it is done in the loop: handing it to a thread and back costs as much."""
Action = Callable[[], None]


class Committer:
    """Collects writes, commits them in groups, then does what had to wait for them."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        writer: Writer,
        durability: Durability,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        """Commit in the loop under `process`, and under `power` while the disk is quick; else through the writer's thread.

        A failed commit is reported once.
        """
        self._loop = loop
        self._writer = writer
        self._inline = durability is Durability.PROCESS
        self._on_failure = on_failure
        self._batch = Batch()
        self._actions: list[Action] = []
        self._in_flight: list[Action] | None = None
        self._scheduled = False
        self._failed = False
        self._lingering: dict[int, Link] = {}
        self.commits = 0
        """Commits so far."""

    @property
    def batch(self) -> Batch:
        """The group that is being collected; taking it schedules its commit for the end of this turn."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)
        return self._batch

    def after(self, action: Action) -> None:
        """Do something once all that was put so far is kept; at once if nothing waits."""
        if self._batch or self._actions:
            self._actions.append(action)
        elif self._in_flight is not None:
            self._in_flight.append(action)
        else:
            action()

    def linger_for(self, link: Link) -> None:
        """Let the commit of this turn wait for a moment until this worker has answered: one commit then covers both."""
        self._lingering[link.fileno()] = link

    @property
    def clean(self) -> bool:
        """Whether everything that was put is kept."""
        return not self._batch and self._in_flight is None and not self._actions

    def finish(self) -> None:
        """Commit what is left and wait for it; for the node's end."""
        self._writer.close()
        if not self._failed and self._batch:
            self._writer.commit(self._batch)

    def _flush(self) -> None:
        if self._lingering:
            self._linger()
        self._scheduled = False
        if self._failed or self._in_flight is not None or not (self._batch or self._actions):
            return
        batch, actions = self._batch, self._actions
        self._batch, self._actions = Batch(), []
        self.commits += 1
        if not batch:
            _run(actions)
        elif self._inline or self._writer.seconds < QUICK_COMMIT:
            try:
                self._writer.commit(batch)
            except Exception as error:
                self._fail(error)
                return
            _run(actions)
        else:
            self._in_flight = actions
            self._writer.submit(batch, self._committed)

    def _linger(self) -> None:
        """Wait until the workers of fresh single jobs have answered, and take in what they say."""
        links, self._lingering = self._lingering, {}
        until = time.monotonic() + max(LINGER, min(self._writer.seconds, QUICK_COMMIT))
        while links:
            ready, _, _ = select.select(list(links), [], [], max(0.0, until - time.monotonic()))
            if not ready:
                return
            for number in ready:
                links.pop(number).read()

    def _committed(self, error: BaseException | None) -> None:
        """Called in the writer's thread."""
        self._loop.call_soon_threadsafe(self._settle, error)

    def _settle(self, error: BaseException | None) -> None:
        if error is not None:
            self._fail(error)
            return
        actions, self._in_flight = self._in_flight or [], None
        _run(actions)
        self._flush()

    def _fail(self, error: BaseException) -> None:
        self._failed = True
        self._on_failure(error)


def _run(actions: list[Action]) -> None:
    for action in actions:
        action()
