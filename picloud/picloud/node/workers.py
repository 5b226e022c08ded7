"""The node's side of one worker: its socket, its tickets, its arena, the chunk that it runs."""

from __future__ import annotations

import asyncio
import fcntl
import mmap
import os
import socket
import struct
import termios
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from picloud.model import arena, outcome, remarks
from picloud.node.link import Link
from picloud.wire.channel import Received
from picloud.wire.descriptors import close_all

_INT = struct.Struct("i")
_read = arena.U64.unpack_from


@dataclass(slots=True)
class RunningChunk:
    """What a worker was handed."""

    seq: int
    """Its number on this worker."""
    first: int
    """The array's first jid."""
    start: int
    """Index in the array of its first item."""
    count: int
    """Items that are still the worker's: less after tickets were taken back."""
    attempt: int
    """Attempt of its items."""
    group: int
    """Items a ticket."""
    tickets: int
    """Tickets that are still the worker's."""
    harvested: int = 0
    """Items whose ends were copied."""
    looked: float = 0.0
    """When that was looked at last, on the monotonic clock."""
    worked: float = 0.0
    """Seconds from the chunk's start to the end of the last harvested item."""
    heap_from: int = 0
    """Where the next harvest's share of the heap begins."""
    base: int = 0
    """The arena's base at the last harvest."""
    noted: int = -1
    """Index in the chunk of the last item that the store knows to have started."""


@dataclass(frozen=True, slots=True)
class Harvest:
    """Ends that were copied out of an arena."""

    start: int
    """Index in the array of the first item."""
    record: bytes
    """An ends record (`model.outcome`)."""
    codes: bytes
    """Status codes."""
    seconds: float
    """Time that the worker spent on them."""
    flagged: bool
    """Whether any row has flags."""


