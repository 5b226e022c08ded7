"""Which finished arrays may go: by age, label, state and size. Nothing is deleted by itself; `picloud gc` asks here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from picloud.model.job import Status
from picloud.store import segments
from picloud.store.environment import Environment
from picloud.store.keys import Table
from picloud.store.records import Summary
from picloud.store.tables import Tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What an array must satisfy to be chosen; all of it."""

    older_than: float | None = None
    """Seconds since its last item ended."""
    label: str | None = None
    """Its label, or a shell pattern for it."""
    states: frozenset[Status] | None = None
    """States that every one of its items must have one of."""
    min_size: int = 0
    """Bytes that it takes, files included."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finished array, as a list of what would go shows it."""

    first: int
    """Jid of item 0."""
    count: int
    """Items."""
    name: str
    """Its function."""
    label: str
    """Its label; '' if none."""
    created: float
    """Unix time (s) of its submission."""
    summary: Summary
    """How it ended, and when."""
    size: int
    """Bytes that it takes: records, and the files that it names (a spool that others name too counts for each)."""


def select(environment: Environment, criteria: Criteria, now: float) -> Iterator[Candidate]:
    """Yield the finished arrays that satisfy the criteria at Unix time `now`, oldest submission first."""
    tables = Tables(environment)
    with tables.held():
        for first, summary in tables.all_finished():
            if criteria.older_than is not None and now - summary.finished < criteria.older_than:
                continue
            if criteria.states is not None and not _states(summary) <= criteria.states:
                continue
            array = tables.array(first)
            if array is None:
                continue
            label = array.options.label
            if criteria.label is not None and not fnmatchcase(label, criteria.label):
                continue
            size = size_of(environment, tables, first)
            if size >= criteria.min_size:
                yield Candidate(first, array.count, array.name, label, array.created, summary, size)


def _states(summary: Summary) -> set[Status]:
    counts = {
        Status.DONE: summary.done,
        Status.ERROR: summary.error,
        Status.KILLED: summary.killed,
        Status.STALLED: summary.stalled,
    }
    return {status for status, number in counts.items() if number}


def size_of(environment: Environment, tables: Tables, first: int) -> int:
    """Return the bytes that an array takes: its records of items, and the files that it names."""
    records = sum(tables.stored_size(table, first) for table in (Table.ARGUMENTS, Table.ENDS))
    return records + sum(segments.size(environment.home, kind, name) for kind, name in tables.files_of(first))
