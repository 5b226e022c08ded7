"""Channels: whole messages with their descriptors over real sockets."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from picloud.exceptions import ProtocolError
from picloud.wire import messages
from picloud.wire.channel import Channel
from picloud.wire.frames import prefix


@pytest.fixture
def pair() -> Iterator[tuple[Channel, Channel]]:
    one, two = (Channel(sock) for sock in socket.socketpair())
    yield one, two
    one.close()
    two.close()


def test_a_request_and_its_answer(pair: tuple[Channel, Channel]) -> None:
    one, two = pair
    one.send(messages.GetStatus([[1, 5]]))
    assert two.receive().message == messages.GetStatus([[1, 5]])
    two.send(messages.Statuses(), (b"\3\3", b"\1\2"))
    answer = one.receive()
    assert (answer.message, answer.body) == (messages.Statuses(), b"\3\3\1\2")


def test_several_messages_of_one_read_are_received_one_by_one(pair: tuple[Channel, Channel]) -> None:
    one, two = pair
    for seq in range(20):
        one.send(messages.Announce(seq))
    assert [two.receive().message for _ in range(20)] == [messages.Announce(seq) for seq in range(20)]
    assert not two.pending()


def test_a_large_body_crosses(pair: tuple[Channel, Channel]) -> None:
    one, two = pair
    body = os.urandom(3_000_000)
    sender = threading.Thread(target=one.send, args=(messages.Statuses(), (body[:1000], body[1000:])))
    sender.start()
    assert two.receive().body == body
    sender.join()


def test_descriptors_belong_to_the_frame_that_named_them(pair: tuple[Channel, Channel]) -> None:
    one, two = pair
    reader, writer = os.pipe()
    one.send(messages.Announce(1))
    one.send(messages.Load("function", "aa", segment=True), (), (reader,))
    one.send(messages.Announce(2))
    os.write(writer, b"through")
    assert two.receive().descriptors == []
    (received,) = two.receive().descriptors
    assert two.receive().descriptors == []
    assert os.read(received, 10) == b"through"
    assert not os.get_inheritable(received)
    for descriptor in (reader, writer, received):
        os.close(descriptor)


def test_descriptors_that_nobody_received_are_closed_with_the_channel(pair: tuple[Channel, Channel]) -> None:
    one, two = pair
    reader, writer = os.pipe()
    one.send(messages.Announce(1))
    one.send(messages.Load("function", "aa", segment=True), (), (reader,))
    os.close(reader)
    two.receive()
    two.close()
    with pytest.raises(BrokenPipeError):
        os.write(writer, b"nobody reads")
    os.close(writer)


def test_descriptors_that_were_announced_and_did_not_come_are_an_error(pair: tuple[Channel, Channel]) -> None:
    one, two = pair
    one.socket.sendall(prefix(messages.encode(messages.Accepted()), 0, 1))
    with pytest.raises(ProtocolError, match="did not come"):
        two.receive()


def test_the_peers_end_is_an_error_of_its_own(pair: tuple[Channel, Channel]) -> None:
    one, two = pair
    one.send(messages.Accepted())
    one.socket.close()
    assert two.receive().message == messages.Accepted()
    with pytest.raises(EOFError):
        two.receive()
