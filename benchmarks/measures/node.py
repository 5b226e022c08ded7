"""The node at rest, and as what it keeps grows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import Bench, node_of, stop_node
from figures import Figure, Measurement, Target

ITEMS = 100
"""Jobs of each map that fills the store."""


def measure(bench: Bench) -> Iterator[Measurement]:
    """Measure an idle node, the bytes of a job, the rate as the store grows, and its opening."""
    home = bench.folder / "growing"
    contender = bench.picloud("process", home)
    try:
        contender.ask("latency", count=100)
        yield from _idle(home, bench.plan.idle)
        yield _stored(bench, home)
        yield from _growth(bench, home)
    finally:
        contender.close()
        stop_node(home)


def _idle(home: Path, seconds: float) -> Iterator[Measurement]:
    node = node_of(home)
    before = node.cpu_times()
    time.sleep(seconds)
    after = node.cpu_times()
    used = after.user + after.system - before.user - before.system
    found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{node.pid}/status").read_text())
    assert found is not None
    yield Measurement(
        "idle-memory",
        "RssAnon of an idle node",
        "bytes",
        [Figure("picloud process", values=[int(found[1]) * 1024.0])],
        targets=[Target("picloud process", 40e6, at_most=True)],
    )
    yield Measurement(
        "idle-cpu",
        f"CPU of an idle node in {seconds:g} s",
        "s",
        [Figure("picloud process", values=[used])],
        targets=[Target("picloud process", 0.02, at_most=True)],
    )


def _stored(bench: Bench, home: Path) -> Measurement:
    contender = bench.picloud("process", home)
    before = _blocks(home / "store")
    contender.ask("many", count=bench.plan.large)
    time.sleep(1.0)
    grown = _blocks(home / "store") - before
    contender.close()
    return Measurement(
        "bytes-a-job",
        f"bytes on disk for each of {bench.plan.large:,} no-ops",
        "bytes",
        [Figure("picloud process", values=[grown / bench.plan.large])],
        targets=[Target("picloud process", 60, at_most=True)],
    )


def _blocks(folder: Path) -> int:
    """Return the bytes of disk that LMDB's files in a folder take; the journal is emptied from time to time."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*.mdb"))


def _growth(bench: Bench, home: Path) -> Iterator[Measurement]:
    contender, figures, stored = bench.picloud("process", home), [], 0
    contender.ask("many", count=bench.plan.small)
    for wanted in bench.plan.growth:
        contender.ask("fill", arrays=(wanted - stored) // ITEMS, items=ITEMS)
        stored = wanted
        answers = [contender.ask("many", count=bench.plan.small) for _ in range(bench.plan.rounds)]
        rates = [bench.plan.small / answer["seconds"] for answer in answers]
        figures.append(Figure("picloud process", f"{wanted:,} jobs stored before, {ITEMS} a map", rates))
    yield Measurement("growth", f"map of {bench.plan.small:,} no-ops as the store grows", "jobs/s", figures)
    contender.close()
    opened = Figure("picloud process")
    for _ in range(bench.plan.starts):
        stop_node(home)
        began = time.perf_counter()
        command = [sys.executable, "-m", "picloud.cli.main", "node", "start"]
        subprocess.run(command, env=os.environ | contender.environment, stdout=subprocess.DEVNULL, check=True)
        opened.values.append(time.perf_counter() - began)
    yield Measurement(
        "opening",
        f"a node starts on a store of {bench.plan.growth[-1]:,} jobs and more",
        "s",
        [opened],
        targets=[Target("picloud process", 1.0, at_most=True)],
    )
