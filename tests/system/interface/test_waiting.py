"""join, result, iresult: who waits for what, and what they raise."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FAST = 30


def fail(key: str) -> None:
    raise KeyError(key)


def even(n: int) -> int:
    if n % 2:
        raise ValueError(f"{n} is odd")
    return n


def wait_for(path: str, value: Any = None) -> Any:
    while not Path(path).exists():
        time.sleep(0.01)
    return value


def touch(path: Path) -> None:
    path.write_text("")


def test_join_returns_nothing(cloud: ModuleType) -> None:
    jids = cloud.map(even, range(0, 20, 2))
    assert cloud.join(jids, timeout=FAST) is None
    assert cloud.join([], timeout=FAST) is None


def test_join_raises_the_first_failure(cloud: ModuleType) -> None:
    jids = cloud.map(even, range(10))
    with pytest.raises(cloud.CloudException, match=r"ValueError: . is odd") as caught:
        cloud.join(jids, timeout=FAST)
    assert caught.value.status == "error"
    assert caught.value.jid in jids
    cloud.join(jids, timeout=FAST, ignore_errors=True)
    assert cloud.status(jids) == ["done", "error"] * 5


def test_a_failure_is_noticed_before_all_have_ended(cloud: ModuleType, gate: Path) -> None:
    slow = cloud.call(wait_for, str(gate))
    bad = cloud.call(fail, "x")
    with pytest.raises(cloud.CloudException, match="KeyError"):
        cloud.join([slow, bad], timeout=FAST)
    assert cloud.status(slow) in {"queued", "processing"}


def test_the_error_of_a_job(cloud: ModuleType) -> None:
    jid = cloud.call(fail, "lost")
    with pytest.raises(cloud.CloudException) as caught:
        cloud.result(jid, timeout=FAST)
    error = caught.value
    assert error.jid == jid
    assert error.status == "error"
    assert str(error).startswith(f"Job {jid}: Traceback (most recent call last):")
    assert "raise KeyError(key)" in error.parameter
    assert f'File "{__file__}"' in error.parameter
    assert "picloud/worker" not in error.parameter
    assert isinstance(error.__cause__, KeyError)
    assert error.__cause__.args == ("lost",)


def test_chained_exceptions_are_told_whole(cloud: ModuleType) -> None:
    def chained() -> None:
        try:
            fail("inner")
        except KeyError as error:
            raise RuntimeError("outer") from error

    with pytest.raises(cloud.CloudException) as caught:
        cloud.result(cloud.call(chained), timeout=FAST)
    text = caught.value.parameter
    assert text.index("KeyError: 'inner'") < text.index("direct cause") < text.index("RuntimeError: outer")


def test_an_exception_that_cannot_travel(cloud: ModuleType) -> None:
    def unpicklable() -> None:
        error = ValueError("no")
        error.lock = threading.Lock()  # type: ignore[attr-defined]  # makes it unpicklable
        raise error

    with pytest.raises(cloud.CloudException, match="ValueError: no") as caught:
        cloud.result(cloud.call(unpicklable), timeout=FAST)
    assert caught.value.__cause__ is None


def test_errors_in_their_places(cloud: ModuleType) -> None:
    values = cloud.result(cloud.map(even, range(4)), timeout=FAST, ignore_errors=True)
    assert (values[0], values[2]) == (0, 2)
    assert all(isinstance(value, cloud.CloudException) for value in (values[1], values[3]))
    single = cloud.result(cloud.call(fail, "x"), timeout=FAST, ignore_errors=True)
    assert isinstance(single, cloud.CloudException)


def test_a_result_that_cannot_travel(cloud: ModuleType) -> None:
    jid = cloud.call(lambda: {"a": [1, 2, 3, (i for i in range(0))]})
    with pytest.raises(cloud.CloudException, match="generator"):
        cloud.result(jid, timeout=FAST)
    assert cloud.status(jid) == "error"


@pytest.mark.parametrize("name", ["join", "result"])
def test_timeouts(cloud: ModuleType, gate: Path, name: str) -> None:
    jids = [cloud.call(even, 2), cloud.call(wait_for, str(gate), "late")]
    cloud.join(jids[0], timeout=FAST)
    for timeout in (0, 0.2):
        began = time.monotonic()
        with pytest.raises(cloud.CloudTimeoutError, match=f"cloud.{name} timed out") as caught:
            getattr(cloud, name)(jids, timeout=timeout)
        assert time.monotonic() - began < 5
        assert caught.value.jid == [jids[1]]
        assert isinstance(caught.value, TimeoutError)
    touch(gate)
    assert cloud.result(jids, timeout=FAST) == [2, "late"]
    assert cloud.result(jids, timeout=0) == [2, "late"]


@pytest.mark.parametrize("name", ["join", "status", "result", "info", "kill", "delete"])
@pytest.mark.parametrize("as_list", [False, True])
def test_unknown_jids(cloud: ModuleType, name: str, as_list: bool) -> None:
    known = cloud.call(even, 2)
    with pytest.raises(cloud.CloudException, match=r"^Job 1000000: Does not exist") as caught:
        getattr(cloud, name)([known, 1_000_000] if as_list else 1_000_000)
    assert caught.value.code == "job.unknown"
    assert cloud.result(known, timeout=FAST) == 2


def test_iresult_is_in_order_and_goes_on(cloud: ModuleType) -> None:
    results = cloud.iresult(cloud.map(even, range(3)), timeout=FAST)
    assert next(results) == 0
    with pytest.raises(cloud.CloudException, match="1 is odd"):
        next(results)
    assert next(results) == 2
    with pytest.raises(StopIteration):
        next(results)
    with pytest.raises(StopIteration):
        next(results)


def test_iresult_with_errors_in_their_places(cloud: ModuleType) -> None:
    values = list(cloud.iresult(cloud.map(even, range(4)), FAST, 3, True))
    assert values[::2] == [0, 2]
    assert [value.jid for value in values[1::2]]


def test_iresult_gives_what_is_there(cloud: ModuleType, gate: Path) -> None:
    first, late, last = cloud.call(even, 0), cloud.call(wait_for, str(gate), "late"), cloud.call(even, 4)
    results = cloud.iresult([first, late, last, first], timeout=0.3)
    assert next(results) == 0
    with pytest.raises(cloud.CloudTimeoutError, match="__iresult iterator timed out"):
        next(results)
    touch(gate)
    deadline = time.monotonic() + FAST
    value = None
    while value is None and time.monotonic() < deadline:
        try:
            value = next(results)
        except cloud.CloudTimeoutError:
            continue
    assert value == "late"
    assert list(results) == [4, 0]


def test_iresult_of_one_job(cloud: ModuleType) -> None:
    assert list(cloud.iresult(cloud.call(even, 2), timeout=FAST)) == [2]
    assert list(cloud.iresult([])) == []


def test_iresult_of_many(cloud: ModuleType) -> None:
    jids = cloud.map(even, range(0, 40_000, 2))
    assert list(cloud.iresult(jids, timeout=FAST)) == list(range(0, 40_000, 2))


def test_unordered_gives_the_quick_first(cloud: ModuleType, gate: Path) -> None:
    late = cloud.call(wait_for, str(gate), "late")
    quick = cloud.map(even, range(0, 20, 2))
    results = cloud.iresult_unordered([late, quick], timeout=FAST)
    assert sorted(next(results) for _ in range(10)) == list(range(0, 20, 2))
    touch(gate)
    assert list(results) == ["late"]


def test_unordered_goes_on_behind_a_failure(cloud: ModuleType) -> None:
    results = cloud.iresult_unordered(cloud.map(even, range(20)), timeout=FAST)
    good: list[int] = []
    bad: list[int] = []
    while True:
        try:
            good.append(next(results))
        except StopIteration:
            break
        except cloud.CloudException as error:
            bad.append(error.jid)
    assert sorted(good) == list(range(0, 20, 2))
    assert len(set(bad)) == 10


def test_unordered_with_large_results(cloud: ModuleType) -> None:
    jids = cloud.map(lambda n: bytes([n]) * 400_000, range(10))
    assert sorted(value[0] for value in cloud.iresult_unordered(jids, timeout=FAST)) == list(range(10))
    assert [value[0] for value in cloud.iresult(jids, timeout=FAST)] == list(range(10))


def test_ctrl_c_ends_the_wait_and_not_the_job(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(wait_for, str(gate), "done")
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            cloud.result(jid, timeout=FAST)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    touch(gate)
    assert cloud.result(jid, timeout=FAST) == "done"
