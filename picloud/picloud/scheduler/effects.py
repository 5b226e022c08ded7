"""What the scheduler wants done, in this order.  Indexes count from the array's first item, but `Interrupt`'s from the chunk's."""

from __future__ import annotations

from dataclasses import dataclass

from picloud.model.cause import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class StartWorker:
    """Start a worker; answered by `WorkerStarted` or `WorkerStartFailed`."""

    pool: str
    """Key of its pool."""
    cores: int
    """Slots that its jobs take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireWorker:
    """End an idle worker; the scheduler has forgotten it."""

    worker: int
    """Its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """Hand a chunk to an idle worker."""

    worker: int
    """The worker."""
    seq: int
    """The chunk's number on this worker, from 1."""
    first: int
    """The array."""
    start: int
    """Its first item."""
    stop: int
    """The item behind its last."""
    attempt: int
    """Which attempt of these items this is, from 1."""
    group: int
    """Items a ticket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reclaim:
    """Take back unstarted items from a chunk's end; answered by `Reclaimed` before any other event of this worker."""

    worker: int
    """The worker."""
    seq: int
    """Its chunk."""
    keep: int | None
    """Items of the chunk to leave at least; None: take all that have not started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupt:
    """Send SIGINT to an item that runs."""

    worker: int
    """The worker."""
    seq: int
    """Its chunk."""
    index: int
    """The item's index within the chunk."""
    cause: Cause
    """Why, for its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KillWorker:
    """End a worker and all its children by SIGKILL; answered by `WorkerLost`."""

    worker: int
    """The worker."""
    cause: Cause
    """Why, for the end of its running item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Items have ended without a worker's record: killed in the queue, stalled, lost."""

    first: int
    """The array."""
    start: int
    """The first of them."""
    stop: int
    """The item behind the last of them."""
    code: int
    """Their status code."""
    cause: Cause
    """Why."""
    attempt: int
    """Which attempt ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayFinished:
    """Every item has ended; the scheduler forgets the array at the next event."""

    first: int
    """The array."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A waiting array's dependencies are satisfied."""

    first: int
    """The array."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Let a woken worker go on: it has its slot again."""

    worker: int
    """The worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseBlock:
    """Let the wait inside a job raise: too many wait already. The worker counts as running."""

    worker: int
    """The worker."""
    blocked: int
    """How many wait."""
    cap: int
    """How many may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLost:
    """Started items go back to the queue for another attempt."""

    first: int
    """The array."""
    start: int
    """The first of them."""
    stop: int
    """The item behind the last of them."""
    attempt: int
    """The attempt that was lost; the next one is one higher."""


Effect = (
    StartWorker
    | RetireWorker
    | Dispatch
    | Reclaim
    | Interrupt
    | KillWorker
    | Ended
    | ArrayFinished
    | Queued
    | Resume
    | RefuseBlock
    | AttemptLost
)
"""All that `Scheduler.handle` returns."""
