"""Which way a value is pickled, by its type, where cloudpickle and the standard library do not send it as PiCloud did.

Files, arrays, exceptions, iterators that are refused, and instances with `__transient__`: names of attributes that stay behind.
"""

from __future__ import annotations

import contextlib
import copyreg
import functools
import importlib
import sys
from collections.abc import Callable, Iterable
from types import FunctionType, GetSetDescriptorType
from typing import Any

import cloudpickle

from picloud.pickling import arrays, errors, files, functional, refusals

Reducer = Callable[[Any, Any], Any]
"""Takes the pickler and a value, and returns what `__reduce__` does, or NotImplemented."""

_PROTOCOL = 5
_by_cloudpickle_itself: Reducer = cloudpickle.Pickler.reducer_override


def _without(reduced: Any, names: object) -> Any:
    """Return what an instance reduces to, without attributes of these names."""
    if not isinstance(reduced, tuple) or len(reduced) < 3:
        return reduced
    dropped = {names} if isinstance(names, str) else set(names) if isinstance(names, Iterable) else set()

    def left(state: Any) -> Any:
        return {name: value for name, value in state.items() if name not in dropped} if type(state) is dict else state

    state = reduced[2]
    state = tuple(map(left, state)) if type(state) is tuple and len(state) == 2 else left(state)
    return (*reduced[:2], state, *reduced[3:])


def _reduce_instance(_pickler: Any, value: Any) -> Any:
    """Reduce an instance as always, unless it says what stays behind."""
    names = getattr(value, "__transient__", None)
    if names is None:
        return NotImplemented
    reduce = copyreg.dispatch_table.get(type(value))
    return _without(value.__reduce_ex__(_PROTOCOL) if reduce is None else reduce(value), names)


def ordinary(_pickler: Any, value: Any) -> Any:
    """Do as `_reduce_instance` for a type that says nothing itself; `ValuePickler.reducer_override` has it inline."""
    return _reduce_instance(_pickler, value) if "__transient__" in value.__dict__ else NotImplemented


def _reduce_error(_pickler: Any, value: BaseException) -> Any:
    names = getattr(value, "__transient__", None)
    reduced = errors.reduce(value)
    return reduced if names is None else _without(reduced, names)


def _reduce_stream(pickler: Any, value: Any) -> Any:
    standard = files.standard_stream(value)
    return _reduce_instance(pickler, value) if standard is None else standard


def _by_cloudpickle(pickler: Any, value: Any) -> Any:
    """Reduce a class or function as cloudpickle does: by name where its module has it, else by value.

    Libraries such as numpy name modules that nobody has imported yet, and cloudpickle takes what is in them for code of one's own.
    """
    name = getattr(value, "__module__", None)
    if type(name) is str and name not in sys.modules and name.partition(".")[0] in sys.modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    return _by_cloudpickle_itself(pickler, value)


def _reduce_function(pickler: Any, value: Any) -> Any:
    return functional.reduce_dispatcher(value) if functional.is_dispatcher(value) else _by_cloudpickle(pickler, value)


def _reduces_itself(kind: type) -> bool:
    return isinstance(kind.__reduce__, FunctionType) or isinstance(kind.__reduce_ex__, FunctionType)


def of(kind: type) -> Reducer | None:
    """Return what reduces the instances of a type; None where C's pickler and the dispatch table do."""
    if kind is FunctionType:
        return _reduce_function
    if issubclass(kind, type):
        return _by_cloudpickle
    if kind is functional.CACHE:
        return lambda _pickler, value: functional.reduce_cache(value)
    if kind is functools.singledispatchmethod:
        return lambda _pickler, value: functional.reduce_method(value)
    if issubclass(kind, functools.cached_property) and not _reduces_itself(kind):
        return lambda _pickler, value: functional.reduce_property(value)
    if (issubclass(kind, files.KINDS) and not _reduces_itself(kind)) or kind is files.MemoryFile:
        return lambda _pickler, value: files.reduce(value)
    if issubclass(kind, BaseException) and errors.is_rebuilt(kind):
        return _reduce_error
    if arrays.is_array(kind):
        return lambda _pickler, value: arrays.reduce(value)
    if kind.__module__ == "itertools":
        return lambda _pickler, value: refusals.iterator(value)
    if (kind.__module__, kind.__name__) == ("tempfile", "_TemporaryFileWrapper"):
        return lambda _pickler, value: files.unwrapped(value)
    if hasattr(kind, "write") and hasattr(kind, "flush"):
        return _reduce_stream
    if hasattr(kind, "__transient__"):
        return _reduce_instance
    # A proxy may have another way to its state, which must not be asked for before it pickles.
    state = next((vars(each)["__dict__"] for each in kind.__mro__ if "__dict__" in vars(each)), None)
    is_usual = isinstance(state, GetSetDescriptorType) and kind.__getattribute__ is object.__getattribute__
    return ordinary if is_usual else None
