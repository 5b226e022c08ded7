"""Waiting for a status or a port: what ends the wait, and what the answer says."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from picloud.model import job
from picloud.wire import messages

from .conftest import PATIENCE, Client, Gate, Refused, ranges, until


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _listen(gate: Gate, port: int) -> Callable[[], object]:
    """Return a job that waits at the gate, then listens until the gate's folder has a file named `stop`."""
    wait, stop = gate.job(), str(gate.folder / "stop")

    def serve() -> None:
        import os
        import socket
        import time

        wait()
        with socket.create_server(("127.0.0.1", port)):
            while not os.path.exists(stop):
                time.sleep(0.005)

    return serve


def _status(client: Client, jid: int, codes: list[int], timeout: float | None = PATIENCE) -> int:
    received = client.exchange(messages.AwaitStatus(jid, codes, timeout))
    messages.expect(received.message, messages.Statuses)
    return received.body[0]


def test_a_status_that_is_there_is_answered_at_once(client: Client, gate: Gate) -> None:
    jid = client.call(gate.job())
    gate.wait()
    assert _status(client, jid, [job.PROCESSING], None) == job.PROCESSING


def test_a_job_is_followed_through_its_life(client: Client, gate: Gate) -> None:
    first = client.call(gate.job())
    gate.wait()
    jid = client.call(gate.job(), depends_on=ranges(first))
    assert _status(client, jid, [job.WAITING]) == job.WAITING
    client.channel.send(messages.AwaitStatus(jid, [job.PROCESSING], None))
    with Client(client.home) as other:
        assert _status(other, first, [], 0) == job.PROCESSING
        gate.open()
        assert client.receive().body[0] in {job.PROCESSING, job.DONE}
        assert _status(other, jid, []) == job.DONE


def test_a_final_status_always_ends_a_wait(client: Client, gate: Gate) -> None:
    jid = client.call(gate.job())
    client.channel.send(messages.AwaitStatus(jid, [job.STALLED], None))
    with Client(client.home) as other:
        other.kill(jid)
    assert client.receive().body[0] == job.KILLED


def test_a_wait_ends_with_its_time_and_says_what_is(client: Client, gate: Gate) -> None:
    jid = client.call(gate.job())
    gate.wait()
    began = time.monotonic()
    assert _status(client, jid, [], 0.1) == job.PROCESSING
    assert 0.1 <= time.monotonic() - began < PATIENCE
    assert _status(client, jid, [], 0) == job.PROCESSING


def test_the_rest_of_its_array_does_not_end_a_wait(client: Client, gate: Gate) -> None:
    wait = gate.job()

    def last_waits(value: int) -> object:
        return wait() if value == 9 else value

    first, _stop = client.map(last_waits, range(10))
    gate.wait()
    assert _status(client, first + 9, [], 0.05) == job.PROCESSING
    assert _status(client, first, []) == job.DONE


def test_a_port_is_found_when_the_job_opens_it(client: Client, gate: Gate) -> None:
    port = _free_port()
    jid = client.call(_listen(gate, port))
    assert client.ask(messages.Port, messages.AwaitPort(jid, port, "tcp", 0)).address is None
    client.channel.send(messages.AwaitPort(jid, port, "tcp", None))
    gate.wait()
    gate.open()
    assert client.receive().message == messages.Port("127.0.0.1", job.PROCESSING)
    assert client.info(jid, "ports")["ports"] == {"tcp": {str(port): "127.0.0.1"}, "udp": {}}
    assert client.ask(messages.Port, messages.AwaitPort(jid, port, "udp", 0)).address is None
    (gate.folder / "stop").touch()
    client.wait(jid)
    assert client.info(jid, "ports")["ports"] is None


def test_a_port_of_a_job_that_ends_never_comes(client: Client, gate: Gate) -> None:
    jid = client.call(gate.job())
    client.channel.send(messages.AwaitPort(jid, _free_port(), "tcp", None))
    gate.wait()
    gate.open()
    assert client.receive().message == messages.Port(None, job.DONE)


def test_ports_are_only_looked_at_when_they_are_asked_for(client: Client, gate: Gate) -> None:
    jid = client.call(gate.job())
    gate.wait()
    assert "ports" not in client.info(jid)
    assert client.info(jid, "ports")["ports"] == {"tcp": {}, "udp": {}}


@pytest.mark.parametrize(
    "message", [messages.AwaitStatus(1 << 40, [], None), messages.AwaitPort(1 << 40, 80, "tcp", None)]
)
def test_nobody_waits_for_a_job_that_there_is_not(client: Client, message: messages.Message) -> None:
    with pytest.raises(Refused, match=r"^job\.unknown"):
        client.exchange(message)


@pytest.mark.parametrize("timeout", [-1.0, float("nan")])
def test_a_time_that_cannot_be_waited(client: Client, timeout: float) -> None:
    jid = client.call(int)
    with pytest.raises(Refused, match="timeout must be a number that is not negative"):
        client.exchange(messages.AwaitStatus(jid, [], timeout))


def test_a_client_that_goes_leaves_nothing_behind(client: Client, gate: Gate) -> None:
    jid = client.call(gate.job())
    with Client(client.home) as other:
        other.channel.send(messages.AwaitPort(jid, _free_port(), "tcp", None))
    gate.open()
    client.wait(jid)
    until(lambda: client.node()["unfinished"] == 0, "the node is well")


def test_a_job_that_waits_gives_its_core_away(client: Client) -> None:
    """More jobs than cores wait for jobs that are queued behind them."""

    def wait(code: int) -> str:
        import cloud

        return str(cloud.wait_for.status(cloud.call(lambda: code), "done", timeout=30))

    jids = client.map(wait, [1, 2, 3])
    assert [end.value() for end in client.ends(jids).values()] == ["done"] * 3
