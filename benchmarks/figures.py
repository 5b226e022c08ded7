"""Figures, what they are held against, and how people read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(slots=True)
class Figure:
    """What one contender reached in one measurement."""

    contender: str
    """Who."""
    note: str = ""
    """What a reader must know about it."""
    values: list[float] = field(default_factory=list)
    """One a round: seconds, or jobs a second, or bytes."""
    details: list[dict[str, float]] = field(default_factory=list)
    """What else was measured in each round."""

    @property
    def value(self) -> float:
        """Return the median of the rounds."""
        return median(self.values)

    def detail(self, name: str) -> float:
        """Return the median of a detail."""
        return median(details[name] for details in self.details)


@dataclass(frozen=True, slots=True)
class Target:
    """What a contender is meant to reach."""

    contender: str
    """Who."""
    bound: float
    """The bound: a ratio, or an absolute figure where nobody is named to divide by."""
    at_most: bool
    """Whether it is an upper bound or a lower one."""
    beside: str = ""
    """The contender by whose figure ours is divided; 'the best peer' is one too."""
    of: str = ""
    """The detail that is meant instead of the figure."""
    least: bool = False
    """Whether the best round counts instead of the median one."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A target and what was reached."""

    target: Target
    """What was to be reached."""
    reached: float
    """What was."""

    @property
    def met(self) -> bool:
        """Return whether it is within the bound."""
        bound = self.target.bound
        return self.reached <= bound if self.target.at_most else self.reached >= bound


BEST = "the best peer"
"""Stands for whichever peer has the best figure."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One thing that contenders did."""

    name: str
    """A word for it."""
    title: str
    """What it is."""
    unit: str
    """`s` for seconds, `jobs/s` for rates, `bytes`."""
    figures: Sequence[Figure]
    """Who reached what."""
    base: str = ""
    """Whose figure the others are divided by in the table."""
    targets: Sequence[Target] = ()
    """What is to be reached."""

    def find(self, contender: str) -> Figure | None:
        """Return a contender's first figure; None if it was not measured."""
        if contender == BEST:
            peers = [figure for figure in self.figures if not figure.contender.startswith("picloud")]
            best = max if self.unit == "jobs/s" else min
            return best(peers, key=lambda figure: figure.value, default=None)
        return next((figure for figure in self.figures if figure.contender == contender), None)

    def judged(self) -> list[Judged]:
        """Return the targets that can be judged, with what was reached."""
        found = []
        for target in self.targets:
            figure, beside = self.find(target.contender), self.find(target.beside) if target.beside else None
            if figure is None or (target.beside and beside is None):
                continue
            value = figure.detail(target.of) if target.of else min(figure.values) if target.least else figure.value
            found.append(Judged(target, value / beside.value if beside is not None else value))
        return found

    def record(self) -> dict[str, Any]:
        """Return it as it is written down."""
        return {
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "figures": [
                {
                    "contender": figure.contender,
                    "note": figure.note,
                    "median": figure.value,
                    "rounds": figure.values,
                    "details": figure.details,
                    "ratio": self._ratio(figure),
                }
                for figure in self.figures
            ],
            "base": self.base,
            "targets": [
                {"target": self._words(judged), "reached": judged.reached, "met": judged.met}
                for judged in self.judged()
            ],
        }

    def lines(self) -> list[str]:
        """Return the table, and the targets below it."""
        rows = [("", "median", "least to most", f"÷ {self.base}" if self.base else "")]
        for figure in self.figures:
            ratio = self._ratio(figure)
            name = f"{figure.contender}{', ' + figure.note if figure.note else ''}"
            spread = f"{shown(min(figure.values), self.unit)} to {shown(max(figure.values), self.unit)}"
            rows.append((name, shown(figure.value, self.unit), spread, "" if ratio is None else f"{ratio:.2f}x"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for row in rows:
            name, *cells = (
                cell.rjust(width) if at else cell.ljust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            lines.append("   ".join((f"  {name}", *cells)).rstrip())
        targets = [f"  {'met' if judged.met else 'MISSED'}: {self._words(judged)}" for judged in self.judged()]
        return [self.title, *lines, *targets, ""]

    def _ratio(self, figure: Figure) -> float | None:
        base = self.find(self.base) if self.base else None
        return figure.value / base.value if base is not None else None

    def _words(self, judged: Judged) -> str:
        target = judged.target
        sign = "at most" if target.at_most else "at least"
        what = f"{target.contender}{', ' + target.of if target.of else ''}"
        if target.beside:
            return f"{what}, beside {target.beside}: {judged.reached:.2f}x, {sign} {target.bound:g}x"
        if target.of.endswith("share"):
            return f"{what}: {judged.reached:.3f}, {sign} {target.bound:g}"
        unit = "bytes" if target.of.endswith("bytes") else "s" if target.of else self.unit
        return f"{what}: {shown(judged.reached, unit)}, {sign} {shown(target.bound, unit)}"


def shown(value: float, unit: str) -> str:
    """Return a figure with its unit: seconds as µs, ms or s."""
    if unit == "bytes":
        return f"{value / 1e6:,.1f} MB" if value >= 1e6 else f"{value:,.0f} bytes"
    if unit != "s":
        return f"{value:,.0f} {unit}"
    if value < 1e-3:
        return f"{value * 1e6:.0f} µs"
    return f"{value * 1e3:.2f} ms" if value < 1 else f"{value:.2f} s"
