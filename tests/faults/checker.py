"""What was promised, held against the journal that jobs wrote, the diaries of clients, and what a new node says.

It knows nothing of how the node keeps its promises: it reads files that the runtime never touches, and asks as any client does.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cloud
from picloud.exceptions import CloudException
from picloud.model.settings import Durability
from picloud.store.environment import Environment
from picloud.store.tables import Tables

from .jobs import fails, value_of

PATIENCE = 120.0
"""Seconds in which all that was acknowledged must have ended."""


@dataclass(slots=True)
class Findings:
    """What a check has found: all but `jobs` are to be empty."""

    jobs: int = 0
    """Acknowledged jobs that were looked at."""
    lost: list[str] = field(default_factory=list)
    """Jobs that are not there, have not ended, or ended as they must not."""
    twice: list[str] = field(default_factory=list)
    """Jobs that began again although they may not be restarted."""
    unreadable: list[str] = field(default_factory=list)
    """Results that were seen and are gone or others now, and such as no job ever gave."""
    doubled: list[str] = field(default_factory=list)
    """Submissions that are stored more than once."""

    @property
    def all(self) -> list[str]:
        """Return everything that is wrong."""
        return self.lost + self.twice + self.unreadable + self.doubled

    def line(self, injected: int) -> str:
        """Return the line that every run prints."""
        return (
            f"faults injected: {injected}, jobs checked: {self.jobs}, lost: {len(self.lost) + len(self.doubled)}, "
            f"run twice without leave: {len(self.twice)}, results unreadable: {len(self.unreadable)}"
        )


def check(folder: Path) -> Findings:
    """Look at everything that was acknowledged in a folder, through the node of this process's home."""
    found = Findings()
    diary = list(_lines(folder / "diary"))
    submitted = {line["token"]: line for line in diary if "first" in line}
    seen: dict[str, list[Any]] = {}
    for line in diary:
        if "seen" in line:
            for index, value in enumerate(line["seen"]):
                before = seen.setdefault(line["token"], line["seen"])[index]
                if value != before:
                    found.unreadable.append(f"{line['token']} {index}: {before} was seen, later {value}")
    results: dict[str, tuple[list[Any], list[str]]] = {}
    for token, line in submitted.items():
        jids = range(line["first"], line["first"] + line["count"])
        try:
            results[token] = cloud.result(jids, ignore_errors=True, timeout=PATIENCE), cloud.status(jids)
        except CloudException as error:
            found.lost.append(f"{token}: {type(error).__name__}: {error}")
    # Not before all have ended: what was in the queue runs while it is asked for.
    began, ended = journal(folder / "journal")
    for token, (values, statuses) in results.items():
        _check_array(found, submitted[token], values, statuses, seen.get(token), began, ended)
    return found


def _check_array(
    found: Findings,
    line: dict[str, Any],
    values: list[Any],
    statuses: list[str],
    seen: list[Any] | None,
    began: Counter[tuple[str, int]],
    ended: Counter[tuple[str, int]],
) -> None:
    token, first = line["token"], line["first"]
    for index, (value, status) in enumerate(zip(values, statuses, strict=True)):
        found.jobs += 1
        name = f"{token} {index} (jid {first + index})"
        if status not in ("done", "error"):
            found.lost.append(f"{name} is {status}")
        if not line["restartable"] and began[token, index] > 1:
            found.twice.append(f"{name} began {began[token, index]} times")
        given = value[0] if isinstance(value, tuple) else None
        if status == "done" and (given != value_of(token, index) or not ended[token, index] or fails(index)):
            found.unreadable.append(f"{name} gave {given}, ended {ended[token, index]} times")
        if seen is not None and seen[index] != given:
            found.unreadable.append(f"{name}: {seen[index]} was seen, now it is {given}")


def stored_twice(home: Path, found: Findings) -> None:
    """Look into the store of a home on which no node runs: each submission has a label of its own."""
    with Environment.open(home, Durability.PROCESS, readonly=True) as environment:
        labels = Counter(array.options.label for array in Tables(environment).arrays())
    found.doubled += [f"{label} is stored {count} times" for label, count in labels.items() if count > 1]


def journal(path: Path) -> tuple[Counter[tuple[str, int]], Counter[tuple[str, int]]]:
    """Return how often each item of each submission began, and how often it came to its end."""
    began: Counter[tuple[str, int]] = Counter()
    ended: Counter[tuple[str, int]] = Counter()
    for line in path.read_text().splitlines() if path.exists() else ():
        kind, token, index = line.split()
        (began if kind == "B" else ended)[token, int(index)] += 1
    return began, ended


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text().splitlines() if path.exists() else ():
        yield json.loads(line)
