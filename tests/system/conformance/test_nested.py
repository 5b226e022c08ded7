"""Jobs that use `cloud`: everything works as outside, on the same node, and the jobs are everybody's."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

FAST = 30


def square(x: int) -> int:
    return x * x


def fail() -> None:
    raise LookupError("inner")


def test_a_job_calls_and_waits(cloud: ModuleType) -> None:
    def outer(n: int) -> int:
        import cloud

        total: int = cloud.result(cloud.call(square, n)) + sum(cloud.result(cloud.map(square, range(n))))
        return total

    assert cloud.result(cloud.map(outer, [2, 3]), timeout=FAST) == [5, 14]


def test_the_module_of_the_program_will_do(cloud: ModuleType) -> None:
    """A function may hold `cloud` itself, or functions of it."""
    call, result = cloud.call, cloud.result

    def outer() -> int:
        value: int = result(call(square, 3)) + cloud.result(cloud.call(square, 4))
        return value

    assert cloud.result(cloud.call(outer), timeout=FAST) == 25


def test_it_is_in_a_job_and_not_in_a_simulation(cloud: ModuleType) -> None:
    assert cloud.result(cloud.call(lambda: (cloud.running_on_cloud(), cloud.is_simulated())), timeout=FAST) == (
        True,
        False,
    )


def test_jids_are_of_the_same_counter_and_the_program_sees_the_jobs(cloud: ModuleType) -> None:
    jid = cloud.call(lambda: list(cloud.map(square, range(3))))
    inner = cloud.result(jid, timeout=FAST)
    assert inner == [jid + 1, jid + 2, jid + 3]
    assert cloud.result(inner, timeout=FAST) == [0, 1, 4]
    assert {facts["parent_jid"] for facts in cloud.info(inner, "parent_jid").values()} == {jid}


def test_a_job_asks_about_jobs_of_the_program(cloud: ModuleType) -> None:
    done, bad = cloud.call(square, 3), cloud.call(fail)
    cloud.join([done, bad], timeout=FAST, ignore_errors=True)

    def ask() -> dict[str, Any]:
        return {
            "status": cloud.status([done, bad]),
            "result": cloud.result(done),
            "iresult": list(cloud.iresult([done, done])),
            "info": cloud.info(bad, "status"),
            "error": str(cloud.result(bad, ignore_errors=True)),
        }

    found = cloud.result(cloud.call(ask), timeout=FAST)
    assert "LookupError: inner" in found.pop("error")
    assert found == {"status": ["done", "error"], "result": 9, "iresult": [9, 9], "info": {bad: {"status": "error"}}}


def test_keywords_dependencies_kills_and_deletions(cloud: ModuleType) -> None:
    def outer() -> tuple[Any, ...]:
        import time

        first = cloud.call(square, 2, _label="first")
        then = cloud.call(square, 3, _depends_on=first, _priority=1)
        long = cloud.call(time.sleep, 60)
        cloud.kill(long)
        cloud.join([then, long], ignore_errors=True)
        statuses = cloud.status([first, then, long])
        cloud.delete(first)
        try:
            cloud.status(first)
        except cloud.CloudException as error:
            return (*statuses, str(error.parameter))
        return tuple(statuses)

    found = cloud.result(cloud.call(outer), timeout=FAST)
    assert found[:3] == ("done", "done", "killed")
    assert found[3].startswith("Does not exist")


def test_a_timeout_in_a_job_is_one(cloud: ModuleType) -> None:
    def outer() -> list[int]:
        import time

        slow = cloud.call(time.sleep, 60)
        try:
            cloud.result(slow, timeout=0.05)
        except cloud.CloudTimeoutError as error:
            cloud.kill(slow)
            return [slow, *error.jid]
        return []

    slow, *unfinished = cloud.result(cloud.call(outer), timeout=FAST)
    assert unfinished == [slow]


def test_a_job_may_close_its_connection_and_go_on(cloud: ModuleType) -> None:
    def outer() -> list[Any]:
        first = cloud.call(square, 2)
        found = [cloud.result(first), cloud.close(), cloud.close()]
        return [*found, cloud.result(first), cloud.result(cloud.call(square, 3))]

    assert cloud.result(cloud.call(outer), timeout=FAST) == [4, True, False, 4, 9]


def test_an_inner_error_is_the_outer_ones_cause(cloud: ModuleType) -> None:
    with pytest.raises(cloud.CloudException, match="LookupError: inner") as caught:
        cloud.result(cloud.call(lambda: cloud.result(cloud.call(fail))), timeout=FAST)
    assert isinstance(caught.value.__cause__, cloud.CloudException)
