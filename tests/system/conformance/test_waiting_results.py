"""join, result and iresult, statement by statement: what is waited for, what is raised, in which order."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from . import traces

FAST = 30


def even(n: int) -> int:
    if n % 2:
        raise ValueError(f"{n} is odd")
    return n


def value(x: Any) -> Any:
    return x


def after(gate: str, x: Any) -> Any:
    traces.hold(gate)
    return x


def many(jids: range) -> list[tuple[str, Any]]:
    """Return all the ways in which several jids can be given."""
    half = len(jids) // 2
    return [
        ("range", jids),
        ("list", list(jids)),
        ("tuple", tuple(jids)),
        ("list of ranges", [jids[:half], jids[half:]]),
        ("numbers and ranges", [jids[0], jids[1:half], jids[half], jids[half + 1 :]]),
        ("generator", (jid for jid in jids)),
        ("dict", dict.fromkeys(jids)),
    ]


@pytest.mark.parametrize("number", range(7))
def test_jids_are_numbers_ranges_and_iterables_of_both(cloud: ModuleType, number: int) -> None:
    jids = cloud.map(value, range(10))
    assert cloud.result(many(jids)[number][1], timeout=FAST) == list(range(10))
    assert cloud.status(many(jids)[number][1]) == ["done"] * 10
    assert list(cloud.iresult(many(jids)[number][1], timeout=FAST)) == list(range(10))
    assert list(cloud.info(many(jids)[number][1], "status")) == list(jids)
    cloud.join(many(jids)[number][1], timeout=FAST)


@pytest.mark.parametrize("name", ["join", "status", "result", "iresult", "iresult_unordered", "info", "kill", "delete"])
@pytest.mark.parametrize("jids", ["asdf", b"12", 1.0, [1.5], ["1"], [[1]], [None], True, len], ids=repr)
def test_anything_else_is_a_type_error(cloud: ModuleType, name: str, jids: Any) -> None:
    with pytest.raises(TypeError, match="must be integers"):
        getattr(cloud, name)(jids)


def test_jids_that_are_named_twice_are_answered_twice_with_values_of_their_own(cloud: ModuleType) -> None:
    a, b = cloud.call(value, [1]), cloud.call(value, [2])
    results = cloud.result([b, a, b], timeout=FAST)
    assert results == [[2], [1], [2]]
    results[0].append(3)
    assert results[2] == [2]
    assert cloud.status([b, a, b]) == ["done"] * 3
    assert list(cloud.iresult([b, a, b], timeout=FAST)) == [[2], [1], [2]]


def test_one_jid_gives_a_value_and_several_give_a_list(cloud: ModuleType) -> None:
    jid = cloud.call(value, 5)
    assert cloud.result(jid, timeout=FAST) == 5
    assert cloud.result([jid]) == [5]
    assert cloud.result(range(jid, jid + 1)) == [5]
    assert cloud.status(jid) == "done"
    assert cloud.status([jid]) == ["done"]
    assert cloud.result([]) == cloud.status([]) == list(cloud.iresult([])) == []
    assert cloud.join([]) is None
    assert cloud.info([]) == {}


def test_parameters_can_be_given_by_position_as_in_picloud(cloud: ModuleType) -> None:
    jids = cloud.map(even, range(2))
    assert cloud.join(jids, FAST, True, False) is None
    assert cloud.result(jids, FAST, True, False)[0] == 0
    assert next(cloud.iresult(jids, FAST, 10, True)) == 0


@pytest.mark.parametrize("name", ["join", "result", "iresult", "iresult_unordered"])
def test_a_timeout_is_a_number_that_is_not_negative(cloud: ModuleType, name: str) -> None:
    jid = cloud.call(value, 1)
    for timeout in (-1, -0.5, float("nan")):
        with pytest.raises(ValueError, match="timeout"):
            getattr(cloud, name)(jid, timeout=timeout)
    for no_number in ("1", [1], True):
        with pytest.raises(TypeError, match="timeout"):
            getattr(cloud, name)(jid, timeout=no_number)
    cloud.join(jid, timeout=None)
    cloud.join(jid, timeout=float("inf"))


def test_a_timeout_names_just_the_unfinished(cloud: ModuleType, gate: Path) -> None:
    quick = cloud.map(value, range(20))
    cloud.join(quick, timeout=FAST)
    slow = cloud.map(after, [str(gate)] * 3, range(3))
    with pytest.raises(cloud.CloudTimeoutError, match=r"cloud\.join timed out") as caught:
        cloud.join([slow[2], quick, slow[:2]], timeout=0.05)
    assert sorted(caught.value.jid) == list(slow)
    assert caught.value.status is None
    with pytest.raises(TimeoutError):
        cloud.result(slow[0], timeout=0)


def test_a_wait_that_times_out_can_be_repeated(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(after, str(gate), "late")
    for _ in range(20):
        with pytest.raises(cloud.CloudTimeoutError):
            cloud.result(jid, timeout=0.01)
    gate.touch()
    assert cloud.result(jid, timeout=FAST) == "late"


def test_of_several_failures_one_is_raised_and_the_others_can_be_asked_for(cloud: ModuleType) -> None:
    jids = cloud.map(even, range(6))
    with pytest.raises(cloud.CloudException, match=r"Job \d+: Traceback(.|\n)*ValueError: \d is odd") as caught:
        cloud.join(jids, timeout=FAST)
    assert caught.value.jid in jids[1::2]
    cloud.join(jids, timeout=FAST, ignore_errors=True)
    for n in (1, 3, 5):
        with pytest.raises(cloud.CloudException, match=f"{n} is odd"):
            cloud.join(jids[n], timeout=FAST)
    cloud.join(jids[0::2], timeout=FAST)


def test_a_job_that_was_killed_while_it_ran_tells_where(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(after, str(gate), 1)
    deadline = time.monotonic() + FAST
    while cloud.status(jid) != "processing":
        assert time.monotonic() < deadline
    cloud.kill(jid)
    with pytest.raises(cloud.CloudException, match="Job terminated by user") as caught:
        cloud.join(jid, timeout=FAST)
    assert (caught.value.status, caught.value.jid) == ("killed", jid)
    assert "traces.py" in caught.value.parameter


def test_ignored_errors_are_objects_that_nobody_raised(cloud: ModuleType) -> None:
    jids = cloud.map(even, range(4))
    for results in (cloud.result(jids, FAST, True), list(cloud.iresult(jids, FAST, ignore_errors=True))):
        assert results[0::2] == [0, 2]
        assert [(error.jid, error.status) for error in results[1::2]] == [(jids[1], "error"), (jids[3], "error")]
        assert all(type(error.__cause__) is ValueError for error in results[1::2])


def test_a_job_may_return_an_exception(cloud: ModuleType) -> None:
    """It is a value like any other."""
    jids = cloud.map(value, [ValueError("a value"), cloud.CloudException("another")])
    for results in (cloud.result(jids, timeout=FAST), list(cloud.iresult(jids, timeout=FAST))):
        assert [type(each) for each in results] == [ValueError, cloud.CloudException]
    assert cloud.status(jids) == ["done"] * 2


def test_iresult_gives_what_is_good_before_it_raises_what_is_not(cloud: ModuleType, gate: Path) -> None:
    """In order, whoever ends first; and goes on behind each error."""
    jids = [cloud.call(after, str(gate), 0), *cloud.map(even, [1, 2, 3, 4])]
    killed = cloud.call(after, str(gate), 5)
    stalled = cloud.call(value, 6, _depends_on=jids[1])
    cloud.kill(killed)
    cloud.join([*jids[1:], killed, stalled], timeout=FAST, ignore_errors=True)
    results = cloud.iresult([*jids, killed, stalled], timeout=0.1)
    assert iter(results) is results
    with pytest.raises(cloud.CloudTimeoutError, match="__iresult iterator timed out"):
        next(results)
    gate.touch()
    story: list[Any] = []
    deadline = time.monotonic() + FAST
    while time.monotonic() < deadline:
        try:
            story.append(next(results))
        except cloud.CloudTimeoutError:
            continue
        except cloud.CloudException as error:
            story.append(error.status)
        except StopIteration:
            break
    assert story == [0, "error", 2, "error", 4, "killed", "stalled"]
    with pytest.raises(StopIteration):
        next(results)


def test_iresult_waits_for_each_next_anew(cloud: ModuleType) -> None:
    """The jobs together take longer than the timeout, none of them does."""
    jids = cloud.map(time.sleep, [0.2] * 8)
    began = time.monotonic()
    assert list(cloud.iresult(jids, timeout=5)) == [None] * 8
    assert time.monotonic() - began > 0.75
    results = cloud.iresult(cloud.map(time.sleep, [0.25] * 6), timeout=0.6)
    assert list(results) == [None] * 6


@pytest.mark.parametrize("number", [-5, 0, 1, 1024, 100_000])
def test_any_number_in_parallel_is_taken(cloud: ModuleType, number: int) -> None:
    jids = cloud.map(value, range(5))
    assert list(cloud.iresult(jids, FAST, number)) == list(range(5))
    with pytest.raises(TypeError):
        cloud.iresult(jids, FAST, "10")


def test_iresult_reads_ahead(cloud: ModuleType) -> None:
    """What had ended when one result was asked for needs no node to be given: it came along."""
    jids = cloud.map(value, range(50))
    cloud.join(jids, timeout=FAST)
    results = cloud.iresult(jids, timeout=FAST)
    assert next(results) == 0
    cloud.delete(jids)
    assert list(itertools.islice(results, 40)) == list(range(1, 41))


def test_several_iterators_at_once(cloud: ModuleType) -> None:
    jids = cloud.map(value, range(2_000))
    iterators: list[Iterator[int]] = [cloud.iresult(jids, timeout=FAST) for _ in range(3)]
    iterators.append(cloud.iresult(reversed(jids), timeout=FAST))
    for n, (a, b, c, d) in enumerate(zip(*iterators, strict=True)):
        assert (a, b, c, d) == (n, n, n, 1_999 - n)
    unordered = [cloud.iresult_unordered(jids, timeout=FAST) for _ in range(2)]
    assert sorted(unordered[0]) == sorted(unordered[1]) == list(range(2_000))


def test_an_iterator_that_is_given_up_harms_nothing(cloud: ModuleType, gate: Path) -> None:
    jids = [*cloud.map(value, range(100)), cloud.call(after, str(gate), 1)]
    for _ in range(50):
        assert next(cloud.iresult(jids, timeout=FAST)) == 0
    del _
    gate.touch()
    assert cloud.result(jids[-1], timeout=FAST) == 1


def test_iresult_has_no_thread_that_could_be_left(cloud: ModuleType) -> None:
    before = threading.enumerate()
    results = cloud.iresult(cloud.map(value, range(5)), timeout=FAST)
    assert next(results) == 0
    assert threading.enumerate() == before


@pytest.mark.parametrize("name", ["join", "status", "result", "info", "kill", "delete", "iresult", "iresult_unordered"])
@pytest.mark.parametrize("unknown", [0, -1, 1 << 40, 1 << 63, 1 << 70])
def test_jids_that_no_job_has(cloud: ModuleType, name: str, unknown: int) -> None:
    known = cloud.call(value, 1)
    for jids in (unknown, [known, unknown], [range(unknown, unknown + 2)]):
        with pytest.raises(cloud.CloudException) as caught:
            list(getattr(cloud, name)(jids) or ())
        assert caught.value.code == "job.unknown"
        assert caught.value.jid in (unknown, unknown + 1)
    assert cloud.result(known, timeout=FAST) == 1


def test_waiting_in_a_job_is_as_waiting_outside(cloud: ModuleType) -> None:
    def inside() -> list[Any]:
        import cloud as within

        jids = within.map(even, range(3))
        within.join(jids, timeout=FAST, ignore_errors=True)
        found: list[Any] = [within.status(jids), [str(each)[:3] for each in within.result(jids, ignore_errors=True)]]
        for wait in (within.join, within.result):
            try:
                wait(jids, timeout=FAST)
            except within.CloudException as error:
                found.append(error.jid == jids[1])
        found.append(next(within.iresult(jids, timeout=FAST)))
        return found

    assert cloud.result(cloud.call(inside), timeout=FAST) == [
        ["done", "error", "done"],
        ["0", "Job", "2"],
        True,
        True,
        0,
    ]
