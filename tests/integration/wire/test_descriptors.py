"""Descriptors over real Unix sockets."""

from __future__ import annotations

import os
import socket

from picloud.wire import descriptors


def test_they_travel_with_the_first_bytes_and_are_new_here() -> None:
    one, two = socket.socketpair()
    reader, writer = os.pipe()
    with one, two:
        assert descriptors.send_some(one, memoryview(b"hello"), [reader, writer]) == 5
        data, received = descriptors.receive_some(two, 100)
        assert data == b"hello"
        assert len(received) == 2
        assert not {reader, writer} & set(received)
        os.write(received[1], b"x")
        assert os.read(reader, 1) == b"x"
    descriptors.close_all([reader, writer, *received])


def test_the_most_that_a_frame_may_carry_arrive() -> None:
    from picloud.wire.frames import MAX_DESCRIPTORS

    one, two = socket.socketpair()
    null = os.open(os.devnull, os.O_RDONLY)
    with one, two:
        descriptors.send_some(one, memoryview(b"x"), [null] * MAX_DESCRIPTORS)
        _, received = descriptors.receive_some(two, 1)
        assert len(received) == MAX_DESCRIPTORS
    descriptors.close_all([null, *received])


def test_without_descriptors_it_is_plain_sending() -> None:
    one, two = socket.socketpair()
    with one, two:
        assert descriptors.send_some(one, memoryview(b"abc"), ()) == 3
        assert descriptors.receive_some(two, 10) == (b"abc", [])
