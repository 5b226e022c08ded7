"""What a node reads when it starts, and what it throws away.

Only arrays with unfinished items are read: a million finished ones cost nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from pathlib import Path

from picloud.store import ranges, segments
from picloud.store.environment import Environment
from picloud.store.keys import FileKind
from picloud.store.ranges import Range
from picloud.store.tables import Tables, Unfinished

GRACE = 3600.0
"""Seconds that an unnamed file is spared: its submission may be sent again to the node that starts now."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What goes on after a start."""

    unfinished: tuple[Unfinished, ...]
    """Arrays with unfinished items, in order of their jids."""
    next_jid: int
    """The next jid to give out."""


def recover(environment: Environment) -> Recovered:
    """Read what the node needs to go on.

    Raises:
        StoreCorruptError: naming the first record that is damaged.
    """
    tables = Tables(environment)
    with tables.held():
        return Recovered(tuple(tables.unfinished()), tables.next_jid())


def lost(unfinished: Unfinished) -> list[Range]:
    """Return the items that may not run again: handed out by the dead node, not ended, not restartable."""
    if unfinished.array.options.restartable:
        return []
    ended = [(start, stop) for start, stop, _ in unfinished.ended]
    found: list[Range] = []
    for mark in unfinished.attempts:
        if mark.started:
            found.extend(ranges.gaps(_near(ended, mark.start, mark.stop), mark.start, mark.stop))
    return found


def _near(ordered: list[Range], start: int, stop: int) -> list[Range]:
    """Return those of ordered ranges that may reach into [start, stop): an array has as many of them as it has marks."""
    return ordered[max(0, bisect_right(ordered, (start, start)) - 1) : bisect_left(ordered, (stop, stop))]


def attempts(unfinished: Unfinished) -> list[tuple[int, int, int]]:
    """Return (start, stop, attempt) of unended items whose next attempt is not their first.

    A job that may restart and had been noted as started has one attempt behind it.
    """
    restartable = unfinished.array.options.restartable
    ended = [(start, stop) for start, stop, _ in unfinished.ended]
    return [
        (start, stop, attempt)
        for mark in unfinished.attempts
        if (attempt := mark.attempt + (mark.started and restartable)) > 1
        for start, stop in ranges.gaps(_near(ended, mark.start, mark.stop), mark.start, mark.stop)
    ]


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep removed."""

    files: int
    """Files."""
    size: int
    """Their bytes."""


def sweep(environment: Environment, now: float, grace: float = GRACE) -> Swept:
    """Remove segments and spools that no record names and that have not been written to for `grace` seconds (Unix time `now`).

    They are what a crash left between a file and the commit that would have named it, or between a commit and its unlinking.
    """
    tables = Tables(environment)
    count = size = 0
    for folder, kind in _folders(environment.home):
        for entry in segments.files(folder):
            facts = entry.stat(follow_symlinks=False)
            if now - facts.st_mtime < grace or (kind is not None and _is_named(tables, kind, entry.name)):
                continue
            Path(entry.path).unlink(missing_ok=True)
            count += 1
            size += facts.st_size
    return Swept(count, size)


def _folders(home: Path) -> list[tuple[Path, FileKind | None]]:
    """Return the folders to sweep; nothing in incoming is named."""
    return [(segments.incoming(home), None), *((segments.folder(home, kind), kind) for kind in FileKind)]


def _is_named(tables: Tables, kind: FileKind, name: str) -> bool:
    try:
        return tables.names_file(kind, name)
    except ValueError:
        return False
