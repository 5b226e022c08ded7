"""Waiting awake: it ends with the first thing that the loop waits for, and after its time in any case."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator

import pytest
import uvloop

from picloud.node.busy_poll import BusyPoll
from picloud.wire import awake


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    make: Callable[[], asyncio.AbstractEventLoop] = request.param
    made = make()
    yield made
    made.close()


def _turns(loop: asyncio.AbstractEventLoop, turns: int) -> tuple[float, float]:
    """Return the seconds that so many turns of the loop take, and those of the processor."""

    async def run() -> None:
        for _ in range(turns):
            await asyncio.sleep(0)

    began = time.monotonic(), time.process_time()
    loop.run_until_complete(run())
    return time.monotonic() - began[0], time.process_time() - began[1]


def test_it_looks_for_its_time_and_no_longer(loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awake, "SECONDS", 0.05)
    poll = BusyPoll(loop)
    poll.soon()
    poll.soon()
    assert _turns(loop, 3)[0] >= 0.05
    assert _turns(loop, 3)[1] < 0.03


def test_it_ends_with_the_first_thing_that_arrives(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awake, "SECONDS", 60.0)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        arrived: asyncio.Future[bytes] = loop.create_future()

        def read() -> None:
            loop.remove_reader(ours.fileno())
            arrived.set_result(ours.recv(100))

        loop.add_reader(ours.fileno(), read)
        _turns(loop, 2)
        theirs.send(b"already there")
        BusyPoll(loop).soon()
        assert loop.run_until_complete(asyncio.wait_for(arrived, 30)) == b"already there"
