"""Whether a function takes the arguments of a call, asked before anything is sent.

The interpreter itself answers, by a call of an empty function with the same parameters: so the words are those of the Python
that runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FunctionType, MethodType
from typing import Any

from picloud.exceptions import ArgumentTypeError

_MAX_STUBS = 1000
_stubs: dict[int, tuple[CodeType, CodeType]] = {}


def check(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse arguments that a Python function or method does not take; other callables are not looked into.

    Raises:
        ArgumentTypeError: in the interpreter's words.
    """
    if type(function) is MethodType:
        args = (function.__self__, *args)
        function = function.__func__
    if type(function) is not FunctionType:
        return
    stub = FunctionType(_stub(function.__code__), {}, function.__name__, function.__defaults__)
    stub.__kwdefaults__ = function.__kwdefaults__
    stub.__qualname__ = function.__qualname__
    try:
        stub(*args, **kwargs)
    except TypeError as error:
        raise ArgumentTypeError(str(error)) from None


def has_parameter(function: Callable[..., Any], name: str) -> bool:
    """Return whether a callable has a parameter of this very name."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if isinstance(code, CodeType):
        return name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def _stub(code: CodeType) -> CodeType:
    """Return the code of a function that has the same parameters and does nothing."""
    known = _stubs.get(id(code))
    if known is not None:
        return known[1]
    positional = list(code.co_varnames[: code.co_argcount])
    names = code.co_varnames[code.co_argcount :]
    keyword_only, names = list(names[: code.co_kwonlyargcount]), names[code.co_kwonlyargcount :]
    if code.co_posonlyargcount:
        positional.insert(code.co_posonlyargcount, "/")
    if code.co_flags & inspect.CO_VARARGS:
        positional.append(f"*{names[0]}")
        names = names[1:]
    elif keyword_only:
        positional.append("*")
    if code.co_flags & inspect.CO_VARKEYWORDS:
        keyword_only.append(f"**{names[0]}")
    space: dict[str, Any] = {}
    exec(f"def stub({', '.join(positional + keyword_only)}): pass", space)  # noqa: S102 - names of parameters alone
    stub: CodeType = space["stub"].__code__
    if len(_stubs) >= _MAX_STUBS:
        _stubs.clear()
    _stubs[id(code)] = (code, stub)
    return stub
