"""The job that this process runs, for code that a job calls: it costs nothing per item, unlike an environment variable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Remarks(Protocol):
    """Takes what a job says of itself."""

    def set_progress(self, done: float, total: float | None, note: str) -> None:
        """Say how far the job is."""

    def add_log(self, text: str) -> None:
        """Add a line to the job's own log."""


@dataclass(frozen=True, slots=True)
class RunningJob:
    """What is known inside a job about itself; one object serves all items of a chunk."""

    first: int
    """Jid of the chunk's first item."""
    attempt: int
    """Which attempt this is, from 1."""
    worker: int
    """Id of the worker that runs it, within its node's life."""
    index: Callable[[], int]
    """Returns the index within the chunk of the item that runs."""
    label: str
    """Its label; '' if it has none."""
    remarks: Remarks
    """Takes what it says of itself."""
    part: Callable[[], tuple[int, int]] | None = None
    """Leaves the items that share the running one's ticket to other workers, and returns the chunk's number on this worker and the
    running item's index in it.  None: each has a ticket of its own."""

    @property
    def jid(self) -> int:
        """Return the id of the job that runs."""
        return self.first + self.index()


current: RunningJob | None = None
"""The running job; None where no job runs. Only the worker's runner sets it."""
