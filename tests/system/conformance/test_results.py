"""status, join, result and iresult, statement by statement (API §1.5, §1.6, §1.8, §19)."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from picloud.client.connection import Connection
from picloud.exceptions import JobError

FAST = 30
MANY = 100_000


def same(x: object) -> object:
    return x


def even(n: int) -> int:
    if n % 2:
        raise ValueError(f"{n} is odd")
    return n


def hold(path: str, value: object = None) -> object:
    while not Path(path).exists():
        time.sleep(0.005)
    return value


def held_from(n: int, first: int, path: str) -> int:
    if n >= first:
        hold(path)
    return n


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the list of the kinds of all messages that are sent to nodes from now on."""
    sent: list[str] = []
    send = Connection.send

    def note(connection: Connection, message: Any, *body: Any) -> None:
        sent.append(type(message).__name__)
        send(connection, message, *body)

    monkeypatch.setattr(Connection, "send", note)
    return sent


def _elsewhere(statement: str) -> None:
    """Do something in another process."""
    subprocess.run([sys.executable, "-c", f"import cloud; {statement}"], check=True, timeout=FAST)


# --- status --------------------------------------------------------------------------------------------------------------


def test_status_is_a_str_or_a_list_in_the_order_asked(cloud: ModuleType) -> None:
    jids = cloud.map(even, range(3))
    cloud.join(jids, timeout=FAST, ignore_errors=True)
    assert cloud.status(jids[1]) == "error"
    assert cloud.status([jids[1]]) == ["error"]
    assert cloud.status([jids[2], jids[1], jids[2], jids]) == ["done", "error", "done", "done", "error", "done"]


def test_status_waits_for_nothing(cloud: ModuleType, gate: Path) -> None:
    running = cloud.call(hold, str(gate))
    cloud.wait_for.status(running, "processing", timeout=FAST)
    waiting = cloud.call(same, 1, _depends_on=running)
    assert cloud.status([running, waiting]) == ["processing", "waiting"]


def test_status_of_any_number_of_jobs_is_one_request(cloud: ModuleType, requests: list[str]) -> None:
    jids = cloud.map(same, range(MANY))
    requests.clear()
    assert len(cloud.status(jids)) == MANY
    assert requests == ["GetStatus"]


def test_status_of_an_unknown_jid_is_a_cloud_exception(cloud: ModuleType) -> None:
    with pytest.raises(cloud.CloudException, match="Job 1000000: Does not exist"):
        cloud.status(1_000_000)


def test_a_final_status_is_asked_for_once(cloud: ModuleType, requests: list[str], gate: Path) -> None:
    jids = cloud.map(held_from, range(3), [2] * 3, [str(gate)] * 3)
    cloud.join(jids[:2], timeout=FAST)
    cloud.wait_for.status(jids[2], "processing", timeout=FAST)
    assert cloud.status(jids[:2]) == ["done", "done"]
    requests.clear()
    assert [cloud.status(jid) for jid in jids[:2]] == ["done", "done"]
    assert requests == []
    assert cloud.status(jids) == ["done", "done", "processing"]
    assert requests == ["GetStatus"]


# --- join ----------------------------------------------------------------------------------------------------------------


def test_join_returns_none_when_all_are_finished(cloud: ModuleType) -> None:
    jids = cloud.map(even, [0, 2])
    assert cloud.join(jids, timeout=FAST) is None
    assert cloud.join(jids, None) is None


def test_of_several_failures_join_raises_one(cloud: ModuleType) -> None:
    jids = cloud.map(even, range(9))
    with pytest.raises(cloud.CloudException, match=r"Traceback(?s:.)*ValueError: \d is odd") as caught:
        cloud.join(jids, timeout=FAST)
    assert caught.value.jid in jids[1::2]
    assert caught.value.status == "error"
    cloud.join(jids, timeout=FAST, ignore_errors=True)


def test_join_raises_while_others_still_run(cloud: ModuleType, gate: Path) -> None:
    slow = cloud.call(hold, str(gate))
    with pytest.raises(cloud.CloudException, match="3 is odd"):
        cloud.join([slow, cloud.call(even, 3)], timeout=FAST)
    assert cloud.status(slow) != "done"


def test_what_join_says_of_killed_and_stalled_jobs(cloud: ModuleType, gate: Path) -> None:
    slow = cloud.call(hold, str(gate))
    killed = cloud.call(same, 1, _depends_on=slow)
    stalled = cloud.call(same, 1, _depends_on=killed)
    cloud.kill(killed)
    with pytest.raises(cloud.CloudException, match=f"^Job {killed}: Killed$"):
        cloud.join(killed, timeout=FAST)
    with pytest.raises(cloud.CloudException, match=f"^Job {stalled}: Could not start due to dependency erroring$"):
        cloud.join(stalled, timeout=FAST)


