"""The node's side of a worker: tickets that can be taken back at any time, ends that are read while it works."""

from __future__ import annotations

import os

from picloud.model import arena, job, outcome

from .peer import Peer, chunk_of


def test_all_tickets_can_be_taken_back_before_the_worker_begins(peer: Peer) -> None:
    peer.worker.prepare(chunk_of(5))
    assert peer.worker.reclaim(None) == 0
    assert not peer.take()


def test_what_was_taken_stays_the_workers(peer: Peer) -> None:
    peer.worker.prepare(chunk_of(5))
    assert peer.take()
    assert peer.take()
    assert peer.worker.started() == 2
    assert peer.worker.reclaim(None) == 2
    assert not peer.take()


def test_a_part_can_be_left(peer: Peer) -> None:
    peer.worker.prepare(chunk_of(5))
    assert peer.worker.reclaim(3) == 3
    assert [peer.take() for _ in range(4)] == [True, True, True, False]


def test_groups_are_taken_back_whole(peer: Peer) -> None:
    peer.worker.prepare(chunk_of(10, group=4))
    assert peer.take()
    assert peer.worker.started() == 4
    assert peer.worker.reclaim(None) == 4
    peer.worker.prepare(chunk_of(10, group=4))
    assert [peer.take() for _ in range(4)] == [True, True, True, False]
    assert peer.worker.started() == 10


def test_ends_are_harvested_once_and_in_order(peer: Peer) -> None:
    peer.begin(chunk_of(3))
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
    peer.begin(chunk_of(4))
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
    peer.begin(chunk_of(2))
    assert peer.worker.current() is None
    arena.I64.pack_into(peer.memory, arena.CURRENT, 0)
    assert peer.worker.current() == 0
    peer.end(0, b"", started=0.0, runtime=0.1)
    assert peer.worker.current() is None


def test_a_worker_can_be_left_the_item_that_runs_alone(peer: Peer) -> None:
    peer.begin(chunk_of(20, group=5))
    assert peer.take()
    assert peer.worker.part(2) == 3
    assert peer.worker.unread_tickets() == 0
    assert peer.worker.reclaim(None) == 3
    assert peer.worker.part(4) == 3
    peer.worker.chunk = None
    assert peer.worker.part(0) == 0


def test_a_chunk_that_was_not_sent_yet_can_be_shortened(peer: Peer) -> None:
    peer.worker.prepare(chunk_of(10, group=4))
    peer.worker.shorten(5)
    assert peer.worker.chunk is not None
    assert (peer.worker.chunk.count, peer.worker.chunk.tickets) == (5, 2)
    peer.worker.shorten(9)
    assert peer.worker.chunk.count == 5
    peer.worker.shorten(0)
    assert not peer.take()


def test_output_of_the_running_item_can_be_read_as_it_grows(peer: Peer) -> None:
    peer.begin(chunk_of(2))
    os.write(peer.out, b"of the item before")
    peer.run(1)
    assert peer.worker.output_so_far("stdout", 100) == b""
    assert peer.worker.output_span() == {}
    os.write(peer.out, b"now")
    os.write(peer.err, b"oh")
    assert peer.worker.output_so_far("stdout", 100) == b"now"
    assert peer.worker.output_so_far("stderr", 1) == b"h"
    assert peer.worker.output_span() == {"out": [18, 3], "err": [0, 2]}
