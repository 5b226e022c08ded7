"""Functions and arguments as bytes.

Everything is pickled at the moment of the call, so what a job gets are values.  Atoms go through the plain C pickler, all else
through one reused cloudpickle pickler; large buffers stay out of the pickle, and what is large altogether becomes a segment.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from itertools import chain, repeat
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

import cloudpickle

from picloud.client.segments import SegmentWriter
from picloud.client.sharing import Sharing
from picloud.exceptions import ExcessiveDataError, SerializationError
from picloud.model.arguments import in_segment
from picloud.model.bundle import with_quotes
from picloud.pickling import culprit, excess, refusals
from picloud.pickling.pickler import FULL, PLAIN, PROTOCOL, ValuePickler, dumps, size_of
from picloud.wire import payload

if TYPE_CHECKING:
    from picloud.client.reports import Submitted

ATOMS = frozenset({int, float, bool, type(None), str, bytes, complex})
"""Types that any pickler writes alike."""

_ATOM_PROTOCOL = 3
"""Without the frames of later protocols, which take more room than the atoms."""


class FunctionPickler(ValuePickler):
    """Notes the code of the functions that went by value."""

    def __init__(self) -> None:
        """Begin with nothing noted."""
        super().__init__()
        self.codes: list[CodeType] = []

    def _dynamic_function_reduce(self, func: Any) -> Any:
        self.codes.append(func.__code__)
        return super()._dynamic_function_reduce(func)


class ArgumentEncoder:
    """Encodes the items of one submission."""

    def __init__(
        self,
        limit: int,
        level: int,
        is_map: bool,
        segments: Callable[[], SegmentWriter],
        report: Submitted | None = None,
    ) -> None:
        """Refuse items above `limit` bytes (0: none); `level` is `_fast_serialization`; `segments` is asked for large ones.

        The items of a map are tuples of arguments, a call's item is (args, kwargs).  With `report`, each is reported.
        """
        self._report = report
        self._limit = limit
        self._level = level
        self._is_map = is_map
        self._segments = segments
        self._sharing = Sharing()
        self._aside = 0
        self._pickler: ValuePickler | None = None

    def encode(self, value: object, where: str = "", index: int = 0) -> bytes:
        """Return the payload of the item at `index`.

        Raises:
            SerializationError: naming the path inside the value, which `where` precedes.
            ExcessiveDataError: if it is above the limit.
        """
        buffers: list[memoryview] = []
        try:
            if self._level == PLAIN or (not self._is_map and _is_plain_call(value)):
                pickled = pickle.dumps(value, PROTOCOL)
            else:
                pickler = self._pickler or ValuePickler()
                self._pickler = pickler
                pickled, buffers = pickler.pickled(value)
                if len(pickled) >= payload.SEGMENT_THRESHOLD:
                    # Its table of what it has seen stays as large as this value made it, and is emptied for each one after it.
                    self._pickler = None
        except Exception as error:
            raise self._unpicklable(value, where, error) from error
        if self._report is not None:
            self._report.argument(index, pickled, list(map(len, buffers)))
        try:
            return self._wrapped(value, pickled, buffers)
        except ExcessiveDataError as error:
            if self._level != FULL:
                raise
            raise self._excessive(value, where, error) from None

    def encode_rows(self, rows: list[tuple[Any, ...]], start: int) -> list[bytes]:
        """Return the payloads of a map's items, of which the first has the index `start`; errors as `encode`."""
        if self._report is None and ATOMS.issuperset(set(map(type, chain.from_iterable(rows)))):
            items = list(map(pickle.dumps, rows, repeat(_ATOM_PROTOCOL)))
            if self._is_small(items):
                return items
        return self._each(rows, start)

    def encode_column(self, values: list[Any], start: int) -> list[bytes]:
        """Do as `encode_rows` for items of one argument each, given as such."""
        if self._report is None and ATOMS.issuperset(set(map(type, values))):
            items = list(map(pickle.dumps, zip(values), repeat(_ATOM_PROTOCOL)))
            if self._is_small(items):
                return items
        return self._each(list(zip(values)), start)

    def aside(self) -> int:
        """Return the bytes that went into segments since this was asked, without those that several items share."""
        taken, self._aside = self._aside + self._sharing.alone(), 0
        return taken

    def _is_small(self, items: list[bytes]) -> bool:
        longest = max(map(len, items))
        return longest < payload.SEGMENT_THRESHOLD and (not self._limit or longest <= self._limit)

    def _each(self, rows: list[tuple[Any, ...]], start: int) -> list[bytes]:
        encode = self.encode
        self._sharing.next_batch()
        if self._level == FULL:
            return [encode(row, f"item {index}: ", index) for index, row in enumerate(rows, start)]
        return [encode(row, "", index) for index, row in enumerate(rows, start)]

    def _wrapped(self, value: Any, pickled: bytes, buffers: list[memoryview]) -> bytes:
        if not buffers and len(pickled) < payload.SEGMENT_THRESHOLD and not self._limit:
            return pickled
        size = len(pickled) if not buffers else payload.size(pickled, buffers)
        check_size(size, self._limit)
        if size >= payload.SEGMENT_THRESHOLD:
            if self._is_map and len(pickled) < payload.BUFFER_THRESHOLD:
                return in_segment(self._sharing.segment(value, buffers, self._segments()), pickled)
            self._aside += size
            return in_segment(self._segments().write(pickled, buffers))
        return b"".join(payload.parts(pickled, buffers)) if buffers else pickled

    def _unpicklable(self, value: object, where: str, error: Exception) -> SerializationError:
        if self._level != FULL:
            return SerializationError(f"An argument cannot be sent: {error}")
        return _refused("An argument", where, value, culprit.argument_roots(value, self._is_map), error)

    def _excessive(self, value: object, where: str, error: ExcessiveDataError) -> ExcessiveDataError:
        found = excess.sizes(culprit.argument_roots(value, self._is_map), size_of)
        return ExcessiveDataError(f"{error.parameter}. {where}{found}", hint=error.hint)


