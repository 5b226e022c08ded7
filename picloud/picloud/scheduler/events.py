"""What the scheduler is told.  Workers are known by the node's ids for them, which are never used twice.

An event about a worker that is gone, or about another chunk than its present one, is late: it changes nothing.  Indexes
count from the array's first item, except where they are said to count from the chunk's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from picloud.model.cause import Cause, CauseKind
from picloud.model.ids import JidRange
from picloud.model.job import ERROR

_LOST = Cause(CauseKind.LOST)
_KILLED = Cause(CauseKind.KILLED_BY_USER)


class LossKind(StrEnum):
    """How a worker went, as far as its jobs are concerned."""

    JOB = "job"
    """It ended under a job: exit, signal, memory. That job has ended, restartable or not."""
    INFRASTRUCTURE = "infrastructure"
    """Its supervisor or host went: the job is not to blame, and runs again if it may."""
    RETIRED = "retired"
    """It ended while it was idle, or after it had said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArraySubmitted:
    """A job array was accepted, or found again after a restart of the node."""

    first: int
    """Jid of item 0, which names the array."""
    count: int
    """Items, at least 1."""
    pool: str
    """Key of the pool whose workers can run it."""
    cores: int = 1
    """Slots that an item takes; more than there are means all of them."""
    priority: int = 5
    """Lower numbers run earlier."""
    client: str = ""
    """Whose turn its chunks take."""
    restartable: bool = True
    """Whether an item may run again after its worker's supervisor or host was lost."""
    kill_process: bool = False
    """Whether each item wants a worker of its own: chunks of one."""
    max_runtime: float | None = None
    """Seconds that an item may run: chunks of one, since the node watches one item a worker. None: for ever."""
    ignore_dependency_errors: bool = False
    """Whether a dependency that ended badly counts as satisfied."""
    depends_on: tuple[JidRange, ...] = ()
    """Jids that have not ended and must do so first; all of arrays that the scheduler knows."""
    failed_dependency: int | None = None
    """Jid of a dependency that had ended badly before."""
    ended: tuple[tuple[int, int, int], ...] = ()
    """Items that have ended already: (start, stop, status code)."""
    attempts: tuple[tuple[int, int, int], ...] = ()
    """Items whose next attempt is not the first: (start, stop, attempt)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStarted:
    """A worker waits for its first chunk: the answer to `StartWorker`."""

    worker: int
    """Its id."""
    pool: str
    """Its pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStartFailed:
    """A worker could not be started: the other answer to `StartWorker`."""

    pool: str
    """Its pool."""
    detail: str
    """Why, in one sentence."""
    permanent: bool
    """Whether another try would fail as well: the pool's ready items end as error. Else it is tried again, ever more rarely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Items of a worker's chunk have ended, in order, from where the last such event stopped."""

    worker: int
    """The worker."""
    seq: int
    """Its chunk."""
    codes: bytes
    """A status code for each: done, error or killed."""
    seconds: float
    """Time that the worker spent on them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkDone:
    """A worker has ended all items that it kept, and told of them by `Progress`."""

    worker: int
    """The worker."""
    seq: int
    """Its chunk."""
    retire: bool = False
    """Whether it ends itself now; else it is idle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reclaimed:
    """Unstarted items of a chunk are the scheduler's again: the answer to `Reclaim`, due before any other event of the worker."""

    worker: int
    """The worker."""
    seq: int
    """Its chunk."""
    kept: int
    """Items from the chunk's start that stay the worker's; its old length if nothing could be taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLost:
    """A worker has ended; what it had finished was told by `Progress` before."""

    worker: int
    """The worker."""
    kind: LossKind
    """How it went."""
    running: int | None = None
    """Index within its chunk of the item that had started and has no end."""
    cause: Cause = _LOST
    """Why, for the end of that item."""
    status: int = ERROR
    """Status code for the end of that item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KillRequested:
    """Somebody called `kill`."""

    ranges: tuple[JidRange, ...] | None
    """Jids; those that have ended or are unknown are passed over. None: all."""
    cause: Cause = _KILLED
    """The cause of their ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOut:
    """The node saw an item run longer than its `max_runtime`."""

    worker: int
    """The worker."""
    seq: int
    """Its chunk."""
    index: int
    """The item's index within the chunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """The job in a worker waits for other jobs: its slot is free meanwhile."""

    worker: int
    """The worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Woken:
    """What a blocked worker waited for is there; it goes on once it is told to `Resume`."""

    worker: int
    """The worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Time has passed, at least until `Scheduler.next_deadline()`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draining:
    """The node is about to stop: nothing more is handed out."""


Event = (
    ArraySubmitted
    | WorkerStarted
    | WorkerStartFailed
    | Progress
    | ChunkDone
    | Reclaimed
    | WorkerLost
    | KillRequested
    | TimedOut
    | Blocked
    | Woken
    | Tick
    | Draining
)
"""All that `Scheduler.handle` takes."""
