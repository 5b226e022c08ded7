"""Links carry whole messages over real sockets, whatever the kernel takes at a time."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud.exceptions import StoreCorruptError
from picloud.node.link import Link, open_segments, peer_uid
from picloud.wire import messages
from picloud.wire.channel import Channel, Received


class End:
    """One end on a loop, the other blocking."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        ours, theirs = socket.socketpair()
        self.received: list[Received] = []
        self.closed = 0
        self.link = Link(self.loop, ours, self.received.append, self._closed, takes_descriptors=True)
        self.channel = Channel(theirs)

    def _closed(self) -> None:
        self.closed += 1

    def turn(self, until: int = 1) -> None:
        """Run the loop until so many messages have come, or the link closed."""

        async def wait() -> None:
            while len(self.received) < until and not self.closed:
                await asyncio.sleep(0)

        self.loop.run_until_complete(asyncio.wait_for(wait(), 10))


@pytest.fixture
def end() -> Iterator[End]:
    made = End()
    yield made
    made.link.close()
    made.channel.close()
    made.loop.close()


def test_messages_arrive_whole_and_in_order(end: End) -> None:
    for number in range(50):
        end.channel.send(messages.Part(number, 0), (b"x" * number * 100,))
    end.turn(50)
    assert [received.message for received in end.received] == [messages.Part(number, 0) for number in range(50)]
    assert [len(received.body) for received in end.received] == [number * 100 for number in range(50)]


def test_a_body_larger_than_every_buffer_is_sent_bit_by_bit(end: End) -> None:
    body = os.urandom(5_000_000)
    end.link.send(messages.Statuses(), (body, b"tail"))
    assert end.link.backlog() > 0

    def read() -> Received:
        return end.channel.receive()

    received = end.loop.run_until_complete(asyncio.wait_for(end.loop.run_in_executor(None, read), 10))
    assert received.body == body + b"tail"
    assert end.link.backlog() == 0
    end.loop.run_until_complete(end.loop.shutdown_default_executor())


def test_descriptors_arrive_and_are_closed_here(end: End, tmp_path: Path) -> None:
    (tmp_path / "segment").write_text("content")
    (descriptor,) = open_segments(tmp_path, ["segment"])
    end.link.send(messages.Load("function", "aa", segment=True), (), (descriptor,))
    received = end.channel.receive()
    assert os.read(received.descriptors[0], 100) == b"content"
    os.close(received.descriptors[0])
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_segment_that_is_missing_is_named_and_the_others_are_closed(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("content")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(StoreCorruptError, match="missing"):
        open_segments(tmp_path, ["there", "missing", "there"])
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_peers_end_is_told_once_and_after_its_last_words(end: End) -> None:
    end.channel.send(messages.Accepted())
    end.channel.socket.close()
    end.turn(2)
    assert [received.message for received in end.received] == [messages.Accepted()]
    assert end.closed == 1
    end.link.close()
    assert end.closed == 1


def test_garbage_is_answered_and_closes_the_link_alone(end: End) -> None:
    end.channel.socket.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    end.turn()
    assert end.closed == 1
    answer = end.channel.receive().message
    assert isinstance(answer, messages.Failure)
    assert answer.facts["code"] == "node.protocol"


def test_drain_reads_what_a_dead_peer_said(end: End) -> None:
    end.channel.send(messages.ChunkEnded(1, 1, ""))
    end.channel.socket.close()
    end.link.drain()
    assert [received.message for received in end.received] == [messages.ChunkEnded(1, 1, "")]


def test_the_peers_user_is_known() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_uid(ours) == os.geteuid()
