"""All tables of one scheduler, and the moves that keep their sums right.  Nothing is decided here.

Every change of who has which items, and of what a worker is doing, goes through a method of `Ledger`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterator

from picloud.model.cause import Cause
from picloud.model.ids import JidRange
from picloud.model.job import PROCESSING, QUEUED
from picloud.scheduler import chunks, transitions
from picloud.scheduler.deadlines import Deadlines
from picloud.scheduler.effects import Effect, Ended
from picloud.scheduler.ready_queue import ReadyQueue
from picloud.scheduler.state import Array, Chunk, Doing, Lane, Limits, Pool, Worker


class Ledger:
    """The tables."""

    __slots__ = (
        "arrays",
        "busy",
        "deadlines",
        "dirty",
        "draining",
        "effects",
        "ended",
        "firsts",
        "idle",
        "limits",
        "live",
        "passed",
        "pools",
        "ready",
        "reserved",
        "running",
        "waiting_inside",
        "woken",
        "workers",
    )

    def __init__(self, limits: Limits) -> None:
        """Begin with no arrays and no workers."""
        self.limits = limits
        self.arrays: dict[int, Array] = {}
        self.firsts: list[int] = []
        """First jids of `arrays`, in order."""
        self.pools: dict[str, Pool] = {}
        self.workers: dict[int, Worker] = {}
        self.idle: dict[int, Worker] = {}
        """Idle workers of all pools, the one that worked last at the end."""
        self.running: dict[int, Chunk] = {}
        """Chunks that take slots, by worker."""
        self.woken: deque[int] = deque()
        """Workers that want to go on, in order; some may be gone."""
        self.busy = 0
        """Slots that running items take."""
        self.reserved = 0
        """Slots that are kept for workers which are being started."""
        self.live = 0
        """Unblocked workers, those that are being started included."""
        self.waiting_inside = 0
        """Workers that are blocked or woken."""
        self.passed: dict[Lane, float] = {}
        """Since when smaller jobs pass those that want more slots than are free, by lane."""
        self.draining = False
        self.ready = ReadyQueue(self.arrays)
        self.deadlines = Deadlines()
        self.effects: list[Effect] = []
        """Answer to the present event, so far."""
        self.ended: deque[tuple[Array, int, int]] = deque()
        """Ends whose consequences have not been drawn."""
        self.dirty = False
        """Whether something has changed that placement must look at."""

    # --- arrays ------------------------------------------------------------------------------------------------------

    def pool(self, key: str) -> Pool:
        """Return a pool, which begins to exist when it is first named."""
        pool = self.pools.get(key)
        if pool is None:
            pool = self.pools[key] = Pool(key=key)
        return pool

    def add_array(self, array: Array) -> None:
        """Take a new array."""
        self.arrays[array.first] = array
        insort(self.firsts, array.first)
        array.pool.arrays += 1

    def forget_array(self, array: Array) -> None:
        """Drop an array all of whose items have ended."""
        del self.arrays[array.first]
        del self.firsts[bisect_left(self.firsts, array.first)]
        array.pool.arrays -= 1
        self.prune(array.pool)

    def array_of(self, jid: int) -> Array | None:
        """Return the array that a jid belongs to, if it has unfinished items."""
        at = bisect_right(self.firsts, jid) - 1
        array = self.arrays[self.firsts[at]] if at >= 0 else None
        return array if array is not None and jid < array.first + array.count else None

    def within(self, span: JidRange) -> Iterator[tuple[Array, int, int]]:
        """Yield the arrays that a range of jids meets, and which of their items."""
        start, stop = span
        at = max(0, bisect_right(self.firsts, start) - 1)
        while at < len(self.firsts) and self.firsts[at] < stop:
            array = self.arrays[self.firsts[at]]
            low, high = max(start - array.first, 0), min(stop - array.first, array.count)
            if low < high:
                yield array, low, high
            at += 1

    def make_ready(self, array: Array) -> None:
        """Let the items of an array that waits for nothing (any more) run."""
        if array.unassigned:
            self._ready(array, array.unassigned)

    def give_back(self, array: Array, start: int, stop: int, attempt: int) -> None:
        """Put items that a worker did not run back into the queue."""
        if start < stop:
            chunks.give_back(array, start, stop, attempt)
            array.unassigned += stop - start
            self._ready(array, stop - start)

    def end_unassigned(self, array: Array, start: int, stop: int, code: int, cause: Cause) -> None:
        """End those items of a range that nobody was handed."""
        for low, high, attempt in chunks.cut(array, start, stop):
            array.unassigned -= high - low
            if not array.pending:
                self._ready(array, low - high)
            self.end(array, low, high, code, cause, attempt)

    def end(self, array: Array, start: int, stop: int, code: int, cause: Cause, attempt: int) -> None:
        """End items that are in nobody's hands now."""
        transitions.move(array, start, stop, code)
        self.effects.append(
            Ended(first=array.first, start=start, stop=stop, code=code, cause=cause, attempt=attempt),
        )
        self.note_ends(array, start, stop)

    def note_ends(self, array: Array, start: int, stop: int) -> None:
        """Count ends, and keep them for drawing their consequences."""
        array.left -= stop - start
        if array.watches is not None or not array.left:
            self.ended.append((array, start, stop))

    # --- chunks ------------------------------------------------------------------------------------------------------

    def hand_out(self, array: Array, worker: Worker, size: int, now: float) -> Chunk:
        """Give an idle worker the next items of an array that is ready."""
        chunk = self.assign(array, worker, size, now)
        self._ready(array, -chunk.length)
        self.ready.served(array)
        self.passed.pop(array.lane, None)
        return chunk

    def assign(self, array: Array, worker: Worker, size: int, now: float) -> Chunk:
        """Give an idle worker the array's next items, of which the ready queue does not know, or is told by the caller."""
        start, stop, attempt = chunks.take(array, size)
        array.unassigned -= stop - start
        self._leave_idle(worker)
        worker.seq += 1
        chunk = Chunk(
            worker=worker.id,
            array=array,
            seq=worker.seq,
            start=start,
            length=stop - start,
            attempt=attempt,
            touched=now,
        )
        worker.chunk = array.chunks[worker.id] = chunk
        worker.doing = Doing.BUSY
        self.running[worker.id] = chunk
        self.busy += array.cores
        self.mark_running(chunk)
        return chunk

    def mark_running(self, chunk: Chunk) -> None:
        """Note the first unfinished item of a chunk as processing."""
        if chunk.ended < chunk.length:
            at = chunk.start + chunk.ended
            transitions.move(chunk.array, at, at + 1, PROCESSING)

    def shorten(self, chunk: Chunk, length: int) -> None:
        """Take the items behind a chunk's first `length` from its worker; the caller gives them to somebody."""
        if length <= chunk.ended < chunk.length:
            at = chunk.start + chunk.ended
            transitions.move(chunk.array, at, at + 1, QUEUED)
        chunk.length = length

    def end_chunk(self, worker: Worker) -> None:
        """Take a chunk off its worker's and its array's hands, and free its slots."""
        chunk = worker.chunk
        if chunk is None:
            return
        if worker.doing is Doing.BUSY:
            self._free(worker, chunk)
        else:
            self.waiting_inside -= 1
            self.live += 1
        worker.chunk = None
        del chunk.array.chunks[worker.id]
        if chunk.aim is not None:
            self.deadlines.clear(("kill", worker.id))
        self.dirty = True

    # --- workers -----------------------------------------------------------------------------------------------------

    def add_worker(self, worker: Worker) -> None:
        """Take a new worker, idle."""
        self.workers[worker.id] = worker
        worker.pool.workers += 1
        self.live += 1
        self.rest(worker)

    def rest(self, worker: Worker) -> None:
        """Let a worker without a chunk wait for one."""
        worker.doing = Doing.IDLE
        self.idle[worker.id] = worker.pool.idle[worker.id] = worker
        self.dirty = True

    def drop_worker(self, worker: Worker) -> None:
        """Forget a worker without a chunk."""
        if worker.id in self.idle:
            self._leave_idle(worker)
        del self.workers[worker.id]
        worker.pool.workers -= 1
        self.live -= 1
        self.dirty = True
        self.prune(worker.pool)

    def block(self, worker: Worker, chunk: Chunk) -> None:
        """Free the slots of a worker whose job waits."""
        self._free(worker, chunk)
        worker.doing = Doing.BLOCKED
        self.live -= 1
        self.waiting_inside += 1
        self.dirty = True

    def wake(self, worker: Worker) -> None:
        """Let a blocked worker wait for slots."""
        worker.doing = Doing.WOKEN
        self.woken.append(worker.id)
        self.dirty = True

    def resume(self, worker: Worker, chunk: Chunk) -> None:
        """Give a woken worker its slots again."""
        worker.doing = Doing.BUSY
        self.running[worker.id] = chunk
        self.busy += chunk.array.cores
        self.live += 1
        self.waiting_inside -= 1

    def expect_worker(self, pool: Pool) -> None:
        """Count a worker that is being started."""
        pool.starting += 1
        self.live += 1

    def reserve(self, pool: Pool, cores: int) -> None:
        """Keep slots for a worker that is being started."""
        pool.reserved += 1
        pool.reserved_cores += cores
        self.reserved += cores

    def unexpect_worker(self, pool: Pool) -> None:
        """Stop counting a worker that was being started, if one was, and free what was kept for it."""
        if not pool.starting:
            return
        pool.starting -= 1
        self.live -= 1
        if pool.reserved:
            share = pool.reserved_cores // pool.reserved
            pool.reserved -= 1
            pool.reserved_cores -= share
            self.reserved -= share
        self.dirty = True

    def prune(self, pool: Pool) -> None:
        """Forget a pool that nobody needs."""
        if not (pool.arrays or pool.workers or pool.starting):
            self.pools.pop(pool.key, None)
            self.deadlines.clear(("pool", pool.key))

    def _free(self, worker: Worker, chunk: Chunk) -> None:
        del self.running[worker.id]
        self.busy -= chunk.array.cores

    def _leave_idle(self, worker: Worker) -> None:
        del self.idle[worker.id]
        del worker.pool.idle[worker.id]

    def _ready(self, array: Array, items: int) -> None:
        array.pool.ready += items
        self.ready.adjust(array, items)
        if self.passed and not array.pool.ready:
            for lane in [lane for lane in self.passed if lane[0] == array.pool.key]:
                del self.passed[lane]
        self.dirty = True
