"""How sure is a median?  A Monte Carlo study over a table of 100 MB that all jobs share; it needs numpy.

Run it with the size of the table and the number of jobs::

    python examples/bootstrap_median.py --megabytes 100 --jobs 40

Each job draws a sample from the table and returns its median; how far the medians lie apart says how far each is from the true
one.  The table is one object in the arguments of every job, so that it is sent and stored once.  The workers map the stored
file into their memory: no job gets a copy, and a job that changed its table would change it for nobody else.
"""

from __future__ import annotations

import argparse
import itertools
import time

import numpy as np
from numpy.typing import NDArray

import cloud

SAMPLE = 100_000
"""Values that one job draws."""


def sample_median(table: NDArray[np.float64], seed: int) -> float:
    """Return the median of a sample of the table."""
    source = np.random.default_rng(seed)
    return float(np.median(table[source.integers(0, len(table), SAMPLE)]))


def main() -> None:
    """Make the table, let the jobs draw from it, and put their medians together."""
    parser = argparse.ArgumentParser(description="bootstrap a median from a shared table")
    parser.add_argument("--megabytes", type=int, default=100, help="size of the table")
    parser.add_argument("--jobs", type=int, default=40, help="how many samples to draw")
    given = parser.parse_args()

    table = np.random.default_rng(2012).lognormal(size=given.megabytes * 1_000_000 // 8)
    print(f"A table of {len(table)} values, {table.nbytes / 1e6:.0f} MB; its median is {np.median(table):.5f}")
    started = time.perf_counter()
    jids = cloud.map(sample_median, itertools.repeat(table, given.jobs), range(given.jobs))
    submitted = time.perf_counter() - started
    medians = np.array(cloud.result(jids))
    seconds = time.perf_counter() - started
    low, high = np.quantile(medians, [0.025, 0.975])
    print(f"  {given.jobs} samples of {SAMPLE} values, by jobs {jids[0]} to {jids[-1]}")
    print(f"  mean of their medians {medians.mean():.5f}, 95 % of them from {low:.5f} to {high:.5f}")
    counts, edges = np.histogram(medians, bins=8)
    for count, edge in zip(counts, edges, strict=False):
        print(f"    from {edge:.5f}  {'#' * int(count)}")
    print(
        f"  {submitted:.2f} seconds to hand over {table.nbytes * given.jobs / 1e9:.1f} GB of arguments, {seconds:.2f} in all"
    )


if __name__ == "__main__":
    main()
