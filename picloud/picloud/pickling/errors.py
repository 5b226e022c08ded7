"""Exceptions whose class has an `__init__` of its own: rebuilt without calling it, since `args` are not what it was called with."""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, WrapperDescriptorType
from typing import Any


def is_rebuilt(kind: type[BaseException]) -> bool:
    """Return whether exceptions of a type have to be rebuilt so: Python code makes them, and none of it pickles them."""
    made = isinstance(kind.__init__, FunctionType) or isinstance(kind.__new__, FunctionType)
    return made and not isinstance(kind.__reduce__, FunctionType) and kind.__reduce_ex__ is object.__reduce_ex__


def reduce(error: BaseException) -> tuple[Any, ...]:
    """Reduce an exception to its type, the `args` that the built-in one below it knows, and its attributes."""
    reduced = error.__reduce__()
    assert isinstance(reduced, tuple), "all built-in ones give a tuple"
    kind, args, *state = reduced
    return (rebuilt, (kind, args), *state)


def rebuilt(kind: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    """Return an exception as the types below its own that C code makes do."""
    new: Any = next(each for each in kind.__mro__ if isinstance(vars(each).get("__new__"), BuiltinFunctionType))
    begin: Any = next(each for each in kind.__mro__ if isinstance(vars(each).get("__init__"), WrapperDescriptorType))
    error: BaseException = new.__new__(kind, *args)
    begin.__init__(error, *args)
    return error
