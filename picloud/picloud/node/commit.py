"""Group commit: everything that arrived in one turn of the loop is one transaction, and nothing is said before it is kept."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable

from picloud.model.settings import Durability
from picloud.node.busy_poll import BusyPoll
from picloud.node.link import Link
from picloud.store.batch import Batch
from picloud.store.writer import Writer

LINGER = 0.002
"""Seconds that a commit waits for the results of fresh single jobs, while nobody else waits for it."""
SETTLE = 0.1
"""Seconds after which LMDB is brought up to date, and with it what is late."""
MOST_BEHIND = 64
"""Commits after which it is brought up to date at once."""
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
        self._lingering: set[Link] = set()
        self._linger: asyncio.TimerHandle | None = None
        self._deferred: deque[Action] = deque()
        self._late_actions: list[Action] = []
        self._settling: asyncio.TimerHandle | None = None
        self._busy_poll = BusyPoll(loop)
        self.commits = 0
        """Commits so far."""

    @property
    def batch(self) -> Batch:
        """The group that is being collected; taking it schedules its commit for the end of this turn."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)
        return self._batch

    @property
    def late_batch(self) -> Batch:
        """The same group, for what nobody waits for and a restart finds out by itself: it may wait for a commit that is due."""
        if not self._scheduled:
            self._settle_later()
        return self._batch

    def after_late(self, action: Action) -> None:
        """Do something once what was put into the late batch is kept."""
        self._late_actions.append(action)

    def defer(self, action: Action) -> None:
        """Do something behind the commit under way and the answers that wait for it, but before anything else."""
        self._deferred.append(action)

    @property
    def has_deferred(self) -> bool:
        """Whether anything was deferred and not done."""
        return bool(self._deferred)

    def run_deferred(self) -> None:
        """Do what was deferred."""
        while self._deferred:
            self._deferred.popleft()()

    def after(self, action: Action) -> None:
        """Do something once all that was put so far, but for what is late, is kept; at once if nothing waits."""
        if self._scheduled or self._actions:
            self._actions.append(action)
            if self._lingering:
                # Somebody waits who is not among those that the commit waits for.
                self._loop.call_soon(self._linger_over)
        elif self._in_flight is not None:
            self._in_flight.append(action)
        else:
            action()

    def after_lingering(self, link: Link, action: Action) -> None:
        """As `after`, but the commit may wait for a moment until this worker has answered: it then covers both."""
        if not self._actions and self._in_flight is None:
            self._lingering.add(link)
            if self._linger is None:
                self._linger = self._loop.call_later(LINGER, self._linger_over)
            self._actions.append(action)
            self._busy_poll.soon()
        elif self._lingering:
            self._lingering.add(link)
            self._actions.append(action)
        else:
            self.after(action)

    def lingers_for(self, link: Link) -> bool:
        """Return whether a commit waits for this worker."""
        return link in self._lingering

    def answered(self, link: Link) -> None:
        """Go on with the commit that waited for this worker: what it said is in the batch."""
        self._lingering.discard(link)
        if not self._lingering:
            self._linger_over()
            self._busy_poll.soon()

    def _linger_over(self) -> None:
        self._lingering.clear()
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        self._flush()

    @property
    def holds_all(self) -> bool:
        """Whether all that was put is kept, as far as it was handed over: a commit may be under way beside what came since."""
        return not self._batch and self._in_flight is None

    @property
    def clean(self) -> bool:
        """Whether everything that was put is kept."""
        return not self._batch and self._in_flight is None and not self._actions and not self._deferred

    def finish(self) -> None:
        """Commit what is left and wait for it; for the node's end."""
        if not self._failed and self._batch:
            self._writer.commit(self._batch)
        self._writer.close()

    def _flush(self) -> None:
        if self._lingering:
            return
        self._commit()
        if self._deferred:
            # The kernel may have put who was just answered behind this very process.
            os.sched_yield()
            self.run_deferred()
        behind = self._writer.behind
        if behind >= MOST_BEHIND:
            self._settle_store()
        elif behind:
            self._settle_later()

    def _settle_later(self) -> None:
        if self._settling is None:
            self._settling = self._loop.call_later(SETTLE, self._settle_store)

    def _settle_store(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        if self._lingering or self._in_flight is not None:
            self._settle_later()
        elif self._batch or self._writer.behind:
            self._batch.settles = True
            self._commit()

    def _commit(self) -> None:
        self._scheduled = False
        batch, actions = self._batch, self._actions
        wanted = batch or actions or batch.settles
        if self._failed or self._in_flight is not None or not wanted:
            return
        if self._late_actions:
            actions = [*self._late_actions, *actions]
            self._late_actions = []
        self._batch, self._actions = Batch(), []
        self.commits += 1
        if not batch and not batch.settles:
            _run(actions)
        elif self._inline or self._writer.seconds < QUICK_COMMIT:
            try:
                self._writer.commit(batch)
            except Exception as error:
                self.give_up(error)
                return
            _run(actions)
        else:
            self._in_flight = actions
            self._writer.submit(batch, self._committed)

    def _committed(self, error: BaseException | None) -> None:
        """Called in the writer's thread."""
        self._loop.call_soon_threadsafe(self._settle, error)

    def _settle(self, error: BaseException | None) -> None:
        if error is not None:
            self.give_up(error)
            return
        actions, self._in_flight = self._in_flight or [], None
        _run(actions)
        self._flush()

    def give_up(self, error: BaseException) -> None:
        """Commit nothing more, and say so: what is stored is the truth, and what is in memory cannot be trusted."""
        self._failed = True
        self._on_failure(error)


def _run(actions: list[Action]) -> None:
    for action in actions:
        action()
