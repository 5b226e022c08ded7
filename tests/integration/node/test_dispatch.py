"""Handing out chunks: content once a worker, segments as descriptors, notes of starts before starts; and what cannot be read."""

from __future__ import annotations

import os
import pickle
import uuid
from collections.abc import Sequence
from pathlib import Path

from picloud.model import arguments, job
from picloud.model.settings import Durability
from picloud.store.environment import Environment
from picloud.store.tables import Tables
from picloud.wire import messages, payload

from .conftest import Client, Gate, Run, context, pickled, ranges, until


def length(value: bytes) -> int:
    return len(value)


def _in_segments(home: Path, values: Sequence[object]) -> tuple[bytes, list[str]]:
    """Write each value into a segment; return the record of arguments that names them."""
    names = [uuid.uuid4().hex for _ in values]
    for name, value in zip(names, values, strict=True):
        payload.write_segment(str(home / "segments" / "incoming" / name), pickle.dumps((value,)), [])
    return arguments.encode_items([b"S" + name.encode() for name in names]), names


def test_a_worker_is_sent_a_function_once(client: Client) -> None:
    big = b"x" * 3_000_000

    def size() -> int:
        return len(big)

    code = pickled(size)
    for _ in range(30):
        assert client.result(client.call(code)) == len(big)


def test_more_segments_than_one_message_carries(client: Client) -> None:
    count = 1500
    order = client.order(length, count, is_map=True)
    record, _ = _in_segments(client.home, [b"x" * index for index in range(count)])
    first = client.ask(messages.Submitted, order, record).first
    assert [end.value() for end in client.ends((first, first + count)).values()] == list(range(count))


def test_more_segments_than_one_message_carries_in_jobs_that_may_not_restart(client: Client) -> None:
    count = 600
    order = client.order(length, count, is_map=True, restartable=False)
    record, _ = _in_segments(client.home, [b"x" * index for index in range(count)])
    first = client.ask(messages.Submitted, order, record).first
    assert [end.value() for end in client.ends((first, first + count)).values()] == list(range(count))


def test_what_is_gone_ends_the_jobs_that_need_it_alone(run: Run, gate: Gate) -> None:
    with run() as node, Client(node.home) as client:
        held = client.call(gate.job())
        arrays, count, names = [], 40, list[str]()
        for restartable in (True, False):
            order = client.order(length, count, is_map=True, depends_on=ranges(held), restartable=restartable)
            record, names = _in_segments(client.home, [b"x" * index for index in range(count)])
            arrays.append(client.ask(messages.Submitted, order, record).first)
            for lost in (0, 17, 18, 39):
                (client.home / "segments" / names[lost]).unlink()
        code = uuid.uuid4().hex
        payload.write_segment(str(client.home / "segments" / "incoming" / code), pickled(length), [])
        order = client.order(b"placeholder", 300, is_map=True, depends_on=ranges(held))
        fields = {name: getattr(order, name) for name in messages.Submit.__slots__} | {"function": code}
        client.channel.send(messages.Blob(code, code))
        record = arguments.encode_items([pickle.dumps((b"",))] * 300)
        functionless = client.ask(messages.Submitted, messages.Submit(**fields), record).first
        (client.home / "segments" / code).unlink()
        gate.open()

        for first in arrays:
            ends = client.ends((first, first + count))
            codes = [end.status for end in ends.values()]
            assert [index for index, code in enumerate(codes) if code == job.ERROR] == [0, 17, 18, 39]
            assert codes.count(job.DONE) == count - 4
            assert ends[first + 17].cause == "lost"
        assert names[17] in ends[first + 17].text
        ends = client.ends((functionless, functionless + 300))
        assert {(end.status, end.cause) for end in ends.values()} == {(job.ERROR, "lost")}
        assert code in ends[functionless].text
        assert client.result(client.call(length, b"abc")) == 3
        assert client.node()["processing"] == 0


def test_a_start_that_may_not_be_repeated_is_stored_before_it_happens(run: Run, gate: Gate) -> None:
    with run() as node, Client(node.home) as client:
        once = client.map(gate.job(), range(5), restartable=False)
        gate.wait(2)
        again = client.call(gate.job(), 1)
        assert client.status(again) == job.QUEUED
        node.process.kill()
        node.process.wait()
        with Environment.open(node.home, Durability.PROCESS, readonly=True) as environment:
            marks = Tables(environment).attempts(once[0])
            assert {(mark.start, mark.attempt) for mark in marks if mark.started} == {(0, 1), (1, 1)}
            assert Tables(environment).attempts(again) == []


def test_settings_of_the_node_reach_its_workers(run: Run) -> None:
    with run(PICLOUD_MAX_TRANSMIT_DATA="1000") as node, Client(node.home) as client:
        end = client.end(client.call(bytes, 5000))
        assert end.status == job.ERROR
        assert "max_transmit_data" in end.text
        assert client.result(client.call(bytes, 500)) == bytes(500)


def test_a_job_that_wants_a_process_of_its_own_gets_one(client: Client) -> None:
    pids = {client.result(client.call(os.getpid, kill_process=True)) for _ in range(3)}
    assert len(pids) == 3
    jids = client.map(lambda _: os.getpid(), range(4), kill_process=True)
    assert len({end.value() for end in client.ends(jids).values()}) == 4
    until(lambda: client.node()["processing"] == 0, "all have gone")


def test_jobs_run_in_the_folder_and_environment_of_their_submission(client: Client, tmp_path: Path) -> None:
    def surroundings() -> tuple[str, int, str | None, list[str]]:
        import sys

        mask = os.umask(0)
        os.umask(mask)
        return os.getcwd(), mask, os.environ.get("COLOUR"), sys.path[:1]

    where = context(cwd=str(tmp_path), umask=0o77, environment=(("COLOUR", "red"),), path=("/first", *context().path))
    assert client.result(client.call(surroundings, where=where)) == (str(tmp_path), 0o77, "red", ["/first"])
    assert client.result(client.call(surroundings)) == ("/", 0o22, None, list(context().path[:1]))
