"""Many jobs at once that do nothing, or give little."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from bench import Bench, Turn, node_of
from figures import BEST, Figure, Measurement, Target

SLOW = ("dask.distributed", "Ray", "Parsl")


def measure(bench: Bench) -> Iterator[Measurement]:
    """Measure a map of thousands, one of a million, and one of 10 kB a job."""
    small = _no_ops(bench)
    yield small
    yield _million(bench, small)
    yield _kilobytes(bench)


def _turns(bench: Bench, do: str, count: int) -> list[Turn]:
    """Return a turn for everybody: those that take a second for a thousand jobs do fewer."""
    turns = []
    for contender in (*bench.peers.values(), *bench.ours):
        jobs = min(count, bench.plan.sample) if contender.name in SLOW else count
        notes = [] if jobs == count else [f"{jobs:,} of them"]
        if contender.name == "joblib":
            notes.append("batches, nothing tracked")
        turns.append(Turn(contender, do, {"count": jobs}, jobs, ", ".join(notes)))
    return turns


def _no_ops(bench: Bench) -> Measurement:
    count = bench.plan.small
    turns = _turns(bench, "many", count)
    turns += [
        Turn(contender, "chunked", {"count": count}, count, "map(chunksize=), nothing recorded")
        for contender in bench.of("loky")
    ]
    targets = []
    for contender in bench.ours:
        targets.append(Target(contender.name, 40, at_most=False, beside="loky"))
        targets.append(Target(contender.name, 2, at_most=False, beside="joblib"))
        targets += [Target(contender.name, 100, at_most=False, beside=peer) for peer in ("dask.distributed", "Ray")]
    return Measurement(
        "map",
        f"map of {count:,} no-ops, from the call to the last result, every job of ours tracked and stored",
        "jobs/s",
        bench.alternate(turns),
        "loky",
        targets,
    )


def _million(bench: Bench, small: Measurement) -> Measurement:
    count, figures, targets = bench.plan.large, [], []
    for contender in bench.ours:
        figure = Figure(contender.name)
        for _ in range(bench.plan.rounds):
            memory = Memory(Path(contender.environment["PICLOUD_HOME"]))
            with memory:
                answer = contender.ask("million", count=count)
            figure.values.append(count / answer["seconds"])
            figure.details.append(answer | {"node bytes": memory.grown})
        figures.append(figure)
        of_small = small.find(contender.name)
        assert of_small is not None
        targets += [
            Target(contender.name, 0.8 * of_small.value, at_most=False),
            Target(contender.name, 200e6, at_most=True, of="node bytes"),
            Target(contender.name, 1.0, at_most=True, of="map"),
            Target(contender.name, 0.1, at_most=True, of="status of all"),
            Target(contender.name, 1.5, at_most=True, of="result of all"),
        ]
    return Measurement("million", f"map of {count:,} no-ops", "jobs/s", figures, targets=targets)


class Memory:
    """How much a node's own memory (USS) grows, looked at again and again."""

    def __init__(self, home: Path) -> None:
        """Look at the node on a home."""
        self._node = node_of(home)
        self._before = self._peak = self._look()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        """Begin."""
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        """End."""
        self._over.set()
        self._thread.join()

    @property
    def grown(self) -> int:
        """Return the most bytes that there were more than before."""
        return self._peak - self._before

    def _run(self) -> None:
        while not self._over.wait(0.05):
            self._peak = max(self._peak, self._look())

    def _look(self) -> int:
        return int(self._node.memory_full_info().uss)


def _kilobytes(bench: Bench) -> Measurement:
    count = bench.plan.small
    return Measurement(
        "results",
        f"{count:,} results of 10 kB",
        "jobs/s",
        bench.alternate(_turns(bench, "kilobyte_results", count)),
        "loky",
        [Target(contender.name, 3, at_most=False, beside=BEST) for contender in bench.ours],
    )
