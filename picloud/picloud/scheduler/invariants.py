"""What holds between events, recomputed from scratch: for tests, and for a person who doubts."""

from __future__ import annotations

from itertools import pairwise

from picloud.model.job import PROCESSING, QUEUED, WAITING, is_finished
from picloud.scheduler.ledger import Ledger
from picloud.scheduler.state import Array, Doing, Pool


def check(ledger: Ledger) -> None:
    """Compare all tables with each other.

    Raises:
        AssertionError: they do not agree; the message says where.
    """
    _check(not ledger.ended and not ledger.effects, "an event was not worked off")
    _check(ledger.firsts == sorted(ledger.arrays), "arrays by jid")
    for array in ledger.arrays.values():
        _check_array(ledger, array)
    _check_workers(ledger)
    for pool in ledger.pools.values():
        _check_pool(ledger, pool)
    _check_sums(ledger)


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def _check_array(ledger: Ledger, array: Array) -> None:
    """Every unfinished item is in exactly one place: in one range of the queue or in one chunk."""
    name = f"array {array.first}: "
    spans = [(start, stop) for start, stop, _ in array.ranges]
    _check(array.unassigned == sum(stop - start for start, stop in spans), name + "items in the queue")
    for chunk in array.chunks.values():
        _check(chunk.array is array, name + "whose chunk")
        _check(0 <= chunk.ended <= chunk.length, name + "length of a chunk")
        _check(0 <= chunk.start <= chunk.start + chunk.length <= array.count, name + "place of a chunk")
        begin, end = chunk.start + chunk.ended, chunk.start + chunk.length
        spans.append((begin, end))
        head = array.statuses[begin : min(begin + 1, end)]
        _check(all(code == PROCESSING for code in head), name + "the first unfinished item of a chunk is processing")
        _check(all(code == QUEUED for code in array.statuses[begin + 1 : end]), name + "the others are queued")
    code = WAITING if array.pending else QUEUED
    for start, stop, attempt in array.ranges:
        _check(start < stop and attempt >= 1, name + "a range")
        _check(array.statuses.count(code, start, stop) == stop - start, name + f"items in the queue are {code}")
    spans = sorted(span for span in spans if span[0] < span[1])
    _check(all(left[1] <= right[0] for left, right in pairwise(spans)), name + "an item is twice")
    unfinished = sum(not is_finished(code) for code in array.statuses)
    _check(sum(stop - start for start, stop in spans) == unfinished == array.left, name + "an item is lost")
    _check(array.left > 0, name + "it has ended and is not forgotten")
    _check(not (array.pending and array.chunks), name + "it waits and runs")
    _check(ledger.pools.get(array.pool.key) is array.pool, name + "its pool")


def _check_workers(ledger: Ledger) -> None:
    for worker in ledger.workers.values():
        name = f"worker {worker.id}: "
        idle = worker.doing is Doing.IDLE
        _check(idle == (worker.chunk is None), name + "an idle worker has no chunk, others have one")
        _check(idle == (worker.id in ledger.idle) == (worker.id in worker.pool.idle), name + "tables of the idle")
        _check((worker.doing is Doing.BUSY) == (worker.id in ledger.running), name + "table of the running")
        if worker.chunk is not None:
            _check(worker.chunk.array.chunks.get(worker.id) is worker.chunk, name + "its array knows its chunk")
            _check(worker.chunk.seq == worker.seq, name + "its chunk's number")
        if worker.doing is Doing.WOKEN:
            _check(worker.id in ledger.woken, name + "it is woken and stands in no queue")


def _check_pool(ledger: Ledger, pool: Pool) -> None:
    name = f"pool {pool.key}: "
    arrays = [array for array in ledger.arrays.values() if array.pool is pool]
    _check(pool.arrays == len(arrays), name + "arrays")
    _check(pool.ready == sum(array.unassigned for array in arrays if not array.pending), name + "ready items")
    _check(pool.workers == sum(worker.pool is pool for worker in ledger.workers.values()), name + "workers")
    _check(0 <= pool.reserved <= pool.starting, name + "slots are kept for workers that are being started")
    _check(bool(pool.arrays or pool.workers or pool.starting), name + "nobody needs it")


def _check_sums(ledger: Ledger) -> None:
    limits = ledger.limits
    pools = ledger.pools.values()
    _check(ledger.busy == sum(chunk.array.cores for chunk in ledger.running.values()), "busy slots")
    _check(0 <= ledger.busy <= limits.slots, "more slots are busy than there are")
    _check(ledger.reserved == sum(pool.reserved_cores for pool in pools), "kept slots")
    _check(len(ledger.idle) == sum(len(pool.idle) for pool in pools), "idle workers")
    away = sum(worker.doing in (Doing.BLOCKED, Doing.WOKEN) for worker in ledger.workers.values())
    _check(ledger.waiting_inside == away <= limits.blocked_cap, "workers that wait inside")
    live = len(ledger.workers) - away + sum(pool.starting for pool in pools)
    _check(ledger.live == live, "live workers")
    _check(live <= limits.live_workers or not ledger.idle, "more workers live than may")
    for chunk in ledger.running.values():
        known = ledger.arrays.get(chunk.array.first) is chunk.array
        _check(known or chunk.ended == chunk.length, f"array {chunk.array.first} is forgotten and runs")
    wanted = sum(array.unassigned * array.cores for array in ledger.arrays.values() if not array.pending)
    _check(sum(cores for _, cores in ledger.ready.wanted_before(1 << 62)) == wanted, "what is ready")
    _check(all(ledger.pools[pool].ready for pool, _ in ledger.passed), "lanes that are passed and want nothing")
    _check((ledger.ready.pick() is None) == (wanted == 0), "something is ready and not found")
