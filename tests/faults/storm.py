"""A storm: clients that submit and read while processes are killed at random moments and at every named point.

`python -m tests.faults.storm --faults 10000` is the long form; the tests run a short one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from picloud import faults
from picloud.store import starts
from picloud.testing.node import stop_home, temporary_home

from . import checker
from .checker import Findings

VICTIMS = ("node", "supervisor", "worker", "client")
IDLE = 0.5
"""Seconds after which a node ends that nobody needs."""
ROUND = 150
"""Faults after which everything is checked, and a new home is begun."""
STUCK = 90.0
"""Seconds without a fault that could be injected after which a storm is given up."""


@dataclass(slots=True)
class Storm:
    """One home, its clients, and what is done to them."""

    folder: Path
    """Where journal and diaries lie."""
    seed: int
    """From which everything random is drawn."""
    victims: tuple[str, ...] = VICTIMS
    """Whom to kill."""
    points: tuple[str, ...] = faults.POINTS
    """Where nodes end by themselves."""
    visits: int = 12
    """At which visit of its point a node ends, at most."""
    backup: float = 0.05
    """How often a client makes a backup after a submission."""
    rest: float = 0.05
    """How often it rests until the node may have ended."""
    clients: int = 2
    """How many there are at once."""
    killed: Counter[str] = field(default_factory=Counter)
    """Faults that were injected, by victim."""
    home: Path = field(default_factory=temporary_home)
    """The home, on a short path."""
    _started: int = 0
    _clients: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def rage(self, count: int, pause: tuple[float, float] = (0.02, 0.4)) -> None:
        """Kill until `count` faults have been injected."""
        drawn = random.Random(self.seed)
        (self.folder / "backups").mkdir(exist_ok=True)
        habits = {
            "points": self.points,
            "visits": self.visits,
            "backup": self.backup,
            "rest": self.rest,
            "seconds": 2 * IDLE,
        }
        (self.folder / "habits").write_text(json.dumps(habits))
        last, before = time.monotonic(), 0
        try:
            while self.injected < count:
                self._keep_clients()
                time.sleep(drawn.uniform(*pause))
                if self.victims:
                    self._kill(drawn.choice(self.victims), drawn)
                self._unlock()
                if self.injected > before:
                    last, before = time.monotonic(), self.injected
                if time.monotonic() - last > STUCK:
                    raise RuntimeError(f"nobody to kill for {STUCK} s; seed {self.seed}, {self.folder}")
        finally:
            self._end_clients()

    def check(self) -> Findings:
        """Let what was acknowledged end on a node that nobody kills, and look at all of it."""
        import cloud

        before = os.environ.get("PICLOUD_HOME")
        os.environ["PICLOUD_HOME"] = str(self.home)
        cloud.config.commit()
        self._unlock()
        try:
            findings = checker.check(self.folder)
        finally:
            cloud.close()
            left = stop_home(self.home)
            if before is None:
                del os.environ["PICLOUD_HOME"]
            else:
                os.environ["PICLOUD_HOME"] = before
            cloud.config.commit()
        findings.lost += [f"it outlived its node: {process}" for process in left]
        checker.stored_twice(self.home, findings)
        return findings

    def close(self) -> None:
        """Leave nothing."""
        self._end_clients()
        stop_home(self.home)
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def injected(self) -> int:
        """Return how many faults there were, those at named points included."""
        return self.killed.total() + len(self.ended_at())

    def ended_at(self) -> list[str]:
        """Return the points at which nodes ended."""
        return [line[1:] for line in self._visits() if line.startswith("!")]

    def visited(self) -> set[str]:
        """Return the points that nodes came by."""
        return {line.removeprefix("!") for line in self._visits()}

    def _visits(self) -> list[str]:
        path = self.folder / "visited"
        return path.read_text().split() if path.exists() else []

    def _keep_clients(self) -> None:
        self._clients = [client for client in self._clients if client.poll() is None]
        while len(self._clients) < self.clients:
            self._started += 1
            number = 1000 * self.seed + self._started
            environment = {key: value for key, value in os.environ.items() if not key.startswith("PICLOUD_")}
            with (self.folder / "clients.log").open("ab") as log:
                self._clients.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "tests.faults.client", str(self.folder), str(number)],
                        cwd=Path(__file__).parents[2],
                        env=environment | {"PICLOUD_HOME": str(self.home), "PICLOUD_IDLE_TIME": str(IDLE)},
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                    )
                )

    def _unlock(self) -> None:
        """After three starts that failed, let the home be used again as its user would: by a check that finds nothing wrong."""
        if starts.read(self.home).failures >= starts.MOST_FAILURES:
            command = [sys.executable, "-m", "picloud.cli.main", "--offline", "node", "check"]
            environment = os.environ | {"PICLOUD_HOME": str(self.home)}
            with (self.folder / "checks.log").open("ab") as log:
                # It fails while a node runs: then that one has succeeded, or will be looked at again.
                subprocess.run(command, env=environment, stdout=log, stderr=log, check=False)

    def _end_clients(self) -> None:
        (self.folder / "stop").touch()
        for client in self._clients:
            try:
                client.wait(60)
            except subprocess.TimeoutExpired:
                client.kill()
                client.wait()
        self._clients.clear()
        (self.folder / "stop").unlink()

    def _kill(self, victim: str, drawn: random.Random) -> bool:
        """Kill one process of a kind; return whether there was one."""
        if victim == "node" and starts.read(self.home).failures >= 2:
            # After a third start that failed, the home would only be read.
            return False
        if victim == "client":
            found = [psutil.Process(client.pid) for client in self._clients if client.poll() is None]
        else:
            found = self._below(victim)
        if not found:
            return False
        with suppress(psutil.NoSuchProcess):
            drawn.choice(found).send_signal(signal.SIGKILL)
            self.killed[victim] += 1
            return True
        return False

    def _below(self, victim: str) -> list[psutil.Process]:
        """Return the home's node, the node's supervisors, or their workers."""
        found: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess, FileNotFoundError, ValueError):
            node = psutil.Process(int((self.home / "node.lock").read_text()))
            if str(self.home) not in node.cmdline():
                return []
            found = [node]
            for _ in range(("node", "supervisor", "worker").index(victim)):
                found = [child for process in found for child in process.children()]
        return found


def main() -> int:
    """Rage for as long as it was asked for; return 1 if any promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.storm", description=__doc__)
    parser.add_argument("--faults", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to keep journals and diaries")
    options = parser.parse_args()
    injected, seed, total, wrong = 0, options.seed, Findings(), []
    while injected < options.faults:
        folder = (options.folder or temporary_home()) / f"storm{seed}"
        folder.mkdir(parents=True)
        storm = Storm(folder, seed)
        try:
            storm.rage(min(ROUND, options.faults - injected))
            findings = storm.check()
        finally:
            storm.close()
        injected += storm.injected
        total.jobs += findings.jobs
        wrong += findings.all
        print(
            f"seed {seed}: {findings.line(storm.injected)} ({dict(storm.killed)}, {len(storm.ended_at())} at points)",
            flush=True,
        )
        print("\n".join(findings.all), flush=True)
        seed += 1
    print(f"in all: faults injected: {injected}, jobs checked: {total.jobs}, broken promises: {len(wrong)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
