"""The layout of a worker's arena: shared memory into which it writes how its items ended, and which the node reads.

::

    header (128 bytes) | rows (ROW_CAPACITY times model.outcome.ROW) | heap | boards (model.remarks) of progress and log

A worker fills row and heap first, then `HEAP_USED`, then `DONE`; the node may read at any time and copies what is done, so
nothing that ended is lost with the worker.  A period ends when rows or heap are full: the worker says so, waits until the
node has copied, adds `DONE` to `BASE` and begins at the first row again.  All numbers are little endian.
"""

from __future__ import annotations

import struct

from picloud.model import remarks
from picloud.model.outcome import ROW

U64 = struct.Struct("<Q")
"""Counts and positions."""
I64 = struct.Struct("<q")
"""Indexes, -1 for none."""
F64 = struct.Struct("<d")
"""Unix times and seconds."""

SEQ = 0
"""U64: the chunk that the rows belong to."""
DONE = 8
"""U64: rows that are complete in this period."""
HEAP_USED = 16
"""U64: bytes of the heap that are taken."""
CURRENT = 24
"""I64: index within the chunk of the item that runs, -1 between items."""
CURRENT_STARTED = 32
"""F64: Unix time at which it started."""
BASE = 40
"""U64: index within the chunk of row 0 of this period."""
CHUNK_STARTED = 48
"""F64: Unix time at which the chunk started."""
KILL_SEQ = 56
"""U64, written by the node: the chunk whose item is to be killed."""
KILL_INDEX = 64
"""I64, written by the node: that item's index within the chunk, -1 for none."""
KILL_REASON = 72
"""U64, written by the node: one of the KILL_ constants."""
KILL_LIMIT = 80
"""F64, written by the node: the time limit in seconds, if that is the reason."""
OUT_START = 88
"""U64: where the running item's stdout begins in the worker's spool."""
ERR_START = 96
"""U64: where its stderr begins."""
OUTPUT_LIMIT = 104
"""U64: bytes that the running chunk's items may keep of each stream; 0 is no limit."""

KILLED_BY_USER = 1
"""Reason: somebody called `kill`."""
KILLED_BY_TIMEOUT = 2
"""Reason: it ran longer than its limit."""

HEADER_SIZE = 128
"""Bytes of the header."""
ROW_CAPACITY = 32768
"""Rows in one period: more than a chunk of no-ops has, so that such a chunk never waits for the node in its middle."""
ROWS_AT = HEADER_SIZE
"""Where row 0 begins."""
HEAP_AT = ROWS_AT + ROW_CAPACITY * ROW.size
"""Where the heap begins."""
HEAP_SIZE = 4 << 20
"""Bytes of the heap."""
PROGRESS_AT = HEAP_AT + HEAP_SIZE
"""The board on which the running item shows how far it is."""
LOG_AT = PROGRESS_AT + remarks.board_size(remarks.PROGRESS_ROOM)
"""The board on which it shows its log."""
SIZE = LOG_AT + remarks.board_size(remarks.LOG_ROOM)
"""Bytes of the whole arena."""
