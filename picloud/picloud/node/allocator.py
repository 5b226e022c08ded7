"""What glibc's allocator does with the memory in which large records are put together: kept while there is work, then given back.

By default each block of more than 128 kB is mapped for itself and unmapped when it is freed, so that the kernel clears its pages
anew for every record: that took more time than all else that the node does for results of 10 kB (mallopt(3), malloc_trim(3)).
"""

from __future__ import annotations

import ctypes
import logging

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_KEPT = 32 << 20
"""Bytes: blocks up to this size come from the heap, whose free end may be as large; glibc takes no larger one for the first."""

_log = logging.getLogger(__name__)


def keep_memory() -> None:
    """Let freed blocks of this process be used again; nothing happens with an allocator that is not glibc's."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        _log.info("the allocator of this system cannot be told to keep memory")
        return
    library.mallopt(_M_MMAP_THRESHOLD, _KEPT)
    library.mallopt(_M_TRIM_THRESHOLD, _KEPT)


def give_memory_back() -> None:
    """Give what is free to the system."""
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
