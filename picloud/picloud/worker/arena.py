"""The worker's side of its arena: where rows and heap stand, how a chunk begins, how a full arena begins anew."""

from __future__ import annotations

import mmap
import os
import sys

from picloud.exceptions import BackendError
from picloud.model import arena as layout


def create() -> int:
    """Return the descriptor of a new arena: memory without a name, closed on exec.

    Raises:
        BackendError: on a big-endian machine, where the plain stores of `Arena` would not be little endian.
        OSError: if there is no memory.
    """
    if sys.byteorder != "little":
        raise BackendError("picloud's workers need a little-endian machine")
    descriptor = os.memfd_create("picloud-arena", os.MFD_CLOEXEC)
    os.ftruncate(descriptor, layout.SIZE)
    return descriptor


class Arena:
    """A mapped arena with the position of the next row.

    The runner writes rows itself and keeps `row` and `heap` here whenever it leaves its inner loop.
    """

    __slots__ = ("base", "floats", "heap", "integers", "memory", "row")

    def __init__(self, descriptor: int) -> None:
        """Map the arena; the descriptor stays the caller's."""
        self.memory = mmap.mmap(descriptor, layout.SIZE)
        header = memoryview(self.memory)[: layout.HEADER_SIZE]
        self.integers = header.cast("q")
        """The header in steps of 8 bytes: one plain store each, which a reader sees whole."""
        self.floats = header.cast("d")
        self.row = 0
        """Rows that are complete in this period."""
        self.heap = 0
        """Bytes of the heap that are taken."""
        self.base = 0
        """Index within the chunk of row 0."""

    def begin(self, seq: int, started: float, output_limit: int) -> None:
        """Begin a chunk; its number comes last, so that a reader never takes old rows for its own."""
        self._set(layout.CURRENT, -1)
        self._restart(0)
        self._set(layout.OUTPUT_LIMIT, output_limit)
        self.floats[layout.CHUNK_STARTED // 8] = started
        self._set(layout.SEQ, seq)

    def current(self) -> int:
        """Return the index within the chunk of the item that runs, -1 between items."""
        return self.integers[layout.CURRENT // 8]

    def roll(self) -> None:
        """Begin at the first row again; the reader has copied all that is done."""
        self._restart(self.base + self.row)

    def end(self) -> None:
        """Say that no item runs."""
        self._set(layout.CURRENT, -1)
        self._set(layout.HEAP_USED, self.heap)

    def note_output(self, out: int, err: int) -> None:
        """Say where in the spools the running item's output begins."""
        self._set(layout.OUT_START, out)
        self._set(layout.ERR_START, err)

    def _restart(self, base: int) -> None:
        # DONE goes first: a reader that sees the new base must never see the old count with it.
        self._set(layout.DONE, 0)
        self._set(layout.HEAP_USED, 0)
        self._set(layout.BASE, base)
        self.row = self.heap = 0
        self.base = base

    def _set(self, position: int, value: int) -> None:
        self.integers[position // 8] = value
