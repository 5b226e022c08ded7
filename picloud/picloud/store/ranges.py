"""Sets of item indexes as ordered, disjoint, half-open ranges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Range = tuple[int, int]
"""First index and the index behind the last one."""


def added(ranges: Iterable[Range], start: int, stop: int) -> list[Range]:
    """Return the set with one more range; what touches is joined."""
    result: list[Range] = []
    for low, high in ranges:
        if high < start or low > stop:
            result.append((low, high))
        else:
            start, stop = min(start, low), max(stop, high)
    if start < stop:
        result.append((start, stop))
    result.sort()
    return result


def covers(ranges: Sequence[Range], start: int, stop: int) -> bool:
    """Return whether all of a range is in the set."""
    return any(low <= start and stop <= high for low, high in ranges)


def contains(ranges: Sequence[Range], index: int) -> bool:
    """Return whether one index is in the set."""
    return any(low <= index < high for low, high in ranges)


def gaps(ranges: Iterable[Range], start: int, stop: int) -> list[Range]:
    """Return the parts of a range that are not in the set."""
    result: list[Range] = []
    for low, high in ranges:
        if high <= start:
            continue
        if low >= stop:
            break
        if low > start:
            result.append((start, low))
        start = max(start, high)
    if start < stop:
        result.append((start, stop))
    return result
