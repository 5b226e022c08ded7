"""Sets of job ids as ordered ranges: a map of a million jobs is one pair of numbers, not a million."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral
from typing import SupportsInt, TypeGuard

from picloud.exceptions import ArgumentTypeError

JidRange = tuple[int, int]
"""First jid and the jid behind the last one."""


def ranges_of(jids: object) -> list[JidRange]:
    """Return the ranges that an int, a range, or an iterable of those names, in request order; numpy's integers are as good.

    Neighbouring ids are joined; ids named twice stay twice, since results are given in request order.

    Raises:
        ArgumentTypeError: for anything else, with PiCloud's words 'jid(s) must be integers'.
    """
    if isinstance(jids, int) and not isinstance(jids, bool):
        return [(jids, jids + 1)]
    if is_integer(jids):
        return [(int(jids), int(jids) + 1)]
    ranges: list[JidRange] = []
    for item in _items(jids):
        if isinstance(item, range):
            if item.step == 1:
                _append(ranges, item.start, item.stop)
            else:
                for jid in item:
                    _append(ranges, jid, jid + 1)
        elif isinstance(item, int) and not isinstance(item, bool):
            _append(ranges, item, item + 1)
        elif is_integer(item):
            _append(ranges, int(item), int(item) + 1)
        else:
            raise ArgumentTypeError("jid(s) must be integers")
    return ranges


def is_integer(value: object) -> TypeGuard[SupportsInt]:
    """Return whether a value is a whole number by its type: an int, or one of numpy's, which Python 2 counted among them."""
    return isinstance(value, (int, Integral)) and not isinstance(value, bool)


def _items(jids: object) -> Iterable[object]:
    """Return what an iterable of jids holds; a string is refused although it can be iterated."""
    if isinstance(jids, range):
        return (jids,)
    if isinstance(jids, (str, bytes)) or not isinstance(jids, Iterable):
        raise ArgumentTypeError("jid(s) must be integers")
    return jids


def _append(ranges: list[JidRange], start: int, stop: int) -> None:
    """Add a range behind the others, joined to the last one where they touch."""
    if stop <= start:
        return
    if ranges and ranges[-1][1] == start:
        ranges[-1] = (ranges[-1][0], stop)
    else:
        ranges.append((start, stop))


def count(ranges: Iterable[JidRange]) -> int:
    """Return how many ids the ranges name."""
    return sum(stop - start for start, stop in ranges)


def each(ranges: Iterable[JidRange]) -> Iterator[int]:
    """Yield every id in order."""
    for start, stop in ranges:
        yield from range(start, stop)


def batches(ranges: Sequence[JidRange], most: int) -> Iterator[Sequence[JidRange]]:
    """Yield the ranges in order, at most so many at a time: a frame's header has room for some hundred thousand."""
    if len(ranges) <= most:
        yield ranges
        return
    for at in range(0, len(ranges), most):
        yield ranges[at : at + most]
