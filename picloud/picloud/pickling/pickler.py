"""Cloudpickle's pickler for client and worker: made once and used again, large buffers kept aside, code with its file's name."""

from __future__ import annotations

import io
import pickle
import sys
from collections import ChainMap
from types import CodeType
from typing import Any, ClassVar

import cloudpickle

from picloud.pickling import refusals, routes
from picloud.wire import payload

PROTOCOL = 5
"""Pickle protocol of functions, arguments and results."""

FULL, QUICK, PLAIN = range(3)
"""Values of `_fast_serialization`: with a trace of failures, without one, the plain pickler for arguments and results."""

_DEEP = 3000
_MOST_ROUTES = 100
_OF_CLOUDPICKLE = cloudpickle.Pickler.dispatch_table
_UNNAMED = "<dynamic-code>"


def _reduce_code(code: CodeType) -> tuple[Any, ...]:
    """Reduce code as cloudpickle does, but with its file's name, which releases from 3.1.3 on drop: tracebacks quote its lines."""
    make, args = _OF_CLOUDPICKLE[CodeType](code)[:2]
    return make, tuple(code.co_filename if type(arg) is str and arg == _UNNAMED else arg for arg in args)


_STATIC_ROUTES: dict[type, routes.Reducer | None] = {}
"""Of types that C code holds for good, whoever asks; those of classes may change, and belong to one pickler."""

_HEAP_TYPE = 1 << 9


def _unknown(_pickler: Any, _value: Any) -> Any:
    raise AssertionError


_UNKNOWN: routes.Reducer = _unknown


class ValuePickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Pickles one value after the other; each pickle stands by itself."""

    dispatch_table: ClassVar[ChainMap[Any, Any]] = ChainMap({CodeType: _reduce_code}, _OF_CLOUDPICKLE)

    def __init__(self, *, aside: bool = True) -> None:
        """Begin with nothing written; large buffers stay in the pickle if they are not kept `aside`."""
        self._out = io.BytesIO()
        self._buffers: list[memoryview] = []
        self._routes: dict[type, routes.Reducer | None] = {}
        super().__init__(self._out, protocol=PROTOCOL, buffer_callback=self._aside if aside else None)

    def reducer_override(self, value: Any) -> Any:
        """Reduce what C's pickler asks about: everything but the plainest values, by a route that its type has once and for all."""
        kind = type(value)
        route = _STATIC_ROUTES.get(kind, _UNKNOWN)
        if route is _UNKNOWN:
            try:
                route = self._routes[kind]
            except KeyError:
                route = self._find(kind)
        if route is None or (route is routes.ordinary and "__transient__" not in value.__dict__):
            return NotImplemented
        return route(self, value)

    def _find(self, kind: type) -> routes.Reducer | None:
        """Return the route of a type that was not seen yet."""
        route = routes.of(kind)
        known = self._routes if kind.__flags__ & _HEAP_TYPE else _STATIC_ROUTES
        if len(known) >= _MOST_ROUTES:
            known.clear()
        known[kind] = route
        return route

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
