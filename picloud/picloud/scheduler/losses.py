"""What becomes of a worker's items when it has gone."""

from __future__ import annotations

from picloud.exceptions import IllegalEventError
from picloud.model.cause import Cause, CauseKind
from picloud.model.job import ERROR, KILLED
from picloud.scheduler.effects import AttemptLost
from picloud.scheduler.events import LossKind, WorkerLost
from picloud.scheduler.kills import doom_of, end_doomed
from picloud.scheduler.ledger import Ledger
from picloud.scheduler.state import Chunk

TRIES = 3
"""So many losses under one item, or of workers that did not get as far as starting one, make an error of it."""


def worker_lost(ledger: Ledger, event: WorkerLost) -> None:
    """Forget a worker: its running item ends or is tried again, unstarted ones go back to the queue.

    Raises:
        IllegalEventError: the item that ran is said to be one that had ended or was not the worker's.
    """
    worker = ledger.workers.get(event.worker)
    if worker is None:
        return
    chunk = worker.chunk
    if chunk is None:
        ledger.drop_worker(worker)
        return
    if event.running is not None and not chunk.ended <= event.running < chunk.length:
        raise IllegalEventError(
            f"Worker {worker.id} is said to have run item {event.running} of a chunk of {chunk.length} items, of which "
            f"{chunk.ended} had ended",
            jid=chunk.array.first + chunk.start,
        )
    begin, length = chunk.ended, chunk.length
    ledger.shorten(chunk, begin)
    ledger.end_chunk(worker)
    ledger.drop_worker(worker)
    running = event.running
    if running is None and event.kind is LossKind.JOB and begin == 0 and length:
        running = _barren(chunk)
    _give_back(ledger, chunk, begin if running is None else running + 1, length)
    if running is not None:
        _give_back(ledger, chunk, begin, running)
        _end_running(ledger, chunk, chunk.start + running, event)
    end_doomed(ledger, chunk.array, chunk.doomed, chunk.start + begin, chunk.start + length)


def _barren(chunk: Chunk) -> int | None:
    """Count a worker that ended before it started an item; blame the first item when it happens again and again."""
    chunk.array.barren += 1
    if chunk.array.barren < TRIES:
        return None
    chunk.array.barren = 0
    return 0


def _give_back(ledger: Ledger, chunk: Chunk, low: int, high: int) -> None:
    ledger.give_back(chunk.array, chunk.start + low, chunk.start + high, chunk.attempt)


def _end_running(ledger: Ledger, chunk: Chunk, item: int, event: WorkerLost) -> None:
    array = chunk.array
    doomed = doom_of(chunk, item)
    if doomed is not None:
        ledger.end(array, item, item + 1, KILLED, doomed, chunk.attempt)
    elif chunk.condemned and array.restartable:
        # The doomed item ended at the last moment, and the next one of its ticket was hit in its stead.
        _try_again(ledger, chunk, item)
    elif event.kind is not LossKind.INFRASTRUCTURE:
        ledger.end(array, item, item + 1, event.status, event.cause, chunk.attempt)
    elif array.restartable and array.losses.get(item, 0) + 1 < TRIES:
        array.losses[item] = array.losses.get(item, 0) + 1
        _try_again(ledger, chunk, item)
    else:
        cause = event.cause if event.cause.kind is CauseKind.LOST else Cause(CauseKind.LOST, None, event.cause.detail)
        ledger.end(array, item, item + 1, ERROR, cause, chunk.attempt)


def _try_again(ledger: Ledger, chunk: Chunk, item: int) -> None:
    first = chunk.array.first
    ledger.effects.append(AttemptLost(first=first, start=item, stop=item + 1, attempt=chunk.attempt))
    ledger.give_back(chunk.array, item, item + 1, chunk.attempt + 1)
