"""What is submitted is kept once, whole and in order, or refused and leaves no trace."""

from __future__ import annotations

import os
import pickle
import uuid
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from picloud.model import arguments, job
from picloud.wire import messages

from .conftest import Client, Gate, Refused, Run, context, ranges


def add(*values: int) -> int:
    return sum(values)


def double(value: int) -> int:
    return 2 * value


def _record(*values: object) -> bytes:
    return arguments.encode_items([pickle.dumps((value,)) for value in values])


def test_a_call_gets_a_jid_and_a_map_a_range_behind_it(client: Client) -> None:
    jid = client.call(add, 1, 2)
    first, stop = client.map(double, range(5))
    assert (first, stop) == (jid + 1, jid + 6)
    assert client.result(jid) == 3
    assert [end.value() for end in client.ends((first, stop)).values()] == [0, 2, 4, 6, 8]


def test_a_resend_gets_the_same_jids_and_runs_nothing_twice(client: Client, tmp_path: Path) -> None:
    order = client.order(lambda path: os.close(os.open(path, os.O_CREAT | os.O_EXCL)), 1, is_map=True, sequence=7)
    record = _record(str(tmp_path / "once"))
    first = client.ask(messages.Submitted, order, record)
    assert client.ask(messages.Submitted, order, record) == first
    with Client(client.home, name=client.name) as again:
        assert again.ask(messages.Submitted, order, record) == first
    assert client.end(first.first).status == job.DONE
    assert client.ask(messages.Submitted, order, record) == first
    assert client.call(add) == first.first + 1


def test_the_same_number_of_another_client_is_another_submission(client: Client) -> None:
    first = client.call(add, 1, sequence=7)
    with Client(client.home) as other:
        assert other.call(add, 1, sequence=7) == first + 1


def test_missing_content_is_asked_for_by_its_code(client: Client) -> None:
    order = client.order(add, 1)
    for missing in ("function", "context"):
        fields = {name: getattr(order, name) for name in messages.Submit.__slots__} | {missing: "ab" * 20}
        with pytest.raises(Refused, match="ab" * 20) as refused:
            client.exchange(messages.Submit(**fields), _record(1))
        assert refused.value.code == "blob.missing"
    # The refused one was not kept, so that its number is still free.
    assert (
        client.result(client.ask(messages.Submitted, order, arguments.encode_items([pickle.dumps(((4,), {}))])).first)
        == 4
    )


