"""The inner loop: items of a chunk run one after the other, and their ends go into the arena.

An item that prints nothing, raises nothing and returns something small costs about two microseconds here: no frame, no lock, no
object of its own.  Everything else leaves the loop by `_settle`.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter, time
from typing import Any

from picloud.exceptions import ProtocolError
from picloud.model import arena as layout
from picloud.model import job, running
from picloud.model.outcome import ROW, RowFlag
from picloud.model.running import RunningJob
from picloud.wire import payload as payloads
from picloud.worker import depickling, endings
from picloud.worker.arena import Arena
from picloud.worker.cargo import Items
from picloud.worker.kills import Flags, KilledException, Kills
from picloud.worker.profiling import Profiler
from picloud.worker.remarks import Remarks
from picloud.worker.results import NONE, SIMPLE, Encoder
from picloud.worker.spool import Streams
from picloud.worker.tickets import Tickets

ANNOUNCE_SECONDS = 0.05
"""Time without a word to the node after which ends are announced."""
_SMALL = 4096
_SLOW = 0.0001
_LATE = 0.1
"""Seconds that items of one ticket may take together before the rest, which may be as slow, goes to whoever is free."""


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
    level: int
    """`_fast_serialization`: how results are pickled."""
    label: str = ""
    """The job's label."""
    profiler: Profiler | None = None
    """What keeps the profile of each item, if they are profiled."""


@dataclass(frozen=True, slots=True)
class Outlet:
    """How the runner speaks to the node."""

    announce: Callable[[int], None]
    """Say that ends of the chunk lie in the arena."""
    roll: Callable[[int], None]
    """Have the arena emptied; return when it is."""


