"""Killing: at once what nobody runs; what runs is interrupted, and its worker killed when that does not help.

Before an item of a chunk is interrupted, everything unstarted is taken back, so that its neighbours come to no harm.
"""

from __future__ import annotations

from picloud.model.cause import Cause, CauseKind
from picloud.model.job import KILLED
from picloud.scheduler.effects import Interrupt, KillWorker
from picloud.scheduler.events import KillRequested, TimedOut
from picloud.scheduler.ledger import Ledger
from picloud.scheduler.state import Array, Chunk
from picloud.scheduler.stealing import reclaim

GRACE = 1.0
"""Seconds between the interrupt and SIGKILL."""


def kill_requested(ledger: Ledger, event: KillRequested, now: float) -> None:
    """End what the event names."""
    if event.ranges is None:
        targets = [(array, 0, array.count) for array in ledger.arrays.values()]
    else:
        targets = [target for span in event.ranges for target in ledger.within(span)]
    for array, start, stop in targets:
        ledger.end_unassigned(array, start, stop, KILLED, event.cause)
        for chunk in list(array.chunks.values()):
            doom(ledger, chunk, start, stop, event.cause, now)


def timed_out(ledger: Ledger, event: TimedOut, now: float) -> None:
    """End an item that ran for too long, if it still does."""
    worker = ledger.workers.get(event.worker)
    chunk = worker.chunk if worker is not None else None
    if chunk is None or chunk.seq != event.seq or not chunk.ended <= event.index < chunk.length:
        return
    item = chunk.start + event.index
    doom(ledger, chunk, item, item + 1, Cause(CauseKind.TIMEOUT, chunk.array.max_runtime), now)


def doom(ledger: Ledger, chunk: Chunk, start: int, stop: int, cause: Cause, now: float) -> None:
    """Let those items of a range that are in a chunk and have not ended be killed."""
    start, stop = max(start, chunk.start + chunk.ended), min(stop, chunk.start + chunk.length)
    if start >= stop or any(low <= start and stop <= high for low, high, _ in chunk.doomed):
        return
    chunk.doomed.append((start, stop, cause))
    reclaim(ledger, chunk, None)
    pursue(ledger, chunk, now)


def pursue(ledger: Ledger, chunk: Chunk, now: float) -> None:
    """Interrupt the first doomed item that a worker may be running; once more when it is known to be the running one."""
    if not chunk.doomed or not chunk.stripped:
        return
    found = first_doomed(chunk)
    if found is None:
        return
    item, cause = found
    aim = (item, item == chunk.start + chunk.ended)
    if aim != chunk.aim:
        chunk.aim = aim
        ledger.effects.append(Interrupt(worker=chunk.worker, seq=chunk.seq, index=item - chunk.start, cause=cause))
        ledger.deadlines.set(("kill", chunk.worker), now + GRACE)


def grace_over(ledger: Ledger, worker_id: int) -> None:
    """Kill the worker whose item did not heed the interrupt; not if another item than that one runs in it."""
    worker = ledger.workers.get(worker_id)
    chunk = worker.chunk if worker is not None else None
    found = first_doomed(chunk) if chunk is not None else None
    if chunk is not None and found is not None and chunk.aim == (found[0], True):
        chunk.condemned = True
        ledger.effects.append(KillWorker(worker=worker_id, cause=found[1]))


def first_doomed(chunk: Chunk) -> tuple[int, Cause] | None:
    """Return the first unfinished item of a chunk that is to be killed, and why."""
    low, high = chunk.start + chunk.ended, chunk.start + chunk.length
    found: tuple[int, Cause] | None = None
    for start, stop, cause in chunk.doomed:
        item = max(start, low)
        if item < min(stop, high) and (found is None or item < found[0]):
            found = (item, cause)
    return found


def doom_of(chunk: Chunk, item: int) -> Cause | None:
    """Return why an item of a chunk is to be killed, if it is."""
    return next((cause for start, stop, cause in chunk.doomed if start <= item < stop), None)


def end_doomed(ledger: Ledger, array: Array, doomed: list[tuple[int, int, Cause]], start: int, stop: int) -> None:
    """End those doomed items of a range that have come back into the queue."""
    for low, high, cause in doomed:
        if max(low, start) < min(high, stop):
            ledger.end_unassigned(array, max(low, start), min(high, stop), KILLED, cause)
