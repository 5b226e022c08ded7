"""Watches: each end is told once, as it happens, over the one connection that asked."""

from __future__ import annotations

import pytest

from picloud.model import job
from picloud.wire import messages

from .conftest import Client, Gate, Refused


def fail() -> None:
    raise ValueError("no")


def same(value: object) -> object:
    return value


def _ends(client: Client, count: int) -> dict[int, int]:
    """Return the next ends that are told, by jid."""
    found: dict[int, int] = {}
    while len(found) < count:
        for jid, code in messages.expect(client.receive().message, messages.Ended).ends:
            assert jid not in found
            found[jid] = code
    return found


def test_each_end_is_told_as_it_happens(client: Client, gate: Gate) -> None:
    slow = client.call(gate.job())
    with Client(client.home) as watcher:
        watcher.channel.send(messages.Watch([slow]))
        good, bad = client.call(same, 1), client.call(fail)
        watcher.channel.send(messages.Watch([good, bad]))
        assert _ends(watcher, 2) == {good: job.DONE, bad: job.ERROR}
        gate.open()
        assert _ends(watcher, 1) == {slow: job.DONE}


def test_ends_of_the_past_are_told_at_once(client: Client) -> None:
    jids = client.map(same, range(3))
    bad = client.call(fail)
    client.wait(jids, bad)
    with Client(client.home) as watcher:
        watcher.channel.send(messages.Watch([jids[0] + 1, bad]))
        assert messages.expect(watcher.receive().message, messages.Ended).ends == [
            [jids[0] + 1, job.DONE],
            [bad, job.ERROR],
        ]


def test_one_item_of_a_map_does_not_wait_for_its_neighbours(client: Client, gate: Gate) -> None:
    jids = client.map(gate.job(), range(2))
    with Client(client.home) as watcher:
        watcher.channel.send(messages.Watch([jids[0]]))
        client.kill(jids[0])
        assert _ends(watcher, 1) == {jids[0]: job.KILLED}


def test_jobs_that_nobody_has_are_named_as_gone(client: Client) -> None:
    good = client.call(same, 1)
    client.wait(good)
    with Client(client.home) as watcher:
        watcher.channel.send(messages.Watch([good, 1 << 40, 0, -3]))
        assert _ends(watcher, 4) == {good: job.DONE, 1 << 40: -1, 0: -1, -3: -1}


def test_what_is_no_jid_is_refused(client: Client) -> None:
    with pytest.raises(Refused) as refused:
        client.exchange(messages.Watch(["1"]))  # type: ignore[list-item]  # what is refused
    assert refused.value.code == "argument.value"


def test_a_watcher_that_goes_takes_its_watch_along(client: Client, gate: Gate) -> None:
    """Else the node would take the wait for work, and never be idle."""
    slow = client.call(gate.job())
    with Client(client.home) as watcher:
        watcher.channel.send(messages.Watch([slow]))
    gate.open()
    client.end(slow)
    assert client.status(slow) == job.DONE
