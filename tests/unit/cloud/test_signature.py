"""Arguments against signatures, in the interpreter's words."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from cloud import _signature
from picloud.exceptions import ArgumentTypeError, CloudException


def none() -> None: ...
def one(a: Any) -> None: ...
def default(a: Any, b: Any = 1) -> None: ...
def positional(a: Any, /, b: Any = 1) -> None: ...
def keyword(a: Any, *, k: Any, d: Any = 1) -> None: ...
def only_keyword(*, k: Any) -> None: ...
def rest(a: Any, *args: Any) -> None: ...
def options(a: Any, **kwargs: Any) -> None: ...
def everything(a: Any, /, b: Any = 1, *args: Any, k: Any = 2, **kwargs: Any) -> None: ...


class Holder:
    def method(self, a: Any) -> None: ...

    @classmethod
    def for_class(cls, a: Any) -> None: ...

    @staticmethod
    def static(a: Any) -> None: ...


FUNCTIONS: list[Callable[..., Any]] = [
    none,
    one,
    default,
    positional,
    keyword,
    only_keyword,
    rest,
    options,
    everything,
    Holder().method,
    Holder.for_class,
    Holder.static,
    lambda a, b=2: None,
]
CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1,), {}),
    ((1, 2), {}),
    ((1, 2, 3), {}),
    ((), {"a": 1}),
    ((1,), {"a": 1}),
    ((1,), {"b": 1}),
    ((1,), {"k": 1}),
    ((), {"k": 1}),
    ((1,), {"unknown": 1}),
    ((1, 2), {"b": 1, "k": 2}),
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__qualname__)
@pytest.mark.parametrize(("args", "kwargs"), CALLS)
def test_it_agrees_with_the_interpreter(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    wrong = _words(function, args, kwargs)
    if wrong is None:
        _signature.check(function, args, kwargs)
        return
    with pytest.raises(ArgumentTypeError) as caught:
        _signature.check(function, args, kwargs)
    assert str(caught.value) == wrong
    assert isinstance(caught.value, CloudException)
    assert caught.value.__cause__ is None


def _words(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """Return what the interpreter says to a call; None if it takes the arguments."""
    try:
        function(*args, **kwargs)
    except TypeError as error:
        return str(error)
    return None


def test_two_closures_of_one_code_differ_in_their_defaults() -> None:
    def make(*defaults: int) -> Callable[..., Any]:
        def inner(a: int, b: int) -> None: ...

        inner.__defaults__ = defaults
        return inner

    _signature.check(make(1, 2), (), {})
    with pytest.raises(ArgumentTypeError, match="missing 1 required positional argument: 'a'"):
        _signature.check(make(1), (), {})


def test_nothing_is_run() -> None:
    def explode() -> None:
        raise AssertionError

    _signature.check(explode, (), {})


def test_other_callables_are_not_looked_into() -> None:
    for function in (len, int, functools.partial(one), Holder, print):
        _signature.check(function, (1, 2, 3, 4), {"x": 1})


def test_parameters_by_name() -> None:
    assert _signature.has_parameter(keyword, "k")
    assert _signature.has_parameter(Holder().method, "a")
    assert not _signature.has_parameter(options, "kwargs")
    assert not _signature.has_parameter(one, "b")
    assert _signature.has_parameter(functools.partial(default, 1), "b")
    assert not _signature.has_parameter(dict.fromkeys, "_x")


def test_many_functions_are_not_all_kept() -> None:
    for _ in range(3000):
        space: dict[str, Any] = {}
        exec("def f(a): pass", space)
        _signature.check(space["f"], (1,), {})
    assert len(_signature._stubs) <= 1000
