"""Output of jobs: one append-only file for each stream of a worker, in which an item's output is an offset and a length.

Descriptors 1 and 2 of the worker are these files, so that subprocesses and C code are captured too.  Where an item ends is
asked of the file itself: its size, since everybody appends.
"""

from __future__ import annotations

import ctypes
import io
import os
import sys
from typing import Any

from picloud.worker.kills import Flags

INLINE = 2048
"""Bytes of output up to which the text itself goes into the meta."""

_FALLOC_FL_KEEP_SIZE = 1
_FALLOC_FL_PUNCH_HOLE = 2
_IOLBF = 1
_libc = ctypes.CDLL(None, use_errno=True)
_libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
_libc.fflush.argtypes = (ctypes.c_void_p,)


def create(path: str) -> int:
    """Return a descriptor of a new spool file: mode 0600, every write at its end."""
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def cut_out(descriptor: int, start: int, stop: int) -> None:
    """Give the disk back what lies between two positions; sizes and positions stay, and the bytes read as zeros.

    Nothing happens on a file system that cannot do it.
    """
    if stop > start:
        _libc.fallocate(descriptor, _FALLOC_FL_PUNCH_HOLE | _FALLOC_FL_KEEP_SIZE, start, stop - start)


def kept(limit: int) -> tuple[int, int]:
    """Return how many bytes are kept of the head and of the tail of output that is longer than the limit."""
    return limit // 2, limit - limit // 2


class _Noting(io.BufferedWriter):
    """A buffer that notes that it was written to, so that items that print nothing need no flush."""

    def __init__(self, raw: io.RawIOBase, flags: Flags) -> None:
        super().__init__(raw)
        self._flags = flags

    def write(self, data: Any, /) -> int:
        self._flags.after = True
        return io.BufferedWriter.write(self, data)


def _text(raw: io.FileIO, name: str, errors: str, flags: Flags) -> io.TextIOWrapper:
    raw.name = name
    return io.TextIOWrapper(
        _Noting(raw, flags), encoding="utf-8", errors=errors, newline="\n", line_buffering=True, write_through=True
    )


class Streams:
    """stdout and stderr of the items of one worker."""

    __slots__ = (
        "_err_begin",
        "_flags",
        "_out_begin",
        "_raws",
        "_spooled",
        "err",
        "err_start",
        "name",
        "null",
        "out",
        "out_start",
        "stderr",
        "stdin",
        "stdout",
    )

    def __init__(self, null: int, out: int, err: int, name: str, flags: Flags) -> None:
        """Own /dev/null and two spools; `name` is what their file names begin with."""
        self.null = null
        self.out = out
        self.err = err
        self.name = name
        self._flags = flags
        self.out_start = 0
        """Where the running item's output begins in the first spool."""
        self.err_start = 0
        """Where it begins in the second."""
        self.begin()
        self._raws: list[io.FileIO] = []
        self.renew()
        # What C code prints is written at each line's end, so that it belongs to the item that printed it.
        _libc.setvbuf(ctypes.c_void_p.in_dll(_libc, "stdout"), None, _IOLBF, 0)

    def renew(self) -> None:
        """Make fresh text streams in the place of those that a job has closed, or that hold what could not be written."""
        for raw in self._raws:
            # Else the old streams would write what they hold when they are freed.
            raw.close()
        self._raws = [io.FileIO(number, "w", closefd=False) for number in (1, 2)]
        self.stdout = _text(self._raws[0], "<stdout>", "surrogateescape", self._flags)
        self.stderr = _text(self._raws[1], "<stderr>", "backslashreplace", self._flags)
        self.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as the worker

    def install(self) -> None:
        """Give descriptors 0 to 2 and Python's streams to the next job, whatever the last one did with them."""
        sound = self.flush()
        os.dup2(self.null, 0)
        os.dup2(self.out, 1)
        os.dup2(self.err, 2)
        if not sound or self.stdin.closed:
            self.renew()
        sys.stdin = sys.__stdin__ = self.stdin  # type: ignore[misc]  # final by its type alone
        sys.stdout = sys.__stdout__ = self.stdout  # type: ignore[misc]  # as above
        sys.stderr = sys.__stderr__ = self.stderr  # type: ignore[misc]  # as above

    def flush(self) -> bool:
        """Write what Python's streams and C's hold back, also where a job has put its own in their place.

        Returns:
            Whether our own took it: one that a job closed, or whose descriptor it closed or filled, does not.
        """
        sound = True
        for stream in {id(each): each for each in (sys.stdout, sys.stderr, self.stdout, self.stderr)}.values():
            try:
                stream.flush()
            except Exception:
                # A stream of a job's own making may raise anything, and harms nobody else.
                sound = sound and stream is not self.stdout and stream is not self.stderr
        _libc.fflush(None)
        return sound

    def flush_held(self) -> None:
        """Write what C code holds back, and look whether a job has put streams of its own in the place of ours."""
        _libc.fflush(None)
        if sys.stdout is not self.stdout or sys.stderr is not self.stderr:
            self._flags.after = True

    def begin(self) -> None:
        """Begin a chunk: what was written between chunks is nobody's."""
        self.out_start = self._out_begin = os.lseek(self.out, 0, os.SEEK_END)
        self.err_start = self._err_begin = os.lseek(self.err, 0, os.SEEK_END)
        self._spooled = False

    def end(self) -> None:
        """End a chunk: if all its output went into metas, the files give back the room."""
        if self._spooled:
            return
        if self.out_start > self._out_begin:
            os.ftruncate(self.out, self._out_begin)
        if self.err_start > self._err_begin:
            os.ftruncate(self.err, self._err_begin)

    def take(self, limit: int) -> dict[str, Any]:
        """Return the meta of what the running item wrote, and begin the next one; empty if it wrote nothing.

        Of more than `limit` bytes of a stream (0: no limit) head and tail are kept.
        """
        meta: dict[str, Any] = {}
        out, err = os.lseek(self.out, 0, os.SEEK_END), os.lseek(self.err, 0, os.SEEK_END)
        if out > self.out_start:
            meta["out"] = _describe(self.out, self.out_start, out, limit)
        if err > self.err_start:
            meta["err"] = _describe(self.err, self.err_start, err, limit)
        self.out_start, self.err_start = out, err
        if any(not isinstance(value, str) for value in meta.values()):
            meta["spool"] = self.name
            self._spooled = True
        return meta


def _describe(descriptor: int, start: int, end: int, limit: int) -> str | list[int]:
    length = end - start
    if length <= INLINE and (not limit or length <= limit):
        try:
            return os.pread(descriptor, length, start).decode()
        except UnicodeDecodeError:
            return [start, length]
    if not limit or length <= limit:
        return [start, length]
    head, tail = kept(limit)
    cut_out(descriptor, start + head, end - tail)
    return [start, length, head, tail]
