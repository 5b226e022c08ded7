"""numpy's arrays: those that numpy would copy into the pickle stand aside as well, and all can be written to on arrival.

numpy is not imported here: it is loaded where there is an array.
"""

from __future__ import annotations

import sys
from typing import Any

from picloud.wire import payload

PROTOCOL = 5


def is_array(kind: type) -> bool:
    """Return whether a type is numpy's array or one made of it."""
    array = getattr(sys.modules.get("numpy"), "ndarray", None)
    return array is not None and issubclass(kind, array)


def reduce(array: Any) -> Any:
    """Reduce an array where numpy alone would not do; NotImplemented where it does."""
    numpy = sys.modules["numpy"]
    kind = type(array)
    if array.dtype.hasobject:
        return NotImplemented
    large = array.nbytes >= payload.BUFFER_THRESHOLD
    if kind is not numpy.ndarray:
        return (_of_kind, (array.view(numpy.ndarray), kind)) if large and _is_plain(kind, numpy) else NotImplemented
    contiguous = array.flags.c_contiguous or array.flags.f_contiguous
    if array.flags.writeable and (contiguous or not large):
        return NotImplemented
    sent = _writable(array, numpy) if large and contiguous else array.copy(order="C" if large else "K")
    return sent.__reduce_ex__(PROTOCOL)


def _is_plain(kind: type, numpy: Any) -> bool:
    """Return whether a type pickles as numpy's own: its instances are then views of a type and no more."""
    names = ("__reduce__", "__reduce_ex__", "__setstate__")
    return all(getattr(kind, name) is getattr(numpy.ndarray, name) for name in names)


def _of_kind(array: Any, kind: type) -> Any:
    return array.view(kind)


class _Memory:
    """Lets numpy see memory as bytes that may be written to."""

    def __init__(self, address: int, size: int) -> None:
        self.__array_interface__ = {"data": (address, False), "shape": (size,), "typestr": "|u1", "version": 3}


def _writable(array: Any, numpy: Any) -> Any:
    """Return a second view of a read-only array, which pickles as one that can be written to; nobody writes to it here."""
    memory = numpy.asarray(_Memory(array.__array_interface__["data"][0], array.nbytes))
    return numpy.ndarray(array.shape, array.dtype, memory, strides=array.strides)
