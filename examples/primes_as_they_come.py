"""Count primes in blocks with `cloud.map`, and print each block as soon as it is known.

Run it with the number up to which to count::

    python examples/primes_as_they_come.py 2000000 --blocks 10

`map` takes several iterables, as Python's own does, and makes one job of each tuple of their items.  `iresult` gives the
results in the order of the jobs, each as soon as it is there, while the later jobs still run.
"""

from __future__ import annotations

import argparse
import math
import time

import cloud


def count_primes(low: int, high: int) -> tuple[int, int]:
    """Return how many primes lie in [low, high), and how many of them have a twin two further on."""
    stop = high + 2
    prime = bytearray([1]) * (stop - low)
    for number in range(low, min(2, stop)):
        prime[number - low] = 0
    for divisor in range(2, math.isqrt(stop) + 1):
        first = max(divisor * divisor, -(-low // divisor) * divisor) - low
        prime[first::divisor] = bytes(len(range(first, len(prime), divisor)))
    twins = sum(map(int.__and__, prime[:-2], prime[2:]))
    return sum(prime[:-2]), twins


def main() -> None:
    """Submit all blocks at once, then print and add up what comes."""
    parser = argparse.ArgumentParser(description="count primes in blocks, as jobs")
    parser.add_argument("limit", nargs="?", type=int, default=2_000_000, help="count the primes below this number")
    parser.add_argument("--blocks", type=int, default=10, help="how many jobs to make of it")
    given = parser.parse_args()

    started = time.perf_counter()
    borders = [given.limit * block // given.blocks for block in range(given.blocks + 1)]
    lows, highs = borders[:-1], borders[1:]
    jids = cloud.map(count_primes, lows, highs, _label="primes")
    print(f"Primes below {given.limit}, counted by jobs {jids[0]} to {jids[-1]}")
    print("  after       from         to   primes   twins")
    primes = twins = 0
    for low, high, (found, pairs) in zip(lows, highs, cloud.iresult(jids), strict=True):
        primes, twins = primes + found, twins + pairs
        print(f"  {time.perf_counter() - started:5.2f} {low:10} {high:10} {found:8} {pairs:7}", flush=True)
    print(f"  There are {primes} of them, {twins} with a twin.")


if __name__ == "__main__":
    main()