def test_arguments_in_parts_are_one_array(client: Client) -> None:
    order = client.order(double, 6, is_map=True)
    client.channel.send(messages.Part(order.sequence, 0), (_record(0, 1, 2),))
    client.channel.send(messages.Part(order.sequence, 3), (_record(3),))
    first = client.ask(messages.Submitted, order, _record(4, 5)).first
    assert [end.value() for end in client.ends((first, first + 6)).values()] == [0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize(
    ("starts", "count"),
    [([1, 0], 4), ([0, 3], 4), ([0, 1], 4), ([2], 2), ([0], 3), ([0, 2], 3), ([], 1), ([], 0), ([0], 0), ([0], -2)],
)
def test_parts_that_do_not_fit_are_refused(client: Client, starts: list[int], count: int) -> None:
    order = client.order(double, count, is_map=True)
    for start in starts:
        client.channel.send(messages.Part(order.sequence, start), (_record(0, 0),))
    with pytest.raises(Refused) as refused:
        client.exchange(order)
    assert refused.value.code == "node.protocol"
    assert client.result(client.call(add, 1)) == 1


def test_parts_of_a_refused_submission_do_not_join_the_next(client: Client) -> None:
    order = client.order(double, 9, is_map=True)
    client.channel.send(messages.Part(order.sequence, 0), (_record(0, 0),))
    with pytest.raises(Refused):
        client.exchange(order)
    first, stop = client.map(double, [5])
    assert stop == first + 1
    assert client.result(first) == 10


@pytest.mark.parametrize("garbage", [b"x", b"\1\0\0\0", b"\2\0\0\0" + b"\0" * 12 + b"xyz"])
def test_garbage_instead_of_arguments_is_refused_once(client: Client, garbage: bytes) -> None:
    order = client.order(double, 1, is_map=True)
    with pytest.raises(Refused) as refused:
        client.exchange(order, garbage)
    assert refused.value.code == "node.protocol"
    client.channel.send(messages.Part(order.sequence, 0), (garbage,))
    with pytest.raises(Refused) as refused:
        client.exchange(order)
    assert refused.value.code == "node.protocol"
    assert client.node()["pid"] == client.welcome.pid


def test_content_under_a_wrong_hash_is_refused_once(client: Client) -> None:
    order = client.order(add, 1)
    client.channel.send(messages.Blob("cd" * 20, ""), (b"something else",))
    with pytest.raises(Refused, match="hash") as refused:
        client.exchange(order, _record(1))
    assert refused.value.code == "node.protocol"
    assert client.node()["pid"] == client.welcome.pid


@pytest.mark.parametrize(
    "options",
    [
        {"priority": "high"},
        {"priority": None},
        {"label": 3},
        {"cores": "all"},
        {"cores": 0},
        {"cores": -1},
        {"max_runtime": "long"},
        {"max_runtime": -1},
        {"restartable": "no"},
        {"kill_process": 3},
        {"core_type": None},
        {"depends_on": 5},
        {"depends_on": [5]},
        {"depends_on": [["a", "b"]]},
        {"depends_on": [[7, 7]]},
        {"depends_on": [[9, 3]]},
        {"wings": 2},
    ],
    ids=str,
)
def test_options_of_a_wrong_type_are_refused(client: Client, options: dict[str, Any]) -> None:
    before = client.node()["next_jid"]
    with pytest.raises(Refused) as refused:
        client.call(add, 1, **options)
    assert refused.value.code in {"node.protocol", "argument.value", "argument.type"}
    assert client.call(add, 1) == before
    assert client.result(before) == 1


@pytest.mark.parametrize("sequence", [-1, 1 << 64])
def test_a_number_that_cannot_be_stored_is_refused(client: Client, sequence: int) -> None:
    with pytest.raises(Refused) as refused:
        client.call(add, 1, sequence=sequence)
    assert refused.value.code == "node.protocol"


def test_a_dependency_on_an_unknown_jid_is_refused(client: Client) -> None:
    unknown = client.node()["next_jid"] + 1000
    with pytest.raises(Refused, match="does not exist") as refused:
        client.call(add, 1, depends_on=ranges(unknown))
    assert (refused.value.code, refused.value.facts["jid"]) == ("job.dependency", unknown)
    with pytest.raises(Refused) as refused:
        client.call(add, 1, depends_on=[[-3, -2]])
    assert refused.value.code == "job.dependency"


def test_a_job_waits_for_what_it_depends_on(client: Client, gate: Gate) -> None:
    first = client.call(gate.job(), 1)
    second = client.call(add, 2, depends_on=ranges(first))
    assert client.status(second) == job.WAITING
    gate.open()
    assert client.result(second) == 2
    assert client.result(client.call(add, 3, depends_on=[[first, second + 1]])) == 3


def test_a_job_whose_dependency_has_failed_is_stalled_at_once(client: Client) -> None:
    bad = client.call(lambda: 1 / 0)
    client.wait(bad)
    end = client.end(client.call(add, 2, depends_on=ranges(bad)))
    assert (end.status, end.meta["cause"][:2]) == (job.STALLED, ["dependency", bad])
    assert client.result(client.call(add, 2, depends_on=ranges(bad), ignore_dependency_errors=True)) == 2


def test_large_arguments_and_functions_come_as_segments(client: Client) -> None:
    segment, code = uuid.uuid4().hex, uuid.uuid4().hex
    incoming = client.home / "segments" / "incoming"
    (incoming / segment).write_bytes(_segment((b"x" * 300_000,)))
    (incoming / code).write_bytes(_segment(len))
    order = client.order(b"placeholder", 1, is_map=True)
    fields = {name: getattr(order, name) for name in messages.Submit.__slots__} | {"function": code}
    client.channel.send(messages.Blob(code, code))
    first = client.ask(
        messages.Submitted, messages.Submit(**fields), arguments.encode_items([b"S" + segment.encode()])
    ).first
    assert client.result(first) == 300_000
    assert not list(incoming.iterdir())
    assert (client.home / "segments" / segment).exists()


def _segment(value: object) -> bytes:
    from picloud.wire.payload import parts

    return b"".join(bytes(part) for part in parts(cloudpickle.dumps(value, protocol=5), []))


@pytest.mark.parametrize("segment", ["never-written", "../../node.lock", "/etc/passwd"])
def test_a_segment_that_is_not_there_refuses_its_submission_and_leaves_no_trace(client: Client, segment: str) -> None:
    before = client.node()["next_jid"]
    order = client.order(double, 1, is_map=True)
    with pytest.raises(Refused) as refused:
        client.exchange(order, arguments.encode_items([b"S" + segment.encode()]))
    assert refused.value.code in {"node.protocol", "argument.value"}
    assert client.call(add, 1) == before
    assert client.result(before) == 1
    # Its number is free: sent again, it is another job.
    assert client.ask(messages.Submitted, order, _record(21)).first == before + 1
    assert client.result(before + 1) == 42


def test_a_context_that_is_none_refuses_its_submission_and_leaves_no_trace(client: Client) -> None:
    before = client.node()["next_jid"]
    order = client.order(add, 1)
    for content in (b"not JSON", b"[]", b"{}", context().encode().replace(b'"python"', b'"snake"')):
        fields = {name: getattr(order, name) for name in messages.Submit.__slots__} | {"context": client.blob(content)}
        with pytest.raises(Refused) as refused:
            client.exchange(messages.Submit(**fields), _record(1))
        assert refused.value.code == "node.protocol"
    assert client.call(add, 1) == before


def test_below_the_disk_reserve_new_jobs_are_refused(run: Run) -> None:
    with run(PICLOUD_DISK_RESERVE=str(1 << 60)) as node, Client(node.home) as client:
        with pytest.raises(Refused, match="bytes left") as refused:
            client.call(add, 1)
        assert refused.value.code == "store.full"
        assert client.node()["next_jid"] == 1