def test_a_join_that_times_out_names_the_unfinished(cloud: ModuleType, gate: Path) -> None:
    done, slow = cloud.call(same, 1), cloud.call(hold, str(gate))
    cloud.join(done, timeout=FAST)
    for timeout in (0, 0.05):
        with pytest.raises(cloud.CloudTimeoutError) as caught:
            cloud.join([done, slow], timeout=timeout)
        assert str(caught.value) == f"Job [{slow}]: cloud.join timed out"
        assert caught.value.jid == [slow]
    assert isinstance(caught.value, TimeoutError)


def test_a_timeout_of_0_looks_once(cloud: ModuleType) -> None:
    jid = cloud.call(same, 1)
    cloud.join(jid, timeout=FAST)
    assert cloud.join(jid, timeout=0) is None
    assert cloud.result(jid, timeout=0) == 1
    assert list(cloud.iresult(jid, timeout=0)) == [1]


def test_deadlock_check_is_taken(cloud: ModuleType) -> None:
    jid = cloud.call(same, 1)
    cloud.join(jid, FAST, False, True)
    assert cloud.result(jid, FAST, False, False) == 1


# --- result --------------------------------------------------------------------------------------------------------------


def test_unsuccessful_ones_are_returned_as_exceptions_if_errors_are_ignored(cloud: ModuleType) -> None:
    jids = cloud.map(even, range(4))
    values = cloud.result(jids, timeout=FAST, ignore_errors=True)
    assert [value if isinstance(value, int) else type(value) for value in values] == [0, JobError, 2, JobError]
    error = values[1]
    assert error.args == (jids[1], "error", error.parameter, jids[1])


def test_a_hundred_thousand_results_take_a_few_requests(cloud: ModuleType, requests: list[str]) -> None:
    jids = cloud.map(same, range(MANY))
    cloud.join(jids, timeout=FAST)
    requests.clear()
    assert cloud.result(jids) == list(range(MANY))
    assert len(requests) < 10


def test_results_of_many_jobs_whose_jids_lie_apart(cloud: ModuleType, requests: list[str]) -> None:
    jids = cloud.map(same, range(MANY))
    apart = list(jids[::5])
    requests.clear()
    assert cloud.result(apart, timeout=FAST) == list(range(0, MANY, 5))
    assert set(cloud.status(apart)) == {"done"}
    assert len(requests) < 20


def test_every_result_is_a_fresh_value(cloud: ModuleType) -> None:
    jid = cloud.call(same, [1])
    cloud.result(jid, timeout=FAST).append(2)
    assert cloud.result(jid, timeout=FAST) == [1]


@pytest.mark.parametrize("ends_at_once", [True, False])
def test_a_result_is_asked_for_once(cloud: ModuleType, requests: list[str], gate: Path, *, ends_at_once: bool) -> None:
    """Whether it came with the answer to its submission or not."""
    jid = cloud.call(same, 5) if ends_at_once else cloud.call(hold, str(gate), 5)
    gate.touch()
    assert cloud.result(jid, timeout=FAST) == 5
    requests.clear()
    assert [cloud.result(jid) for _ in range(3)] == [5, 5, 5]
    assert requests == []


def test_an_error_is_asked_for_once(cloud: ModuleType, requests: list[str]) -> None:
    jid = cloud.call(even, 1)
    with pytest.raises(cloud.CloudException):
        cloud.result(jid, timeout=FAST)
    requests.clear()
    with pytest.raises(cloud.CloudException, match="1 is odd"):
        cloud.result(jid)
    assert requests == []


