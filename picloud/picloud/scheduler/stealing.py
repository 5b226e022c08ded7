"""Taking unstarted items back: for idle workers the half of a tail, for what is urgent a whole one."""

from __future__ import annotations

from picloud.scheduler import chunks
from picloud.scheduler.effects import Reclaim
from picloud.scheduler.ledger import Ledger
from picloud.scheduler.state import Chunk, Limits

PATIENCE = 60.0
"""Seconds for which smaller jobs may pass one that waits for more slots than are free."""
_AGAIN = ("steal", 0)
"""The deadline at which tails are looked at again."""
_RARELY = 1.0
"""Most seconds between looks at a tail of which nothing could be taken."""
_DOUBLINGS = 64
"""How often the time between such looks doubles at most: a number that grew for ever would no longer be one of seconds."""


def reclaim(ledger: Ledger, chunk: Chunk, keep: int | None) -> None:
    """Want unstarted items of a chunk back, unless an answer is awaited: then the rest is wanted after it."""
    if keep is None:
        if chunk.stripped:
            return
        chunk.strip = True
    if not chunk.asked:
        chunk.asked, chunk.asked_all = True, keep is None
        ledger.effects.append(Reclaim(worker=chunk.worker, seq=chunk.seq, keep=keep))


def answered(ledger: Ledger, chunk: Chunk, kept: int) -> None:
    """Put what was taken back into the queue, and ask again if more was wanted meanwhile."""
    length = chunk.length
    ledger.shorten(chunk, kept)
    ledger.give_back(chunk.array, chunk.start + kept, chunk.start + length, chunk.attempt)
    chunk.fruitless = chunk.fruitless + 1 if kept == length else 0
    chunk.stripped = chunk.asked_all
    chunk.asked = chunk.asked_all = False
    if chunk.strip and not chunk.stripped:
        reclaim(ledger, chunk, None)


def hurry(ledger: Ledger, now: float) -> None:
    """Cut short as many running chunks as woken jobs, and ready items of strictly better priority, want slots."""
    woken = _woken_cores(ledger) if ledger.woken else 0
    best = ledger.ready.best()
    worse = [chunk for chunk in ledger.running.values() if woken or (best is not None and chunk.array.priority > best)]
    if not worse:
        return
    worse.sort(key=lambda chunk: -chunk.array.priority)
    supply = ledger.limits.slots - ledger.busy
    supply += sum(chunk.array.cores for chunk in worse if chunk.strip or chunk.stripped)
    for chunk in worse:
        wanted = woken + _urgent_cores(ledger, chunk.array.priority, now)
        if min(wanted, ledger.limits.slots) <= supply:
            return
        if chunks.tail(chunk) and not chunk.strip and not chunk.stripped:
            reclaim(ledger, chunk, None)
            supply += chunk.array.cores


def _woken_cores(ledger: Ledger) -> int:
    workers = map(ledger.workers.get, ledger.woken)
    return sum(worker.chunk.array.cores for worker in workers if worker is not None and worker.chunk is not None)


def _urgent_cores(ledger: Ledger, priority: int, now: float) -> int:
    """Return the cores that ready items of better priority could use if they were free.

    Not those of pools whose workers cannot start, nor of what others may pass: it would take back what has just been handed out
    in their stead, for ever.
    """
    cores = 0
    for lane, wanted in ledger.ready.wanted_before(priority):
        pool = ledger.pools[lane[0]]
        passed = lane in ledger.passed and now - ledger.passed[lane] < PATIENCE
        if not passed and (pool.idle or pool.starting or now >= pool.retry_at):
            cores += wanted
    return cores


def steal(ledger: Ledger, now: float) -> None:
    """Where slots and no work are left for a pool, take half of the tail that holds the most work.

    Workers tell of ended items at least every `chunk_seconds`, so that one which has been silent for longer is inside a long
    item, and each item behind it counts as that long.  Without an idle worker the tail must be worth the start of one.
    """
    free = ledger.limits.slots - ledger.busy - ledger.reserved
    ledger.deadlines.clear(_AGAIN)
    if free <= 0 or ledger.woken:
        return
    best: dict[str, tuple[float, int, Chunk]] = {}
    again: float | None = None
    for chunk in ledger.running.values():
        array = chunk.array
        if chunk.stripped or chunk.asked or array.pool.ready or array.cores > free or not chunks.tail(chunk):
            continue
        keep, worth, next_look = _worth(chunk, ledger.limits, now)
        enough = ledger.limits.min_tail_seconds if array.pool.idle else ledger.limits.chunk_seconds
        if worth > enough:
            if array.pool.key not in best or worth > best[array.pool.key][0]:
                best[array.pool.key] = (worth, keep, chunk)
        else:
            again = next_look if again is None else min(again, next_look)
    for _, keep, chunk in best.values():
        chunk.robbed_at = now
        reclaim(ledger, chunk, keep)
    if again is not None:
        ledger.deadlines.set(_AGAIN, again)


def _worth(chunk: Chunk, limits: Limits, now: float) -> tuple[int, float, float]:
    """Return how many items to leave, the seconds of work in the tail, and when to look again if that is too little."""
    silent = now - chunk.touched
    mean = chunk.array.mean or silent
    if silent <= limits.chunk_seconds:
        over = chunk.ended + (int(silent / mean) if mean else 0)
        each = mean
    else:
        over = chunk.ended
        each = max(mean, silent)
    tail = max(0, chunk.length - over - 1)
    next_look = max(now + limits.min_tail_seconds, chunk.touched + limits.chunk_seconds)
    again_at = chunk.robbed_at + min(limits.min_tail_seconds * 2 ** min(chunk.fruitless, _DOUBLINGS), _RARELY)
    if now < again_at:
        return chunk.length, 0.0, again_at
    return chunk.length - (tail + 1) // 2, tail * each, next_look
