"""Jobs that compute: how much of the cores' time is theirs."""

from __future__ import annotations

import random
from collections.abc import Iterator

from bench import Bench, Turn
from contenders.base import workers
from figures import Measurement, Target


def measure(bench: Bench) -> Iterator[Measurement]:
    """Measure equal jobs, and a skewed array in three orders."""
    yield _measured(
        bench,
        "spins",
        f"{bench.plan.spins:,} jobs of 10 ms of CPU",
        [0.010] * bench.plan.spins,
        1 / 0.97,
    )
    drawn = random.Random(1)  # noqa: S311 - the same lengths each time
    lengths = sorted(drawn.lognormvariate(-4.0, 1.0) for _ in range(bench.plan.skewed))
    shuffled = lengths.copy()
    drawn.shuffle(shuffled)
    for order, seconds in (("worst first", lengths[::-1]), ("worst last", lengths), ("shuffled", shuffled)):
        yield _measured(
            bench,
            f"skewed-{order.replace(' ', '-')}",
            f"{len(lengths)} jobs of log-normal lengths, {order}",
            seconds,
            1.1,
        )


def _measured(bench: Bench, name: str, title: str, seconds: list[float], bound: float) -> Measurement:
    """Measure jobs of these lengths: the least that any schedule takes is known well enough with many jobs and few cores."""
    least = max(sum(seconds) / workers(), *seconds)
    turns = [
        Turn(contender, "spins", {"seconds": seconds})
        for contender in (*bench.of("loky", "joblib", "Ray"), *bench.ours)
    ]
    figures = bench.alternate(turns)
    for figure in figures:
        figure.details = [{"share": least / value} for value in figure.values]
    return Measurement(
        name,
        f"{title}; the best schedule takes {least:.2f} s",
        "s",
        figures,
        "loky",
        [Target(contender.name, round(1 / bound, 3), at_most=False, of="share") for contender in bench.ours],
    )
