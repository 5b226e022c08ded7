"""What cannot travel: the error names the path to it and what to do, at each level of `_fast_serialization`."""

from __future__ import annotations

import asyncio
import functools
import itertools
import pickle
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

FAST = 30


def same(*values: Any) -> Any:
    return values[-1] if values else None


def made(make: Callable[[], Any]) -> Any:
    return make()


def refusal(cloud: ModuleType, *arguments: Any, **keywords: Any) -> str:
    """Return what `call` says of arguments that cannot be sent; nothing was submitted then."""
    with pytest.raises(pickle.PicklingError) as caught:
        cloud.call(same, *arguments, **keywords)
    assert isinstance(caught.value, cloud.CloudException)
    return str(caught.value)


def failure(cloud: ModuleType, make: Callable[[], Any], **keywords: Any) -> str:
    """Return how a job ended whose result is what `make` returns."""
    jid = cloud.call(made, make, **keywords)
    with pytest.raises(cloud.CloudException) as caught:
        cloud.result(jid, timeout=FAST)
    assert cloud.status(jid) == "error"
    assert cloud.info(jid, "exception")[jid]["exception"]
    return str(caught.value)


def numbers() -> Iterator[int]:
    yield 1


def test_the_path_inside_an_argument_is_named(cloud: ModuleType) -> None:
    assert "args[0]['deep'][3]: generator" in refusal(cloud, {"deep": [0, 1, 2, numbers()]})
    assert "args[1].lock: lock" in refusal(cloud, 1, _Holding())


def test_the_path_inside_a_keyword_is_named(cloud: ModuleType) -> None:
    def function(*, table: Any) -> None:
        pass

    with pytest.raises(pickle.PicklingError, match=r"kwargs\['table'\]\[1\]: generator"):
        cloud.call(function, table=[1, numbers()])


def test_the_item_of_a_map_is_named(cloud: ModuleType) -> None:
    with pytest.raises(pickle.PicklingError, match=r"item 2: args\[0\]\[0\]: generator"):
        cloud.map(same, [1, 2, [numbers()], 4])


def test_the_path_inside_a_function_is_named(cloud: ModuleType) -> None:
    lock = threading.Lock()
    with pytest.raises(pickle.PicklingError, match="<variable lock>: lock") as caught:
        cloud.call(lambda: lock)
    assert "create it inside the job" in str(caught.value)


def test_the_path_inside_a_result_is_named(cloud: ModuleType) -> None:
    text = failure(cloud, lambda: {"deep": [0, numbers()]})
    assert "The result cannot be pickled. result['deep'][1]: generator" in text
    assert "make a list of it" in text


class _Holding:
    def __init__(self) -> None:
        self.lock = threading.Lock()


async def _coroutine() -> None:
    """Do nothing."""


