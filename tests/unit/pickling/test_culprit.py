"""The path to what cannot be pickled."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from picloud.pickling import culprit
from picloud.pickling.pickler import dumps


def _generator() -> Iterator[int]:
    yield 1


def _in_arguments(*args: Any, **kwargs: Any) -> str:
    return culprit.find((args, kwargs), culprit.argument_roots((args, kwargs), is_map=False), dumps).path


def _in_function(function: Any) -> str:
    return culprit.find(function, culprit.function_roots(function), dumps).path


class Owner:
    def __init__(self, held: object) -> None:
        self.name = "fine"
        self.held = held

    def method(self) -> None:
        """Do nothing."""


class Slotted:
    __slots__ = ("held", "unset")

    def __init__(self, held: object) -> None:
        self.held = held


class Refuses:
    def __reduce__(self) -> Any:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ((_generator(),), "args[0]: generator"),
        ((1, {"deep": [1, 2, 3, _generator()]}), "args[1]['deep'][3]: generator"),
        (({(1, 2): {"x": (threading.Lock(),)}},), "args[0][(1, 2)]['x'][0]: lock"),
        ((Owner([_generator()]),), "args[0].held[0]: generator"),
        ((Slotted(_generator()),), "args[0].held: generator"),
        ((Owner(threading.Lock()).method,), "args[0].__self__.held: lock"),
        ((functools.partial(print, _generator()),), "args[0].args[0]: generator"),
        ((Refuses(),), "args[0]: Refuses"),
        (([0] * 5000 + [_generator()] + [0] * 5000,), "args[0][5000]: generator"),
    ],
)
def test_path_in_positional_arguments(args: tuple[Any, ...], path: str) -> None:
    assert _in_arguments(*args) == path


def test_path_in_keyword_arguments() -> None:
    assert _in_arguments(1, option={"a": threading.Lock()}) == "kwargs['option']['a']: lock"


def test_path_in_the_arguments_of_a_map() -> None:
    row = (1, [_generator()])
    assert culprit.find(row, culprit.argument_roots(row, is_map=True), dumps).path == "args[1][0]: generator"


def test_path_in_a_function() -> None:
    lock = threading.Lock()
    held = {"a": lock}
    assert _in_function(lambda: held).endswith("<lambda> <variable held>['a']: lock")
    assert _in_function(lambda x=lock: x).endswith("<lambda> <default 0>: lock")
    assert _in_function(lambda *, x=lock: x).endswith("<lambda> <default x>: lock")


def test_path_to_a_global() -> None:
    space: dict[str, Any] = {"lock": threading.Lock(), "__name__": "__main__"}
    exec("def outer():\n    return [lock for _ in ()]", space)
    assert _in_function(space["outer"]) == "outer <global lock>: lock"


def test_an_object_that_holds_itself_ends_the_search() -> None:
    ring: list[Any] = [_generator()]
    ring.append(ring)
    assert _in_arguments(ring) == "args[0][0]: generator"


def test_only_the_whole_fails() -> None:
    """Nothing inside is at fault, so the object itself is named."""
    assert culprit.find([1], [culprit.Part("args[0]", [1])], _refuses_all).path == "args[0][0]: int"


def _refuses_all(value: object) -> object:
    raise ValueError(value)


def test_a_search_is_bounded() -> None:
    calls = 0

    def dumps(value: object) -> object:
        nonlocal calls
        calls += 1
        raise ValueError

    deep: list[Any] = []
    for _ in range(500):
        deep = [deep, deep]
    culprit.find(deep, [culprit.Part("args[0]", deep)], dumps)
    assert calls <= culprit.MAX_TRIES
