"""Questions that do not wait: statuses, lists of arrays, the node's own state."""

from __future__ import annotations

import secrets

import pytest

from picloud.model import job
from picloud.wire import messages

from .conftest import Client, Gate, Refused, ranges, until


def same(value: object) -> object:
    return value


def test_statuses_come_in_the_order_asked(client: Client, gate: Gate) -> None:
    done, bad = client.call(same, 1), client.call(lambda: 1 / 0)
    client.wait(done, bad)
    runs = client.map(gate.job(), range(4))
    waits = client.call(same, 1, depends_on=ranges(runs))
    killed = client.call(same, 1, depends_on=ranges(runs))
    client.kill(killed)
    gate.wait(2)
    assert client.statuses(bad, done, waits, killed) == [job.ERROR, job.DONE, job.WAITING, job.KILLED]
    until(lambda: client.statuses(runs).count(job.PROCESSING) == 2, "two run")
    assert client.statuses(runs).count(job.QUEUED) == 2


def test_of_a_chunk_only_what_was_started_is_processing(client: Client, gate: Gate) -> None:
    """Two workers hold all items between them after a while; each has started one."""
    wait = gate.job()

    def quick_then_slow(value: int) -> object:
        return wait() if value == 400 else value

    first, stop = client.map(quick_then_slow, range(800))
    gate.wait()
    until(lambda: client.statuses((first, stop)).count(job.DONE) >= 400, "what can be done is done")
    codes = client.statuses((first, stop))
    assert codes[400] == job.PROCESSING
    assert codes.count(job.PROCESSING) <= 2


def test_an_unknown_jid_is_named_wherever_it_stands(client: Client) -> None:
    done = client.call(same, 1)
    unknown = client.node()["next_jid"]
    for jids in ([unknown], [done, unknown], [(done, unknown + 1)], [0], [-5], [(1 << 63) - 1], [1 << 63], [1 << 80]):
        with pytest.raises(Refused, match="Does not exist") as refused:
            client.statuses(*jids)
        assert refused.value.code == "job.unknown"


def test_arrays_are_listed_newest_first_page_by_page(client: Client) -> None:
    label = secrets.token_hex(4)
    firsts = [client.map(same, range(3), label=label)[0] for _ in range(5)]
    client.call(same, 1, label="other")
    bad = client.map(lambda value: 1 / value, [1, 0], label=label)
    client.wait(bad, *((first, first + 3) for first in firsts))

    def page(before: int | None, limit: int) -> list[dict[str, object]]:
        return client.ask(messages.Arrays, messages.ListArrays(before, limit, label)).arrays

    (newest,) = page(None, 1)
    assert (newest["first"], newest["count"], newest["counts"]) == (bad[0], 2, {"done": 1, "error": 1})
    assert newest["finished"] is not None
    assert (newest["label"], newest["name"], newest["deleted"]) == (label, "test.function", [])
    assert [each["first"] for each in page(bad[0], 2)] == firsts[:-3:-1]
    assert [each["first"] for each in page(firsts[3], 100)] == firsts[2::-1]
    assert page(firsts[0], 100) == []


def test_a_list_counts_what_runs_and_names_what_was_deleted(client: Client, gate: Gate) -> None:
    label = secrets.token_hex(4)
    first, stop = client.map(gate.job(), range(3), label=label)
    gate.wait(2)
    (facts,) = client.ask(messages.Arrays, messages.ListArrays(None, 1, label)).arrays
    assert facts["finished"] is None
    assert sum(facts["counts"].values()) == 3
    assert "done" not in facts["counts"]
    gate.open()
    client.wait((first, stop))
    client.delete(first + 1)
    (facts,) = client.ask(messages.Arrays, messages.ListArrays(None, 1, label)).arrays
    assert facts["deleted"] == [[first + 1, first + 2]]


def test_the_node_tells_how_it_is(client: Client, gate: Gate) -> None:
    jids = client.map(gate.job(), range(5))
    gate.wait(2)
    facts = client.node()
    assert facts["pid"] == client.welcome.pid
    assert facts["home"] == str(client.home)
    assert facts["durability"] == "process"
    assert (facts["arrays"], facts["unfinished"], facts["processing"]) == (1, 5, 2)
    assert facts["workers"] >= 2
    assert facts["supervisors"] >= 1
    assert facts["next_jid"] == jids[1]
    assert facts["uptime"] > 0
    assert 0 < facts["store_bytes"] < facts["room"]
    gate.open()
    client.wait(jids)
    assert client.node()["unfinished"] == 0
