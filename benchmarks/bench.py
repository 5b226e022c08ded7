"""Who is measured, how much of it, and that they take turns."""

from __future__ import annotations

import importlib.util
import itertools
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from contenders.handle import Contender
from figures import Figure

DURABILITIES = ("process", "power")
PEERS = {
    "loky": "loky",
    "concurrent.futures": "futures",
    "joblib": "joblib",
    "dask.distributed": "dask",
    "Ray": "ray",
    "Parsl": "parsl",
}
"""Peers by the names that tables give them, and how `contenders.process` knows them."""
SEEDS = itertools.count(2.0)
"""Numbers that make content new."""
_MODULES = {"dask.distributed": "distributed", "concurrent.futures": "concurrent", "Ray": "ray", "Parsl": "parsl"}


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
    """Items that stand for a map where each costs a peer a lot."""
    spins: int
    """Jobs of 10 ms."""
    skewed: int
    """Jobs of very different lengths."""
    array: int
    """Bytes of the large array."""
    starts: int
    """Starts without a node."""
    idle: float
    """Seconds for which an idle node is looked at."""
    growth: tuple[int, ...]
    """Jobs stored when the rate is measured again."""
    clients: int
    """Client processes at once."""


FULL = Plan(
    rounds=5,
    calls=300,
    small=10_000,
    large=1_000_000,
    sample=2_000,
    spins=1_000,
    skewed=200,
    array=100_000_000,
    starts=5,
    idle=60.0,
    growth=(1_000, 10_000, 100_000, 1_000_000),
    clients=16,
)
QUICK = Plan(
    rounds=1,
    calls=20,
    small=1_000,
    large=10_000,
    sample=100,
    spins=20,
    skewed=10,
    array=1_000_000,
    starts=1,
    idle=0.5,
    growth=(1_000, 2_000),
    clients=2,
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one contender does in each round."""

    contender: Contender
    """Who."""
    do: str
    """An exercise."""
    given: Mapping[str, Any]
    """Its arguments."""
    jobs: int = 0
    """Jobs that the figure is a rate of; 0: it is the seconds."""
    note: str = ""
    """What a reader must know."""
    seeded: bool = False
    """Whether it takes a `seed` as well, another one each time."""


@dataclass(slots=True)
class Bench:
    """The contenders, each in a process that is started when it is asked first."""

    plan: Plan
    """How much is done."""
    folder: Path
    """Where the homes lie."""
    ours: list[Contender] = field(default_factory=list)
    """picloud, once for each durability."""
    peers: dict[str, Contender] = field(default_factory=dict)
    """The peers that are installed, by name."""

    def __post_init__(self) -> None:
        """Find out who is there."""
        self.ours = [self.picloud(durability, self.folder / durability) for durability in DURABILITIES]
        for name, kind in PEERS.items():
            if importlib.util.find_spec(_MODULES.get(name, name)) is not None:
                self.peers[name] = Contender(name, kind)

    @staticmethod
    def picloud(durability: str, home: Path) -> Contender:
        """Return picloud with a durability, on a home."""
        return Contender(
            f"picloud {durability}", "picloud", {"PICLOUD_HOME": str(home), "PICLOUD_DURABILITY": durability}
        )

    @property
    def missing(self) -> list[str]:
        """Return the peers that are not installed."""
        return [name for name in PEERS if name not in self.peers]

    def of(self, *names: str) -> list[Contender]:
        """Return those of some peers that are installed."""
        return [self.peers[name] for name in names if name in self.peers]

    def alternate(self, turns: Sequence[Turn]) -> list[Figure]:
        """Let contenders take turns, another one first in each round, after one that only warms them up."""
        figures = [Figure(turn.contender.name, turn.note) for turn in turns]
        for number in range(-1, self.plan.rounds):
            for place in range(len(turns)):
                at = (number + place) % len(turns)
                turn, figure = turns[at], figures[at]
                seed = {"seed": next(SEEDS)} if turn.seeded else {}
                answer = turn.contender.ask(turn.do, **turn.given, **seed)
                if number >= 0:
                    figure.values.append(turn.jobs / answer["seconds"] if turn.jobs else answer["seconds"])
                    figure.details.append(answer)
        return figures

    def close(self) -> None:
        """End all contenders and nodes."""
        for contender in (*self.peers.values(), *self.ours):
            contender.close()
        for contender in self.ours:
            stop_node(Path(contender.environment["PICLOUD_HOME"]))


def node_of(home: Path) -> psutil.Process:
    """Return the process of the node on a home."""
    return psutil.Process(int((home / "node.lock").read_text()))


def stop_node(home: Path) -> None:
    """Stop the node on a home, if one runs."""
    if (home / "node.lock").exists():
        command = [sys.executable, "-m", "picloud.cli.main", "node", "stop", "--timeout", "30"]
        subprocess.run(command, env=os.environ | {"PICLOUD_HOME": str(home)}, stdout=subprocess.DEVNULL, check=False)
