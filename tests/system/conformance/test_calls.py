"""call: what is checked before anything is sent, what is left to the job, and when the jid comes back."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FAST = 30


def value(x: Any = None) -> Any:
    return x


def two(a: Any, b: Any = 0, /, *, c: Any = 0) -> tuple[Any, Any, Any]:
    return a, b, c


def hold(path: str) -> str:
    while not Path(path).exists():
        time.sleep(0.005)
    return "through"


class Thing:
    def __init__(self, n: int = 0) -> None:
        self.n = n

    def method(self, x: int) -> int:
        return self.n + x

    def __call__(self, x: int) -> int:
        return self.n * x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing) and other.n == self.n

    __hash__ = None  # type: ignore[assignment]  # how Python says unhashable


def test_a_jid_is_a_plain_int_that_counts_upward(cloud: ModuleType) -> None:
    first = cloud.call(value)
    assert type(first) is int
    assert [cloud.call(value) for _ in range(3)] == [first + 1, first + 2, first + 3]


def test_the_jid_comes_before_the_job_has_run(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(hold, str(gate))
    assert cloud.status(jid) in {"queued", "processing"}
    gate.touch()
    assert cloud.result(jid, timeout=FAST) == "through"


def test_a_job_is_registered_when_its_jid_comes(cloud: ModuleType, gate: Path) -> None:
    """Another process finds it at once."""
    jid = cloud.call(hold, str(gate), _label="registered")
    program = f"import cloud; print(cloud.info({jid}, 'label')[{jid}]['label'])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=FAST)
    assert found.stdout == "registered\n"


@pytest.mark.parametrize("what", ["f", "", None, 3, 1.5, b"f", [value], {}, object()])
def test_what_cannot_be_called_is_a_type_error(cloud: ModuleType, what: Any) -> None:
    with pytest.raises(TypeError, match=r"^cloud\.call first argument \(.*\) is not callable$"):
        cloud.call(what)
    with pytest.raises(TypeError, match=r"^cloud\.map first argument \(.*\) is not callable$"):
        cloud.map(what, [1])


def test_no_function_at_all_is_a_type_error(cloud: ModuleType) -> None:
    for submit in (cloud.call, cloud.map):
        with pytest.raises(TypeError):
            submit()


def test_the_function_is_given_by_position_so_that_it_may_have_a_parameter_of_any_name(cloud: ModuleType) -> None:
    def keywords(func: Any, self: Any, **more: Any) -> dict[str, Any]:
        return {"func": func, "self": self, **more}

    expected = {"func": 1, "self": 2, "args": 3, "kwargs": 4}
    assert cloud.result(cloud.call(keywords, **expected), timeout=FAST) == expected
    with pytest.raises(TypeError):
        cloud.call(func=value)


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1, 2, 3), {}),
    ((1,), {"d": 1}),
    ((1,), {"b": 2}),
    ((1, 2), {"c": 1, "x": 2}),
]


def _words_of_the_interpreter(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    with pytest.raises(TypeError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize(("args", "kwargs"), CALLS)
def test_arguments_of_a_python_function_are_checked_first_in_the_interpreters_words(
    cloud: ModuleType, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    before = cloud.call(value)
    with pytest.raises(TypeError) as caught:
        cloud.call(two, *args, **kwargs)
    assert str(caught.value) == _words_of_the_interpreter(two, args, kwargs)
    assert isinstance(caught.value, cloud.CloudException)
    assert cloud.call(value) == before + 1


def test_an_argument_that_is_given_twice(cloud: ModuleType) -> None:
    def one(a: int, b: int = 0) -> int:
        return a + b

    with pytest.raises(TypeError, match="got multiple values for argument 'a'"):
        cloud.call(one, 1, a=1)


def test_arguments_of_a_method_too(cloud: ModuleType) -> None:
    for args in ((), (1, 2)):
        with pytest.raises(TypeError, match="method"):
            cloud.call(Thing(1).method, *args)
    assert cloud.result(cloud.call(Thing(1).method, 2), timeout=FAST) == 3
    assert cloud.result(cloud.call(Thing(1).method, x=2), timeout=FAST) == 3


@pytest.mark.parametrize(
    ("function", "args"),
    [(len, ()), (Thing, (1, 2, 3)), (functools.partial(value, 1), (2,)), (Thing(1), ())],
    ids=["builtin", "class", "partial", "instance"],
)
def test_other_callables_are_not_looked_into_so_that_the_job_is_the_error(
    cloud: ModuleType, function: Callable[..., Any], args: tuple[Any, ...]
) -> None:
    jid = cloud.call(function, *args)
    with pytest.raises(cloud.CloudException, match="TypeError: ") as caught:
        cloud.result(jid, timeout=FAST)
    assert (caught.value.status, caught.value.jid) == ("error", jid)


@pytest.mark.parametrize(
    ("function", "args", "expected"),
    [
        (len, ("abc",), 3),
        (Thing, (3,), Thing(3)),
        (functools.partial(two, 1, c=3), (2,), (1, 2, 3)),
        (Thing(2), (4,), 8),
    ],
    ids=["builtin", "class", "partial", "instance"],
)
def test_other_callables_are_functions_like_any(
    cloud: ModuleType, function: Callable[..., Any], args: tuple[Any, ...], expected: Any
) -> None:
    assert cloud.result(cloud.call(function, *args), timeout=FAST) == expected


def test_a_job_runs_in_the_folder_of_the_program(
    cloud: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cloud.result(cloud.call(os.getcwd), timeout=FAST) == str(tmp_path)


def test_arguments_and_results_are_values(cloud: ModuleType) -> None:
    def change(values: list[int]) -> list[int]:
        values.append(2)
        return values

    mine = [1]
    jid = cloud.call(change, mine)
    first, second = cloud.result(jid, timeout=FAST), cloud.result(jid)
    assert (mine, first, second) == ([1], [1, 2], [1, 2])
    first.clear()
    assert (second, cloud.result(jid)) == ([1, 2], [1, 2])
