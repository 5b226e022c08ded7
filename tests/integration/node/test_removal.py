"""Ending jobs that run or wait, and forgetting jobs that have ended: everything of them goes, and nothing of others."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any

import pytest

from picloud.model import job
from picloud.wire import messages

from .conftest import Client, Gate, Refused, alive, context, ranges, until


def same(value: object) -> object:
    return value


def large(value: int) -> bytes:
    return bytes([value]) * 300_000


# --- kill --------------------------------------------------------------------------------------------------------------


def test_a_queued_or_waiting_job_is_killed_at_once(client: Client, gate: Gate) -> None:
    first, stop = client.map(gate.job(), range(6))
    waits = client.call(same, 1, depends_on=[[first, stop]])
    gate.wait(2)
    queued = [
        jid for jid, code in zip(range(first, stop), client.statuses((first, stop)), strict=True) if code == job.QUEUED
    ]
    client.kill(queued[-1], waits)
    assert client.statuses(queued[-1], waits) == [job.KILLED, job.KILLED]
    assert {end.cause for end in client.ends(queued[-1], waits).values()} == {"killed-by-user"}
    gate.open()
    assert client.statuses((first, stop)).count(job.KILLED) == 1
    assert [end.status for end in client.ends((first, stop)).values()].count(job.DONE) == 5


def test_a_running_job_is_interrupted_and_its_neighbours_are_not(client: Client, gate: Gate) -> None:
    first, stop = client.map(gate.job(), range(4))
    pids = gate.wait(2)
    until(lambda: client.statuses((first, stop)).count(job.PROCESSING) == 2, "two run")
    running = client.statuses((first, stop)).index(job.PROCESSING) + first
    client.kill(running)
    end = client.end(running)
    assert (end.status, end.cause) == (job.KILLED, "killed-by-user")
    assert "Job terminated by user" in end.text
    gate.open()
    assert [end.status for end in client.ends((first, stop)).values()].count(job.DONE) == 3
    assert all(map(alive, pids)), "an interrupted worker goes on with other jobs"


def test_a_job_that_does_not_heed_the_interrupt_goes_with_its_whole_tree(
    client: Client, gate: Gate, tmp_path: Path
) -> None:
    wait = gate.job(bound=True)

    def stubborn() -> None:
        import subprocess
        import sys

        child = subprocess.Popen(["sleep", "60"], start_new_session=True)
        (tmp_path / "child").write_text(str(child.pid))
        print("here I stand", flush=True)
        print("and cannot otherwise", file=sys.stderr, flush=True)
        wait()

    jid = client.call(stubborn)
    (pid,) = gate.wait()
    child = int((tmp_path / "child").read_text())
    began = time.monotonic()
    client.kill(jid)
    end = client.end(jid)
    assert (end.status, end.cause) == (job.KILLED, "killed-by-user")
    assert time.monotonic() - began > 0.9
    assert not alive(pid)
    assert not alive(child)
    assert client.info(jid)["stdout"] == "here I stand\n"
    assert client.info(jid)["stderr"] == "and cannot otherwise\n"


def test_all_unfinished_jobs_of_everybody_can_be_killed(client: Client, gate: Gate) -> None:
    done = client.call(same, 1)
    client.wait(done)
    runs = client.map(gate.job(), range(5))
    with Client(client.home) as other:
        theirs = other.call(same, 1, depends_on=[list(runs)])
        gate.wait(2)
        client.kill()
        assert {end.status for end in client.ends(runs, theirs).values()} == {job.KILLED}
    assert client.status(done) == job.DONE


def test_killing_what_has_ended_changes_nothing(client: Client) -> None:
    jids = client.map(same, range(3))
    client.wait(jids)
    client.kill(jids)
    client.kill(jids)
    assert client.statuses(jids) == [job.DONE] * 3


def test_killing_an_unknown_jid_kills_nothing(client: Client, gate: Gate) -> None:
    jid = client.call(gate.job(), 5)
    with pytest.raises(Refused) as refused:
        client.kill(jid, client.node()["next_jid"])
    assert refused.value.code == "job.unknown"
    gate.open()
    assert client.result(jid) == 5


def test_dependents_of_a_killed_job_are_stalled(client: Client, gate: Gate) -> None:
    first = client.call(gate.job())
    second = client.call(same, 1, depends_on=ranges(first))
    third = client.call(same, 1, depends_on=ranges(second))
    careless = client.call(same, 7, depends_on=ranges(first), ignore_dependency_errors=True)
    gate.wait()
    client.kill(first)
    assert client.end(second).meta["cause"][:2] == ["dependency", first]
    assert client.end(third).meta["cause"][:2] == ["dependency", second]
    assert client.result(careless) == 7


def test_a_job_that_runs_too_long_ends_by_its_limit(client: Client, gate: Gate) -> None:
    slow = client.call(gate.job(), max_runtime=0.2)
    bound = client.call(gate.job(bound=True), max_runtime=0.2)
    for jid in (slow, bound):
        end = client.end(jid)
        assert (end.status, end.meta["cause"][:2]) == (job.KILLED, ["timeout", 0.2])
    assert client.result(client.call(same, 3, max_runtime=30)) == 3


def test_the_limit_is_each_items_own(client: Client) -> None:
    def doze(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    jids = client.map(doze, [0.15, 30.0, 0.15, 0.15], max_runtime=0.6)
    assert [end.status for end in client.ends(jids).values()] == [job.DONE, job.KILLED, job.DONE, job.DONE]


# --- delete ------------------------------------------------------------------------------------------------------------


def test_a_deleted_job_is_unknown_and_its_neighbours_are_not(client: Client) -> None:
    first, stop = client.map(same, range(10))
    client.wait((first, stop))
    client.delete(first + 2, (first + 5, first + 7))
    for gone in (first + 2, first + 5, first + 6):
        with pytest.raises(Refused, match="deleted") as refused:
            client.status(gone)
        assert (refused.value.code, refused.value.facts["jid"]) == ("job.unknown", gone)
    with pytest.raises(Refused):
        client.delete(first + 2)
    assert client.statuses((first, first + 2), (first + 7, stop)) == [job.DONE] * 5
    assert client.result(first + 3) == 3


def test_an_unfinished_job_cannot_be_deleted_nor_anything_with_it(client: Client, gate: Gate) -> None:
    done, runs = client.call(same, 1), client.call(gate.job(), 2)
    client.wait(done)
    with pytest.raises(Refused, match="before it has ended") as refused:
        client.delete(done, runs)
    assert (refused.value.code, refused.value.facts["jid"]) == ("job.unfinished", runs)
    assert client.result(done) == 1
    gate.open()
    assert client.result(runs) == 2


def test_an_ended_job_of_an_array_that_goes_on_can_be_deleted(client: Client, gate: Gate) -> None:
    wait = gate.job()

    def last_waits(value: int) -> object:
        return wait(value) if value == 9 else value

    first, stop = client.map(last_waits, range(10))
    client.wait((first, stop - 1))
    client.delete(first + 3)
    for ask in (client.status, client.end, client.info, client.delete):
        with pytest.raises(Refused) as refused:
            ask(first + 3)
        assert refused.value.code == "job.unknown"
    assert client.result(first + 4) == 4
    gate.open()
    assert client.result(stop - 1) == 9
    with pytest.raises(Refused):
        client.status(first + 3)


def test_the_files_of_deleted_jobs_go_and_open_ones_can_still_be_read(client: Client) -> None:
    first, stop = client.map(large, range(3))
    received = client.exchange(messages.GetEnds([[first, stop]], "all", None, 1 << 30))
    names = messages.expect(received.message, messages.EndsPage).segments
    folder = client.home / "segments"
    assert all((folder / name).exists() for name in names)
    client.delete(first, first + 1)
    assert [(folder / name).exists() for name in names] == [False, False, True]
    client.delete(first + 2)
    assert not (folder / names[2]).exists()
    from picloud.wire.descriptors import close_all
    from picloud.wire.payload import load_segment

    assert load_segment(received.descriptors[0]) == large(0)
    close_all(received.descriptors)


def test_a_dependency_that_was_deleted_does_not_exist_for_a_new_job(client: Client) -> None:
    jid = client.call(same, 1)
    client.wait(jid)
    client.delete(jid)
    with pytest.raises(Refused) as refused:
        client.call(same, 2, depends_on=ranges(jid))
    assert refused.value.code == "job.dependency"


# --- collect -----------------------------------------------------------------------------------------------------------


def _collect(client: Client, **criteria: Any) -> messages.Collected:
    wanted: dict[str, Any] = {"dry_run": False, "older_than": None, "label": None, "states": [], "larger_than": None}
    return client.ask(messages.Collected, messages.Collect(**wanted | criteria))


def test_what_criteria_name_is_found_first_and_then_deleted(client: Client, gate: Gate) -> None:
    label = secrets.token_hex(4)
    good = client.map(same, range(3), label=label)
    bad = client.call(lambda: 1 / 0, label=label)
    other = client.call(same, 1, label=label + "x")
    client.wait(good, bad, other)
    runs = client.call(gate.job(), 5, label=label)

    found = _collect(client, dry_run=True, label=label)
    assert sorted(each["first"] for each in found.arrays) == [good[0], bad]
    assert found.bytes == sum(each["size"] for each in found.arrays) > 0
    assert found.arrays[0]["counts"] in ({"done": 3}, {"error": 1})
    assert client.statuses(good, bad) == [job.DONE] * 3 + [job.ERROR]

    assert [each["first"] for each in _collect(client, label=label, states=["error"]).arrays] == [bad]
    assert _collect(client, label=label, older_than=3600.0).arrays == []
    assert _collect(client, label=label, larger_than=1 << 40).arrays == []
    assert [each["first"] for each in _collect(client, label=label).arrays] == [good[0]]
    for gone in (bad, good[0]):
        with pytest.raises(Refused):
            client.status(gone)
    assert client.status(other) == job.DONE
    gate.open()
    assert client.result(runs) == 5


def test_a_status_that_there_is_not_is_refused(client: Client) -> None:
    with pytest.raises(Refused, match=r"sleepy.*waiting, queued") as refused:
        _collect(client, dry_run=True, states=["done", "sleepy"])
    assert refused.value.code == "argument.value"


def test_content_that_nobody_uses_any_more_goes_and_can_come_again(client: Client) -> None:
    label, marker = secrets.token_hex(4), secrets.token_hex(4)

    def tell() -> str:
        return marker

    jid = client.call(tell, label=label)
    client.wait(jid)
    order = client.order(tell, 1)
    _collect(client, label=label)
    with Client(client.home) as other, pytest.raises(Refused) as refused:
        other.exchange(
            messages.Submit(1, 1, order.function, order.context, "f", False, None, "h", {}), b"\1\0\0\0\0\0\0\0\0\0\0\0"
        )
    assert refused.value.code == "blob.missing"
    assert client.result(client.call(tell, where=context())) == marker
