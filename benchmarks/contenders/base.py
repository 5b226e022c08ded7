"""What every contender can be asked, in the words of its own documentation."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

Handle = Any
"""Whatever names a job to its contender: a jid, a future, a reference."""


class Contender(ABC):
    """Runs functions in other processes."""

    @abstractmethod
    def submit(self, function: Callable[..., Any], *arguments: Any) -> Handle:
        """Submit one job."""

    @abstractmethod
    def result(self, job: Handle) -> Any:
        """Wait for a job's result."""

    def submit_each(self, function: Callable[..., Any], items: Sequence[Any]) -> Sequence[Handle]:
        """Submit a job for each item."""
        return [self.submit(function, item) for item in items]

    def results(self, jobs: Sequence[Handle]) -> list[Any]:
        """Wait for the results of jobs."""
        return [self.result(job) for job in jobs]

    @abstractmethod
    def close(self) -> None:
        """End what was started."""


def workers() -> int:
    """Return the CPUs that this process may use: every contender has so many workers."""
    return len(os.sched_getaffinity(0))
