"""Divide and conquer: jobs that split their work in two, submit both halves as jobs, and wait for them.

Run it with the number up to which to add squares, and the largest piece that is added up without being split::

    python examples/nested_sum.py 2000000 --leaf 100000

A job that waits for others gives its core back meanwhile, so that this works to any depth, on a single core too.
"""

from __future__ import annotations

import argparse
import time
from typing import NamedTuple

import cloud


class Part(NamedTuple):
    """What a job and all those below it found."""

    total: int
    """The sum of their squares."""
    jobs: int
    """How many jobs that took."""
    depth: int
    """How many of them stood above each other."""


def sum_squares(low: int, high: int, leaf: int) -> Part:
    """Return the sum of the squares in [low, high): of a small piece at once, else of two halves that are jobs."""
    if high - low <= leaf:
        return Part(sum(number * number for number in range(low, high)), 1, 1)
    middle = (low + high) // 2
    halves = [cloud.call(sum_squares, low, middle, leaf), cloud.call(sum_squares, middle, high, leaf)]
    left, right = cloud.result(halves)
    return Part(left.total + right.total, 1 + left.jobs + right.jobs, 1 + max(left.depth, right.depth))


def main() -> None:
    """Submit the topmost job, and check what comes of it against the formula."""
    parser = argparse.ArgumentParser(description="add squares by jobs that call jobs")
    parser.add_argument("count", nargs="?", type=int, default=2_000_000, help="how many squares to add")
    parser.add_argument("--leaf", type=int, default=100_000, help="most squares that one job adds by itself")
    given = parser.parse_args()

    started = time.perf_counter()
    jid = cloud.call(sum_squares, 0, given.count, given.leaf)
    part = cloud.result(jid)
    seconds = time.perf_counter() - started
    last = given.count - 1
    print(f"The first {given.count} squares add up to {part.total}")
    print(f"  the formula says the same: {part.total == last * (last + 1) * (2 * last + 1) // 6}")
    print(f"  {part.jobs} jobs, {part.depth} deep, below job {jid}, in {seconds:.2f} seconds")


if __name__ == "__main__":
    main()
