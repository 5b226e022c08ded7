"""Who waits for which jobs: counts and byte tables, never one object a job."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from picloud.model import job
from picloud.model.ids import JidRange

_UNFINISHED = bytes((job.WAITING, job.QUEUED, job.PROCESSING))


class Mode(StrEnum):
    """What ends a wait."""

    ALL = "all"
    """Every job has ended."""
    FAILURE = "failure"
    """Every job has ended, or one did not end as done."""
    ANY = "any"
    """At least one job has ended."""


@dataclass(slots=True, eq=False)
class Waiter:
    """One open wait for jobs of live arrays; jobs that had ended before are no part of it."""

    mode: Mode
    """What ends it."""
    notify: Callable[[bool], None]
    """Called once: with True when it happened, with False when the time was over."""
    pending: dict[int, list[JidRange]] = field(default_factory=dict)
    """Ranges that are not all ended, by array."""
    closed: bool = False
    """Whether it has been told, or given up."""


def unfinished_in(codes: bytes | bytearray | memoryview) -> int:
    """Return how many of the status codes are not final."""
    view = bytes(codes)
    return sum(view.count(code) for code in _UNFINISHED)


def has_unfinished(codes: bytes | bytearray | memoryview) -> bool:
    """Return whether one of the status codes is not final; far cheaper than counting them."""
    view = bytes(codes)
    return any(view.find(code) >= 0 for code in _UNFINISHED)


def failure_in(codes: bytes | bytearray | memoryview) -> int | None:
    """Return the index of the first job that ended otherwise than as done."""
    view = bytes(codes)
    found = [at for code in (job.ERROR, job.KILLED, job.STALLED) if (at := view.find(code)) >= 0]
    return min(found) if found else None


class Waiters:
    """All open waits, found by array."""

    def __init__(self) -> None:
        """Start with none."""
        self._by_array: dict[int, list[Waiter]] = defaultdict(list)

    def __len__(self) -> int:
        """Return how many arrays are waited for."""
        return len(self._by_array)

    def add(self, waiter: Waiter) -> None:
        """Open a wait; its `pending` names at least one array."""
        for first in waiter.pending:
            self._by_array[first].append(waiter)

    def drop(self, waiter: Waiter) -> None:
        """Close a wait without telling it."""
        waiter.closed = True
        for first in waiter.pending:
            self._forget(first, waiter)

    def progressed(self, first: int, states: Sequence[int] | bytearray, *, finished: bool) -> None:
        """Look at the waits for an array after some of its jobs ended; `states` are all its status codes."""
        for waiter in list(self._by_array.get(first, ())):
            if waiter.closed:
                continue
            ranges = waiter.pending[first]
            if waiter.mode is Mode.ALL:
                if finished:
                    self._array_ended(waiter, first)
                    continue
                if ranges == [(first, first + len(states))]:
                    # All of a large array is wanted: only its end can change anything, and looking would cost its length.
                    continue
            view = memoryview(bytes(states))
            failed = waiter.mode is Mode.FAILURE and any(
                failure_in(view[start - first : stop - first]) is not None for start, stop in ranges
            )
            left = [r for r in ranges if has_unfinished(view[r[0] - first : r[1] - first])]
            ended = waiter.mode is Mode.ANY and any(
                unfinished_in(view[start - first : stop - first]) < stop - start for start, stop in ranges
            )
            waiter.pending[first] = left or ranges
            if failed or ended:
                self._tell(waiter)
            elif not left:
                self._array_ended(waiter, first)

    def _array_ended(self, waiter: Waiter, first: int) -> None:
        self._forget(first, waiter)
        del waiter.pending[first]
        if not waiter.pending:
            self._tell(waiter)

    def _tell(self, waiter: Waiter) -> None:
        self.drop(waiter)
        waiter.notify(True)

    def _forget(self, first: int, waiter: Waiter) -> None:
        waiters = self._by_array.get(first)
        if waiters and waiter in waiters:
            waiters.remove(waiter)
            if not waiters:
                del self._by_array[first]
