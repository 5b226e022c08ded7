"""What is refused before anything is sent: no test here has a node, and a session would be an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cloud._jobs import Jobs
from picloud.client.session import Session


def _no_session() -> Session:
    raise AssertionError("nothing may be sent")


def _generator() -> Iterator[int]:
    yield 1


def one(x: int) -> int:
    return x


@pytest.fixture
def jobs() -> Jobs:
    return Jobs(__name__, "jobs", _no_session, lambda: {"connection_type": "local"})


ASKING = ["join", "status", "result", "iresult", "iresult_unordered", "info", "kill", "delete"]


@pytest.mark.parametrize("name", ASKING)
@pytest.mark.parametrize("jids", ["asdf", 1.5, [None], True])
def test_wrong_jids(jobs: Jobs, name: str, jids: Any) -> None:
    with pytest.raises(TypeError, match=r"^jid\(s\) must be integers$"):
        getattr(jobs, name)(jids)


@pytest.mark.parametrize("name", [name for name in ASKING if name != "kill"])
def test_missing_jids(jobs: Jobs, name: str) -> None:
    with pytest.raises(TypeError):
        getattr(jobs, name)()


def test_no_jids_at_all(jobs: Jobs) -> None:
    nothing: list[int] = []
    jobs.join(nothing)
    jobs.kill(nothing)
    jobs.delete(nothing)
    assert jobs.status(nothing) == []
    assert jobs.result(range(0)) == []
    assert jobs.info(nothing) == {}


@pytest.mark.parametrize("name", ["join", "result", "iresult", "iresult_unordered"])
def test_negative_timeouts(jobs: Jobs, name: str) -> None:
    with pytest.raises(ValueError, match="timeout must not be negative"):
        getattr(jobs, name)(1, timeout=-1)


@pytest.mark.parametrize("name", ["iresult", "iresult_unordered"])
def test_num_in_parallel(jobs: Jobs, name: str) -> None:
    with pytest.raises(TypeError, match="num_in_parallel must be an integer"):
        getattr(jobs, name)(1, num_in_parallel="10")


CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any], type[Exception], str]] = [
    ("call", (), {}, TypeError, "missing 1 required positional argument"),
    ("call", ("f",), {}, TypeError, r"cloud\.call first argument \('f'\) is not callable"),
    ("call", (one,), {}, TypeError, "missing 1 required positional argument: 'x'"),
    ("call", (one, 1, 2), {}, TypeError, "takes 1 positional argument but 2 were given"),
    ("call", (one, 1), {"y": 2}, TypeError, "unexpected keyword argument 'y'"),
    ("call", (one, 1), {"_foo": 2}, TypeError, "unexpected keyword argument '_foo'"),
    ("map", (), {}, TypeError, "missing 1 required positional argument"),
    ("map", (5, []), {}, TypeError, r"cloud\.map first argument \(5\) is not callable"),
    ("map", (one,), {}, ValueError, r"cloud\.map needs at least 2 arguments"),
    ("map", (one, 5), {}, TypeError, r"map argument 1 \(5\) is not an iterable"),
    ("map", (one, "abc"), {}, TypeError, r"map argument 1 \('abc'\) is not an iterable"),
    ("map", (one, _generator), {}, TypeError, "is a generator function, call it"),
    ("map", (one, [1], [2]), {}, TypeError, "takes 1 positional argument but 2 were given"),
    ("map", (one, [1]), {"x": 1}, ValueError, "Cannot pass keyword arguments into cloud.map"),
    ("map", (one, [1]), {"_callback": print}, ValueError, "Cannot pass keyword arguments into cloud.map"),
]


@pytest.mark.parametrize(("name", "args", "kwargs", "kind", "message"), CALLS)
def test_submissions_that_are_refused(
    jobs: Jobs, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], kind: type[Exception], message: str
) -> None:
    function: Callable[..., Any] = getattr(jobs, name)
    with pytest.raises(kind, match=message):
        function(*args, **kwargs)


def test_a_function_may_have_any_parameters(jobs: Jobs) -> None:
    def odd(func: int, self: int) -> None: ...

    with pytest.raises(AssertionError, match="nothing may be sent"):
        jobs.call(odd, func=1, self=2)


def test_nothing_is_open(jobs: Jobs) -> None:
    assert jobs.connection_info() == {"opened": False, "connection_type": "local"}
    assert jobs.close() is False
