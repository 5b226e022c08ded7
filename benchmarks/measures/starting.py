"""The beginning: the import, and the first result where no node runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import Bench, stop_node
from figures import Figure, Measurement, Target

IMPORT = "import time; began = time.perf_counter(); import cloud; print(time.perf_counter() - began)"
FIRST = (
    "import time; began = time.perf_counter(); import cloud; assert cloud.result(cloud.call(abs, -1)) == 1; "
    "print(time.perf_counter() - began)"
)


def measure(bench: Bench) -> Iterator[Measurement]:
    """Measure both in processes that do nothing else."""
    imported = [_seconds(IMPORT, {}) for _ in range(bench.plan.starts * 2)]
    yield Measurement(
        "import",
        "import cloud",
        "s",
        [Figure("picloud", values=imported)],
        targets=[Target("picloud", 0.060, at_most=True)],
    )
    figures = []
    for contender in bench.ours:
        figure = Figure(contender.name)
        for number in range(bench.plan.starts):
            home = bench.folder / f"first-{number}"
            figure.values.append(_seconds(FIRST, contender.environment | {"PICLOUD_HOME": str(home)}))
            stop_node(Path(home))
        figures.append(figure)
    yield Measurement(
        "first-result",
        "the first result with no node running, import included",
        "s",
        figures,
        targets=[Target(contender.name, 0.7, at_most=True, least=True) for contender in bench.ours],
    )


def _seconds(program: str, environment: dict[str, str]) -> float:
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)
