"""The profile of one job as it is kept: marshalled statistics, as the standard library's pstats reads them, compressed to text."""

from __future__ import annotations

import base64
import marshal
import zlib
from collections.abc import Mapping
from typing import Any

Function = tuple[str, int, str]
"""File, line and name."""
Statistics = Mapping[Function, tuple[Any, ...]]
"""Calls without recursion, calls, own time (s), time (s) with what it calls, and the same by caller."""

LIMIT = 128 << 10
"""Most bytes of compressed statistics: those of about two thousand functions."""

MOST = 5000
"""Most functions."""

_CUMULATIVE = 3
_CALLERS = 4


def encode(statistics: Statistics, limit: int = LIMIT) -> list[Any]:
    """Return the JSON form: text, and how many functions were left out so that it stays within the limit.

    Those that took the least time with all that they called are left out.
    """
    by_time = sorted(statistics, key=lambda function: statistics[function][_CUMULATIVE], reverse=True)
    kept = min(len(by_time), MOST)
    while True:
        names = set(by_time[:kept])
        content = zlib.compress(marshal.dumps({name: _among(statistics[name], names) for name in by_time[:kept]}))
        if len(content) <= limit or not kept:
            return [base64.b85encode(content).decode("ascii"), len(by_time) - kept]
        kept = min(kept - 1, kept * limit // len(content))


def decode(text: bytes) -> bytes:
    """Return the marshalled statistics out of the text."""
    return zlib.decompress(base64.b85decode(text))


def _among(entry: tuple[Any, ...], names: set[Function]) -> tuple[Any, ...]:
    """Return an entry with the callers that are kept alone."""
    callers = entry[_CALLERS]
    return (*entry[:_CALLERS], {caller: entry for caller, entry in callers.items() if caller in names})