def test_cloud_result_cache_size_is_the_room_for_them(
    cloud: ModuleType, requests: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PICLOUD_CLOUD_RESULT_CACHE_SIZE", "100")
    small, large = cloud.call(same, b"x" * 10_000), cloud.call(same, b"x" * 110_000)
    assert [len(cloud.result(jid, timeout=FAST)) for jid in (small, large)] == [10_000, 110_000]
    requests.clear()
    assert [len(cloud.result(jid)) for jid in (small, large)] == [10_000, 110_000]
    assert requests == ["GetEnds"]


def test_a_cache_of_0_remembers_nothing(
    cloud: ModuleType, requests: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PICLOUD_CLOUD_RESULT_CACHE_SIZE", "0")
    monkeypatch.setenv("PICLOUD_CLOUD_STATUS_CACHE_SIZE", "0")
    jid = cloud.call(same, 1)
    cloud.result(jid, timeout=FAST)
    cloud.status(jid)
    requests.clear()
    assert (cloud.result(jid), cloud.status(jid)) == (1, "done")
    assert requests == ["GetEnds", "GetStatus"]
    _elsewhere(f"cloud.delete({jid})")
    with pytest.raises(cloud.CloudException, match="Does not exist"):
        cloud.result(jid)


@pytest.mark.parametrize("ask", ["result", "status", "join", "info"])
def test_a_delete_is_seen_at_once_by_the_process_that_deleted(cloud: ModuleType, ask: str) -> None:
    jid = cloud.call(same, 1)
    assert cloud.result(jid, timeout=FAST) == 1
    assert cloud.status(jid) == "done"
    cloud.delete(jid)
    with pytest.raises(cloud.CloudException, match=f"Job {jid}: Does not exist"):
        getattr(cloud, ask)(jid)


def test_caches_are_purged_even_if_a_delete_fails(cloud: ModuleType, requests: list[str], gate: Path) -> None:
    jid, slow = cloud.call(same, 1), cloud.call(hold, str(gate))
    cloud.result(jid, timeout=FAST)
    with pytest.raises(cloud.CloudException):
        cloud.delete([jid, slow])
    requests.clear()
    assert cloud.result(jid) == 1
    assert requests == ["GetEnds"]


# --- iresult -------------------------------------------------------------------------------------------------------------


def test_iresult_is_strictly_in_order_and_each_as_soon_as_it_can_be_had(cloud: ModuleType, gate: Path) -> None:
    jids = cloud.map(held_from, range(6), [3] * 6, [str(gate)] * 6)
    found = cloud.iresult([jids[0], jids[2], jids[1], jids[3]], timeout=FAST)
    assert [next(found) for _ in range(3)] == [0, 2, 1]
    gate.touch()
    assert list(found) == [3]


def test_iresult_raises_at_an_error_and_goes_on(cloud: ModuleType) -> None:
    found = cloud.iresult(cloud.map(even, [0, 1, 3, 4]), timeout=FAST)
    assert next(found) == 0
    for n in (1, 3):
        with pytest.raises(cloud.CloudException, match=f"{n} is odd"):
            next(found)
    assert next(found) == 4
    for _ in range(2):
        with pytest.raises(StopIteration):
            next(found)


def test_iresult_yields_errors_if_they_are_ignored(cloud: ModuleType) -> None:
    values = list(cloud.iresult(cloud.map(even, range(3)), timeout=FAST, ignore_errors=True))
    assert values[::2] == [0, 2]
    assert isinstance(values[1], cloud.CloudException)


def test_a_timeout_is_for_each_next(cloud: ModuleType, gate: Path) -> None:
    found = cloud.iresult([cloud.call(same, 0), cloud.call(hold, str(gate), 1)], timeout=0.2)
    first = cloud.iresult(cloud.call(same, 0), timeout=FAST)
    assert next(first) == next(found) == 0
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(cloud.CloudTimeoutError, match="__iresult iterator timed out"):
            next(found)
        assert time.monotonic() - began >= 0.2
    gate.touch()
    assert _patiently(cloud, found) == 1


def _patiently(cloud: ModuleType, found: Iterator[Any]) -> Any:
    """Return the next value, however often it is late on a busy machine."""
    deadline = time.monotonic() + FAST
    while True:
        try:
            return next(found)
        except cloud.CloudTimeoutError:
            assert time.monotonic() < deadline


def test_iresult_reads_ahead(cloud: ModuleType, requests: list[str]) -> None:
    """What has ended comes in pages: not one request for each result."""
    jids = cloud.map(same, range(10_000))
    cloud.join(jids, timeout=FAST)
    requests.clear()
    assert list(cloud.iresult(jids)) == list(range(10_000))
    assert len(requests) < 20


@pytest.mark.parametrize("number", [-1, 0, 1, 10, 1024, 1 << 40])
def test_any_num_in_parallel_is_taken(cloud: ModuleType, number: int) -> None:
    assert list(cloud.iresult(cloud.map(same, range(3)), FAST, number)) == [0, 1, 2]


def test_num_in_parallel_is_an_int(cloud: ModuleType) -> None:
    with pytest.raises(TypeError, match="num_in_parallel must be an integer"):
        cloud.iresult(1, num_in_parallel="4")


def test_iresult_of_a_single_jid_is_an_iterator_too(cloud: ModuleType) -> None:
    found = cloud.iresult(cloud.call(same, 7), timeout=FAST)
    assert iter(found) is found
    assert list(found) == [7]


def test_iresult_unordered_yields_by_end(cloud: ModuleType, gate: Path) -> None:
    jids = [cloud.call(hold, str(gate), "slow"), cloud.call(same, "quick")]
    found = cloud.iresult_unordered(jids, timeout=FAST)
    assert next(found) == "quick"
    gate.touch()
    assert list(found) == ["slow"]


@pytest.mark.parametrize("name", ["result", "iresult", "join", "kill", "delete", "status"])
@pytest.mark.parametrize("jids", ["asdf", 1.5, ["1"]])
def test_jids_are_integers(cloud: ModuleType, name: str, jids: Any) -> None:
    with pytest.raises(TypeError, match=r"jid\(s\) must be integers"):
        getattr(cloud, name)(jids)


def test_a_wait_that_another_thread_ends_by_closing(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(hold, str(gate))
    timer = threading.Timer(0.1, cloud.close)
    timer.start()
    with pytest.raises(cloud.CloudException, match="closed"):
        cloud.join(jid, timeout=FAST)
    timer.join()
