"""Waiting for jobs: what ends a wait, what a page of results holds, and jobs that wait inside for others."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from picloud.model import job, outcome
from picloud.node.waits import Mode
from picloud.wire import messages
from picloud.wire.descriptors import close_all

from .conftest import PATIENCE, Client, Gate, Refused, Run, context, ranges, until


def fail() -> None:
    raise ValueError("no")


def same(value: object) -> object:
    return value


def test_a_wait_for_all_ends_with_the_last_and_names_the_first_that_failed(client: Client, gate: Gate) -> None:
    slow, bad, good = client.call(gate.job()), client.call(fail), client.call(same, 1)
    client.wait(bad, good)
    client.channel.send(messages.Wait(ranges(good, bad, slow), "all", None))
    with Client(client.home) as other:
        assert other.wait(slow, timeout=0) == messages.Waited(False, ranges(slow), None)
    gate.open()
    assert client.receive().message == messages.Waited(True, [], bad)


def test_a_wait_for_failure_ends_with_the_first_failure(client: Client, gate: Gate) -> None:
    slow = client.call(gate.job())
    bad = client.call(fail, depends_on=[])
    assert client.wait(slow, bad, mode="failure") == messages.Waited(True, ranges(slow), bad)


def test_a_wait_for_any_ends_with_the_first_end(client: Client, gate: Gate) -> None:
    slow, quick = client.call(gate.job()), client.call(same, 1)
    assert client.wait(slow, quick, mode="any") == messages.Waited(True, ranges(slow), None)


def test_a_wait_ends_with_its_time(client: Client, gate: Gate) -> None:
    slow = client.call(gate.job())
    began = time.monotonic()
    assert not client.wait(slow, timeout=0.1).satisfied
    assert 0.1 <= time.monotonic() - began < PATIENCE
    # A late end is not told to a wait that is over: the next answer is the next question's.
    gate.open()
    client.end(slow)
    assert client.status(slow) == job.DONE


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("timeout", [0, 5.0, None])
def test_what_has_ended_needs_no_wait(client: Client, mode: Mode, timeout: float | None) -> None:
    jids = client.map(same, range(3))
    bad = client.call(fail)
    client.wait(jids, bad)
    assert client.wait(jids, bad, mode=mode, timeout=timeout) == messages.Waited(True, [], bad)


@pytest.mark.parametrize("mode", [*Mode, ""])
def test_nothing_at_all_is_there_at_once(client: Client, mode: str) -> None:
    assert client.ends(mode=mode) == {}


@pytest.mark.parametrize(
    ("mode", "timeout"), [("soon", 1.0), ("", 1.0), ("all", -1.0), ("all", float("nan")), ("any", float("-inf"))]
)
def test_other_ways_of_waiting_are_refused(client: Client, mode: str, timeout: float) -> None:
    with pytest.raises(Refused) as refused:
        client.exchange(messages.Wait([], mode, timeout))
    assert refused.value.code == "argument.value"


def test_an_unknown_jid_is_named_wherever_it_stands(client: Client) -> None:
    jids = client.map(same, range(3))
    unknown = client.node()["next_jid"] + 5
    for asked in (ranges(unknown), ranges(jids, (unknown, unknown + 2)), [[jids[0], unknown + 1]]):
        for request in (
            messages.Wait(asked, "all", None),
            messages.GetEnds(asked, "all", None, 1000),
            messages.GetEnds(asked, "", None, 1000),
        ):
            with pytest.raises(Refused) as refused:
                client.exchange(request)
            assert refused.value.code == "job.unknown"
            assert jids[1] <= refused.value.facts["jid"] <= unknown


def test_a_wait_outlives_any_time_of_the_loop(client: Client, gate: Gate) -> None:
    slow = client.call(gate.job(), 3)
    client.channel.send(messages.Wait(ranges(slow), "all", 1e300))
    gate.open()
    assert messages.expect(client.receive().message, messages.Waited).satisfied


def test_ends_come_in_the_order_asked_and_only_of_what_was_asked(client: Client) -> None:
    first, stop = client.map(same, range(10))
    ends = client.ends((first + 7, stop), first, (first + 2, first + 4))
    assert list(ends) == [first + 7, first + 8, first + 9, first, first + 2, first + 3]
    assert [end.value() for end in ends.values()] == [7, 8, 9, 0, 2, 3]


def test_without_waiting_unfinished_jobs_are_left_out(client: Client, gate: Gate) -> None:
    slow, quick = client.call(gate.job()), client.call(same, 1)
    client.wait(quick)
    assert list(client.ends(slow, quick, mode="")) == [quick]


def test_ends_whose_time_is_over_say_what_is_unfinished(client: Client, gate: Gate) -> None:
    slow = client.call(gate.job())
    answer = client.exchange(messages.GetEnds(ranges(slow), "all", 0.0, 1000)).message
    assert answer == messages.Waited(False, ranges(slow), None)


def test_pages_end_at_their_limit_and_say_what_is_left(client: Client) -> None:
    jids = client.map(bytes, [10_000] * 20)
    more = client.map(bytes, [10] * 3)
    client.wait(jids, more)
    page = client.ask(messages.EndsPage, messages.GetEnds(ranges(jids, more), "all", None, 1))
    assert len(page.pieces) == 1
    assert page.rest[-1] == list(more)
    ends = client.ends(jids, more, limit=30_000)
    assert [len(end.value()) for end in ends.values()] == [10_000] * 20 + [10] * 3


def test_large_results_come_as_descriptors_on_as_many_pages_as_needed(client: Client) -> None:
    def large(value: int) -> bytes:
        return bytes([value]) * 300_000

    first, stop = client.map(large, range(210))
    client.wait((first, stop))
    seen: list[int] = []
    left = [[first, stop]]
    while left:
        received = client.exchange(messages.GetEnds(left, "", None, 1 << 30))
        page = messages.expect(received.message, messages.EndsPage)
        left = page.rest
        assert len(received.descriptors) == len(page.segments) <= 200
        seen += [_first_byte(descriptor) for descriptor in received.descriptors]
        close_all(received.descriptors)
    assert seen == list(range(210))


def _first_byte(descriptor: int) -> int:
    from picloud.wire.payload import load_segment

    value = load_segment(descriptor)
    assert len(value) == 300_000
    return int(value[0])


def wait_inside(jid: int) -> None:
    """Be job code that waits for a job, as a client in its worker does."""
    import os
    import socket

    from picloud.wire import messages
    from picloud.wire.channel import Channel

    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(f"{os.environ['PICLOUD_HOME']}/node.sock")
        channel = Channel(sock)
        worker = int(os.environ["PICLOUD_WORKER"])
        channel.request(messages.Hello("0", os.urandom(8).hex(), os.getpid(), worker, False))
        channel.request(messages.Wait([[jid, jid + 1]], "all", None))


def descend(left: int, where: bytes) -> list[Any]:
    """Be a job that submits one like itself, waits for it inside, and returns the jids below it, or the error that it got."""
    import os
    import pickle
    import socket

    import cloudpickle

    from picloud.model import arguments, outcome
    from picloud.model.context import content_hash
    from picloud.wire import messages
    from picloud.wire.channel import Channel

    if not left:
        return []
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(f"{os.environ['PICLOUD_HOME']}/node.sock")
        sock.settimeout(20)
        channel = Channel(sock)
        worker = int(os.environ["PICLOUD_WORKER"])
        channel.request(messages.Hello("0", os.urandom(8).hex(), os.getpid(), worker, False))
        code = cloudpickle.dumps(descend)
        for content in (code, where):
            channel.send(messages.Blob(content_hash(content), ""), (content,))
        submit = messages.Submit(1, 1, content_hash(code), content_hash(where), "inner", True, None, "host", {})
        below = channel.request(submit, (arguments.encode_items([pickle.dumps((left - 1, where))]),)).message
        assert isinstance(below, messages.Submitted), below
        answer = channel.request(messages.GetEnds([[below.first, below.first + 1]], "all", 20.0, 1000))
        if isinstance(answer.message, messages.Failure):
            return [answer.message.facts["code"], answer.message.facts["message"]]
        ends = outcome.decode(answer.body)
        return [below.first, *pickle.loads(bytes(ends.payload(ends.row(0))))]


def test_jobs_that_wait_inside_leave_their_core_to_others(run: Run, gate: Gate) -> None:
    where = context().encode()
    with run(PICLOUD_CPUS="1", PICLOUD_BLOCKED_JOBS="3") as node, Client(node.home) as client:
        jid = client.call(descend, 3, where)
        assert client.result(jid) == [jid + 1, jid + 2, jid + 3]
        assert [client.info(each)["parent"] for each in (jid + 1, jid + 2, jid + 3)] == [jid, jid + 1, jid + 2]

        # One more than may wait at a time: the innermost wait is refused with the numbers, and nothing hangs.
        jid = client.call(descend, 4, where)
        *above, code, text = client.result(jid)
        assert above == [jid + 1, jid + 2, jid + 3]
        assert code == "job.nested-limit"
        assert "3 jobs wait" in text
        assert client.end(jid + 4).status == job.DONE

        # A waiting job can be killed; the core is the other's, and is not given back twice.
        inner = client.call(gate.job(), 5)
        gate.wait()
        outer = client.call(wait_inside, inner)
        behind = client.call(same, 7)
        client.kill(outer)
        assert client.end(outer).status == job.KILLED
        assert client.status(behind) == job.QUEUED
        gate.open()
        assert [client.result(inner), client.result(behind)] == [5, 7]


def test_a_waiting_job_that_is_killed_leaves_what_it_waits_for(client: Client, gate: Gate) -> None:
    inner = client.call(gate.job(), 5)
    outer = client.call(wait_inside, inner)
    client.until_status(outer, job.PROCESSING)
    gate.wait()
    client.kill(outer)
    assert client.end(outer).status == job.KILLED
    gate.open()
    assert client.result(inner) == 5


def test_a_wait_in_the_name_of_a_worker_that_runs_nothing_ends_like_any_other(client: Client, gate: Gate) -> None:
    slow = client.call(gate.job(), 4)
    for worker in (0, 999, 1 << 40):
        with Client(client.home, worker=worker) as stranger:
            assert not stranger.wait(slow, timeout=0.05).satisfied
    with Client(client.home, worker=999) as stranger:
        stranger.channel.send(messages.Wait(ranges(slow), "all", None))
        gate.open()
        assert messages.expect(stranger.receive().message, messages.Waited).satisfied


def test_a_thread_that_outlives_its_job_still_gets_its_answer(client: Client, gate: Gate, tmp_path: Path) -> None:
    def leave_a_thread(jid: int, told: str) -> None:
        import threading

        def wait() -> None:
            open(f"{told}.waits", "x").close()
            wait_inside(jid)
            open(told, "x").close()

        threading.Thread(target=wait, daemon=True).start()

    slow = client.call(gate.job(), 4)
    gate.wait()
    client.result(client.call(leave_a_thread, slow, str(tmp_path / "told")))
    until((tmp_path / "told.waits").exists, "the thread waits")
    # Its worker runs other jobs meanwhile, and is none the worse for it.
    assert [end.value() for end in client.ends(client.map(same, range(50))).values()] == list(range(50))
    gate.open()
    until((tmp_path / "told").exists, "the thread was told")


def test_records_of_ends_are_cut_to_what_was_asked(client: Client) -> None:
    first, stop = client.map(same, range(100))
    client.wait((first, stop))
    received = client.exchange(messages.GetEnds([[first + 50, first + 51]], "", None, 1000))
    page = messages.expect(received.message, messages.EndsPage)
    assert page.pieces == [[first + 50, 1, len(received.body)]]
    assert outcome.decode(received.body).count == 1
