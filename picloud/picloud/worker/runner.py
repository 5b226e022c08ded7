"""The inner loop: items of a chunk run one after the other, and their ends go into the arena.

An item that prints nothing, raises nothing and returns something small costs about two microseconds here: no frame, no lock, no
object of its own.  Everything else leaves the loop by `_settle`.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, time
from typing import Any

from picloud.model import arena as layout
from picloud.model import job, running
from picloud.model.outcome import ROW, RowFlag
from picloud.model.running import RunningJob
from picloud.wire import payload as payloads
from picloud.worker import endings
from picloud.worker.arena import Arena
from picloud.worker.cargo import Items
from picloud.worker.kills import Flags, KilledException, Kills
from picloud.worker.results import NONE, SIMPLE, Encoder
from picloud.worker.spool import Streams
from picloud.worker.tickets import Tickets

ANNOUNCE_SECONDS = 0.05
"""Time without a word to the node after which ends are announced."""
_SMALL = 4096
_SLOW = 0.0001


@dataclass(frozen=True, slots=True)
class Task:
    """A chunk, ready to run."""

    seq: int
    """Its number on this worker."""
    first: int
    """Jid of its first item."""
    count: int
    """Items."""
    group: int
    """Items a ticket."""
    attempt: int
    """Which attempt of the items this is."""
    function: Callable[..., Any]
    """What is called for each, with the item's elements as positional arguments."""
    items: Items
    """The arguments."""
    max_output: int
    """Bytes kept of each stream of an item; 0 is no limit."""
    max_result: int
    """Most bytes of a result; 0 is no limit."""
    trace: bool
    """Whether a result that cannot be pickled is searched for the culprit."""


@dataclass(frozen=True, slots=True)
class Outlet:
    """How the runner speaks to the node."""

    announce: Callable[[int], None]
    """Say that ends of the chunk lie in the arena."""
    roll: Callable[[int], None]
    """Have the arena emptied; return when it is."""


