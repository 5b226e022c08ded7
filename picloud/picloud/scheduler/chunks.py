"""How long chunks are, and the ranges of items that they are cut from."""

from __future__ import annotations

from picloud.scheduler.state import Array, Chunk, Limits, Span

SHARE = 4
"""A chunk holds at most this part of what is left, and half of a slot's part where there are more slots."""
_FORGET = 0.5
"""What earlier chunks still weigh in an array's mean when the next one is measured."""


def plan(array: Array, limits: Limits) -> tuple[int, int]:
    """Return how many items the array's next chunk holds, and how many of them a ticket stands for."""
    mean = array.mean
    if array.solitary or not mean:
        return 1, 1
    share = array.unassigned // max(SHARE, 2 * limits.slots)
    floor = int(limits.min_tail_seconds / mean)
    size = min(int(limits.chunk_seconds / mean), limits.growth * array.proven, max(share, floor))
    start, stop, _ = array.ranges[0]
    size = min(max(size, 1), stop - start)
    if not array.restartable:
        return min(size, limits.max_tickets), 1
    group = max(1, int(limits.ticket_seconds / mean), -(-size // limits.max_tickets))
    return size, min(group, size)


def measure(array: Array, items: int, seconds: float) -> None:
    """Take note of how long items took."""
    array.measured_items = array.measured_items * _FORGET + items
    array.measured_seconds = array.measured_seconds * _FORGET + max(seconds, 0.0)


def take(array: Array, size: int) -> Span:
    """Take items from the front of what nobody was handed."""
    start, stop, attempt = array.ranges[0]
    if stop - start <= size:
        array.ranges.popleft()
    else:
        stop = start + size
        array.ranges[0] = (stop, array.ranges[0][1], attempt)
    return start, stop, attempt


def give_back(array: Array, start: int, stop: int, attempt: int) -> None:
    """Put items in front of what nobody was handed, joined to what they came from if that is still there."""
    ranges = array.ranges
    if ranges and ranges[0][0] == stop and ranges[0][2] == attempt:
        ranges[0] = (start, ranges[0][1], attempt)
    else:
        ranges.appendleft((start, stop, attempt))


def cut(array: Array, start: int, stop: int) -> list[Span]:
    """Take out whatever of a range nobody was handed, and return it."""
    taken: list[Span] = []
    kept: list[Span] = []
    for low, high, attempt in array.ranges:
        inner_low, inner_high = max(low, start), min(high, stop)
        if inner_low >= inner_high:
            kept.append((low, high, attempt))
            continue
        taken.append((inner_low, inner_high, attempt))
        kept += [span for span in ((low, inner_low, attempt), (inner_high, high, attempt)) if span[0] < span[1]]
    if taken:
        array.ranges.clear()
        array.ranges.extend(kept)
    return taken


def tail(chunk: Chunk) -> int:
    """Return how many items of a chunk lie behind the one that runs, as far as is known."""
    return max(0, chunk.length - chunk.ended - 1)
