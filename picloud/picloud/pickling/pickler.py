"""Cloudpickle's pickler for client and worker: made once and used again, large buffers kept aside, code with its file's name."""

from __future__ import annotations

import io
import pickle
from collections import ChainMap
from types import CodeType
from typing import Any, ClassVar

import cloudpickle

from picloud.wire import payload

PROTOCOL = 5
"""Pickle protocol of functions, arguments and results."""

_OF_CLOUDPICKLE = cloudpickle.Pickler.dispatch_table
_UNNAMED = "<dynamic-code>"


def _reduce_code(code: CodeType) -> tuple[Any, ...]:
    """Reduce code as cloudpickle does, but with its file's name, which releases from 3.1.3 on drop: tracebacks quote its lines."""
    make, args = _OF_CLOUDPICKLE[CodeType](code)[:2]
    return make, tuple(code.co_filename if type(arg) is str and arg == _UNNAMED else arg for arg in args)


class ValuePickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Pickles one value after the other; each pickle stands by itself."""

    dispatch_table: ClassVar[ChainMap[Any, Any]] = ChainMap({CodeType: _reduce_code}, _OF_CLOUDPICKLE)

    def __init__(self, *, aside: bool = True) -> None:
        """Begin with nothing written; large buffers stay in the pickle if they are not kept `aside`."""
        self._out = io.BytesIO()
        self._buffers: list[memoryview] = []
        super().__init__(self._out, protocol=PROTOCOL, buffer_callback=self._aside if aside else None)

    def pickled(self, value: object) -> tuple[bytes, list[memoryview]]:
        """Return the pickle of a value and its large buffers; nothing of the value is held on to.

        Raises:
            Exception: whatever the value's own code raises, or the pickler says of what cannot be pickled.
        """
        try:
            self.dump(value)
            return self._out.getvalue(), self._buffers
        finally:
            self._buffers = []
            self.clear_memo()
            self.globals_ref.clear()
            self._out.seek(0)
            self._out.truncate()

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


def dumps(value: object) -> bytes:
    """Return a value as one pickle."""
    return ValuePickler(aside=False).pickled(value)[0]
