"""A worker of which only the node's side runs: the other ends of its pipe, arena, spools and socket are the test's."""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from picloud.model import arena, job, outcome
from picloud.node.workers import RunningChunk, Worker


def chunk_of(count: int, group: int = 1, *, first: int = 100, start: int = 10) -> RunningChunk:
    """Return a chunk to be handed out."""
    return RunningChunk(
        seq=1, first=first, start=start, count=count, attempt=1, group=group, tickets=-(-count // group)
    )


@dataclass
class Peer:
    """What the worker process would hold: both ends of a real pipe, a real arena, a real socket."""

    worker: Worker
    tickets: int
    memory: mmap.mmap
    socket: socket.socket
    out: int
    err: int

    def begin(self, chunk: RunningChunk) -> None:
        """Hand out a chunk, and begin it as a worker does."""
        self.worker.prepare(chunk)
        arena.U64.pack_into(self.memory, arena.SEQ, chunk.seq)
        self.run(-1)

    def run(self, index: int) -> None:
        """Say which item runs, and that its output begins here."""
        arena.I64.pack_into(self.memory, arena.CURRENT, index)
        for position, spool in ((arena.OUT_START, self.out), (arena.ERR_START, self.err)):
            arena.U64.pack_into(self.memory, position, os.fstat(spool).st_size)

    def take(self) -> bool:
        """Take one ticket as a worker does."""
        try:
            return len(os.read(self.tickets, 1)) == 1
        except BlockingIOError:
            return False

    def end(
        self,
        index: int,
        payload: bytes = b"",
        *,
        status: int = job.DONE,
        flags: int = 0,
        meta: dict[str, Any] | None = None,
        started: float = 0.0,
        runtime: float = 0.0,
        base: int = 0,
    ) -> None:
        """Write one row, as a worker does."""
        used = arena.U64.unpack_from(self.memory, arena.HEAP_USED)[0]
        row = index - base
        text = json.dumps(meta).encode() if meta else b""
        at, length = arena.HEAP_AT + used, len(text) + len(payload)
        self.memory[at : at + length] = text + payload
        position = arena.ROWS_AT + row * outcome.ROW.size
        outcome.ROW.pack_into(self.memory, position, status, flags, 0, used, len(text), len(payload), started, runtime)
        arena.U64.pack_into(self.memory, arena.HEAP_USED, used + length)
        arena.U64.pack_into(self.memory, arena.DONE, row + 1)


@contextmanager
def open_peer() -> Iterator[Peer]:
    """Make a worker's handle and the other ends of everything that it holds."""
    loop = asyncio.new_event_loop()
    ours, theirs = socket.socketpair()
    reader, writer = os.pipe()
    memory = os.memfd_create("arena")
    os.ftruncate(memory, arena.SIZE)
    out, err = (os.memfd_create(name) for name in ("out", "err"))
    mapped = mmap.mmap(memory, arena.SIZE)
    descriptors = [ours.detach(), os.dup(reader), writer, memory, os.dup(out), os.dup(err)]
    worker = Worker.connect(loop, 7, "pool", 1, descriptors, lambda worker, received: None)
    try:
        yield Peer(worker, reader, mapped, theirs, out, err)
    finally:
        worker.close()
        mapped.close()
        theirs.close()
        for descriptor in (reader, out, err):
            os.close(descriptor)
        loop.close()
