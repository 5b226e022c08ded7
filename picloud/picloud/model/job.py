"""The seven public statuses of a job and their stored codes (PiCloud's API, §14)."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """What a job is doing, as PiCloud named it."""

    WAITING = "waiting"
    """Its dependencies have not all ended."""
    QUEUED = "queued"
    """It could run now; no worker has started it."""
    PROCESSING = "processing"
    """A worker has taken its ticket."""
    DONE = "done"
    """It returned."""
    ERROR = "error"
    """It raised, its worker ended under it, or it was lost and may not be restarted."""
    KILLED = "killed"
    """It was killed by a user or by its own time limit."""
    STALLED = "stalled"
    """A dependency did not end well, so it never ran."""


BY_CODE: tuple[Status, ...] = tuple(Status)
"""Statuses by their stored code; the order is part of the store's format and only ever grows."""

CODES: dict[Status, int] = {status: code for code, status in enumerate(BY_CODE)}
"""Stored code of each status: one byte."""

WAITING, QUEUED, PROCESSING, DONE, ERROR, KILLED, STALLED = range(7)
"""The codes by name, for tables of bytes."""

FINISHED: tuple[Status, ...] = (Status.DONE, Status.STALLED, Status.ERROR, Status.KILLED)
"""Statuses that never change again, in PiCloud's order."""


REACHABLE: dict[Status, frozenset[Status]] = {
    Status.WAITING: frozenset(Status) - {Status.WAITING},
    Status.QUEUED: frozenset({Status.PROCESSING, Status.DONE, Status.ERROR, Status.KILLED}),
    Status.PROCESSING: frozenset({Status.DONE, Status.ERROR, Status.KILLED}),
    **dict.fromkeys(FINISHED, frozenset[Status]()),
}
"""What a job of each status may still become (PiCloud's API, §14); a second attempt is no way back."""


def is_finished(code: int) -> bool:
    """Return whether a stored status code is final."""
    return code >= DONE
