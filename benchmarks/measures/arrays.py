"""A large numpy array: as an argument, as a result, in another process, and shared by many jobs."""

from __future__ import annotations

from collections.abc import Iterator

from bench import SEEDS, Bench, Turn
from figures import BEST, Figure, Measurement, Target

JOBS = 100


def measure(bench: Bench) -> Iterator[Measurement]:
    """Measure what an array costs on its way; its content is new each time."""
    size, everybody = bench.plan.array, [*bench.peers.values(), *bench.ours]
    megabytes = f"{size / 1e6:g} MB"
    for do, title in (("argument", f"{megabytes} as an argument"), ("returned", f"{megabytes} as a result")):
        figures = bench.alternate([Turn(contender, do, {"size": size}, seeded=True) for contender in everybody])
        yield Measurement(
            f"array-{do}", title, "s", figures, "loky", [Target("picloud process", 0.5, at_most=True, beside=BEST)]
        )
    yield _second_process(bench, megabytes)
    shared = bench.alternate(
        [
            Turn(contender, "shared", {"size": size, "count": JOBS}, seeded=True)
            for contender in (*bench.of("loky"), *bench.ours)
        ]
    )
    yield Measurement(
        "array-shared",
        f"{megabytes} shared by {JOBS} jobs that read one number each",
        "s",
        shared,
        "loky",
        [Target(contender.name, 0.5, at_most=True) for contender in bench.ours],
    )


def _second_process(bench: Bench, megabytes: str) -> Measurement:
    figures = []
    for contender in bench.ours:
        other, figure = contender.another(), Figure(contender.name)
        other.ask("latency", count=10)
        for _ in range(bench.plan.rounds):
            seed = next(SEEDS)
            job = contender.ask("returned", size=bench.plan.array, seed=seed)["job"]
            figure.values.append(other.ask("read", job=int(job), seed=seed)["seconds"])
        other.close()
        figures.append(figure)
    return Measurement(
        "array-second-process",
        f"a result of {megabytes} in a second process",
        "s",
        figures,
        targets=[Target(contender.name, 0.020, at_most=True) for contender in bench.ours],
    )