class Runner:
    """Runs the chunks of one worker."""

    __slots__ = (
        "_arena",
        "_encoder",
        "_flags",
        "_kills",
        "_outlet",
        "_place",
        "_remarks",
        "_streams",
        "_tickets",
        "_worker",
    )

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
        remarks: Remarks,
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
        self._remarks = remarks
        self._place = (0, -1)
        os.register_at_fork(before=self._before_fork)

    def run(self, task: Task) -> int:
        """Run items for as long as there are tickets; return how many were run.

        Raises:
            ProtocolError: if a ticket is not of this chunk, or stands for more items than the arena has rows.
            OSError: if the node is gone.
        """
        if task.group > layout.ROW_CAPACITY:
            raise ProtocolError(f"A ticket for {task.group} items is larger than the arena")
        arena, streams, flags = self._arena, self._streams, self._flags
        self._encoder.limit, self._encoder.level = task.max_result, task.level
        started, zero = time(), perf_counter()
        shift = started - zero
        flags.parted = False
        streams.begin()
        arena.begin(task.seq, started, task.max_output)
        arena.note_output(streams.out_start, streams.err_start)
        part = partial(self._part, task) if task.group > 1 else None
        running.current = RunningJob(
            task.first, task.attempt, self._worker, arena.current, task.label, self._remarks, part
        )

        # Everything that the loop touches is a local name.
        take, seq, count, group = self._tickets.take, task.seq, task.count, task.group
        function, load, blob, offsets = task.function, task.items.load, task.items.blob, task.items.offsets
        encode, dumps, simple, check = self._encoder.encode, pickle.dumps, SIMPLE, self._kills.check
        integers, floats, memory, pack_row = arena.integers, arena.floats, arena.memory, ROW.pack_into
        current, current_started, done_at = layout.CURRENT // 8, layout.CURRENT_STARTED // 8, layout.DONE // 8
        row_size, rows_at, heap_at, done_code = ROW.size, layout.ROWS_AT, layout.HEAP_AT, job.DONE
        clock, seek, end_of_file, flush_held = perf_counter, os.lseek, os.SEEK_END, streams.flush_held
        out, err, out_start, err_start = streams.out, streams.err, streams.out_start, streams.err_start
        # A group begins only where the rows and small results of all its items have room, so that no item has to look.
        small = min(_SMALL, layout.HEAP_SIZE // 2 // group, task.max_result or _SMALL)
        heap_end = layout.HEAP_SIZE - small * group
        row_end = layout.ROW_CAPACITY - group
        # Output that C code holds back is looked for after every slow item, and after every item with a ticket of its own.
        slow = _SLOW if group > 1 else -1.0
        at, heap, row = rows_at, heap_at, 0
        announce_at = zero + ANNOUNCE_SECONDS
        stop = item_from = 0
        failure: BaseException | None = None
        now = clock()
        while stop < count and take(seq):
            if row > row_end or heap - heap_at > heap_end:
                arena.row, arena.heap = row, heap - heap_at
                self._roll(seq)
                at, heap, row = rows_at, heap_at, 0
            start, stop = stop, min(count, stop + group)
            late = now + _LATE
            floats[current_started] = now + shift
            for index, item_to in enumerate(offsets[start + 1 : stop + 1], start):
                integers[current] = index
                if flags.before and flags.parted:
                    # A thread of an earlier item has left this one to other workers.
                    flags.parted = False
                    stop = count = index
                    break
                try:
                    try:
                        flags.running = True
                        if flags.before:
                            check(index)
                        value = function(*load(blob[item_from:item_to]))
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
                        failure, value, payload, flags.after = error, None, b"", True
                except KilledException as error:
                    # It came while the item's own exception was on its way.
                    failure, value, payload, flags.after = error, None, b"", True
                item_from = item_to
                end = clock()
                if end - now > slow:
                    flush_held()
                    floats[current_started] = end + shift
                    if group > 1 and end > late:
                        flags.parted = flags.after = True
                length = len(payload)
                if (
                    flags.after
                    or length > small
                    or seek(out, 0, end_of_file) != out_start
                    or seek(err, 0, end_of_file) != err_start
                ):
                    arena.row, arena.heap = row, heap - heap_at
                    self._settle(task, payload, failure, now - zero, end - now)
                    if arena.heap > heap_end:
                        self._roll(seq)
                    row, heap = arena.row, arena.heap + heap_at
                    at = rows_at + row * row_size
                    out_start, err_start = streams.out_start, streams.err_start
                    failure = None
                    now = clock()
                    floats[current_started] = now + shift
                    if now > announce_at and index + 1 < count:
                        self._outlet.announce(seq)
                        announce_at = now + ANNOUNCE_SECONDS
                    if flags.parted:
                        flags.parted = False
                        stop = count = index + 1
                        break
                else:
                    pack_row(memory, at, done_code, 0, 0, heap - heap_at, 0, length, now - zero, end - now)
                    tail = heap + length
                    memory[heap:tail] = payload
                    heap = tail
                    at += row_size
                    row += 1
                    integers[done_at] = row
                    now = end
            if now > announce_at and stop < count:
                # The chunk's own end is announced by its last message.
                self._outlet.announce(seq)
                announce_at = now + ANNOUNCE_SECONDS
        arena.row, arena.heap = row, heap - heap_at
        arena.end()
        running.current = None
        flush_held()
        streams.end()
        return stop

    def _part(self, task: Task) -> tuple[int, int]:
        """Be the running job's `part`, in whichever of its threads.

        The flags are set first, and the index is read then: the loop ends behind the item that it names, or before one that had
        just begun, which the node then finds not run.
        """
        flags = self._flags
        if not flags.forked:
            flags.parted = flags.after = flags.before = True
            self._place = task.seq, self._arena.current()
        return self._place

    def _before_fork(self) -> None:
        """Part before job code forks: its child cannot stop this loop, but tell the node what was left."""
        job = running.current
        if job is not None and job.part is not None:
            job.part()

    def _roll(self, seq: int) -> None:
        self._arena.end()
        self._outlet.roll(seq)
        self._arena.roll()

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
        elif failure is not None and not killed:
            current = self._arena.integers[layout.CURRENT // 8]
            failure = depickling.explained(failure, task.function, task.items, current)
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
        facts |= self._remarks.take()
        if task.profiler is not None:
            facts |= task.profiler.take()
        self._write(
            task.seq, status, int(row_flags), endings.encode_meta(facts) if facts else b"", payload, started, runtime
        )

    def _write(
        self, seq: int, status: int, row_flags: int, meta: bytes, payload: bytes, started: float, runtime: float
    ) -> None:
        arena = self._arena
        need = len(meta) + len(payload)
        if arena.row == layout.ROW_CAPACITY or arena.heap + need > layout.HEAP_SIZE:
            self._roll(seq)
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