class Runner:
    """Runs the chunks of one worker."""

    __slots__ = ("_arena", "_encoder", "_flags", "_kills", "_outlet", "_streams", "_tickets", "_worker")

    def __init__(
        self,
        worker: int,
        arena: Arena,
        tickets: Tickets,
        streams: Streams,
        flags: Flags,
        kills: Kills,
        encoder: Encoder,
        outlet: Outlet,
    ) -> None:
        """Work with the parts of one worker."""
        self._worker = worker
        self._arena = arena
        self._tickets = tickets
        self._streams = streams
        self._flags = flags
        self._kills = kills
        self._encoder = encoder
        self._outlet = outlet

    def run(self, task: Task) -> int:
        """Run items for as long as there are tickets; return how many were run.

        Raises:
            ProtocolError: if a ticket is not of this chunk.
            OSError: if the node is gone.
        """
        arena, streams, flags = self._arena, self._streams, self._flags
        self._encoder.limit, self._encoder.trace = task.max_result, task.trace
        started, zero = time(), perf_counter()
        shift = started - zero
        streams.skip()
        arena.begin(task.seq, started, task.max_output)
        arena.note_output(streams.out_start, streams.err_start)
        self_job = running.current = RunningJob(task.first, task.attempt, self._worker)

        # Everything that the loop touches is a local name.
        take, seq, count, group, first = self._tickets.take, task.seq, task.count, task.group, task.first
        function, load, blob, offsets = task.function, task.items.load, task.items.blob, task.items.offsets
        encode, dumps, simple, check = self._encoder.encode, pickle.dumps, SIMPLE, self._kills.check
        integers, floats, memory, pack_row = arena.integers, arena.floats, arena.memory, ROW.pack_into
        current, current_started, done_at = layout.CURRENT // 8, layout.CURRENT_STARTED // 8, layout.DONE // 8
        row_size, rows_at, heap_at, done_code = ROW.size, layout.ROWS_AT, layout.HEAP_AT, job.DONE
        small = min(_SMALL, task.max_result) if task.max_result else _SMALL
        heap_end, row_end = heap_at + layout.HEAP_SIZE - _SMALL, rows_at + layout.ROW_CAPACITY * row_size
        clock, seek, end_of_file = perf_counter, os.lseek, os.SEEK_END
        out, err, out_start, err_start = streams.out, streams.err, streams.out_start, streams.err_start
        # Output that C code holds back is looked for after every slow item, and after every item with a ticket of its own.
        slow = _SLOW if group > 1 else -1.0
        at, heap, row = rows_at, heap_at, 0
        announce_at = zero + ANNOUNCE_SECONDS
        index = stop = 0
        now = clock()
        while stop < count and take(seq):
            start, stop = stop, min(count, stop + group)
            for index in range(start, stop):
                failure: BaseException | None = None
                try:
                    try:
                        integers[current] = index
                        floats[current_started] = now + shift
                        flags.running = True
                        if flags.before:
                            check(index)
                        self_job.jid = first + index
                        value = function(*load(blob[offsets[index] : offsets[index + 1]]))
                        if value is None:
                            payload = NONE
                        elif type(value) in simple:
                            payload = dumps(value, 5)
                        else:
                            payload = encode(value)
                            value = None
                        flags.running = False
                    except BaseException as error:
                        flags.running = False
                        failure, value, payload = error, None, b""
                except KilledException as error:
                    # It came while the item's own exception was on its way.
                    failure, value, payload = error, None, b""
                end = clock()
                length = len(payload)
                if (
                    flags.after
                    or failure is not None
                    or end - now > slow
                    or length > small
                    or seek(out, 0, end_of_file) != out_start
                    or seek(err, 0, end_of_file) != err_start
                    or heap > heap_end
                    or at == row_end
                ):
                    arena.row, arena.heap = row, heap - heap_at
                    self._settle(task, payload, failure, now - zero, end - now)
                    row, heap = arena.row, arena.heap + heap_at
                    at = rows_at + row * row_size
                    out_start, err_start = streams.out_start, streams.err_start
                    failure = None
                    now = clock()
                else:
                    pack_row(memory, at, done_code, 0, 0, heap - heap_at, 0, length, now - zero, end - now)
                    tail = heap + length
                    memory[heap:tail] = payload
                    heap = tail
                    at += row_size
                    row += 1
                    integers[done_at] = row
                    now = end
                if now > announce_at:
                    self._outlet.announce(seq)
                    announce_at = now + ANNOUNCE_SECONDS
        arena.row, arena.heap = row, heap - heap_at
        arena.end()
        running.current = None
        streams.flush()
        return stop

    def _settle(
        self, task: Task, payload: bytes, failure: BaseException | None, started: float, runtime: float
    ) -> None:
        """Write the end of an item that needs more than a plain row."""
        flags, streams = self._flags, self._streams
        streams.flush()
        if flags.forked:
            _leave(failure)
        killed, flags.killed, flags.after = flags.killed, False, False
        row_flags = 0
        if failure is None and not killed:
            try:
                if self._encoder.in_segment:
                    row_flags = RowFlag.RESULT_SEGMENT
                elif len(payload) >= payloads.SEGMENT_THRESHOLD or 0 < task.max_result < len(payload):
                    payload = self._encoder.arrange(payload)
                    row_flags = RowFlag.RESULT_SEGMENT if self._encoder.in_segment else 0
            except Exception as error:
                failure = error
        self._encoder.in_segment = False
        facts: dict[str, Any] = {}
        status = job.DONE
        if killed or failure is not None:
            status = job.KILLED if killed else job.ERROR
            facts = endings.meta(failure, self._kills.cause() if killed else None)
            content = endings.pickled(failure) if failure is not None and not killed else None
            payload, row_flags = (content, RowFlag.EXCEPTION_PICKLED) if content is not None else (b"", 0)
        output = streams.take(task.max_output)
        if "spool" in output:
            row_flags |= RowFlag.SPOOLED
        facts |= output
        self._write(
            task.seq, status, int(row_flags), endings.encode_meta(facts) if facts else b"", payload, started, runtime
        )

    def _write(
        self, seq: int, status: int, row_flags: int, meta: bytes, payload: bytes, started: float, runtime: float
    ) -> None:
        arena = self._arena
        need = len(meta) + len(payload)
        if arena.row == layout.ROW_CAPACITY or arena.heap + need > layout.HEAP_SIZE:
            arena.end()
            self._outlet.roll(seq)
            arena.roll()
        at = layout.HEAP_AT + arena.heap
        ROW.pack_into(
            arena.memory,
            layout.ROWS_AT + arena.row * ROW.size,
            status,
            row_flags,
            0,
            arena.heap,
            len(meta),
            len(payload),
            started,
            runtime,
        )
        arena.memory[at : at + need] = meta + payload
        arena.note_output(self._streams.out_start, self._streams.err_start)
        arena.heap += need
        arena.row += 1
        arena.integers[layout.HEAP_USED // 8] = arena.heap
        arena.integers[layout.DONE // 8] = arena.row


def _leave(failure: BaseException | None) -> None:
    """End a process that job code forked and that came back here: only the worker itself may go on."""
    status = 0
    if isinstance(failure, SystemExit):
        status = failure.code if isinstance(failure.code, int) else int(failure.code is not None)
    elif failure is not None:
        os.write(2, endings.describe(failure).encode(errors="replace"))
        status = 1
    os._exit(status & 0xFF)
