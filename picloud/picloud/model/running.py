"""The job that this process runs, for code that a job calls: it costs nothing per item, unlike an environment variable."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class RunningJob:
    """What is known inside a job about itself."""

    jid: int
    """Its id; an array's items follow each other in one object."""
    attempt: int
    """Which attempt this is, from 1."""
    worker: int
    """Id of the worker that runs it, within its node's life."""


current: RunningJob | None = None
"""The running job; None where no job runs. Only the worker's runner sets it."""
