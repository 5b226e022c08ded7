"""The figures that most people ask for, as an SVG chart: latency of one call, jobs a second of a map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

from figures import Measurement, shown

_TITLES = {"call": "one call, until its result (less is better)", "map": "a map, jobs a second (more is better)"}
_OURS, _PEERS, _LOOSE = "#0b6e4f", "#9aa5b1", "#d5dae0"


def draw(measurements: Sequence[Measurement], path: Path) -> None:
    """Draw what there is of `call` and `map`."""
    mpl.use("svg")
    mpl.rcParams.update(
        {"svg.fonttype": "none", "svg.hashsalt": "picloud", "font.family": "sans-serif", "font.size": 9}
    )
    from matplotlib import pyplot as plt

    found = [measurement for measurement in measurements if measurement.name in _TITLES]
    if not found:
        return
    drawing, panels = plt.subplots(1, len(found), figsize=(5.2 * len(found), 3.2), squeeze=False)
    for measurement, panel in zip(found, panels[0], strict=True):
        figures = sorted(measurement.figures, key=lambda figure: figure.value, reverse=measurement.unit == "s")
        names = [figure.contender + (", anonymous chunks" if "chunksize" in figure.note else "") for figure in figures]
        values = [figure.value for figure in figures]
        colours = [
            _OURS if figure.contender.startswith("picloud") else _LOOSE if "nothing" in figure.note else _PEERS
            for figure in figures
        ]
        bars = panel.barh(names, values, color=colours)
        panel.bar_label(bars, [shown(value, measurement.unit) for value in values], padding=3)
        panel.set_xscale("log")
        panel.set_xlim(right=max(values) * 6)
        panel.set_title(_TITLES[measurement.name])
        panel.spines[["top", "right"]].set_visible(False)
    drawing.tight_layout()
    drawing.savefig(path, metadata={"Date": None})