REFUSED: dict[str, tuple[Callable[[], Any], str, str]] = {
    "a generator": (numbers, "generator", "make a list of it"),
    "count": (itertools.count, "count", "make a list of it"),
    "chain": (lambda: itertools.chain([1], [2]), "chain", "make a list of it"),
    "groupby": (lambda: itertools.groupby([1]), "groupby", "make a list of it"),
    "islice": (lambda: itertools.islice([1], 1), "islice", "make a list of it"),
    "a lock": (threading.Lock, "lock", "create it inside the job"),
    "a reentrant lock": (threading.RLock, "RLock", "create it inside the job"),
    "an event": (threading.Event, "lock", "create it inside the job"),
    "a socket": (socket.socket, "socket", "connect inside the job"),
    "a thread": (lambda: threading.Thread(target=same), "", "create it inside the job"),
    "a connection to a database": (lambda: sqlite3.connect(":memory:"), "Connection", "connect inside the job"),
    "a coroutine": (_coroutine, "coroutine", "run it inside the job"),
    "a frame": (sys._getframe, "frame", "traceback.format_exc()"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_with_advice(cloud: ModuleType, what: str) -> None:
    make, kind, advice = REFUSED[what]
    value = make()
    try:
        text = refusal(cloud, [value])
    finally:
        if hasattr(value, "close"):
            value.close()
    assert "args[0][0]" in text
    assert f": {kind}" in text
    assert advice in text.rpartition("TIP: ")[2]


ITERTOOLS: list[Callable[[], Any]] = [
    lambda: itertools.accumulate([1]),
    lambda: itertools.chain([1]),
    lambda: itertools.combinations([1, 2], 1),
    lambda: itertools.combinations_with_replacement([1], 1),
    lambda: itertools.compress([1], [1]),
    itertools.count,
    lambda: itertools.cycle([1]),
    lambda: itertools.dropwhile(bool, [1]),
    lambda: itertools.filterfalse(bool, [1]),
    lambda: itertools.groupby([1]),
    lambda: itertools.islice([1], 1),
    lambda: itertools.pairwise([1, 2]),
    lambda: itertools.permutations([1]),
    lambda: itertools.product([1]),
    lambda: itertools.repeat(1),
    lambda: itertools.starmap(abs, [(1,)]),
    lambda: itertools.takewhile(bool, [1]),
    lambda: itertools.tee([1])[0],
    lambda: itertools.zip_longest([1]),
]


@pytest.mark.parametrize("level", [0, 1])
def test_all_of_itertools_is_refused(cloud: ModuleType, level: int) -> None:
    before = cloud.call(same, 1)
    for make in ITERTOOLS:
        assert "An argument cannot be sent" in refusal(cloud, [make()], _fast_serialization=level)
    assert cloud.call(same, 1) == before + 1


def test_an_event_loop_is_refused(cloud: ModuleType) -> None:
    loop = asyncio.new_event_loop()
    try:
        assert "args[0]" in refusal(cloud, loop)
    finally:
        loop.close()


def test_free_variables_before_their_assignment(cloud: ModuleType) -> None:
    """They travel as they are: unset.  The job then says what a call here would say."""

    def outer() -> Callable[[], Any]:
        def inner() -> Any:
            return later

        if sys.flags.optimize > 5:
            later = 1
        return inner

    jid = cloud.call(outer())
    with pytest.raises(cloud.CloudException, match="later"):
        cloud.result(jid, timeout=FAST)


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def _unnested(value: list[Any]) -> int:
    depth = 0
    while value:
        value = value.pop()
        depth += 1
    return depth


def test_values_that_are_deeper_than_pythons_limit_travel(cloud: ModuleType) -> None:
    """Python 3.12's own limit lies a little above this, that of other versions far above."""
    limit = sys.getrecursionlimit()
    jid = cloud.call(_unnested, _nested(700))
    assert cloud.result(jid, timeout=FAST) == 700
    assert sys.getrecursionlimit() == limit
    assert _unnested(cloud.result(cloud.call(_nested, 700), timeout=FAST)) == 700


def test_too_deep_is_a_clear_error(cloud: ModuleType) -> None:
    deep = _nested(100_000)
    for level in (0, 1, 2):
        text = refusal(cloud, 1, deep, _fast_serialization=level)
        assert "recursion" in text
        assert len(text) < 500
        if level == 0:
            assert "args[1]: list: it is nested too deeply" in text
            assert "flatten it" in text
    _unnested(deep)
    text = failure(cloud, functools.partial(_nested, 100_000))
    assert "result: list" in text
    assert "recursion" in text


def test_level_0_names_the_path(cloud: ModuleType) -> None:
    assert "args[0]['a']: generator" in refusal(cloud, {"a": numbers()}, _fast_serialization=0)
    assert "result['a']: generator" in failure(cloud, lambda: {"a": numbers()}, _fast_serialization=0)


def test_level_1_is_the_same_pickler_without_the_path(cloud: ModuleType) -> None:
    double = lambda x: 2 * x  # noqa: E731 - a lambda is what the plain pickler refuses
    assert cloud.result(cloud.call(same, double, _fast_serialization=1), timeout=FAST)(4) == 8
    text = refusal(cloud, {"a": numbers()}, _fast_serialization=1)
    assert "cannot pickle 'generator' object" in text
    assert "args[0]" not in text
    text = failure(cloud, lambda: {"a": numbers()}, _fast_serialization=1)
    assert "cannot pickle 'generator' object" in text
    assert "result['a']" not in text


@pytest.mark.parametrize("level", [2, 7])
def test_level_2_is_the_plain_pickler_for_arguments_and_result(cloud: ModuleType, level: int) -> None:
    local = lambda: 0  # noqa: E731 - as above
    assert "args[0]" not in refusal(cloud, local, _fast_serialization=level)
    with pytest.raises(pickle.PicklingError):
        cloud.map(same, [local], _fast_serialization=level)


def test_at_level_2_the_function_goes_by_the_full_pickler(cloud: ModuleType) -> None:
    offset = 5
    jid = cloud.call(lambda values: [value + offset for value in values], [1, 2], _fast_serialization=2)
    assert cloud.result(jid, timeout=FAST) == [6, 7]
    jids = cloud.map(lambda value: {"value": value + offset}, [1, 2], _fast_serialization=2)
    assert cloud.result(jids, timeout=FAST) == [{"value": 6}, {"value": 7}]


def test_at_level_2_a_result_goes_by_the_plain_pickler(cloud: ModuleType) -> None:
    def local() -> Any:
        return [lambda: 0]

    jid = cloud.call(local, _fast_serialization=2)
    with pytest.raises(cloud.CloudException, match="The result cannot be pickled"):
        cloud.result(jid, timeout=FAST)
    assert cloud.result(cloud.call(local), timeout=FAST)[0]() == 0


@pytest.mark.parametrize("level", [0, 1, 2])
def test_arrays_at_every_level(cloud: ModuleType, level: int) -> None:
    array = np.arange(100_000.0)

    def doubled(values: Any) -> Any:
        values *= 2
        return values

    result = cloud.result(cloud.call(doubled, array, _fast_serialization=level), timeout=FAST)
    np.testing.assert_array_equal(result, array * 2)


@pytest.fixture
def limited(cloud: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Give `cloud` with a limit of 10,000 bytes, as a client reads it."""
    with monkeypatch.context() as patch:
        patch.setenv("PICLOUD_MAX_TRANSMIT_DATA", "10000")
        cloud.config.commit()
        yield cloud
    cloud.config.commit()


def _excess(cloud: ModuleType, submit: Callable[[], Any]) -> str:
    with pytest.raises(cloud.CloudException) as caught:
        submit()
    text = str(caught.value)
    assert text.startswith("Excessive data (")
    assert " bytes) transmitted" in text
    assert caught.value.code == "job.excessive-data"
    return text


def test_the_argument_that_is_too_large_is_named(limited: ModuleType) -> None:
    table = {"small": 1, "deep": [0, np.zeros(10_000)]}
    text = _excess(limited, lambda: limited.call(same, "a" * 50, table))
    assert "args[1] has 80" in text
    assert "most of them in args[1]['deep'][1]: ndarray" in text
    assert "args[0] has 6" in text
    assert limited.result(limited.call(same, "a" * 9000), timeout=FAST) == "a" * 9000


def test_the_item_that_is_too_large_is_named(limited: ModuleType) -> None:
    text = _excess(limited, lambda: limited.map(same, ["a", "b" * 20_000]))
    assert "item 1: args[0] has 200" in text


def test_a_function_that_is_too_large_is_named(limited: ModuleType) -> None:
    held = ["x" * 20_000]
    text = _excess(limited, lambda: limited.call(lambda: held))
    assert "<variable held>[0]: str" in text


def test_a_result_that_is_too_large_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import cloud

    monkeypatch.setenv("PICLOUD_MAX_TRANSMIT_DATA", "10000")
    cloud.config.commit()
    try:
        jids = [cloud.call(lambda: {"a": [1, bytes(20_000)]}), cloud.call(bytes, 20_000), cloud.call(bytes, 9_000)]
        for jid in jids[:2]:
            with pytest.raises(cloud.CloudException, match=r"Excessive data \(20\d\d\d bytes\) transmitted") as caught:
                cloud.result(jid, timeout=FAST)
            assert cloud.status(jid) == "error"
            assert jid != jids[0] or "result['a'][1]: bytes" in str(caught.value)
        assert cloud.result(jids[2], timeout=FAST) == bytes(9_000)
    finally:
        cloud.close()
        monkeypatch.undo()
        cloud.config.commit()


def test_files_above_the_limit_are_refused(limited: ModuleType, tmp_path: Any) -> None:
    (tmp_path / "large").write_bytes(bytes(20_000))
    with (tmp_path / "large").open("rb") as file:
        assert "args[0]: BufferedReader" in _excess(limited, lambda: limited.call(same, file))
