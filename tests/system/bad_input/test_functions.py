"""Functions and arguments that cannot be a job: refused before anything is sent, so that not even a node is started."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from picloud.exceptions import ArgumentError, JobError


def _numbers() -> Iterator[int]:
    yield 1


_REFUSED: dict[str, tuple[str, tuple[Any, ...], type[Exception], str]] = {
    "a number": ("call", (3,), TypeError, "cloud.call first argument (3) is not callable"),
    "text": ("call", ("f",), TypeError, "cloud.call first argument ('f') is not callable"),
    "a map of a number": ("map", (3, [1]), TypeError, "cloud.map first argument (3) is not callable"),
    "a map of nothing": ("map", (abs,), ValueError, "cloud.map needs at least 2 arguments"),
    "a map over a number": ("map", (abs, 3), TypeError, "map argument 1 (3) is not an iterable"),
    "a map over text": ("map", (abs, [1], "ab"), TypeError, "map argument 2 ('ab') is not an iterable"),
    "a map over a generator function": (
        "map",
        (abs, _numbers),
        TypeError,
        "it is a generator function, call it: _numbers(...)",
    ),
    "too many arguments": ("call", (_numbers, 1), TypeError, "_numbers"),
}


@pytest.mark.parametrize("what", _REFUSED)
def test_refused_before_anything_is_sent(what: str, cloud: ModuleType, home: Path) -> None:
    name, arguments, kind, message = _REFUSED[what]
    with pytest.raises(kind) as caught:
        getattr(cloud, name)(*arguments)
    assert isinstance(caught.value, ArgumentError)
    assert message in str(caught.value)
    assert not any(home.iterdir())


def test_no_function_at_all(cloud: ModuleType) -> None:
    with pytest.raises(TypeError):
        cloud.call()
    with pytest.raises(TypeError):
        cloud.map()


def test_arguments_that_the_function_does_not_take(cloud: ModuleType, home: Path) -> None:
    def two(a: int, b: int = 0) -> int:
        return a + b

    for arguments, keywords in (((), {}), ((1, 2, 3), {}), ((1,), {"a": 2}), ((1,), {"c": 3})):
        with pytest.raises(TypeError, match="two"):
            cloud.call(two, *arguments, **keywords)
    assert not any(home.iterdir())


def test_a_generator_function_as_a_job_is_an_error_that_says_so(cloud: ModuleType) -> None:
    jid = cloud.call(_numbers_here())
    with pytest.raises(JobError, match="generator"):
        cloud.result(jid)
    assert cloud.status(jid) == "error"


def _numbers_here() -> Any:
    def numbers() -> Iterator[int]:
        yield 1

    return numbers


def test_what_cannot_travel_is_named_and_nothing_is_submitted(cloud: ModuleType) -> None:
    import pickle
    import threading

    first = cloud.call(abs, -1)
    with pytest.raises(pickle.PicklingError, match="lock"):
        cloud.call(len, {"a": [threading.Lock()]})
    with pytest.raises(pickle.PicklingError, match="lock"):
        cloud.map(len, [[1], [threading.Lock()]])
    with pytest.raises(pickle.PicklingError, match="lock"):
        cloud.call(functools.partial(print, threading.Lock()))
    assert cloud.call(abs, -2) == first + 1


def test_an_iterable_that_fails_half_way_submits_nothing(cloud: ModuleType) -> None:
    def broken() -> Iterator[int]:
        yield from range(10_000)
        raise RuntimeError("half way")

    first = cloud.call(abs, -1)
    with pytest.raises(RuntimeError, match="half way"):
        cloud.map(abs, broken())
    assert cloud.call(abs, -2) == first + 1
