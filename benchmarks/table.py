"""Figures as people read them: a line for each contender, its ratio to the peer, and the target where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from rounds import Entry


@dataclass(frozen=True, slots=True)
class Target:
    """What a contender is meant to reach, as a ratio to the peer's figure."""

    ratio: float
    """The bound."""
    at_most: bool
    """Whether it is an upper bound (time) or a lower one (rate)."""

    def met(self, ratio: float) -> bool:
        """Return whether a ratio is within the bound."""
        return ratio <= self.ratio if self.at_most else ratio >= self.ratio

    def __str__(self) -> str:
        """Return it as people write it."""
        return f"{'≤' if self.at_most else '≥'} {self.ratio:g}x"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One thing that all contenders did."""

    title: str
    """What."""
    unit: str
    """`s` for seconds, `jobs/s` for rates."""
    entries: Sequence[Entry]
    """Who did it."""
    peer: Entry | None
    """Whose figure the others are divided by; None if it is not installed."""
    targets: dict[str, Target]
    """By contender's name."""

    def ratio(self, entry: Entry) -> float | None:
        """Return the entry's figure divided by the peer's."""
        return None if self.peer is None else entry.value / self.peer.value

    def record(self) -> dict[str, Any]:
        """Return it as it is written down."""
        return {
            "title": self.title,
            "unit": self.unit,
            "peer": self.peer.contender.name if self.peer else None,
            "entries": [self._entry(entry) for entry in self.entries],
        }

    def _entry(self, entry: Entry) -> dict[str, Any]:
        target, ratio = self.targets.get(entry.contender.name), self.ratio(entry)
        return {
            "contender": entry.contender.name,
            "note": entry.note,
            "jobs": entry.count,
            "median": entry.value,
            "rounds": entry.rounds,
            "details": entry.details,
            "ratio": ratio,
            "target": str(target) if target else None,
            "met": target.met(ratio) if target and ratio is not None else None,
        }

    def lines(self) -> list[str]:
        """Return the table."""
        rows = [("", "median", "least to most", f"÷ {self.peer.contender.name}" if self.peer else "", "target")]
        rows += [self._row(entry) for entry in self.entries]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for row in rows:
            name, *cells = (
                cell.ljust(width) if at in {0, 4} else cell.rjust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            lines.append("   ".join((f"  {name}", *cells)).rstrip())
        return [self.title, *lines, *self._stages(), ""]

    def _stages(self) -> list[str]:
        """Return when a map had got how far, for those who measure it."""
        return [
            f"  {entry.contender.name}: submitted after {shown(_middle(entry, 'submitted'), 's')}, "
            f"all ended and stored after {shown(_middle(entry, 'joined'), 's')}, "
            f"all results in hand after {shown(_middle(entry, 'seconds'), 's')}"
            for entry in self.entries
            if entry.details and "joined" in entry.details[0]
        ]

    def _row(self, entry: Entry) -> tuple[str, str, str, str, str]:
        ratio, target = self.ratio(entry), self.targets.get(entry.contender.name)
        judged = f"{target} {'met' if target.met(ratio) else 'MISSED'}" if target and ratio is not None else ""
        name = f"{entry.contender.name}{', ' + entry.note if entry.note else ''}"
        spread = f"{shown(min(entry.rounds), self.unit)} to {shown(max(entry.rounds), self.unit)}"
        return name, shown(entry.value, self.unit), spread, "" if ratio is None else f"{ratio:.2f}x", judged


def _middle(entry: Entry, detail: str) -> float:
    return median(details[detail] for details in entry.details)


def shown(value: float, unit: str) -> str:
    """Return a figure with its unit: seconds as µs, ms or s."""
    if unit != "s":
        return f"{value:,.0f} {unit}"
    if value < 1e-3:
        return f"{value * 1e6:.0f} µs"
    return f"{value * 1e3:.2f} ms" if value < 1 else f"{value:.2f} s"
