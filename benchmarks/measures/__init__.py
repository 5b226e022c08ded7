"""What is measured: each module has a function that yields measurements, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench import Bench
from figures import Measurement
from measures import arrays, calls, cores, maps, node, starting

ALL: dict[str, Callable[[Bench], Iterator[Measurement]]] = {
    "calls": calls.measure,
    "maps": maps.measure,
    "cores": cores.measure,
    "arrays": arrays.measure,
    "starting": starting.measure,
    "node": node.measure,
}
"""All of it, by the words that choose from it on the command line."""