def _refused(what: str, where: str, value: object, roots: list[culprit.Part], error: Exception) -> SerializationError:
    """Return the error about a value that cannot be pickled: with the path to the culprit, and what to do."""
    if refusals.is_too_deep(error):
        found = culprit.find(value, roots, dumps, depth=1)
        return SerializationError(
            f"{what} cannot be sent: {where}{found.path}: it is nested too deeply, recursion has a limit ({error})",
            hint="flatten it: a list of its parts that name each other by index, instead of parts that hold each other",
        )
    found = culprit.find(value, roots, dumps)
    return SerializationError(
        f"{what} cannot be sent: {where}{found.path}: {error}", hint=refusals.advice(found.value, error)
    )


def _is_plain_call(value: Any) -> bool:
    """Return whether a call's arguments are atoms, which any pickler writes alike."""
    args, kwargs = value
    return ATOMS.issuperset(map(type, args)) and (not kwargs or ATOMS.issuperset(map(type, kwargs.values())))


class EncodedFunction(NamedTuple):
    """A function as it travels."""

    pickled: bytes
    """Its pickle."""
    buffers: list[memoryview]
    """Large buffers that it holds."""
    codes: list[CodeType]
    """The code in it that went by value."""


def encode_function(function: Callable[..., Any], quoted: Callable[[CodeType], str | None]) -> EncodedFunction:
    """Pickle a function.

    What was defined in `__main__` or interactively goes by value, with the source text that `quoted` gives for its code.

    Raises:
        SerializationError: naming what in it cannot be sent.
    """
    if is_global(function):
        return EncodedFunction(pickle.dumps(function, PROTOCOL), [], [])
    pickler = FunctionPickler()
    try:
        pickled, buffers = pickler.pickled(function)
        codes = pickler.codes
        if codes:
            texts = {code.co_filename: text for code in codes if (text := quoted(code)) is not None}
            if texts:
                pickled, buffers = pickler.pickled(_Quoting(function, dict(sorted(texts.items()))))
    except Exception as error:
        raise _refused("The function", "", function, culprit.function_roots(function), error) from error
    return EncodedFunction(pickled, buffers, codes)


def is_global(function: Callable[..., Any]) -> bool:
    """Return whether a function is one that cloudpickle, too, would write as no more than module and name."""
    if type(function) is not FunctionType:
        return False
    module = function.__module__
    if module == "__main__" or cloudpickle.list_registry_pickle_by_value():
        return False
    return getattr(sys.modules.get(module), function.__qualname__, None) is function


class _Quoting:
    """Pickles as a call that quotes the source texts and gives the function."""

    def __init__(self, function: Callable[..., Any], texts: dict[str, str]) -> None:
        self._parts = (function, texts)

    def __reduce__(self) -> tuple[Any, ...]:
        return (with_quotes, self._parts)


def excessive_function(function: Callable[..., Any], error: ExcessiveDataError) -> ExcessiveDataError:
    """Return the error about a function that is above the limit, with what in it is large."""
    found = excess.sizes(culprit.function_roots(function), size_of)
    return ExcessiveDataError(f"{error.parameter}. The function {found}", hint=error.hint)


def check_size(size: int, limit: int) -> None:
    """Refuse what is larger than the setting `max_transmit_data` allows.

    Raises:
        ExcessiveDataError: with PiCloud's words.
    """
    if limit and size > limit:
        raise ExcessiveDataError(
            f"Excessive data ({size} bytes) transmitted. max_transmit_data allows {limit} bytes",
            hint="raise cloud.config.max_transmit_data (0 is no limit), or pass a file's name",
        )
