"""Tickets: a byte belongs to whoever reads it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from picloud.exceptions import ProtocolError
from picloud.worker import tickets
from picloud.worker.tickets import Tickets


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = tickets.create()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_each_is_taken_once(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.write(writer, b"\x05" * 3)
    taken = Tickets(reader)
    assert [taken.take(5) for _ in range(4)] == [True, True, True, False]


def test_what_the_holder_takes_back_is_gone(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.write(writer, b"\x05" * 10)
    taken = Tickets(reader)
    assert taken.take(5)
    assert os.read(reader, 8) == b"\x05" * 8
    assert [taken.take(5), taken.take(5)] == [True, False]


@pytest.mark.parametrize("seq", [256, 257, 1 << 40])
def test_the_low_byte_of_the_number_stands_for_it(pipe: tuple[int, int], seq: int) -> None:
    os.write(pipe[1], bytes((seq & 0xFF,)))
    assert Tickets(pipe[0]).take(seq)


@pytest.mark.parametrize("close", [False, True])
def test_a_strange_one_is_an_error(pipe: tuple[int, int], close: bool) -> None:
    """So is the end of the pipe, which a worker sees only if its node is gone and it holds no write end itself."""
    if close:
        reader, writer = tickets.create()
        os.close(writer)
    else:
        reader = pipe[0]
        os.write(pipe[1], b"\x06")
    with pytest.raises(ProtocolError):
        Tickets(reader).take(5)
    if close:
        os.close(reader)


def test_both_ends_stay_with_the_process_and_never_block(pipe: tuple[int, int]) -> None:
    for descriptor in pipe:
        assert not os.get_inheritable(descriptor)
        assert not os.get_blocking(descriptor)
