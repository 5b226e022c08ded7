"""`python benchmarks`: picloud beside loky and concurrent.futures, in the same run, taking turns.

It informs and never judges: the exit status is 0 whatever the figures are.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
from rounds import Contender, Entry, alternate
from table import Measurement, Target, shown

RESULTS = Path(__file__).with_name("results")
DURABILITIES = ("process", "power")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done."""

    rounds: int
    """Rounds of each measurement."""
    calls: int
    """Calls in a round of latencies."""
    small: int
    """Items of the small map."""
    large: int
    """Items of the large map."""
    sample: int
    """Items that stand for the large map where each has a future of its own."""


FULL = Plan(rounds=7, calls=300, small=10_000, large=1_000_000, sample=20_000)
QUICK = Plan(rounds=1, calls=20, small=1_000, large=10_000, sample=500)


def main() -> None:
    """Measure, print, write down."""
    options = _options()
    plan = QUICK if options.quick else FULL
    if options.rounds:
        plan = Plan(options.rounds, plan.calls, plan.small, plan.large, plan.sample)
    folder = Path(tempfile.mkdtemp(prefix="picloud-benchmark-", dir=options.directory))
    began = time.time()
    try:
        facts, disk = machine.facts(folder), machine.disk(folder, 20 if options.quick else 200)
        _print_machine(facts, disk, quick=options.quick)
        measurements = _measure(plan, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _write(
        options.output,
        {
            "schema": 1,
            "began": began,
            "quick": options.quick,
            "machine": facts,
            "disk": disk,
            "measurements": [measurement.record() for measurement in measurements],
        },
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python benchmarks", description=__doc__)
    parser.add_argument("output", nargs="?", type=Path, default=RESULTS / "latest.json", help="where to write JSON")
    parser.add_argument("--quick", action="store_true", help="see in seconds that everything works; measures nothing")
    parser.add_argument("--rounds", type=int, help="rounds of each measurement")
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path.home(),
        help="where the temporary homes go; its disk is what `power` waits for (default: your home folder)",
    )
    return parser.parse_args()


def _print_machine(facts: dict[str, Any], disk: dict[str, float], *, quick: bool) -> None:
    if quick:
        print("A quick look whether everything works: these figures mean nothing.\n")
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    print(
        f"{facts['cpus']} CPUs {facts['processor']}, {facts['memory'] / 1e9:.0f} GB, {facts['system']}, load {facts['load']:.2f}"
    )
    print(f"Python {facts['python']}, {versions}")
    print(
        f"disk ({facts['file_system']}): 4 kB synced {shown(disk['overwritten'], 's')} over blocks that exist, "
        f"{shown(disk['fdatasync'], 's')} at a file's end; "
        f"LMDB commit synced {shown(disk['lmdb_synced'], 's')}, unsynced {shown(disk['lmdb_unsynced'], 's')}\n",
        flush=True,
    )


def _measure(plan: Plan, folder: Path) -> list[Measurement]:
    homes = {durability: folder / durability for durability in DURABILITIES}
    ours = [
        Contender(f"picloud {durability}", "picloud", {"PICLOUD_HOME": str(home), "PICLOUD_DURABILITY": durability})
        for durability, home in homes.items()
    ]
    loky = Contender("loky", "loky") if importlib.util.find_spec("loky") else None
    if loky is None:
        print("loky is not installed: `pip install --group bench`\n")
    peers = [peer for peer in (loky, Contender("concurrent.futures", "futures")) if peer is not None]
    try:
        for contender in (*peers, *ours):
            contender.ask("latency", 20)
            contender.ask("many", 200)
        done = []
        for measurement in (
            _latency(plan, ours, peers, loky),
            _map(plan, plan.small, plan.small, ours, peers, loky),
            _map(plan, plan.large, plan.sample, ours, peers, loky),
        ):
            alternate(measurement.entries, plan.rounds)
            print("\n".join(measurement.lines()), flush=True)
            done.append(measurement)
    finally:
        for contender in (*peers, *ours):
            contender.close()
        for home in homes.values():
            _stop_node(home)
    return done


def _latency(plan: Plan, ours: list[Contender], peers: list[Contender], loky: Contender | None) -> Measurement:
    entries = [Entry(contender, "latency", plan.calls) for contender in (*peers, *ours)]
    return Measurement(
        f"call → result, warm: median of {plan.rounds} rounds of {plan.calls} calls",
        "s",
        entries,
        _of(entries, loky),
        {"picloud process": Target(1.0, at_most=True), "picloud power": Target(1.8, at_most=True)},
    )


def _map(
    plan: Plan, count: int, sample: int, ours: list[Contender], peers: list[Contender], loky: Contender | None
) -> Measurement:
    note = "one future a job" + ("" if sample == count else f", {sample:,} of them")
    entries = [Entry(peer, "many", sample, note) for peer in peers]
    entries += [Entry(peer, "chunked", count, "chunks, nothing tracked") for peer in peers]
    entries += [Entry(contender, "many", count, "every job tracked and stored") for contender in ours]
    targets = {contender.name: Target(30, at_most=False) for contender in ours} if count == plan.small else {}
    return Measurement(
        f"map of {count:,} no-ops, from the call to the last result: median of {plan.rounds} rounds",
        "jobs/s",
        entries,
        _of(entries, loky),
        targets,
    )


def _of(entries: list[Entry], contender: Contender | None) -> Entry | None:
    return next((entry for entry in entries if entry.contender is contender), None)


def _stop_node(home: Path) -> None:
    if (home / "node.lock").exists():
        command = [sys.executable, "-m", "picloud.cli.main", "node", "stop", "--timeout", "30"]
        subprocess.run(command, env=os.environ | {"PICLOUD_HOME": str(home)}, stdout=subprocess.DEVNULL, check=False)


def _write(path: Path, results: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
