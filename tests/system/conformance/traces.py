"""What the jobs of a test do and write down of themselves: a line for each, in one file that they all append to."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple


class Span(NamedTuple):
    """When a job ran, by the clock that all processes of the machine share."""

    name: str
    """What the test calls it."""
    start: float
    """When it began, in seconds."""
    stop: float
    """When it ended."""


def hold(gate: str) -> None:
    """Run until a file is there."""
    while not Path(gate).exists():
        time.sleep(0.005)


def hold_and_fail(gate: str) -> None:
    """Run until a file is there, and end badly."""
    hold(gate)
    raise ValueError("no")


def note(trace: str, name: object) -> object:
    """Write a line and return its name."""
    _append(trace, str(name))
    return name


def note_span(trace: str, name: object, seconds: float) -> None:
    """Take some time, and write down when that was."""
    start = time.monotonic()
    time.sleep(seconds)
    _append(trace, f"{name} {start} {time.monotonic()}")


def sum_in_c(trace: str, name: object, count: int) -> None:
    """Add up numbers in C code that lets nobody else have the interpreter meanwhile, and write down when that was."""
    start = time.monotonic()
    sum(range(count))
    _append(trace, f"{name} {start} {time.monotonic()}")


def names(trace: Path) -> list[str]:
    """Return the lines of a trace in their order."""
    return trace.read_text().split() if trace.exists() else []


def spans(trace: Path) -> list[Span]:
    """Return the spans of a trace in the order of their ends."""
    lines = (line.split() for line in trace.read_text().splitlines())
    return [Span(name, float(start), float(stop)) for name, start, stop in lines]


def _append(trace: str, line: str) -> None:
    # One write to a file that is open for appending is never torn apart by another one's.
    descriptor = os.open(trace, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)
