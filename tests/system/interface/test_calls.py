"""call and map: what is submitted comes back."""

from __future__ import annotations

import functools
import operator
import os
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest


def square(x: int) -> int:
    return x * x


def pair(a: Any, b: Any, *, c: Any = None) -> tuple[Any, Any, Any]:
    return a, b, c


class Counter:
    def __init__(self, start: int) -> None:
        self.value = start

    def add(self, n: int) -> int:
        self.value += n
        return self.value

    def __call__(self, n: int) -> int:
        return self.value * n


def test_call(cloud: ModuleType) -> None:
    jid = cloud.call(square, 3)
    assert type(jid) is int
    assert cloud.result(jid, timeout=30) == 9
    assert cloud.status(jid) == "done"
    assert cloud.result([jid, jid]) == [9, 9]


def test_call_with_keywords(cloud: ModuleType) -> None:
    assert cloud.result(cloud.call(pair, 1, b=2, c=3), timeout=30) == (1, 2, 3)


def test_jids_count_upward(cloud: ModuleType) -> None:
    first = cloud.call(square, 1)
    jids = cloud.map(square, range(10))
    assert jids == range(first + 1, first + 11)
    assert cloud.call(square, 1) == first + 11


def test_map(cloud: ModuleType) -> None:
    jids = cloud.map(square, range(100))
    assert cloud.result(jids, timeout=30) == [x * x for x in range(100)]
    assert cloud.result(jids[7]) == 49
    assert cloud.result([jids[3:5], jids[0]]) == [9, 16, 0]


def test_map_pads_with_none(cloud: ModuleType) -> None:
    jids = cloud.map(lambda *a: a, [1, 2, 3], [4], {"x": 1})
    assert cloud.result(jids, timeout=30) == [(1, 4, "x"), (2, None, None), (3, None, None)]


def test_map_of_nothing(cloud: ModuleType) -> None:
    assert cloud.map(square, []) == range(0)
    assert cloud.result(cloud.map(square, [])) == []
    cloud.join(cloud.map(square, iter(())))


def test_map_of_a_generator_that_submits_itself(cloud: ModuleType) -> None:
    def inputs() -> Iterator[int]:
        for number in range(30):
            yield cloud.result(cloud.call(square, number), timeout=30)

    assert cloud.result(cloud.map(square, inputs()), timeout=30) == [n**4 for n in range(30)]


def test_a_generator_that_fails_submits_nothing(cloud: ModuleType) -> None:
    before = cloud.call(square, 1)

    def inputs() -> Iterator[int]:
        yield from range(100_000)
        raise LookupError

    with pytest.raises(LookupError):
        cloud.map(square, inputs())
    assert cloud.call(square, 1) == before + 1


@pytest.mark.parametrize(
    ("function", "args", "value"),
    [
        (lambda x: x + 1, (1,), 2),
        (len, ("abc",), 3),
        (int, ("5",), 5),
        (functools.partial(pair, 1, c=3), (2,), (1, 2, 3)),
        (Counter(5).add, (2,), 7),
        (Counter(5), (2,), 10),
        (operator.itemgetter(1), ([1, 2],), 2),
        (" ".join, (["a", "b"],), "a b"),
    ],
)
def test_every_kind_of_callable(cloud: ModuleType, function: Any, args: tuple[Any, ...], value: Any) -> None:
    assert cloud.result(cloud.call(function, *args), timeout=30) == value


def test_closures_are_of_the_moment_of_the_call(cloud: ModuleType) -> None:
    jids = [cloud.call(lambda: number) for number in range(5)]  # noqa: B023 - that it is of this moment is the point
    assert cloud.result(jids, timeout=30) == list(range(5))


def test_arguments_are_values(cloud: ModuleType) -> None:
    argument = {"a": [1]}
    jid = cloud.call(lambda d: d["a"].append(2) or d, argument)
    argument["a"].append(99)
    first = cloud.result(jid, timeout=30)
    assert first == {"a": [1, 2]}
    assert argument == {"a": [1, 99]}
    first["a"].clear()
    assert cloud.result(jid) == {"a": [1, 2]}


def test_a_method_s_object_stays_here(cloud: ModuleType) -> None:
    counter = Counter(1)
    assert cloud.result(cloud.call(counter.add, 5), timeout=30) == 6
    assert counter.value == 1


@pytest.mark.parametrize("size", [10, 5_000, 100_000, 3_000_000])
def test_arrays(cloud: ModuleType, size: int) -> None:
    array = np.arange(size, dtype=float)
    jid = cloud.call(lambda a: a * 2, array)
    value = cloud.result(jid, timeout=60)
    assert (value == array * 2).all()
    value[0] = -1
    assert cloud.result(jid)[0] == 0


@pytest.mark.parametrize("size", [1000, 300_000, 5_000_000])
def test_bytes(cloud: ModuleType, size: int) -> None:
    content = os.urandom(size)
    assert cloud.result(cloud.call(lambda b: b[::-1], content), timeout=60) == content[::-1]


def test_a_map_of_large_items(cloud: ModuleType) -> None:
    arrays = [np.full(50_000, n, dtype=float) for n in range(20)]
    assert [a.sum() for a in cloud.result(cloud.map(lambda a: a + 1, arrays), timeout=60)] == [
        50_000.0 * (n + 1) for n in range(20)
    ]


def test_a_function_that_holds_an_array(cloud: ModuleType) -> None:
    array = np.arange(500_000.0)
    jids = cloud.map(lambda i: array[i], range(0, 500_000, 100_000))
    assert cloud.result(jids, timeout=60) == [0.0, 100_000.0, 200_000.0, 300_000.0, 400_000.0]


def test_a_large_map(cloud: ModuleType) -> None:
    jids = cloud.map(square, range(100_000))
    assert cloud.result(jids, timeout=60)[-1] == 99_999**2
    assert set(cloud.status(jids)) == {"done"}


def test_the_limit_of_what_is_sent(cloud: ModuleType) -> None:
    cloud.config.max_transmit_data = 1000
    try:
        cloud.close()
        with pytest.raises(cloud.CloudException, match=r"^Excessive data \(\d+ bytes\) transmitted"):
            cloud.call(len, "a" * 2000)
        with pytest.raises(cloud.CloudException, match="Excessive data"):
            cloud.map(len, ["a", "a" * 2000])
        text = "b" * 2000
        with pytest.raises(cloud.CloudException, match="Excessive data"):
            cloud.call(lambda: text)
        assert cloud.result(cloud.call(len, "a" * 500), timeout=30) == 500
    finally:
        cloud.config.max_transmit_data = 0
        cloud.close()


def test_many_threads(cloud: ModuleType) -> None:
    results: dict[int, Any] = {}

    def work(number: int) -> None:
        results[number] = cloud.result(cloud.map(pair, [number] * 20, range(20)), timeout=60)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: [(n, i, None) for i in range(20)] for n in range(6)}


@pytest.mark.parametrize("level", [0, 1, 2])
def test_levels_of_serialization(cloud: ModuleType, level: int) -> None:
    assert cloud.result(cloud.call(pair, 1, [2], _fast_serialization=level), timeout=30) == (1, [2], None)
    assert cloud.result(cloud.map(square, [1, 2], _fast_serialization=level), timeout=30) == [1, 4]
