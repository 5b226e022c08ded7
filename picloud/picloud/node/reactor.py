"""The node's heart: events go into the scheduler, and the effects that it answers with are carried out.

::

    sessions ─┐                         ┌─▶ workers (tickets, frames)
    workers  ─┼─▶ Scheduler.handle ─────┼─▶ supervisors (start, signal)
    timers   ─┘                         ├─▶ store (one group of writes a turn)
                                        └─▶ waits, once what they wait for is kept
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from picloud.exceptions import BackendError, IllegalEventError, StoreError
from picloud.model import arena, job, outcome
from picloud.model.cause import Cause, CauseKind
from picloud.model.ids import JidRange
from picloud.node.blocks import Blocks
from picloud.node.clock import Clock
from picloud.node.commit import Committer
from picloud.node.contents import Contents
from picloud.node.dispatch import Dispatcher
from picloud.node.endings import cause_of, last_words
from picloud.node.harvests import Harvester
from picloud.node.live import LiveArray, LiveArrays
from picloud.node.long_runs import LongRuns
from picloud.node.pools import Pool
from picloud.node.supervisors import Supervisors
from picloud.node.waits import Waiters
from picloud.node.workers import Harvest, RunningChunk, Worker
from picloud.scheduler import effects, events
from picloud.scheduler.machine import Scheduler
from picloud.store.records import Summary
from picloud.store.tables import Tables
from picloud.wire import messages
from picloud.wire.channel import Received

LOOK = 0.05
"""Seconds between looks at the arenas while chunks run; one that was looked at since the last is passed over."""

_log = logging.getLogger(__name__)


class Reactor:
    """Carries events and effects between the scheduler and the world."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        home: Path,
        scheduler: Scheduler,
        committer: Committer,
        tables: Tables,
        generation: str,
        options: Mapping[str, Any],
    ) -> None:
        """Start with no jobs and no workers; `supervisors` is set before the first event.

        `options` are what every chunk tells its worker of the node's settings.
        """
        self.clock = clock
        self.home = home
        self.committer = committer
        self.live = LiveArrays()
        self.waiters = Waiters()
        self.workers: dict[int, Worker] = {}
        self.scheduler = scheduler
        self.pools: dict[str, Pool] = {}
        self.supervisors: Supervisors
        self.contents = Contents(tables)
        self.generation = generation
        self.drained = asyncio.Event()
        """Set, after `drain`, when no job runs any more that may not be restarted."""
        self._loop = loop
        self._dispatcher = Dispatcher(
            home, self.live, tables, committer, self.contents, options, self._shortened, self._unreadable
        )
        self._harvester = Harvester(home, committer, generation)
        self._long_runs = LongRuns(clock, self.live, committer, self.feed)
        self._events: deque[events.Event] = deque()
        self._reclaimed: list[events.Event] = []
        self._running = False
        self._draining = False
        self._worker_ids = 0
        self._starting: dict[int, str] = {}
        self._killed: dict[int, Cause] = {}
        self._last_words: dict[int, dict[str, Any]] = {}
        self.blocks = Blocks(self.feed)
        self._look: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._apply: dict[type, Callable[[Any], None]] = {
            effects.StartWorker: self._start_worker,
            effects.RetireWorker: self._retire_worker,
            effects.Dispatch: self._dispatch,
            effects.Reclaim: self._reclaim,
            effects.Interrupt: self._interrupt,
            effects.KillWorker: self._kill_worker,
            effects.Ended: self._ended,
            effects.ArrayFinished: self._array_finished,
            effects.Queued: lambda effect: None,
            effects.Resume: lambda effect: self.blocks.resume(effect.worker),
            effects.RefuseBlock: self._refuse_block,
            effects.AttemptLost: self._attempt_lost,
        }

    # --- events ------------------------------------------------------------------------------------------------------

    def feed(self, event: events.Event) -> None:
        """Hand an event to the scheduler and carry out what it answers; events that arise meanwhile follow in order."""
        if self.committer.has_deferred:
            self.committer.run_deferred()
        self._events.append(event)
        if self._running:
            return
        self._running = True
        try:
            while self._events:
                following = self._events.popleft()
                answer = self.scheduler.handle(following, self.clock.monotonic())
                if type(following) is events.ArraySubmitted:
                    self._share_states(following.first)
                for effect in answer:
                    self._apply[type(effect)](effect)
                if self._reclaimed:
                    # Before anything else that is known of these workers: the scheduler decides on the answers, in order.
                    self._events.extendleft(reversed(self._reclaimed))
                    self._reclaimed.clear()
        except IllegalEventError as error:
            # The scheduler's tables are in doubt from here on: the next node makes new ones from the store.
            self.committer.give_up(error)
            raise
        finally:
            self._running = False
        self._arm()

    def _share_states(self, first: int) -> None:
        live = self.live.get(first)
        if live is not None:
            live.states = self.scheduler.statuses(first)

    def submit(self, live: LiveArray, event: events.ArraySubmitted) -> None:
        """Take a new array whose records are in the batch already."""
        self.pools[live.pool.key] = live.pool
        self.live.add(live)
        self.feed(event)

    def runner_of(self, first: int) -> Worker | None:
        """Return the worker that was handed the first item of an array, if one was."""
        for worker in self.workers.values():
            if worker.chunk is not None and worker.chunk.first == first:
                return worker
        return None

    def runs(self, worker: int) -> bool:
        """Return whether a worker has a chunk."""
        handle = self.workers.get(worker)
        return handle is not None and handle.chunk is not None

    def job_in(self, worker: int) -> int | None:
        """Return the jid of the job that runs in a worker now."""
        handle = self.workers.get(worker)
        if handle is None or handle.chunk is None:
            return None
        current = handle.current()
        return handle.chunk.first + handle.chunk.start + current if current is not None else None

    def spools_in_use(self) -> frozenset[str]:
        """Return the spool files that workers still write to."""
        return frozenset(f"{self.generation}-{worker}.{stream}" for worker in self.workers for stream in ("out", "err"))

    def drain(self) -> None:
        """Hand out nothing more, and take back everything that has not started."""
        self._draining = True
        self.drained.clear()
        self.feed(events.Draining())

    def holds_unrestartable(self) -> bool:
        """Return whether a job runs that may not be restarted."""
        return any(worker.chunk is not None and not self._restartable(worker) for worker in self.workers.values())

    def _look_drained(self) -> None:
        if self._draining and not self.holds_unrestartable():
            self.drained.set()

    def _restartable(self, worker: Worker) -> bool:
        live = self.live.get(worker.chunk.first) if worker.chunk is not None else None
        return live is None or live.array.options.restartable

    def _not_started(self, first: int, start: int, stop: int, attempt: int) -> None:
        """Take back the note that items were handed out: they are in the queue again."""
        if start < stop:
            self.committer.batch.put_attempt(first, start, stop, attempt, started=False)

    # --- from workers and supervisors --------------------------------------------------------------------------------

    def worker_started(self, worker: int, pid: int, descriptors: list[int]) -> None:
        """A worker exists; from now on it can be handed chunks."""
        pool = self._starting.pop(worker, None)
        handle = Worker.connect(self._loop, worker, pool or "", pid, descriptors, self._worker_said)
        self.workers[worker] = handle
        if pool is None:
            self.supervisors.signal(worker, signal.SIGKILL)
            return
        self.feed(events.WorkerStarted(worker=worker, pool=pool))

    def worker_failed(self, worker: int, reason: str) -> None:
        """A worker could not be forked."""
        pool = self._starting.pop(worker, None)
        if pool is not None:
            self.feed(events.WorkerStartFailed(pool=pool, detail=reason, permanent=False))

    def worker_ended(self, ended: messages.WorkerEnded) -> None:
        """A worker and its tree are gone: what it had finished is read from its arena."""
        handle = self.workers.get(ended.worker)
        if handle is None:
            self._starting.pop(ended.worker, None)
            return
        handle.link.drain()
        killed = self._killed.pop(ended.worker, None)
        if handle.chunk is None:
            self._lose(handle, events.LossKind.RETIRED, killed or cause_of(ended.status), job.ERROR, {})
            return
        cause = killed or cause_of(ended.status)
        words = last_words(handle, cause, ended.peak, self._harvester.spool(handle))
        if killed is not None:
            words["exception"] = None
        self._lose(handle, events.LossKind.JOB, cause, job.KILLED if killed else job.ERROR, words)

    def supervisor_lost(self, workers: list[int], reason: str, *, permanent: bool) -> None:
        """A supervisor is gone with all its workers."""
        for worker in workers:
            pool = self._starting.pop(worker, None)
            if pool is not None:
                self.feed(events.WorkerStartFailed(pool=pool, detail=reason, permanent=permanent))
            handle = self.workers.get(worker)
            if handle is not None:
                handle.link.drain()
                cause = Cause(CauseKind.LOST, None, reason)
                self._lose(handle, events.LossKind.INFRASTRUCTURE, cause, job.ERROR, {})

    def _worker_said(self, worker: Worker, received: Received) -> None:
        message = received.message
        if isinstance(message, messages.ChunkEnded):
            self._chunk_ended(worker, message)
        elif isinstance(message, messages.Announce):
            self.harvest(worker)
        elif isinstance(message, messages.Roll):
            self.harvest(worker)
            worker.link.send(messages.Rolled(message.seq))

    def _chunk_ended(self, worker: Worker, message: messages.ChunkEnded) -> None:
        chunk = worker.chunk
        if chunk is None or chunk.seq != message.seq:
            return
        live = self.live.get(chunk.first)
        if live is not None and self.committer.lingers_for(worker.link):
            # The client's answer goes on its way first; what follows from the end is done while it travels.
            harvest = self._harvester.take(worker, live)
            self.committer.defer(lambda: self._end_chunk(worker, chunk, live, message, harvest))
            self.committer.answered(worker.link)
        else:
            self._end_chunk(worker, chunk, live, message, None)

    def _end_chunk(
        self,
        worker: Worker,
        chunk: RunningChunk,
        live: LiveArray | None,
        message: messages.ChunkEnded,
        harvest: Harvest | None,
    ) -> None:
        """Tell the scheduler that a worker has ended its chunk, of which `harvest` was taken already."""
        if harvest is not None and live is not None:
            self._harvested(worker, live, chunk.seq, harvest)
        self.harvest(worker)
        if chunk.harvested < chunk.count:
            self._return_rest(worker, chunk)
        worker.chunk = None
        self.blocks.leave(worker.id)
        self.feed(events.ChunkDone(worker=worker.id, seq=message.seq, retire=bool(message.retire)))
        self._look_drained()

    def _return_rest(self, worker: Worker, chunk: RunningChunk) -> None:
        """Put items back into the queue that their worker, which has a reason to end before, has not run."""
        before = chunk.start + chunk.count
        kept = worker.part(chunk.harvested - 1)
        if not self._restartable(worker):
            self._not_started(chunk.first, chunk.start + kept, before, chunk.attempt)
        self.feed(events.Reclaimed(worker=worker.id, seq=chunk.seq, kept=kept))

    def part(self, worker: Worker, seq: int, index: int) -> None:
        """Put items back into the queue that share the ticket of one that is about to wait, maybe for them."""
        chunk = worker.chunk
        if chunk is not None and chunk.seq == seq and chunk.group > 1 and worker.current() == index:
            self.feed(events.Reclaimed(worker=worker.id, seq=seq, kept=worker.part(index)))

    def harvest(self, worker: Worker) -> None:
        """Take what has ended in a worker's arena: into the store, then to the scheduler and to those who wait."""
        chunk = worker.chunk
        live = self.live.get(chunk.first) if chunk is not None else None
        if chunk is None or live is None:
            return
        chunk.looked = self.clock.monotonic()
        harvest = self._harvester.take(worker, live)
        if harvest is not None:
            self._harvested(worker, live, chunk.seq, harvest)

    def _harvested(self, worker: Worker, live: LiveArray, seq: int, harvest: Harvest) -> None:
        self.feed(events.Progress(worker=worker.id, seq=seq, codes=harvest.codes, seconds=harvest.seconds))
        if not live.finished:
            self._progressed(live)

    def harvest_all(self) -> None:
        """Take what has ended anywhere, so that an answer is of this moment."""
        for worker in list(self.workers.values()):
            self.harvest(worker)

    def _lose(self, worker: Worker, kind: events.LossKind, cause: Cause, status: int, words: dict[str, Any]) -> None:
        self.harvest(worker)
        running = worker.current()
        chunk = worker.chunk
        if chunk is not None and running is not None:
            self._last_words[chunk.first + chunk.start + running] = worker.remarks_so_far() | words
        self.workers.pop(worker.id, None)
        self.blocks.lose(worker.id)
        worker.close()
        self.feed(events.WorkerLost(worker=worker.id, kind=kind, running=running, cause=cause, status=status))
        self._look_drained()
        if chunk is not None and running is not None:
            self._last_words.pop(chunk.first + chunk.start + running, None)

    # --- effects -----------------------------------------------------------------------------------------------------

    def _start_worker(self, effect: effects.StartWorker) -> None:
        self._worker_ids += 1
        self._starting[self._worker_ids] = effect.pool
        try:
            self.supervisors.start_worker(self._worker_ids, self.pools[effect.pool], [])
        except BackendError as error:
            del self._starting[self._worker_ids]
            self.feed(events.WorkerStartFailed(pool=effect.pool, detail=str(error), permanent=True))

    def _retire_worker(self, effect: effects.RetireWorker) -> None:
        self.supervisors.signal(effect.worker, signal.SIGKILL)

    def _dispatch(self, effect: effects.Dispatch) -> None:
        worker = self.workers[effect.worker]
        self._dispatcher.send(worker, effect)
        if worker.chunk is not None:
            worker.chunk.looked = self.clock.monotonic()

    def _reclaim(self, effect: effects.Reclaim) -> None:
        worker = self.workers.get(effect.worker)
        if worker is not None and worker.chunk is not None and worker.chunk.seq == effect.seq:
            chunk = worker.chunk
            before = chunk.start + chunk.count
            kept = worker.reclaim(effect.keep)
            if not self._restartable(worker):
                self._not_started(chunk.first, chunk.start + kept, before, chunk.attempt)
            self._reclaimed.append(events.Reclaimed(worker=effect.worker, seq=effect.seq, kept=kept))

    def _shortened(self, worker: Worker) -> None:
        """Tell the scheduler that a worker was handed less than it decided."""
        chunk = worker.chunk
        if chunk is None:
            return
        event = events.Reclaimed(worker=worker.id, seq=chunk.seq, kept=chunk.count)
        if self._running:
            self._reclaimed.append(event)
        else:
            self.feed(event)

    def _unreadable(self, worker: Worker, error: StoreError) -> None:
        """End the items of a chunk whose content or arguments cannot be read; the worker was never told of them."""
        chunk = worker.chunk
        live = self.live.get(chunk.first) if chunk is not None else None
        if chunk is None or live is None:
            return
        count = chunk.count
        worker.shorten(0)
        worker.chunk = None
        _log.error("jobs %d to %d: %s", chunk.first + chunk.start, chunk.first + chunk.start + count - 1, error)
        if count:
            meta = {
                "cause": Cause(CauseKind.LOST, None, str(error)).to_list(),
                "exception": f"The job was lost: {error}",
            }
            record = outcome.encode_uniform(count, job.ERROR, meta=meta, attempt=chunk.attempt, now=self.clock.wall())
            self.committer.batch.put_ends(chunk.first, chunk.start, record, ())
            self._progressed(live)
        codes = bytes((job.ERROR,)) * count
        self.feed(events.Progress(worker=worker.id, seq=chunk.seq, codes=codes, seconds=0.0))
        self.feed(events.ChunkDone(worker=worker.id, seq=chunk.seq, retire=False))

    def _interrupt(self, effect: effects.Interrupt) -> None:
        worker = self.workers.get(effect.worker)
        if worker is None:
            return
        timed_out = effect.cause.kind is CauseKind.TIMEOUT
        reason = arena.KILLED_BY_TIMEOUT if timed_out else arena.KILLED_BY_USER
        worker.mark_kill(effect.seq, effect.index, reason, effect.cause.number or 0.0)
        self.supervisors.signal(effect.worker, signal.SIGINT)

    def _kill_worker(self, effect: effects.KillWorker) -> None:
        self._killed[effect.worker] = effect.cause
        self.supervisors.signal(effect.worker, signal.SIGKILL)

    def _ended(self, effect: effects.Ended) -> None:
        live = self.live.get(effect.first)
        if live is None:
            return
        meta: dict[str, Any] = {"cause": effect.cause.to_list()}
        if effect.stop - effect.start == 1:
            meta |= self._last_words.pop(effect.first + effect.start, {})
        if effect.cause.kind is CauseKind.LOST:
            meta["exception"] = f"The job was lost: {effect.cause.detail or 'its node, supervisor or host went'}"
        spool = meta.get("spool")
        if spool is not None:
            self._harvester.keep_spool(live, spool)
        record = outcome.encode_uniform(
            effect.stop - effect.start,
            effect.code,
            meta=meta,
            attempt=effect.attempt,
            now=self.clock.wall(),
            flags=outcome.RowFlag.SPOOLED if spool is not None else 0,
        )
        self.committer.batch.put_ends(effect.first, effect.start, record, ())
        self._progressed(live)

    def _array_finished(self, effect: effects.ArrayFinished) -> None:
        live = self.live.get(effect.first)
        if live is None:
            return
        live.finished = True
        self.committer.after(lambda: self.waiters.progressed(live.array.first, live.states, finished=True))
        # A restart finds out by itself that nothing is left to do: this need not be a commit of its own.
        self.committer.late_batch.put_finished(effect.first, Summary.of(live.states, self.clock.wall()))
        self.committer.after_late(lambda: self.live.remove(live.array.first))

    def _attempt_lost(self, effect: effects.AttemptLost) -> None:
        self.committer.batch.put_attempt(effect.first, effect.start, effect.stop, effect.attempt, started=False)

    def _refuse_block(self, effect: effects.RefuseBlock) -> None:
        self.blocks.refuse(
            effect.worker,
            f"{effect.blocked} jobs wait for other jobs already, and {effect.cap} may: this one cannot wait as well",
        )

    # --- time --------------------------------------------------------------------------------------------------------

    def _progressed(self, live: LiveArray) -> None:
        """Tell those who wait, once what has ended is kept."""
        self.committer.after(lambda: self.waiters.progressed(live.array.first, live.states, finished=False))

    def _arm(self) -> None:
        if self._look is None and any(worker.chunk is not None for worker in self.workers.values()):
            self._look = self._loop.call_later(LOOK, self._look_around)
        due = self.scheduler.next_deadline()
        if due == self._due:
            return
        self._due = due
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if due is not None:
            self._deadline = self._loop.call_later(max(0.0, due - self.clock.monotonic()), self._fall_due)

    def _fall_due(self) -> None:
        self._due = self._deadline = None
        self._tick()

    def _look_around(self) -> None:
        self._look = None
        now = self.clock.monotonic()
        for worker in list(self.workers.values()):
            # Most chunks have been announced before it is their turn.
            if worker.chunk is not None and now - worker.chunk.looked >= LOOK:
                self.harvest(worker)
            self._long_runs.look(worker)
        self._tick()

    def _tick(self) -> None:
        self.feed(events.Tick())

    def kill(self, ranges: list[JidRange] | None) -> None:
        """Kill jobs, all unfinished ones if `ranges` is None."""
        self.feed(events.KillRequested(ranges=tuple(ranges) if ranges is not None else None))
