"""Output of items that still run and write without end: the middle of it goes back to the disk."""

from __future__ import annotations

import os

from picloud.model import arena as layout
from picloud.worker import spool

_LENGTH = layout.OUTPUT_LIMIT + 8


def cut(arena: int, out: int, err: int) -> bool:
    """Keep head and tail of what a worker's running item has written, if that is over its limit; return whether an item runs.

    The three descriptors are its arena and its spools.
    """
    # Sizes first: if the item that the header then names is another one, it began behind them, and nothing is cut.
    ends = [os.fstat(descriptor).st_size for descriptor in (out, err)]
    header = os.pread(arena, _LENGTH, 0)
    current: int = layout.I64.unpack_from(header, layout.CURRENT)[0]
    limit: int = layout.U64.unpack_from(header, layout.OUTPUT_LIMIT)[0]
    if current < 0 or not limit:
        return current >= 0
    for descriptor, end, position in zip((out, err), ends, (layout.OUT_START, layout.ERR_START), strict=True):
        start: int = layout.U64.unpack_from(header, position)[0]
        head, tail = spool.kept(limit)
        spool.cut_out(descriptor, start + head, end - tail)
    return True
