"""The node's side of a worker: tickets that can be taken back at any time, ends that are read while it works."""

from __future__ import annotations

import asyncio
import mmap
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from picloud.model import arena, job, outcome
from picloud.node.workers import RunningChunk, Worker


@dataclass
class Peer:
    """What the worker process would hold: both ends of a real pipe, a real arena, a real socket."""

    worker: Worker
    tickets: int
    memory: mmap.mmap
    socket: socket.socket

    def take(self) -> bool:
        """Take one ticket as a worker does."""
        try:
            return len(os.read(self.tickets, 1)) == 1
        except BlockingIOError:
            return False

    def end(self, index: int, payload: bytes, *, started: float, runtime: float, base: int = 0) -> None:
        """Write one row, as a worker does."""
        used = arena.U64.unpack_from(self.memory, arena.HEAP_USED)[0]
        row = index - base
        at = arena.HEAP_AT + used
        self.memory[at : at + len(payload)] = payload
        outcome.ROW.pack_into(
            self.memory, arena.ROWS_AT + row * outcome.ROW.size, job.DONE, 0, 0, used, 0, len(payload), started, runtime
        )
        arena.U64.pack_into(self.memory, arena.HEAP_USED, used + len(payload))
        arena.U64.pack_into(self.memory, arena.DONE, row + 1)


@pytest.fixture
def peer() -> Iterator[Peer]:
    loop = asyncio.new_event_loop()
    ours, theirs = socket.socketpair()
    reader, writer = os.pipe()
    memory = os.memfd_create("arena")
    os.ftruncate(memory, arena.SIZE)
    spool = os.memfd_create("spool")
    mapped = mmap.mmap(memory, arena.SIZE)
    descriptors = [ours.detach(), os.dup(reader), writer, memory, os.dup(spool), spool]
    worker = Worker.connect(loop, 7, "pool", 1, descriptors, lambda worker, received: None)
    yield Peer(worker, reader, mapped, theirs)
    worker.close()
    mapped.close()
    theirs.close()
    os.close(reader)
    loop.close()


def _chunk(count: int, group: int = 1) -> RunningChunk:
    return RunningChunk(seq=1, first=100, start=10, count=count, attempt=1, group=group, tickets=-(-count // group))


def _begin(peer: Peer, chunk: RunningChunk) -> None:
    peer.worker.prepare(chunk)
    arena.U64.pack_into(peer.memory, arena.SEQ, chunk.seq)
    arena.I64.pack_into(peer.memory, arena.CURRENT, -1)


def test_all_tickets_can_be_taken_back_before_the_worker_begins(peer: Peer) -> None:
    peer.worker.prepare(_chunk(5))
    assert peer.worker.reclaim(None) == 0
    assert not peer.take()


def test_what_was_taken_stays_the_workers(peer: Peer) -> None:
    peer.worker.prepare(_chunk(5))
    assert peer.take()
    assert peer.take()
    assert peer.worker.started() == 2
    assert peer.worker.reclaim(None) == 2
    assert not peer.take()


def test_a_part_can_be_left(peer: Peer) -> None:
    peer.worker.prepare(_chunk(5))
    assert peer.worker.reclaim(3) == 3
    assert [peer.take() for _ in range(4)] == [True, True, True, False]


def test_groups_are_taken_back_whole(peer: Peer) -> None:
    peer.worker.prepare(_chunk(10, group=4))
    assert peer.take()
    assert peer.worker.started() == 4
    assert peer.worker.reclaim(None) == 4
    peer.worker.prepare(_chunk(10, group=4))
    assert [peer.take() for _ in range(4)] == [True, True, True, False]
    assert peer.worker.started() == 10


def test_ends_are_harvested_once_and_in_order(peer: Peer) -> None:
    _begin(peer, _chunk(3))
    assert peer.worker.harvest() is None
    peer.end(0, b"one", started=0.0, runtime=0.5)
    peer.end(1, b"three", started=0.5, runtime=0.25)
    harvest = peer.worker.harvest()
    assert harvest is not None
    assert (harvest.start, harvest.codes, harvest.seconds) == (10, bytes((job.DONE, job.DONE)), 0.75)
    ends = outcome.decode(harvest.record)
    assert [bytes(ends.payload(ends.row(index))) for index in range(2)] == [b"one", b"three"]
    assert peer.worker.harvest() is None
    peer.end(2, b"four", started=1.0, runtime=1.0)
    harvest = peer.worker.harvest()
    assert harvest is not None
    assert harvest.start == 12
    ends = outcome.decode(harvest.record)
    assert bytes(ends.payload(ends.row(0))) == b"four"


def test_harvest_goes_on_after_the_arena_began_anew(peer: Peer) -> None:
    _begin(peer, _chunk(4))
    peer.end(0, b"aa", started=0.0, runtime=0.1)
    assert peer.worker.harvest() is not None
    arena.U64.pack_into(peer.memory, arena.DONE, 0)
    arena.U64.pack_into(peer.memory, arena.HEAP_USED, 0)
    arena.U64.pack_into(peer.memory, arena.BASE, 1)
    peer.end(1, b"bb", started=0.1, runtime=0.1, base=1)
    harvest = peer.worker.harvest()
    assert harvest is not None
    assert harvest.start == 11
    ends = outcome.decode(harvest.record)
    assert bytes(ends.payload(ends.row(0))) == b"bb"


def test_the_running_item_is_the_one_that_has_no_end_yet(peer: Peer) -> None:
    _begin(peer, _chunk(2))
    assert peer.worker.current() is None
    arena.I64.pack_into(peer.memory, arena.CURRENT, 0)
    assert peer.worker.current() == 0
    peer.end(0, b"", started=0.0, runtime=0.1)
    assert peer.worker.current() is None
