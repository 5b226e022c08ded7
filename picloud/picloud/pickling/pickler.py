"""Cloudpickle's pickler for client and worker: made once and used again, large buffers kept aside, code with its file's name.

What cloudpickle and the standard library do not send as PiCloud did goes another way by its type: files, arrays, exceptions,
and instances with `__transient__`, the names of attributes that stay behind.
"""

from __future__ import annotations

import contextlib
import copyreg
import importlib
import io
import pickle
import sys
from collections import ChainMap
from collections.abc import Callable, Iterable
from types import CodeType, FunctionType
from typing import Any, ClassVar

import cloudpickle

from picloud.pickling import arrays, errors, files, refusals
from picloud.wire import payload

PROTOCOL = 5
"""Pickle protocol of functions, arguments and results."""

FULL, QUICK, PLAIN = range(3)
"""Values of `_fast_serialization`: with a trace of failures, without one, the plain pickler for arguments and results."""

Reducer = Callable[[Any, Any], Any]
"""Takes the pickler and a value, and returns what `__reduce__` does, or NotImplemented."""

_DEEP = 3000
_MOST_ROUTES = 1000
_cloudpickles_reducer = cloudpickle.Pickler.reducer_override
_OF_CLOUDPICKLE = cloudpickle.Pickler.dispatch_table
_UNNAMED = "<dynamic-code>"


def _reduce_code(code: CodeType) -> tuple[Any, ...]:
    """Reduce code as cloudpickle does, but with its file's name, which releases from 3.1.3 on drop: tracebacks quote its lines."""
    make, args = _OF_CLOUDPICKLE[CodeType](code)[:2]
    return make, tuple(code.co_filename if type(arg) is str and arg == _UNNAMED else arg for arg in args)


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
    return _without(value.__reduce_ex__(PROTOCOL) if reduce is None else reduce(value), names)


def _ordinary(_pickler: Any, value: Any) -> Any:
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
    return _cloudpickles_reducer(pickler, value)


def _route(kind: type) -> Reducer | None:
    """Return what reduces the instances of a type; None where C's pickler and the dispatch table do."""
    if issubclass(kind, type) or kind is FunctionType:
        return _by_cloudpickle
    if issubclass(kind, files.KINDS) or kind is files.MemoryFile:
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
    has_state = kind.__getattribute__ is object.__getattribute__ and any(
        "__dict__" in vars(each) for each in kind.__mro__
    )
    return _ordinary if has_state else None


class ValuePickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Pickles one value after the other; each pickle stands by itself."""

    dispatch_table: ClassVar[ChainMap[Any, Any]] = ChainMap({CodeType: _reduce_code}, _OF_CLOUDPICKLE)

    def __init__(self, *, aside: bool = True) -> None:
        """Begin with nothing written; large buffers stay in the pickle if they are not kept `aside`."""
        self._out = io.BytesIO()
        self._buffers: list[memoryview] = []
        self._routes: dict[type, Reducer | None] = {}
        super().__init__(self._out, protocol=PROTOCOL, buffer_callback=self._aside if aside else None)

    def reducer_override(self, value: Any) -> Any:
        """Reduce what C's pickler asks about: everything but the plainest values, by a route that its type has once and for all."""
        kind = type(value)
        try:
            route = self._routes[kind]
        except KeyError:
            if len(self._routes) >= _MOST_ROUTES:
                self._routes.clear()
            route = self._routes[kind] = _route(kind)
        if route is None or (route is _ordinary and "__transient__" not in value.__dict__):
            return NotImplemented
        return route(self, value)

    def pickled(self, value: object) -> tuple[bytes, list[memoryview]]:
        """Return the pickle of a value and its large buffers; nothing of the value is held on to.

        Raises:
            Exception: whatever the value's own code raises, or the pickler says of what cannot be pickled.
        """
        try:
            self._dump(value)
            return self._out.getvalue(), self._buffers
        finally:
            self._begin()

    def _begin(self) -> None:
        """Forget what was written."""
        self._buffers = []
        self.clear_memo()
        self.globals_ref.clear()
        self._out.seek(0)
        self._out.truncate()

    def _dump(self, value: object) -> None:
        """Write a value; one that is nested deeper than Python's limit is tried again with PiCloud's."""
        try:
            self.dump(value)
        except pickle.PicklingError as error:
            limit = sys.getrecursionlimit()
            if not refusals.is_too_deep(error) or limit >= _DEEP:
                raise
            self._begin()
            sys.setrecursionlimit(_DEEP)
            try:
                self.dump(value)
            finally:
                sys.setrecursionlimit(limit)

    def _aside(self, buffer: pickle.PickleBuffer) -> bool:
        """Keep a large contiguous buffer aside; return whether it goes into the pickle instead."""
        try:
            raw = buffer.raw()
        except BufferError:
            return True
        if len(raw) < payload.BUFFER_THRESHOLD:
            return True
        self._buffers.append(raw)
        return False


def size_of(value: object) -> int:
    """Return the bytes that a value takes on its way, its large buffers included."""
    pickled, buffers = ValuePickler().pickled(value)
    return payload.size(pickled, buffers) if buffers else len(pickled)


def dumps(value: object) -> bytes:
    """Return a value as one pickle."""
    return ValuePickler(aside=False).pickled(value)[0]
