"""The scheduler: one event in, its effects out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from picloud.exceptions import IllegalEventError, UnknownJobError
from picloud.model.cause import Cause, CauseKind
from picloud.model.job import BY_CODE, ERROR, Status
from picloud.scheduler import arrivals, chunks, invariants, kills, losses, placement, stealing, transitions
from picloud.scheduler.effects import ArrayFinished, Effect, RefuseBlock, Resume
from picloud.scheduler.events import (
    ArraySubmitted,
    Blocked,
    ChunkDone,
    Draining,
    Event,
    KillRequested,
    Progress,
    Reclaimed,
    Tick,
    TimedOut,
    Woken,
    WorkerLost,
    WorkerStarted,
    WorkerStartFailed,
)
from picloud.scheduler.ledger import Ledger
from picloud.scheduler.state import Array, Chunk, Doing, Limits, Worker

__all__ = ["Counts", "Limits", "Scheduler"]

FIRST_RETRY = 0.1
"""Seconds after which a worker's start that failed is tried again; they double each time."""
LAST_RETRY = 30.0
"""Most such seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What there is at one moment."""

    arrays: int
    """Arrays with items that have not ended."""
    items: dict[Status, int]
    """Items of those arrays, by status."""
    slots: int
    """Slots that there are."""
    busy_slots: int
    """Slots that running items take."""
    idle: int
    """Workers without a chunk."""
    busy: int
    """Workers that run one."""
    blocked: int
    """Workers whose jobs wait for other jobs, or to be resumed."""
    starting: int
    """Workers that are being started."""


