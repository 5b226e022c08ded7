"""Results as payloads: plain values by C's pickler, all others by one reused pickler, large ones as segment files."""

from __future__ import annotations

import os
import pickle
import uuid

from picloud.exceptions import ExcessiveDataError, SerializationError
from picloud.pickling import culprit, excess, refusals
from picloud.pickling.pickler import FULL, PLAIN, PROTOCOL, ValuePickler, dumps, size_of
from picloud.wire import payload
from picloud.worker.kills import Flags

NONE = pickle.dumps(None, PROTOCOL)
"""The payload of most results."""
SIMPLE = frozenset({bool, int, float, complex, str, bytes})
"""Types that C's pickler takes without asking anybody."""


class Encoder:
    """Encodes the results of one worker, one after the other."""

    __slots__ = ("_flags", "_incoming", "_pickler", "in_segment", "level", "limit")

    def __init__(self, incoming: str, flags: Flags) -> None:
        """Write segments into the folder `incoming`, and note in the flags that an item ended so."""
        self._incoming = incoming
        self._flags = flags
        self.limit = 0
        """Most bytes of a result; 0 is no limit."""
        self.level = FULL
        """`_fast_serialization`: whether a failure names the path to the culprit, or the plain pickler is to be used."""
        self.in_segment = False
        """Whether the last payload is the id of a segment."""
        self._pickler = ValuePickler()

    def encode(self, value: object) -> bytes:
        """Return the payload of a result.

        Raises:
            SerializationError: if it cannot be pickled; it names the path to the culprit.
            ExcessiveDataError: if it is larger than the limit.
            OSError: if its segment cannot be written.
        """
        self.in_segment = False
        buffers: list[memoryview] = []
        try:
            if self.level < PLAIN:
                pickled, buffers = self._pickler.pickled(value)
            else:
                pickled = pickle.dumps(value, PROTOCOL)
        except Exception as error:
            raise self._refused(value, error) from error
        if len(pickled) < payload.SEGMENT_THRESHOLD:
            if not buffers and not self.limit:
                return pickled
        else:
            # Its table of what it has seen stays as large as this value made it, and is emptied for each one after it.
            self._pickler = ValuePickler()
        try:
            return self._arrange(pickled, buffers)
        except ExcessiveDataError as error:
            if self.level != FULL:
                raise
            found = excess.sizes([culprit.Part("result", value)], size_of)
            raise ExcessiveDataError(f"{error.parameter}. {found}", hint=error.hint) from None

    def arrange(self, pickled: bytes) -> bytes:
        """Return the payload of a value that was pickled elsewhere: itself, or the id of its segment.

        Raises:
            ExcessiveDataError: if it is larger than the limit.
            OSError: if its segment cannot be written.
        """
        self.in_segment = False
        return self._arrange(pickled, [])

    def _arrange(self, pickled: bytes, buffers: list[memoryview]) -> bytes:
        size = payload.size(pickled, buffers) if buffers else len(pickled)
        if self.limit and size > self.limit:
            raise ExcessiveDataError(
                f"Excessive data ({size} bytes) transmitted as the result. max_transmit_data allows {self.limit} bytes",
                hint="write it to a file, or raise cloud.config.max_transmit_data (0 is no limit)",
            )
        if size < payload.SEGMENT_THRESHOLD:
            return b"".join(payload.parts(pickled, buffers)) if buffers else pickled
        segment = uuid.uuid4().hex
        payload.write_segment(os.path.join(self._incoming, segment), pickled, buffers)
        self.in_segment = self._flags.after = True
        return segment.encode()

    def _refused(self, value: object, error: Exception) -> SerializationError:
        path, part = f"result: {type(value).__name__}", value
        if self.level == FULL:
            depth = 1 if refusals.is_too_deep(error) else culprit.MAX_DEPTH
            try:
                path, part = culprit.find(value, [culprit.Part("result", value)], dumps, depth)
            except Exception as broken:
                # Looking into a value runs its own code; the whole result is then all that can be named.
                path += f" ({type(broken).__name__} when it was looked into)"
        advice = refusals.advice(part, error) if self.level == FULL else None
        return SerializationError(
            f"The result cannot be pickled. {path} ({type(error).__name__}: {error})", hint=advice
        )
