"""Waiting awake: until there is something to read, for its time at most, and never where that takes the only CPU."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from picloud.wire import awake
from picloud.wire.awake import Lookout


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def _seconds(lookout: Lookout) -> float:
    began = time.monotonic()
    lookout.look()
    return time.monotonic() - began


def test_it_looks_for_its_time(pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awake, "SECONDS", 0.05)
    assert _seconds(Lookout(pair[0].fileno())) >= 0.05


def test_it_ends_when_something_comes(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awake, "SECONDS", 60.0)
    lookout = Lookout(pair[0].fileno())
    sender = threading.Timer(0.02, pair[1].send, (b"something",))
    sender.start()
    assert _seconds(lookout) < 30
    sender.join()
    assert pair[0].recv(100) == b"something"
    pair[1].close()
    assert _seconds(lookout) < 30


def test_nothing_to_look_at_takes_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awake, "SECONDS", 60.0)
    lookout = Lookout(None)
    assert not lookout.is_open
    assert _seconds(lookout) < 30


def test_with_one_cpu_it_never_looks(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awake, "SECONDS", 60.0)
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    try:
        lookout = Lookout(pair[0].fileno())
    finally:
        os.sched_setaffinity(0, cpus)
    assert not lookout.is_open
    assert _seconds(lookout) < 30
