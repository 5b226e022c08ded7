"""Answers to submissions: with the result where it can be had in a moment, without one where it cannot."""

from __future__ import annotations

import dataclasses
import pickle
import time
from contextlib import ExitStack
from typing import Any

import cloudpickle
import pytest

from picloud.model import arguments, job, outcome
from picloud.wire import messages
from picloud.wire.channel import Received

from .conftest import Client, Gate, Run


def send(client: Client, function: Any, *values: object, linger: bool = True) -> None:
    """Submit one job, as a client does that will ask for its result at once."""
    order = dataclasses.replace(client.order(function, 1), linger=linger)
    client.channel.send(order, (arguments.encode_items([cloudpickle.dumps((values, {}))]),))


def jid_in(received: Received) -> int:
    return messages.expect(received.message, messages.Submitted).first


def result_in(received: Received) -> Any:
    """Return the result that came with an answer; None if none did."""
    if not received.body:
        return None
    ends = outcome.decode(received.body)
    assert ends.row(0).status == job.DONE
    return pickle.loads(ends.payload(ends.row(0)))


@pytest.mark.parametrize("durability", ["process", "power"])
def test_results_come_along_with_many_clients_at_once_and_are_kept(durability: str, run: Run) -> None:
    with run(PICLOUD_DURABILITY=durability, PICLOUD_CPUS="1") as node, ExitStack() as stack:
        clients = [stack.enter_context(Client(node.home)) for _ in range(8)]
        clients[0].result(clients[0].call(abs, -1))
        found: dict[int, Any] = {}
        for round_ in range(20):
            for number, client in enumerate(clients):
                send(client, abs, -(100 * round_ + number))
            for number, client in enumerate(clients):
                received = client.receive()
                found[jid_in(received)] = (result_in(received), 100 * round_ + number)
        came = [(result, wanted) for result, wanted in found.values() if result is not None]
        assert came
        assert all(result == wanted for result, wanted in came)
        assert {jid: clients[0].result(jid) for jid in found} == {jid: wanted for jid, (_, wanted) in found.items()}


def test_a_result_that_takes_longer_is_not_waited_for(run: Run, gate: Gate) -> None:
    with run(PICLOUD_CPUS="1") as node, Client(node.home) as client, Client(node.home) as other:
        held = other.call(gate.job())
        gate.wait()
        began = time.monotonic()
        send(client, abs, -1)
        received = client.receive()
        assert result_in(received) is None
        assert time.monotonic() - began < 5
        assert client.status(jid_in(received)) == job.QUEUED
        gate.open()
        assert client.result(jid_in(received)) == 1
        assert other.end(held).status == job.DONE


def test_a_client_that_leaves_meanwhile_harms_nobody(run: Run, gate: Gate) -> None:
    with run(PICLOUD_CPUS="1") as node, Client(node.home) as other:
        other.call(gate.job())
        gate.wait()
        for _ in range(20):
            with Client(node.home) as client:
                send(client, abs, -1)
        gate.open()
        assert other.result(other.call(abs, -2)) == 2


def test_one_that_does_not_ask_for_results_is_not_kept_waiting_for_them(run: Run, gate: Gate) -> None:
    with run(PICLOUD_CPUS="1") as node, Client(node.home) as client, Client(node.home) as other:
        other.call(gate.job())
        gate.wait()
        for _ in range(5):
            send(client, abs, -1, linger=False)
            received = client.receive()
            assert received.body == b""
            assert client.status(jid_in(received)) == job.QUEUED
        gate.open()
        assert client.result(jid_in(received)) == 1


def test_a_killed_job_is_told_as_it_ended(run: Run, gate: Gate) -> None:
    with run(PICLOUD_CPUS="1") as node, Client(node.home) as client, Client(node.home) as other:
        other.call(gate.job())
        gate.wait()
        send(client, abs, -1)
        other.kill()
        assert client.end(jid_in(client.receive())).status == job.KILLED
