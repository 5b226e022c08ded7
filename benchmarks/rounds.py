"""Contenders side by side: all are warm, and take turns, so that whatever else the machine does meets all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

_PROGRAM = Path(__file__).with_name("contender.py")


class Contender:
    """One contender's process."""

    def __init__(self, name: str, kind: str, environment: Mapping[str, str] | None = None) -> None:
        """Start it; `environment` comes on top of this process's, less its picloud settings."""
        self.name = name
        """As tables show it."""
        base = {key: value for key, value in os.environ.items() if not key.startswith("PICLOUD_")}
        self._process = subprocess.Popen(
            [sys.executable, str(_PROGRAM), kind],
            env=base | dict(environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, do: str, count: int) -> Any:
        """Return what the contender measured.

        Raises:
            RuntimeError: if it died of it.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, "count": count}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended at {do}({count}) with status {self._process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        """Let it end."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()


@dataclass(slots=True)
class Entry:
    """One contender in one measurement."""

    contender: Contender
    """Who."""
    do: str
    """What it is asked to do."""
    count: int
    """How many jobs a round."""
    note: str = ""
    """What a reader must know about the figure."""
    rounds: list[float] = field(default_factory=list)
    """One value a round: the median latency in seconds, or jobs a second."""
    details: list[dict[str, float]] = field(default_factory=list)
    """What else was measured in each round."""

    @property
    def value(self) -> float:
        """Return the median of the rounds."""
        return median(self.rounds)

    def run(self) -> None:
        """Do one more round."""
        answer = self.contender.ask(self.do, self.count)
        if isinstance(answer, list):
            self.rounds.append(median(answer))
        else:
            self.rounds.append(self.count / answer["seconds"])
            self.details.append(answer)


def alternate(entries: Sequence[Entry], rounds: int) -> None:
    """Run all entries once a round, each time another one first."""
    for number in range(rounds):
        for place in range(len(entries)):
            entries[(number + place) % len(entries)].run()
