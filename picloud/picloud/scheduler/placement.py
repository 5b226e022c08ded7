"""Who runs next: woken jobs first, then chunks for idle workers, then workers for what finds none.

Slots are kept for workers that are being started, so that what is behind in the order does not take them meanwhile.
"""

from __future__ import annotations

from picloud.scheduler import chunks, stealing
from picloud.scheduler.effects import Dispatch, Resume, RetireWorker, StartWorker
from picloud.scheduler.ledger import Ledger
from picloud.scheduler.state import Array, Chunk, Doing, Lane, Pool, Worker
from picloud.scheduler.stealing import PATIENCE


def place(ledger: Ledger, now: float) -> None:
    """Use what is free, as well as can be."""
    _resume(ledger)
    if not ledger.draining:
        _fill_slots(ledger, now)
    # What was done here set it again, and needs no second look.
    ledger.dirty = False


def place_alone(ledger: Ledger, array: Array, now: float) -> bool:
    """Hand out an array of one item at once if nothing else wants to run and a worker is idle; return whether that was so.

    What `place` would do in that case, without the queue: most calls come so.
    """
    if array.unassigned != 1 or ledger.woken or ledger.draining or ledger.reserved or ledger.ready.best() is not None:
        return False
    worker = next(reversed(array.pool.idle.values()), None)
    if worker is None or array.cores > ledger.limits.slots - ledger.busy:
        return False
    _announce(ledger, ledger.assign(array, worker, 1, now), 1)
    return True


def _fill_slots(ledger: Ledger, now: float) -> None:
    if not ledger.running and not ledger.woken and ledger.ready.best() is None:
        # Nothing to hand out, nobody to take from.
        _trim(ledger)
        return
    # A woken job that finds no slot goes before all new work.
    served = not ledger.woken and _hand_out(ledger, now)
    _trim(ledger)
    if served:
        stealing.steal(ledger, now)
    else:
        _start_ahead(ledger, now)
        stealing.hurry(ledger, now)


def start_worker(ledger: Ledger, pool: Pool, cores: int, now: float) -> bool:
    """Start a worker if its pool may have one now, in the stead of the longest idle one of another pool if need be."""
    if now < pool.retry_at:
        return False
    if ledger.live >= ledger.limits.live_workers:
        other = next((worker for worker in ledger.idle.values() if worker.pool is not pool), None)
        if other is None:
            return False
        _retire(ledger, other)
    ledger.expect_worker(pool)
    ledger.effects.append(StartWorker(pool=pool.key, cores=cores))
    return True


def _resume(ledger: Ledger) -> None:
    """Let woken jobs go on in the order in which they woke."""
    while ledger.woken:
        worker = ledger.workers.get(ledger.woken[0])
        if worker is not None and worker.doing is Doing.WOKEN and worker.chunk is not None:
            if worker.chunk.array.cores > ledger.limits.slots - ledger.busy:
                return
            ledger.resume(worker, worker.chunk)
            ledger.effects.append(Resume(worker=worker.id))
        ledger.woken.popleft()


def _hand_out(ledger: Ledger, now: float) -> bool:
    """Hand out chunks in order; return whether nothing that is ready wants for slots."""
    skip: set[Lane] = set()
    served = True
    while True:
        free = ledger.limits.slots - ledger.busy - ledger.reserved
        if free <= 0:
            return ledger.ready.best() is None
        array = ledger.ready.pick(skip)
        if array is None:
            return served
        pool = array.pool
        if array.cores > free:
            served = False
            if now - ledger.passed.setdefault(array.lane, now) >= PATIENCE:
                return served
            skip.add(array.lane)
        elif pool.idle:
            _dispatch(ledger, array, next(reversed(pool.idle.values())), now)
        elif pool.reserved < pool.starting or (
            pool.starting < pool.ready and start_worker(ledger, pool, array.cores, now)
        ):
            ledger.reserve(pool, array.cores)
        else:
            skip.add(array.lane)


def _dispatch(ledger: Ledger, array: Array, worker: Worker, now: float) -> None:
    size, group = chunks.plan(array, ledger.limits)
    _announce(ledger, ledger.hand_out(array, worker, size, now), group)


def _announce(ledger: Ledger, chunk: Chunk, group: int) -> None:
    ledger.effects.append(
        Dispatch(
            worker=chunk.worker,
            seq=chunk.seq,
            first=chunk.array.first,
            start=chunk.start,
            stop=chunk.start + chunk.length,
            attempt=chunk.attempt,
            group=group,
        )
    )


def _start_ahead(ledger: Ledger, now: float) -> None:
    """Start the first worker of a pool while it still waits for slots, so that it is there when one gets free."""
    # While slots are taken some pool has workers, so that one pool alone needs no look.
    array = ledger.ready.pick() if len(ledger.pools) > 1 else None
    if array is not None and not array.pool.workers and not array.pool.starting:
        start_worker(ledger, array.pool, array.cores, now)


def _trim(ledger: Ledger) -> None:
    """Retire workers that are too many, since blocked ones have come back."""
    while ledger.live > ledger.limits.live_workers and ledger.idle:
        _retire(ledger, next(iter(ledger.idle.values())))


def _retire(ledger: Ledger, worker: Worker) -> None:
    ledger.drop_worker(worker)
    ledger.effects.append(RetireWorker(worker=worker.id))
