"""`python benchmarks`: picloud beside tools that keep nothing and tools that track their jobs, in one run, taking turns.

It informs and never judges: the exit status is 0 whatever the figures are.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import machine
import measures
from bench import FULL, PEERS, QUICK, Bench
from figures import Measurement, shown

RESULTS = Path(__file__).with_name("results")


def main() -> None:
    """Measure, print, write down."""
    options = _options()
    plan = QUICK if options.quick else FULL
    if options.rounds:
        plan = dataclasses.replace(plan, rounds=options.rounds)
    if options.growth:
        plan = dataclasses.replace(plan, growth=(*plan.growth, options.growth))
    folder = Path(tempfile.mkdtemp(prefix="picloud-benchmark-", dir=options.directory))
    bench = Bench(plan, folder)
    for name in set(bench.peers) - set(options.peers or bench.peers):
        del bench.peers[name]
    began, done = time.time(), []
    facts, disk = machine.facts(folder), machine.disk(folder, 20 if options.quick else 200)
    try:
        _print_machine(facts, disk, quick=options.quick)
        if bench.missing:
            print(f"not installed: {', '.join(bench.missing)} (`pip install --group bench`)\n")
        for word in options.only or measures.ALL:
            for measurement in measures.ALL[word](bench):
                print("\n".join(measurement.lines()), flush=True)
                done.append(measurement)
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)
        # What was measured before something went wrong took minutes as well.
        _write(options.output, {"began": began, "quick": options.quick, "machine": facts, "disk": disk}, done)
    if options.chart:
        import chart

        chart.draw(done, options.chart)
        print(f"drawn in {options.chart}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python benchmarks", description=__doc__)
    parser.add_argument("output", nargs="?", type=Path, default=RESULTS / "latest.json", help="where to write JSON")
    parser.add_argument("--quick", action="store_true", help="see in seconds that everything works; measures nothing")
    parser.add_argument("--only", action="append", choices=measures.ALL, help="measure this alone; may be repeated")
    parser.add_argument("--peers", action="append", choices=PEERS, help="beside this one alone; may be repeated")
    parser.add_argument("--rounds", type=int, help="rounds of each measurement")
    parser.add_argument("--growth", type=int, help="a number of stored jobs to go on to, such as 10000000")
    parser.add_argument("--chart", type=Path, help="where to draw an SVG chart")
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


def _write(path: Path, facts: dict[str, Any], measurements: list[Measurement]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    results = {"schema": 2, **facts, "measurements": [measurement.record() for measurement in measurements]}
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
