"""Open files by content: on arrival each is a file in memory at the same position, and what a job writes to it stays there.

Standard output and error become the job's own.  A file that is read from is left as it was: its content is read beside it.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from typing import Any, NamedTuple

from picloud.pickling.refusals import Refused

KINDS = (io.TextIOWrapper, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.FileIO)
"""Types of files that the operating system has opened."""

_STANDARD = ("stdout", "stderr")
_STEP = 1 << 24


class TextForm(NamedTuple):
    """How a text file reads its bytes."""

    encoding: str
    """Name of the encoding."""
    errors: str | None
    """What happens to bytes that it does not have."""
    newline: str | None
    """'' where line ends stay as they are, None where each becomes a newline."""


class MemoryFile(io.BytesIO):
    """A file whose content came with a job."""

    name: str | int = ""
    """What the file was opened as."""
    mode = "rb"
    """How."""

    def writable(self) -> bool:
        """Return whether it was open for writing too; what is written stays in this process."""
        return "+" in self.mode

    def write(self, data: Any, /) -> int:
        """Write into memory.

        Raises:
            io.UnsupportedOperation: if it was open for reading alone.
        """
        if not self.writable():
            raise io.UnsupportedOperation("not writable")
        return super().write(data)


def standard_stream(stream: object) -> tuple[Any, ...] | None:
    """Return how to find the job's own stream in place of this one; None if it is no standard output or error."""
    for name in _STANDARD:
        for own in (getattr(sys, name), getattr(sys, f"__{name}__")):
            if own is not None and stream is own:
                return getattr, (sys, name)
            if own is not None and stream is getattr(own, "buffer", own):
                return _buffer_of, (name,)
    if stream is not None and any(stream is own for own in (sys.stdin, sys.__stdin__)):
        raise Refused("standard input cannot be sent", "read what the job needs from it, and pass that")
    return None


def reduce(file: Any) -> tuple[Any, ...]:
    """Reduce a file to its content and position.

    Raises:
        pickle.PicklingError: saying why it cannot travel and what to do: it is open for writing, or is a terminal or a pipe.
    """
    standard = standard_stream(file)
    if standard is not None:
        return standard
    name = getattr(file, "name", "")
    name = name if isinstance(name, (str, int)) else os.fsdecode(name) if isinstance(name, bytes) else str(name)
    mode = str(getattr(file, "mode", "r"))
    try:
        if file.closed:
            return memory_file, (b"", 0, name, mode, _text_form(file, b""), True)
        if not file.readable():
            raise Refused(
                f"the file {name!r} is open for writing, and what a job writes there would not come back",
                "pass its name, and open it inside the job; or have the job return what is to be written",
            )
        if file.writable():
            file.flush()
        content = _content(file, name)
        return memory_file, (content, file.tell(), name, mode, _text_form(file, content), False)
    except (OSError, ValueError) as error:
        raise Refused(
            f"the file {name!r} cannot be sent: {error}", "pass its name, or what was read from it"
        ) from error


def memory_file(
    content: bytes, position: int, name: str | int, mode: str, text: TextForm | None, closed: bool
) -> io.IOBase:
    """Return a file in memory at a position that `tell` gave."""
    file = MemoryFile(content)
    file.name, file.mode = name, mode
    found: Any = file
    if text is not None:
        found = io.TextIOWrapper(file, text.encoding, text.errors, text.newline)
        found.mode = mode
    if closed:
        found.close()
    else:
        found.seek(position)
    result: io.IOBase = found
    return result


def unwrapped(wrapper: Any) -> tuple[Any, ...]:
    """Reduce a named temporary file to the file in it: a copy of the wrapper would delete the original when it goes."""
    return _itself, (wrapper.file,)


def _itself(value: Any) -> Any:
    return value


def _buffer_of(name: str) -> Any:
    stream = getattr(sys, name)
    return getattr(stream, "buffer", stream)


def _content(file: Any, name: str | int) -> bytes:
    """Return all bytes of a file; its position stays where it is."""
    inner = file.buffer if isinstance(file, io.TextIOWrapper) else file
    if isinstance(inner, io.BytesIO):
        return inner.getvalue()
    if not isinstance(inner, KINDS):
        raise Refused(
            f"the file {name!r} reads from a {type(inner).__name__}", "pass its name, or what was read from it"
        )
    descriptor = inner.fileno()
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        what = "a terminal" if os.isatty(descriptor) else "a pipe, a socket or a device"
        raise Refused(f"the file {name!r} is {what}", "read what the job needs from it, and pass that")
    pieces: list[bytes] = []
    at = 0
    while piece := os.pread(descriptor, _STEP, at):
        pieces.append(piece)
        at += len(piece)
    return b"".join(pieces)


def _text_form(file: Any, content: bytes) -> TextForm | None:
    if not isinstance(file, io.TextIOWrapper):
        return None
    return TextForm(file.encoding, file.errors, "" if b"\r" in content and _keeps_returns(file) else None)


def _keeps_returns(file: io.TextIOWrapper) -> bool:
    """Return whether a file gives carriage returns as they are: nothing says so but its text."""
    position = file.tell()
    try:
        file.seek(0)
        return "\r" in file.read()
    finally:
        file.seek(position)
