"""What is left of ranges of jids, what comes first, what is not known: pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence

from picloud.model.ids import JidRange


def head(ranges: Sequence[JidRange], count: int) -> list[JidRange]:
    """Return the first `count` jobs of ranges."""
    head: list[JidRange] = []
    for start, stop in ranges:
        if count <= 0:
            break
        head.append((start, min(stop, start + count)))
        count -= stop - start
    return head


def unknown(ranges: Sequence[JidRange], known: Iterable[int]) -> list[JidRange]:
    """Return the parts of ranges that are not known."""
    ordered = sorted(known)
    left: list[JidRange] = []
    for start, stop in ranges:
        at = start
        for jid in ordered[bisect_left(ordered, start) : bisect_left(ordered, stop)]:
            if at < jid:
                left.append((at, jid))
            at = jid + 1
        if at < stop:
            left.append((at, stop))
    return left


def merged(ranges: Sequence[JidRange]) -> list[JidRange]:
    """Return ranges in order, each job once."""
    merged: list[JidRange] = []
    for start, stop in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def without(ranges: Sequence[JidRange], gone: Sequence[JidRange]) -> list[JidRange]:
    """Return what is left of ordered ranges when others are taken out."""
    left: list[JidRange] = []
    taken = deque(sorted(gone))
    for start, stop in ranges:
        at = start
        while taken and taken[0][0] < stop:
            low, high = taken[0]
            if at < low:
                left.append((at, low))
            at = max(at, high)
            if high > stop:
                break
            taken.popleft()
        if at < stop:
            left.append((at, stop))
    return left