class Scheduler:
    """Decides which items run where and when; it learns of the world by events alone."""

    def __init__(self, limits: Limits) -> None:
        """Begin with no arrays and no workers.

        Raises:
            IllegalEventError: there is not one slot, so that nothing could ever run.
        """
        if limits.slots < 1:
            raise IllegalEventError("A scheduler needs at least one slot")
        self._ledger = Ledger(limits)
        self._finished: dict[int, bytearray] = {}
        self._handlers: dict[type, Callable[[Any, float], None]] = {
            ArraySubmitted: self._array_submitted,
            WorkerStarted: self._worker_started,
            WorkerStartFailed: self._worker_start_failed,
            Progress: self._progress,
            ChunkDone: self._chunk_done,
            Reclaimed: self._reclaimed,
            WorkerLost: lambda event, _: losses.worker_lost(self._ledger, event),
            KillRequested: lambda event, now: kills.kill_requested(self._ledger, event, now),
            TimedOut: lambda event, now: kills.timed_out(self._ledger, event, now),
            Blocked: self._blocked,
            Woken: self._woken,
            Tick: self._tick,
            Draining: self._draining,
        }

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take in an event at a time, in seconds of a clock that never goes back, and return what is to be done, in order.

        Raises:
            IllegalEventError: the event cannot be; the scheduler is not to be used any more.
            DependencyError: an array depends on jids that are not known; nothing was changed.
        """
        ledger = self._ledger
        if self._finished:
            self._finished.clear()
        self._handlers[type(event)](event, now)
        due = ledger.deadlines.next()
        if due is not None and due <= now:
            self._fall_due(now)
        if ledger.ended:
            self._draw_consequences()
        if ledger.dirty:
            placement.place(ledger, now)
        effects, ledger.effects = ledger.effects, []
        return effects

    def statuses(self, first: int) -> bytearray:
        """Return the live status codes of an array's items, not to be changed; a finished array's until the next event.

        Of the items that a worker was handed the first unfinished one is processing, the others are queued.

        Raises:
            UnknownJobError: there is no such array.
        """
        array = self._ledger.arrays.get(first)
        statuses = array.statuses if array is not None else self._finished.get(first)
        if statuses is None:
            raise UnknownJobError(f"The scheduler knows no array {first}", jid=first)
        return statuses

    def arrays(self) -> list[int]:
        """Return the first jids of the arrays that have unfinished items, in order."""
        return list(self._ledger.firsts)

    def next_deadline(self) -> float | None:
        """Return by when a `Tick` is needed if no other event comes, in `handle`'s time; None: never."""
        return self._ledger.deadlines.next()

    def counts(self) -> Counts:
        """Count what there is, for people; the cost grows with the items."""
        ledger = self._ledger
        arrays = ledger.arrays.values()
        return Counts(
            arrays=len(ledger.arrays),
            items={status: sum(array.statuses.count(code) for array in arrays) for code, status in enumerate(BY_CODE)},
            slots=ledger.limits.slots,
            busy_slots=ledger.busy,
            idle=len(ledger.idle),
            busy=len(ledger.running),
            blocked=ledger.waiting_inside,
            starting=sum(pool.starting for pool in ledger.pools.values()),
        )

    def check_invariants(self) -> None:
        """Compare all tables with each other.

        Raises:
            AssertionError: they do not agree.
        """
        invariants.check(self._ledger)

    # --- arrays ------------------------------------------------------------------------------------------------------

    def _array_submitted(self, event: ArraySubmitted, now: float) -> None:
        array = arrivals.submitted(self._ledger, event)
        if array is not None and not placement.place_alone(self._ledger, array, now):
            self._ledger.make_ready(array)

    # --- workers -----------------------------------------------------------------------------------------------------

    def _worker_started(self, event: WorkerStarted, _now: float) -> None:
        ledger = self._ledger
        if event.worker in ledger.workers:
            raise IllegalEventError(f"Worker {event.worker} has started twice")
        pool = ledger.pool(event.pool)
        pool.failures, pool.retry_at = 0, 0.0
        ledger.deadlines.clear(("pool", pool.key))
        ledger.unexpect_worker(pool)
        ledger.add_worker(Worker(id=event.worker, pool=pool))

    def _worker_start_failed(self, event: WorkerStartFailed, now: float) -> None:
        ledger = self._ledger
        pool = ledger.pool(event.pool)
        ledger.unexpect_worker(pool)
        if event.permanent:
            cause = Cause(CauseKind.LOST, None, event.detail)
            for array in ledger.arrays.values():
                if array.pool is pool and not array.pending:
                    ledger.end_unassigned(array, 0, array.count, ERROR, cause)
        else:
            pool.retry_at = now + min(FIRST_RETRY * 2**pool.failures, LAST_RETRY)
            pool.failures += 1
            ledger.deadlines.set(("pool", pool.key), pool.retry_at)
        ledger.prune(pool)

    def _blocked(self, event: Blocked, _now: float) -> None:
        ledger = self._ledger
        worker = ledger.workers.get(event.worker)
        if worker is None or worker.chunk is None or worker.doing is not Doing.BUSY:
            return
        cap = ledger.limits.blocked_cap
        if ledger.waiting_inside >= cap:
            ledger.effects.append(RefuseBlock(worker=worker.id, blocked=ledger.waiting_inside, cap=cap))
            return
        ledger.block(worker, worker.chunk)
        stealing.reclaim(ledger, worker.chunk, None)
        if worker.chunk.asked:
            # What comes back may have to go first, so that the slots are given away with the answer.
            ledger.dirty = False

    def _woken(self, event: Woken, _now: float) -> None:
        worker = self._ledger.workers.get(event.worker)
        if worker is None:
            return
        if worker.doing is Doing.BLOCKED:
            self._ledger.wake(worker)
        elif worker.doing is Doing.BUSY:
            self._ledger.effects.append(Resume(worker=worker.id))

    # --- chunks ------------------------------------------------------------------------------------------------------

    def _present(self, worker_id: int, seq: int) -> tuple[Worker, Chunk] | None:
        """Return a worker and its chunk, unless the event is late."""
        worker = self._ledger.workers.get(worker_id)
        if worker is None or worker.chunk is None or worker.chunk.seq != seq:
            return None
        return worker, worker.chunk

    def _progress(self, event: Progress, now: float) -> None:
        present = self._present(event.worker, event.seq)
        if present is None or not event.codes:
            return
        chunk = present[1]
        array = chunk.array
        start = chunk.start + chunk.ended
        ended = chunk.ended + len(event.codes)
        if ended > chunk.length:
            raise IllegalEventError(
                f"Worker {event.worker} ended {ended} items of a chunk of {chunk.length}", jid=array.first + start
            )
        transitions.finish(array, start, event.codes)
        chunk.ended = ended
        chunk.touched = now
        array.barren = 0
        chunks.measure(array, len(event.codes), event.seconds)
        self._ledger.note_ends(array, start, chunk.start + ended)
        self._ledger.mark_running(chunk)
        if chunk.aim is not None and kills.first_doomed(chunk) is None:
            self._ledger.deadlines.clear(("kill", chunk.worker))
        kills.pursue(self._ledger, chunk, now)

    def _chunk_done(self, event: ChunkDone, _now: float) -> None:
        present = self._present(event.worker, event.seq)
        if present is None:
            return
        worker, chunk = present
        if chunk.ended != chunk.length:
            raise IllegalEventError(
                f"Worker {worker.id} is done, but {chunk.ended} of its {chunk.length} items have ended",
                jid=chunk.array.first + chunk.start + chunk.ended,
            )
        chunk.array.proven = max(chunk.array.proven, chunk.ended)
        self._ledger.end_chunk(worker)
        # A worker whose SIGKILL is on its way would take an innocent item with it.
        if event.retire or chunk.condemned:
            self._ledger.drop_worker(worker)
        else:
            self._ledger.rest(worker)

    def _reclaimed(self, event: Reclaimed, now: float) -> None:
        present = self._present(event.worker, event.seq)
        if present is None:
            return
        chunk = present[1]
        if not chunk.ended <= event.kept <= chunk.length:
            raise IllegalEventError(
                f"Worker {event.worker} keeps {event.kept} of {chunk.length} items, of which {chunk.ended} have ended",
                jid=chunk.array.first + chunk.start,
            )
        end = chunk.start + chunk.length
        stealing.answered(self._ledger, chunk, event.kept)
        if chunk.doomed:
            kills.end_doomed(self._ledger, chunk.array, chunk.doomed, chunk.start + event.kept, end)
            kills.pursue(self._ledger, chunk, now)
        self._ledger.dirty = True

    # --- time, and what follows from ends ----------------------------------------------------------------------------

    def _tick(self, _event: Tick, _now: float) -> None:
        self._ledger.dirty = True

    def _draining(self, _event: Draining, _now: float) -> None:
        self._ledger.draining = True
        for chunk in self._ledger.running.values():
            stealing.reclaim(self._ledger, chunk, None)

    def _fall_due(self, now: float) -> None:
        for kind, about in self._ledger.deadlines.due(now):
            if kind == "kill" and isinstance(about, int):
                kills.grace_over(self._ledger, about)
            self._ledger.dirty = True

    def _draw_consequences(self) -> None:
        """Tell dependents of ends, whose own ends join the queue: chains of any length are worked off, not recursed into."""
        ledger = self._ledger
        while ledger.ended:
            array, start, stop = ledger.ended.popleft()
            if not array.left and array.first in ledger.arrays:
                ledger.effects.append(ArrayFinished(first=array.first))
                self._finished[array.first] = array.statuses
                ledger.forget_array(array)
            if array.watches is not None:
                for notice in array.watches.ended(start, stop, array.statuses):
                    self._notify(ledger.arrays.get(notice.dependent), array.first, notice.failed)

    def _notify(self, dependent: Array | None, first: int, failed: int | None) -> None:
        if dependent is None or not dependent.pending or not dependent.left:
            return
        if failed is None:
            arrivals.satisfied(self._ledger, dependent)
        elif not dependent.ignores_errors:
            arrivals.stall(self._ledger, dependent, first + failed)
