"""Four jobs that depend on each other like the corners of a diamond, one of which fails.

Run it with the number of measurements, and a share of them that is negative::

    python examples/diamond.py 1000 --negative 0.01

::

    measure ──┬──▶ arithmetic_mean ──┬──▶ compare
              └──▶ geometric_mean  ──┘
                   needs numbers above zero

The last job is submitted twice.  With `_depends_on_errors='abort'`, which is the default, it never starts when one of those
before it ended badly: its status is then `stalled`.  With `'ignore'` it starts when all have ended, however they did, and can
use what there is.
"""

from __future__ import annotations

import argparse
import math
import random

import cloud


def measure(count: int, negative: float) -> list[float]:
    """Return measurements around 10, of which a share has the wrong sign."""
    source = random.Random(2012)
    wrong = round(count * negative)
    return [source.gauss(10, 2) * (-1 if number < wrong else 1) for number in range(count)]


def arithmetic_mean(measured: int) -> float:
    """Return the mean of another job's result: it depends on that job, so the result is there when it starts."""
    values = cloud.result(measured)
    return math.fsum(values) / len(values)


def geometric_mean(measured: int) -> float:
    """Return the geometric mean of another job's result; the logarithm refuses what is not above zero."""
    values = cloud.result(measured)
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def compare(arithmetic: int, geometric: int) -> str:
    """Say what both means are, as far as they are known."""
    words = []
    for name, jid in (("arithmetic", arithmetic), ("geometric", geometric)):
        value = cloud.result(jid, ignore_errors=True)
        if isinstance(value, cloud.CloudException):
            words.append(f"there is no {name} mean (job {jid}: {cloud.status(jid)})")
        else:
            words.append(f"the {name} mean is {value:.3f}")
    return " and ".join(words)


def outcome(jid: int) -> str:
    """Return a job's result, or the last line of its error."""
    value = cloud.result(jid, ignore_errors=True)
    if isinstance(value, cloud.CloudException):
        return str(value.parameter).rstrip().splitlines()[-1]
    return value if isinstance(value, str) else f"{value:.3f}"


def main() -> None:
    """Submit the diamond, wait for all of it, and print how each job ended."""
    parser = argparse.ArgumentParser(description="a diamond of jobs, one of which may fail")
    parser.add_argument("count", nargs="?", type=int, default=1000, help="how many measurements to make")
    parser.add_argument(
        "--negative", type=float, default=0.01, help="share of measurements below zero; 0: nothing fails"
    )
    given = parser.parse_args()

    measured = cloud.call(measure, given.count, given.negative)
    arithmetic = cloud.call(arithmetic_mean, measured, _depends_on=measured)
    geometric = cloud.call(geometric_mean, measured, _depends_on=measured)
    means = [arithmetic, geometric]
    strict = cloud.call(compare, *means, _depends_on=means)
    lenient = cloud.call(compare, *means, _depends_on=means, _depends_on_errors="ignore")
    cloud.join([strict, lenient], ignore_errors=True)

    print(f"{given.count} measurements, made by job {measured}")
    rows = [("arithmetic mean", arithmetic), ("geometric mean", geometric)]
    rows += [("comparison, abort", strict), ("comparison, ignore", lenient)]
    for name, jid in rows:
        print(f"  {name:19} job {jid:<5} {cloud.status(jid):8} {outcome(jid)}")


if __name__ == "__main__":
    main()
