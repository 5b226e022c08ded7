"""Node and supervisor: forking, signalling and ending workers."""

from __future__ import annotations

from dataclasses import dataclass

from picloud.wire.messages.base import Message


@dataclass(frozen=True, slots=True)
class Configure(Message):
    """The first message to a supervisor; answered by `SupervisorReady`."""

    home: str
    """Folder of the node."""
    generation: str
    """The node's life; workers carry it in their environment as PICLOUD_GENERATION."""
    node: int
    """Pid of the node, to be watched by pidfd where that is possible; 0 if it is on another host."""
    python: str
    """Minor version of Python that jobs need, such as '3.11'."""


@dataclass(frozen=True, slots=True)
class StartWorker(Message):
    """Fork a worker; answered by `WorkerStarted` or `WorkerFailed`."""

    worker: int
    """Id within the node's life."""
    cpus: list[int]
    """CPUs to run on; empty leaves them."""
    environment: dict[str, str]
    """Variables that libraries read at start, set before anything is imported."""


@dataclass(frozen=True, slots=True)
class SignalWorker(Message):
    """Send a signal to a worker; SIGKILL also ends its whole tree.  Not answered; the end is told by `WorkerEnded`."""

    worker: int
    """Its id."""
    signal: int
    """The signal's number."""


@dataclass(frozen=True, slots=True)
class StopSupervisor(Message):
    """End all workers, then the supervisor."""


@dataclass(frozen=True, slots=True)
class SupervisorReady(Message):
    """The supervisor can fork workers."""

    pid: int
    """Its process."""
    python: str
    """Its minor version of Python."""
    cloudpickle: str
    """Its version of cloudpickle."""


@dataclass(frozen=True, slots=True)
class WorkerStarted(Message):
    """A worker exists.  Descriptors: its socket, ticket pipe's read end, write end, arena, stdout spool, stderr spool."""

    worker: int
    """Its id."""
    pid: int
    """Its process."""
    start_time: int
    """Its start time in clock ticks (field 22 of /proc/PID/stat), which with boot id and pid names it."""


@dataclass(frozen=True, slots=True)
class WorkerFailed(Message):
    """A worker could not be started."""

    worker: int
    """Its id."""
    reason: str
    """Why."""


@dataclass(frozen=True, slots=True)
class WorkerEnded(Message):
    """A worker and everything that it had started are gone."""

    worker: int
    """Its id."""
    status: int
    """As of waitpid."""
    peak: int
    """Largest resident set in bytes of the worker itself."""
    orphans: int
    """How many processes had to be ended after it."""