class Worker:
    """A worker process as the node sees it."""

    __slots__ = (
        "_arena",
        "_err",
        "_out",
        "_ticket_reader",
        "_ticket_writer",
        "chunk",
        "holds",
        "id",
        "link",
        "pid",
        "pool",
    )

    def __init__(self, worker: int, pool: str, pid: int, link: Link, descriptors: Sequence[int]) -> None:
        """Own the link and the descriptors behind the socket: ticket reader, ticket writer, arena, stdout, stderr."""
        self.id = worker
        self.pool = pool
        self.pid = pid
        self.link = link
        self.chunk: RunningChunk | None = None
        self.holds: set[str] = set()
        self._ticket_reader, self._ticket_writer, arena_descriptor, self._out, self._err = descriptors
        os.set_blocking(self._ticket_reader, False)
        os.set_blocking(self._ticket_writer, False)
        self._arena = mmap.mmap(arena_descriptor, arena.SIZE)
        os.close(arena_descriptor)

    @staticmethod
    def connect(
        loop: asyncio.AbstractEventLoop,
        worker: int,
        pool: str,
        pid: int,
        descriptors: Sequence[int],
        said: Callable[[Worker, Received], None],
    ) -> Worker:
        """Take the descriptors of a started worker, its socket first; what it says goes to `said`.

        That its socket closed says nothing: its supervisor tells when it and its whole tree are gone.
        """
        sock = socket.socket(fileno=descriptors[0])
        handle: Worker
        link = Link(loop, sock, lambda received: said(handle, received), lambda: None)
        handle = Worker(worker, pool, pid, link, descriptors[1:])
        return handle

    def prepare(self, chunk: RunningChunk) -> None:
        """Take a chunk and write its tickets, so that they can be taken back at any time; its frame follows."""
        self.chunk = chunk
        os.write(self._ticket_writer, bytes((chunk.seq & 0xFF,)) * chunk.tickets)

    def unread_tickets(self) -> int:
        """Return how many tickets nobody has taken (FIONREAD, pipe(7))."""
        found: int = _INT.unpack(fcntl.ioctl(self._ticket_reader, termios.FIONREAD, bytes(_INT.size)))[0]
        return found

    def started(self) -> int:
        """Return how many items of the chunk have had their tickets taken."""
        chunk = self.chunk
        if chunk is None:
            return 0
        return min(chunk.count, (chunk.tickets - self.unread_tickets()) * chunk.group)

    def reclaim(self, keep: int | None) -> int:
        """Take back unstarted items, but leave at least `keep` items of the chunk; return how many stay the worker's."""
        chunk = self.chunk
        if chunk is None:
            return 0
        unread = self.unread_tickets()
        wanted = unread
        if keep is not None:
            wanted = min(unread, chunk.tickets - -(-keep // chunk.group))
        if wanted > 0:
            try:
                taken = len(os.read(self._ticket_reader, wanted))
            except BlockingIOError:
                taken = 0
            chunk.tickets -= taken
            if taken:
                chunk.count = min(chunk.count, chunk.tickets * chunk.group)
        return chunk.count

    def part(self, index: int) -> int:
        """Leave the worker nothing behind the item that runs, also of what shares its ticket; return how many items stay."""
        chunk = self.chunk
        if chunk is None:
            return 0
        chunk.count = min(self.reclaim(None), index + 1)
        return chunk.count

    def shorten(self, count: int) -> None:
        """Leave the worker only the first items of a chunk that it has not been sent yet."""
        chunk = self.chunk
        if chunk is None or chunk.count <= count:
            return
        surplus = chunk.tickets - -(-count // chunk.group)
        if surplus > 0:
            chunk.tickets -= len(os.read(self._ticket_reader, surplus))
        chunk.count = count

    def current(self) -> int | None:
        """Return the index within the chunk of the item that runs and has not ended, if one does."""
        chunk = self.chunk
        if chunk is None or self._u64(arena.SEQ) != chunk.seq:
            return None
        index: int = arena.I64.unpack_from(self._arena, arena.CURRENT)[0]
        return index if index >= self._u64(arena.BASE) + self._u64(arena.DONE) else None

    def current_started(self) -> float:
        """Return the Unix time at which the running item started."""
        found: float = arena.F64.unpack_from(self._arena, arena.CURRENT_STARTED)[0]
        return found

    def mark_kill(self, seq: int, index: int, reason: int, limit: float) -> None:
        """Tell the worker's signal handler which item a coming SIGINT is for."""
        arena.U64.pack_into(self._arena, arena.KILL_REASON, reason)
        arena.F64.pack_into(self._arena, arena.KILL_LIMIT, limit)
        arena.I64.pack_into(self._arena, arena.KILL_INDEX, index)
        arena.U64.pack_into(self._arena, arena.KILL_SEQ, seq)

    def harvest(self) -> Harvest | None:
        """Copy the ends that have been written since the last look."""
        chunk = self.chunk
        memory = self._arena
        if chunk is None or _read(memory, arena.SEQ)[0] != chunk.seq:
            return None
        # The worker clears DONE before it moves BASE, so BASE is read first: old rows are never taken for new ones.
        base: int = _read(memory, arena.BASE)[0]
        done: int = _read(memory, arena.DONE)[0]
        if base != chunk.base:
            chunk.base, chunk.heap_from = base, 0
        row_from = chunk.harvested - base
        if done <= row_from:
            return None
        size = outcome.ROW.size
        rows = memory[arena.ROWS_AT + row_from * size : arena.ROWS_AT + done * size]
        # The last row says where the heap of these items ends: HEAP_USED may already speak of the next one.
        _, _, _, offset, meta, result, started, runtime = outcome.ROW.unpack_from(rows, len(rows) - size)
        heap_to = offset + meta + result
        heap = memory[arena.HEAP_AT + chunk.heap_from : arena.HEAP_AT + heap_to]
        chunk_started: float = arena.F64.unpack_from(memory, arena.CHUNK_STARTED)[0]
        record = outcome.encode(
            rows, heap, attempt=chunk.attempt, worker=self.id, started=chunk_started, heap_base=chunk.heap_from
        )
        harvest = Harvest(
            start=chunk.start + chunk.harvested,
            record=record,
            codes=rows[::size],
            seconds=max(0.0, started + runtime - chunk.worked),
            flagged=bool(rows[1::size].strip(b"\0")),
        )
        chunk.harvested = base + done
        chunk.worked = started + runtime
        chunk.heap_from = heap_to
        return harvest

    def output_so_far(self, stream: str, limit: int) -> bytes:
        """Return what the running item has written to `stdout` or `stderr`: at most its last `limit` bytes."""
        descriptor = self._out if stream == "stdout" else self._err
        start = self._u64(arena.OUT_START if stream == "stdout" else arena.ERR_START)
        end = os.fstat(descriptor).st_size
        start = max(start, end - limit)
        return os.pread(descriptor, max(0, end - start), start)

    def remarks_so_far(self) -> dict[str, Any]:
        """Return what the running item has said of itself, as an ends record's meta has it."""
        chunk, index = self.chunk, self.current()
        if chunk is None or index is None:
            return {}
        progress = remarks.read(self._arena, arena.PROGRESS_AT, remarks.PROGRESS_ROOM, chunk.seq, index)
        log = remarks.read(self._arena, arena.LOG_AT, remarks.LOG_ROOM, chunk.seq, index)
        return remarks.facts(progress, log)

    def output_span(self) -> dict[str, list[int]]:
        """Return where the running item's output lies in the spools, as an ends record's meta has it."""
        spans = {}
        for key, descriptor, position in (("out", self._out, arena.OUT_START), ("err", self._err, arena.ERR_START)):
            start, end = self._u64(position), os.fstat(descriptor).st_size
            if end > start:
                spans[key] = [start, end - start]
        return spans

    def close(self) -> None:
        """Let go of everything."""
        self.link.close()
        close_all((self._ticket_reader, self._ticket_writer, self._out, self._err))
        self._arena.close()

    def _u64(self, position: int) -> int:
        found: int = _read(self._arena, position)[0]
        return found
